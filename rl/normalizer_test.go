package rl_test

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

func TestNormalizerAgainstTwoPasses(t *testing.T) {
	z, err := rl.NewNormalizer(2)
	if err != nil {
		t.Fatal(err)
	}
	rng := rl.NewRand(1, 0)
	columns := make([][]float64, 2)
	var rows []float32
	for range 1000 {
		// A mean far from 0, for which the textbook formula E[x^2] - E[x]^2 fails in float32.
		row := []float32{10000 + float32(rng.NormFloat64()), float32(rng.ExpFloat64()) / 1000}
		rows = append(rows, row...)
		for j, v := range row {
			columns[j] = append(columns[j], float64(v))
		}
	}
	for batch := range slices.Chunk(rows, 6) { // the statistics do not depend on the batches
		if err := z.Update(batch); err != nil {
			t.Fatal(err)
		}
	}
	variance := make([]float64, 2)
	z.Variance(variance)
	x := []float32{10001, 0.002}
	out := make([]float32, 2)
	if err := z.Normalize(out, x); err != nil {
		t.Fatal(err)
	}
	for j, column := range columns {
		mean, v := stat.PopMeanVariance(column, nil)
		if !near(z.Mean()[j]/mean, 1, 1e-9) || !near(variance[j]/v, 1, 1e-9) {
			t.Errorf("feature %d: mean %v, variance %v; want %v, %v", j, z.Mean()[j], variance[j], mean, v)
		}
		if want := (float64(x[j]) - mean) / math.Sqrt(v+1e-8); !near(float64(out[j]), want, 1e-4) {
			t.Errorf("feature %d: normalised %v, want %v", j, out[j], want)
		}
	}

	state := checkpoints.NewState()
	if err := z.SaveState(state); err != nil {
		t.Fatal(err)
	}
	restored, err := rl.NewNormalizer(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := restored.LoadState(state); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*rl.Normalizer{z, restored} {
		if err := n.Update([]float32{1, 2}); err != nil {
			t.Fatal(err)
		}
	}
	again := make([]float32, 2)
	z.Normalize(out, x)
	restored.Normalize(again, x)
	if !slices.Equal(out, again) {
		t.Errorf("restored: %v, want %v", again, out)
	}
	if wrong, err := rl.NewNormalizer(3); err != nil || wrong.LoadState(state) == nil {
		t.Error("state of 2 features loaded into 3")
	}
}

func TestNormalizerEdges(t *testing.T) {
	z, err := rl.NewNormalizer(1)
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{3}
	if err := z.Normalize(x, x); err != nil || x[0] != 3 {
		t.Errorf("before the first Update: %v, %v; want 3", x, err)
	}
	if err := z.Update([]float32{5, 5, 5}); err != nil {
		t.Fatal(err)
	}
	x = []float32{5, 1000}
	if err := z.Normalize(x, x); err != nil || x[0] != 0 || x[1] != 10 {
		t.Errorf("a constant feature, and one off by a lot: %v, %v; want 0, and 10 clipped", x, err)
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		if err := z.Update([]float32{bad}); err == nil {
			t.Errorf("Update with %v: no error", bad)
		}
	}
	if _, err := rl.NewNormalizer(0); err == nil {
		t.Error("no features: no error")
	}
	two, err := rl.NewNormalizer(2)
	if err != nil {
		t.Fatal(err)
	}
	if two.Update(make([]float32, 3)) == nil || two.Normalize(make([]float32, 3), make([]float32, 3)) == nil || two.Normalize(make([]float32, 2), make([]float32, 4)) == nil {
		t.Error("wrong lengths: no error")
	}
}
