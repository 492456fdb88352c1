package wpmec

import (
	"fmt"
	"io"
	"math"
	"os"
)

// Dataset is a sequence of frames with the best decision of each, as published with the paper
// (https://github.com/revenol/DROO, data/data_N.mat; weights 1, 1.5, 1, 1.5, ...).
type Dataset struct {
	Frames, Users int

	H       []float64 // [Frames x Users] channel gains
	Mode    []int32   // [Frames x Users] best decision: 1 to offload
	Rate    []float64 // [Frames] weighted sum rate of the best decision, bit/s
	Harvest []float64 // [Frames] share of the frame in which energy is broadcast
	Offload []float64 // [Frames x Users] share of the frame in which each user offloads
}

// OpenDataset reads the data set in the MATLAB file at path.
func OpenDataset(path string) (*Dataset, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("wpmec: data set: %w", err)
	}
	defer f.Close()
	d, err := ReadDataset(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// ReadDataset reads a data set from a MATLAB 5 file with the variables input_h [F x N], output_mode [F x N],
// output_obj [F x 1], output_a [F x 1] and output_tau [F x N]. Others are ignored.
func ReadDataset(r io.Reader) (*Dataset, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("wpmec: data set: %w", err)
	}
	names := []string{"input_h", "output_mode", "output_obj", "output_a", "output_tau"}
	vars, err := readMAT(data, names...)
	if err != nil {
		return nil, fmt.Errorf("wpmec: data set: %w", err)
	}
	d := &Dataset{
		Frames:  vars[0].rows,
		Users:   vars[0].cols,
		H:       vars[0].data,
		Mode:    make([]int32, len(vars[1].data)),
		Rate:    vars[2].data,
		Harvest: vars[3].data,
		Offload: vars[4].data,
	}
	if d.Frames < 2 || d.Users == 0 {
		return nil, fmt.Errorf("wpmec: data set: input_h is [%d x %d]: want at least two frames, one to train with and one to test, and a user",
			d.Frames, d.Users)
	}
	for i, cols := range []int{d.Users, d.Users, 1, 1, d.Users} {
		if v := vars[i]; v.rows != d.Frames || v.cols != cols {
			return nil, fmt.Errorf("wpmec: data set: %s is [%d x %d], input_h says [%d x %d]",
				names[i], v.rows, v.cols, d.Frames, cols)
		}
	}
	for i, h := range d.H {
		if !(h >= 0) || math.IsInf(h, 0) {
			return nil, fmt.Errorf("wpmec: data set: input_h of frame %d, user %d is %v", i/d.Users, i%d.Users, h)
		}
	}
	for i, r := range d.Rate {
		if !(r >= 0) || math.IsInf(r, 0) {
			return nil, fmt.Errorf("wpmec: data set: output_obj of frame %d is %v", i, r)
		}
	}
	for i, mode := range vars[1].data {
		if mode != 0 && mode != 1 {
			return nil, fmt.Errorf("wpmec: data set: output_mode of frame %d, user %d is %v instead of 0 or 1",
				i/d.Users, i%d.Users, mode)
		}
		d.Mode[i] = int32(mode)
	}
	return d, nil
}

// Channel returns the channel gains of frame t [Users]. It shares memory with d.
func (d *Dataset) Channel(t int) []float64 { return d.H[t*d.Users : (t+1)*d.Users] }

// Best returns the best decision of frame t [Users]. It shares memory with d.
func (d *Dataset) Best(t int) []int32 { return d.Mode[t*d.Users : (t+1)*d.Users] }

// Row returns the row of the data set that frame t of a run over frames frames uses, as the published code divides the
// data: the first 80 % of the rows train and the rest test. The run ends with the test rows (the first of them, when it
// is shorter than the data); before that it goes through the training rows in order, again and again if need be.
func (d *Dataset) Row(t, frames int) int {
	train := d.Frames * 8 / 10
	tests := min(d.Frames-train, frames-frames*8/10)
	if t < frames-tests {
		return t % train
	}
	return train + t - (frames - tests)
}
