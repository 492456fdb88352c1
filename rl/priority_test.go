package rl_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

func newPrioritized(t *testing.T, capacity int, alpha float64) *rl.PrioritizedReplay[[]float64] {
	t.Helper()
	r, err := rl.NewPrioritizedReplay(capacity, alpha, rl.VectorCodec[float64]{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Items are drawn in proportion to |TD error|^alpha. The weights undo this: the weighted mean over
// draws equals the plain mean over items.
func TestPrioritizedReplayFrequencies(t *testing.T) {
	const alpha, draws = 0.7, 40000
	r := newPrioritized(t, 6, alpha)
	slots := []int{0, 1, 2, 3, 4}
	errors := []float64{0.1, -2, 0.5, 1, 0}
	for i := range slots {
		if err := r.Add([]float64{float64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Update(slots, errors); err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, e := range errors {
		total += math.Pow(math.Abs(e)+1e-6, alpha)
	}
	rng := rl.NewRand(1, 0)
	batch, at, weights := make([][]float64, 1), make([]int, 1), make([]float32, 1)
	count := make([]float64, 5)
	for range draws {
		if err := r.Draw(rng, 1, batch, at, weights); err != nil {
			t.Fatal(err)
		}
		if int(batch[0][0]) != at[0] || weights[0] != 1 {
			t.Fatalf("drew item %v from slot %d with weight %v alone in its batch", batch[0], at[0], weights[0])
		}
		count[at[0]]++
	}
	chi2 := 0.0
	for i, e := range errors {
		expected := draws * math.Pow(math.Abs(e)+1e-6, alpha) / total
		chi2 += (count[i] - expected) * (count[i] - expected) / expected
	}
	if p := (distuv.ChiSquared{K: 4}).Survival(chi2); p < 0.001 {
		t.Errorf("frequencies %v do not follow the priorities (p = %g)", count, p)
	}

	batch, at, weights = make([][]float64, 64), make([]int, 64), make([]float32, 64)
	if err := r.Draw(rng, 0.5, batch, at, weights); err != nil {
		t.Fatal(err)
	}
	for i, slot := range at {
		probability := math.Pow(math.Abs(errors[slot])+1e-6, alpha) / total
		rarest := math.Inf(1)
		for _, s := range at {
			rarest = min(rarest, math.Pow(math.Abs(errors[s])+1e-6, alpha)/total)
		}
		if want := math.Pow(5*probability, -0.5) / math.Pow(5*rarest, -0.5); !near(float64(weights[i]), want, 1e-5) {
			t.Fatalf("weight of slot %d is %v, want %v", slot, weights[i], want)
		}
		// Stratified: draw i is from the i-th 64th of the total.
		if below := cumulative(errors[:slot], alpha) / total; below > float64(i+1)/64 || below+probability < float64(i)/64 {
			t.Fatalf("draw %d is slot %d", i, slot)
		}
	}
}

func cumulative(errors []float64, alpha float64) float64 {
	sum := 0.0
	for _, e := range errors {
		sum += math.Pow(math.Abs(e)+1e-6, alpha)
	}
	return sum
}

// New items get the highest priority so far, even when they replace old ones.
func TestPrioritizedReplayNewItemsFirst(t *testing.T) {
	r := newPrioritized(t, 3, 1)
	for i := range 3 {
		if err := r.Add([]float64{float64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Update([]int{0, 1, 2}, []float64{0, 1000, 0}); err != nil {
		t.Fatal(err)
	}
	if err := r.Add([]float64{3}); err != nil { // replaces item 0
		t.Fatal(err)
	}
	batch, slots, weights := make([][]float64, 100), make([]int, 100), make([]float32, 100)
	if err := r.Draw(rl.NewRand(1, 0), 1, batch, slots, weights); err != nil {
		t.Fatal(err)
	}
	count := map[float64]int{}
	for _, item := range batch {
		count[item[0]]++
	}
	if count[3] < 49 || count[1] < 49 || count[0] != 0 {
		t.Errorf("of 100 draws: %v, want half new item 3 and half item 1", count)
	}
}

func TestPrioritizedReplayResumesExactly(t *testing.T) {
	make2 := func() *rl.PrioritizedReplay[[]float64] { return newPrioritized(t, 4, 0.6) }
	step := func(r *rl.PrioritizedReplay[[]float64], rng *rl.Rand, i int) string {
		if err := r.Add([]float64{float64(i)}); err != nil {
			t.Fatal(err)
		}
		batch, slots, weights := make([][]float64, 3), make([]int, 3), make([]float32, 3)
		if err := r.Draw(rng, 0.4, batch, slots, weights); err != nil {
			t.Fatal(err)
		}
		if err := r.Update(slots, []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(batch, slots, weights)
	}
	for _, before := range []int{0, 3, 11} {
		r, rng := make2(), rl.NewRand(2, 0)
		for i := range before {
			step(r, rng, i)
		}
		state := checkpoints.NewState()
		if err := r.SaveState(state); err != nil {
			t.Fatal(err)
		}
		if err := rng.SaveState(state); err != nil {
			t.Fatal(err)
		}
		resumed, rng2 := make2(), rl.NewRand(0, 0)
		if err := resumed.Add([]float64{-1}); err != nil { // replaced by LoadState
			t.Fatal(err)
		}
		if err := resumed.LoadState(state); err != nil {
			t.Fatal(err)
		}
		if err := rng2.LoadState(state); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			if want, got := step(r, rng, i), step(resumed, rng2, i); got != want {
				t.Fatalf("step %d after resuming from %d: %s, want %s", i, before, got, want)
			}
		}
	}
	if err := make2().LoadState(checkpoints.NewState()); err == nil {
		t.Error("empty state: no error")
	}
}

func TestPrioritizedReplayRefusals(t *testing.T) {
	r := newPrioritized(t, 4, 0.6)
	batch, slots, weights := make([][]float64, 2), make([]int, 2), make([]float32, 2)
	if err := r.Draw(rl.NewRand(1, 0), 1, batch, slots, weights); err == nil {
		t.Error("drew from an empty buffer")
	}
	if err := r.Add([]float64{1}); err != nil {
		t.Fatal(err)
	}
	if err := r.Draw(rl.NewRand(1, 0), 1, batch, slots, weights[:1]); err == nil {
		t.Error("too few weights: no error")
	}
	for _, bad := range []struct {
		slots  []int
		errors []float64
	}{{[]int{1}, []float64{1}}, {[]int{-1}, []float64{1}}, {[]int{0}, nil}, {[]int{0}, []float64{math.NaN()}}} {
		if err := r.Update(bad.slots, bad.errors); err == nil {
			t.Errorf("Update(%v, %v): no error", bad.slots, bad.errors)
		}
	}
	if _, err := rl.NewPrioritizedReplay(4, math.NaN(), rl.VectorCodec[float64]{}); err == nil {
		t.Error("alpha NaN: no error")
	}
	rng := rl.NewRand(1, 0)
	if n := testing.AllocsPerRun(100, func() {
		if err := r.Draw(rng, 1, batch, slots, weights); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Draw allocates %v times", n)
	}
}
