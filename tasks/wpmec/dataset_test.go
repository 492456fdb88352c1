package wpmec

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The files are written by SciPy 1.17: vectors as rows and as columns, compressed or not, channels
// alone.
func TestDatasetOfSciPy(t *testing.T) {
	h := []float64{1e-6, 2e-6, 3e-6, 4e-6, 5e-6, 6e-6}
	for _, name := range []string{"vectors_row", "vectors_row_compressed", "vectors_column", "vectors_column_compressed"} {
		d, err := OpenDataset(filepath.Join("testdata", name+".mat"))
		if err != nil {
			t.Fatal(err)
		}
		if d.Frames != 3 || d.Users != 2 || !slices.Equal(d.H, h) || !slices.Equal(d.Mode, []int32{1, 0, 0, 1, 1, 1}) ||
			!slices.Equal(d.Rate, []float64{0, 0, 0}) || !slices.Equal(d.Harvest, []float64{.1, .2, .3}) {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for _, name := range []string{"channels", "channels_compressed"} {
		d, err := OpenDataset(filepath.Join("testdata", name+".mat"))
		if err != nil {
			t.Fatal(err)
		}
		if d.Frames != 3 || d.Users != 2 || d.Rate != nil || d.Mode != nil || math.Abs(d.H[5]/6e-6-1) > 1e-6 {
			t.Errorf("%s: %+v", name, d)
		}
		cfg := DefaultRunConfig(Exhaustive)
		cfg.Data, cfg.Frames, cfg.Users = d, 9, 0
		r, err := Run(context.Background(), cfg)
		if err != nil || math.Abs(r.NormalizedRate-1) > 1e-9 {
			t.Errorf("%s: %+v, error %v", name, r, err)
		}
	}
	if _, err := OpenDataset("testdata/one_user.mat"); err == nil || !strings.Contains(err.Error(), "input_h is [1 x 3]: want at least two frames (rows)") {
		t.Errorf("a row of channels alone: %v", err)
	}
}

// Rates that do not belong to the gains are rejected, however the two differ.
func TestRatesOfOtherGains(t *testing.T) {
	params := PaperParams()
	s, err := NewSolver(params)
	if err != nil {
		t.Fatal(err)
	}
	channels, err := NewChannels(Distances(4))
	if err != nil {
		t.Fatal(err)
	}
	channels.Reset(3)
	good := func() *Dataset {
		d := &Dataset{File: "x.mat", Frames: 20, Users: 4, H: make([]float64, 80), Mode: make([]int32, 80), Rate: make([]float64, 20)}
		for f := range d.Frames {
			channels.Next(d.Channel(f))
			if d.Rate[f], err = s.Exhaustive(Observation{H: d.Channel(f), W: AlternatingWeights(4, false)}, d.Best(f)); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	run := func(d *Dataset, m Method) error {
		cfg := DefaultRunConfig(m)
		cfg.Data, cfg.Frames, cfg.Users = d, 20, 0
		_, err := Run(context.Background(), cfg)
		return err
	}
	if err := run(good(), Exhaustive); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Dataset){
		"frame 0: output_obj": func(d *Dataset) {
			for i := range d.H {
				d.H[i] *= 1e6
			}
		},
		"frame 7: output_obj": func(d *Dataset) { d.Rate[7] *= 0.999 },
		"frame 9: output_obj": func(d *Dataset) { d.H[9*4+1] *= 3; d.Mode[9*4+1] = 1 },
		"a decision gives": func(d *Dataset) { // rates of decisions that are far from the best
			clear(d.Mode)
			for f := range d.Frames {
				d.Rate[f], _ = s.Rate(Observation{H: d.Channel(f), W: AlternatingWeights(4, false)}, d.Best(f))
			}
		},
	} {
		d := good()
		spoil(d)
		if err := run(d, Exhaustive); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "data set x.mat: frame ") {
			t.Errorf("error %v, want %q", err, name)
		}
	}
}
