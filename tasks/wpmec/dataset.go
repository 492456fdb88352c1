package wpmec

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/graphrl/graphrl/internal/matfile"
)

// Dataset is a sequence of frames with the best decision of each, as published with the paper
// (https://github.com/revenol/DROO, data/data_N.mat; weights 1, 1.5, 1, 1.5, ...). A data set of
// channel gains alone has nil for the rest.
type Dataset struct {
	File          string // for errors; empty if it was not read from one
	Frames, Users int

	H       []float64 // [Frames x Users] channel gains
	Mode    []int32   // [Frames x Users] best decision: 1 to offload
	Rate    []float64 // [Frames] weighted sum rate of the best decision, bit/s
	Harvest []float64 // [Frames] share of the frame in which energy is broadcast
	Offload []float64 // [Frames x Users] share of the frame in which each user offloads
}

// OpenDataset reads the data set in the MATLAB file at path.
func OpenDataset(path string) (*Dataset, error) {
	d, err := matfile.Open("wpmec: data set", path, parseDataset)
	if err != nil {
		return nil, err
	}
	d.File = path
	return d, nil
}

// datasetVars are the variables of a data set's file.
var datasetVars = [...]string{"input_h", "output_mode", "output_obj", "output_a", "output_tau"}

// ReadDataset reads a data set from a MATLAB 5 file with the variables input_h [F x N], output_mode
// [F x N], output_obj [F x 1], output_a [F x 1] and output_tau [F x N], or input_h alone. Vectors
// may also be [1 x F], as SciPy saves them. Other variables are ignored.
func ReadDataset(r io.Reader) (*Dataset, error) {
	return matfile.Parse("wpmec: data set", r, parseDataset)
}

func parseDataset(data []byte) (*Dataset, error) {
	vars, present, err := matfile.ReadSome(data, datasetVars[:]...)
	if err != nil {
		return nil, err
	}
	alone := vars[1] == nil && vars[2] == nil && vars[3] == nil && vars[4] == nil
	for i, v := range vars {
		if v == nil && (i == 0 || !alone) {
			return nil, fmt.Errorf("variable %q is missing; the file has %q: want input_h alone, or %q", datasetVars[i], present, datasetVars)
		}
	}
	h := vars[0]
	if !alone && h.Rows == 1 && h.Cols > 1 && len(vars[2].Data) == h.Cols {
		h.Rows, h.Cols = h.Cols, 1 // one user, whose vectors are rows
	}
	d := &Dataset{Frames: h.Rows, Users: h.Cols, H: h.Data}
	if d.Frames < 2 || d.Users == 0 {
		return nil, fmt.Errorf("input_h is [%d x %d]: want at least two frames (rows), one to train with and one to test, and a user (columns)",
			d.Frames, d.Users)
	}
	for i, h := range d.H {
		if !(h >= 0) || math.IsInf(h, 0) {
			return nil, fmt.Errorf("input_h of frame %d, user %d is %v", i/d.Users, i%d.Users, h)
		}
	}
	for t := range d.Frames {
		if slices.Max(d.Channel(t)) == 0 {
			return nil, fmt.Errorf("input_h of frame %d is 0 for every user: no decision has a rate to compare with", t)
		}
	}
	if alone {
		return d, nil
	}
	return d, d.setBest(vars)
}

// setBest takes the best decisions from the variables of the file.
func (d *Dataset) setBest(vars []*matfile.Matrix) error {
	for i, cols := range []int{d.Users, d.Users, 1, 1, d.Users} {
		v := vars[i]
		if cols == 1 && v.Rows == 1 && v.Cols == d.Frames {
			v.Rows, v.Cols = v.Cols, v.Rows
		}
		if v.Rows != d.Frames || v.Cols != cols {
			return fmt.Errorf("%s is [%d x %d], input_h says [%d x %d]", datasetVars[i], v.Rows, v.Cols, d.Frames, cols)
		}
	}
	d.Mode, d.Rate, d.Harvest, d.Offload = make([]int32, len(vars[1].Data)), vars[2].Data, vars[3].Data, vars[4].Data
	for i, r := range d.Rate {
		if !(r >= 0) || math.IsInf(r, 0) {
			return fmt.Errorf("output_obj of frame %d is %v", i, r)
		}
	}
	for i, mode := range vars[1].Data {
		if mode != 0 && mode != 1 {
			return fmt.Errorf("output_mode of frame %d, user %d is %v instead of 0 or 1", i/d.Users, i%d.Users, mode)
		}
		d.Mode[i] = int32(mode)
	}
	return nil
}

// Bounds on the published data's own errors: its rates are those of its decisions to 1.6e-6, and
// coordinate descent, which made it, is a heuristic that better decisions beat by up to 0.2 %.
const (
	maxRateError = 1e-5
	maxBeaten    = 1.01
)

// checkRates compares each rate of the data set with the rate of its decision by s.
func (d *Dataset) checkRates(s *Solver) error {
	obs := Observation{W: AlternatingWeights(d.Users, false)}
	for t, want := range d.Rate {
		obs.H = d.Channel(t)
		got, err := s.Rate(obs, d.Best(t))
		if err != nil {
			return fmt.Errorf("wpmec: data set %s: frame %d: %w", d.File, t, err)
		}
		if math.Abs(got-want) > maxRateError*max(got, want) {
			return d.mismatch(t, want, got, "output_mode gives %g bit/s with the gains of input_h")
		}
	}
	return nil
}

// mismatch returns the error of a frame with a wrong output_obj.
func (d *Dataset) mismatch(frame int, want, got float64, what string) error {
	return fmt.Errorf("wpmec: data set %s: frame %d: output_obj is %g bit/s, but "+what+": gains and rates do not belong together. "+
		"Likely the gains are scaled (DROO's main.py feeds its network with input_h times 1e6); save them as they were when the rates were computed",
		d.File, frame, want, got)
}

// Channel returns the channel gains of frame t [Users]. It shares memory with d.
func (d *Dataset) Channel(t int) []float64 { return d.H[t*d.Users : (t+1)*d.Users] }

// Best returns the best decision of frame t [Users]. It shares memory with d.
func (d *Dataset) Best(t int) []int32 { return d.Mode[t*d.Users : (t+1)*d.Users] }

// Row returns the row of the data set for frame t of a run over frames frames, dividing the data as
// the published code does: the first 80 % of the rows train and the rest test. The run ends with
// the test rows (the first of them, if it is shorter than the data). Before that it goes through
// the training rows in order, repeatedly if necessary.
func (d *Dataset) Row(t, frames int) int {
	train := d.Frames * 8 / 10
	tests := min(d.Frames-train, frames-frames*8/10)
	if t < frames-tests {
		return t % train
	}
	return train + t - (frames - tests)
}
