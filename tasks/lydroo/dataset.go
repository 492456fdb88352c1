package lydroo

import (
	"fmt"
	"io"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/matfile"
)

// Dataset is a recorded run: the frames as published with LyDROO
// (https://github.com/revenol/LyDROO, result_N.mat). Each matrix is [Frames x Users].
type Dataset struct {
	File          string // for errors; empty if it was not read from one
	Frames, Users int

	H        []float64 // channel gains
	Arrivals []float64 // Mbit

	// What the authors' method did; nil in a file of channels and arrivals alone.
	Q, Y      []float64 // queues before the frame, Mbit and mJ
	Mode      []float64 // 1 to offload
	Rate      []float64 // Mbit
	Energy    []float64 // J
	Objective []float64 // [Frames]
}

// OpenDataset reads the data set in the MATLAB file at path.
func OpenDataset(path string) (*Dataset, error) {
	d, err := matfile.Open("lydroo: data set", path, parseDataset)
	if err != nil {
		return nil, err
	}
	d.File = path
	return d, nil
}

// ReadDataset reads a data set from a MATLAB 5 file with the variables input_h and data_arrival,
// both [F x N], and optionally the authors' results data_queue, energy_queue, off_mode, rate,
// energy_consumption [F x N] and objective [F]. Other variables are ignored.
func ReadDataset(r io.Reader) (*Dataset, error) {
	return matfile.Parse("lydroo: data set", r, parseDataset)
}

func parseDataset(data []byte) (*Dataset, error) {
	d := new(Dataset)
	vars := []struct {
		name     string
		dst      *[]float64
		required bool
	}{
		{"input_h", &d.H, true}, {"data_arrival", &d.Arrivals, true},
		{"data_queue", &d.Q, false}, {"energy_queue", &d.Y, false}, {"off_mode", &d.Mode, false}, {"rate", &d.Rate, false},
		{"energy_consumption", &d.Energy, false}, {"objective", &d.Objective, false},
	}
	names := make([]string, len(vars))
	for i, v := range vars {
		names[i] = v.name
	}
	found, present, err := matfile.ReadSome(data, names...)
	if err != nil {
		return nil, err
	}
	for i, v := range vars {
		m := found[i]
		switch {
		case m == nil && v.required:
			return nil, fmt.Errorf("variable %q is missing; the file has %q: want input_h and data_arrival", v.name, present)
		case m == nil:
			continue
		case i == 0:
			d.Frames, d.Users = m.Rows, m.Cols
			if d.Frames < 1 || d.Users < 1 {
				return nil, fmt.Errorf("input_h is [%d x %d]: want a frame (rows) and a user (columns) at least", m.Rows, m.Cols)
			}
		case v.name == "objective":
			if m.Rows*m.Cols != d.Frames || m.Rows != 1 && m.Cols != 1 {
				return nil, fmt.Errorf("objective is [%d x %d], input_h has %d frames", m.Rows, m.Cols, d.Frames)
			}
		case m.Rows != d.Frames || m.Cols != d.Users:
			return nil, fmt.Errorf("%s is [%d x %d], input_h says [%d x %d]", v.name, m.Rows, m.Cols, d.Frames, d.Users)
		}
		for k, value := range m.Data {
			if !(value >= 0) && v.name != "objective" || math.IsNaN(value) || math.IsInf(value, 0) {
				return nil, fmt.Errorf("%s of frame %d, user %d is %v", v.name, k/d.Users, k%d.Users, value)
			}
			if v.name == "off_mode" && value != 0 && value != 1 {
				return nil, fmt.Errorf("off_mode of frame %d, user %d is %v instead of 0 or 1", k/d.Users, k%d.Users, value)
			}
		}
		*v.dst = m.Data
	}
	return d, nil
}

// Replay is the [Source] of a data set: its frames in order, independent of the seed, starting over
// after the last.
type Replay struct {
	data *Dataset
	t    int
}

// NewReplay returns the frames of d.
func NewReplay(d *Dataset) *Replay { return &Replay{data: d} }

// Users implements Source.
func (r *Replay) Users() int { return r.data.Users }

// Reset implements Source.
func (r *Replay) Reset(uint64) { r.t = 0 }

// Next implements Source.
func (r *Replay) Next(h, arrivals []float64) {
	at := r.t * r.data.Users
	copy(h, r.data.H[at:at+r.data.Users])
	copy(arrivals, r.data.Arrivals[at:at+r.data.Users])
	r.t = (r.t + 1) % r.data.Frames
}

// SaveState implements checkpoints.Stateful.
func (r *Replay) SaveState(s *checkpoints.State) error {
	s.PutInt("frame", int64(r.t))
	return nil
}

// LoadState implements checkpoints.Stateful.
func (r *Replay) LoadState(s *checkpoints.State) error {
	return checkpoints.LoadInt(s, "frame", &r.t, 0, r.data.Frames-1)
}
