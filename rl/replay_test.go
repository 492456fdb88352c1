package rl_test

import (
	"fmt"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/rltest"
)

func TestVectorCodec(t *testing.T) {
	rltest.Codec(t, rl.VectorCodec[float64]{}, func(r *rl.Rand) []float64 {
		v := make([]float64, r.IntN(6))
		for i := range v {
			v[i] = r.NormFloat64()
		}
		return v
	})
	rltest.Codec(t, rl.VectorCodec[float32]{}, func(r *rl.Rand) []float32 { return []float32{r.Float32(), r.Float32()} })
}

func newBuffer(t interface{ Fatal(...any) }, capacity int) *rl.ReplayBuffer[[]float64] {
	b, err := rl.NewReplayBuffer(capacity, rl.VectorCodec[float64]{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The buffer behaves like a plain list of the last capacity entries, even through a checkpoint.
func TestReplayBufferAgainstList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 6).Draw(t, "capacity")
		b := newBuffer(t, capacity)
		var list []string
		item := make([]float64, 4)
		for step := range rapid.IntRange(0, 20).Draw(t, "steps") {
			n := step % 5 // sizes vary, and the caller reuses its memory
			for i := range n {
				item[i] = float64(step) + 0.5
			}
			b.Add(item[:n])
			list = append(list, fmt.Sprint(item[:n]))
			if rapid.IntRange(0, 5).Draw(t, "save") == 0 {
				state := checkpoints.NewState()
				if err := b.SaveState(state); err != nil {
					t.Fatal(err)
				}
				b = newBuffer(t, capacity)
				b.Add([]float64{9, 9}) // LoadState replaces these
				if err := b.LoadState(state); err != nil {
					t.Fatal(err)
				}
			}
		}
		if b.Len() != min(len(list), capacity) || b.Capacity() != capacity {
			t.Fatalf("Len = %d, Capacity = %d after %d items into %d", b.Len(), b.Capacity(), len(list), capacity)
		}
		for age := range b.Len() {
			if got, want := fmt.Sprint(b.At(age)), list[len(list)-1-age]; got != want {
				t.Fatalf("item of age %d: %s, want %s", age, got, want)
			}
		}
	})
}

// Every pair in the window is drawn equally often, and nothing outside it.
func TestReplayBufferDrawsUniformly(t *testing.T) {
	b := newBuffer(t, 8)
	for i := range 11 {
		b.Add([]float64{float64(i)})
	}
	for _, c := range []struct{ window, oldest int }{{0, 3}, {5, 6}, {100, 3}} {
		rng := rl.NewRand(1, 0)
		count := map[string]float64{}
		const draws = 20000
		batch := make([][]float64, 2)
		for range draws {
			if err := b.Draw(rng, c.window, batch); err != nil {
				t.Fatal(err)
			}
			pair := []float64{batch[0][0], batch[1][0]}
			slices.Sort(pair)
			if pair[0] < float64(c.oldest) || pair[0] == pair[1] {
				t.Fatalf("window %d: drew %v", c.window, pair)
			}
			count[fmt.Sprint(pair)]++
		}
		n := 11 - c.oldest
		pairs := n * (n - 1) / 2
		expected, chi2 := draws/float64(pairs), 0.0
		for _, c := range count {
			chi2 += (c - expected) * (c - expected) / expected
		}
		if p := (distuv.ChiSquared{K: float64(pairs - 1)}).Survival(chi2); len(count) != pairs || p < 0.001 {
			t.Errorf("window %d: %d of %d pairs, not equally often (p = %g): %v", c.window, len(count), pairs, p, count)
		}
	}
	if err := b.Draw(rl.NewRand(1, 0), 3, make([][]float64, 4)); err == nil {
		t.Error("4 different items from a window of 3: no error")
	}
}

func TestReplayBufferRefusesForeignState(t *testing.T) {
	put := func(capacity, next int64, values []float64, ends []int64) *checkpoints.State {
		s := checkpoints.NewState()
		s.PutInt("capacity", capacity)
		s.PutInt("next", next)
		s.PutFloat64("values", nil, values)
		s.PutInt64("ends", nil, ends)
		return s
	}
	if err := newBuffer(t, 2).LoadState(put(2, 0, []float64{1, 2}, []int64{1, 2})); err != nil {
		t.Fatalf("a good state: %v", err)
	}
	for name, s := range map[string]*checkpoints.State{
		"empty":                 checkpoints.NewState(),
		"next out of range":     put(2, 2, []float64{1, 2}, []int64{1, 2}),
		"next leaves a gap":     put(2, 0, []float64{1}, []int64{1}),
		"other capacity":        put(3, 2, []float64{1, 2}, []int64{1, 2}),
		"decreasing ends":       put(2, 0, []float64{1, 2}, []int64{2, 1}),
		"negative end":          put(2, 0, []float64{1, 2}, []int64{-1, 2}),
		"end beyond the values": put(2, 0, []float64{1, 2}, []int64{1, 3}),
		"values left over":      put(2, 0, []float64{1, 2, 3}, []int64{1, 2}),
		"too many":              put(2, 0, []float64{1, 2, 3}, []int64{1, 2, 3}),
	} {
		if err := newBuffer(t, 2).LoadState(s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReplayBufferAllocatesNothing(t *testing.T) {
	b := newBuffer(t, 16)
	rng := rl.NewRand(1, 0)
	batch := make([][]float64, 8)
	item := []float64{1, 2, 3}
	run := func() {
		b.Add(item)
		if err := b.Draw(rng, 0, batch[:min(8, b.Len())]); err != nil {
			t.Fatal(err)
		}
	}
	for range 16 {
		run()
	}
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("Add and Draw allocate %v times", n)
	}
}
