// Package drootest checks quantizers against the contract of droo.Quantizer. A package that adds a
// quantizer calls Quantizer from its tests:
//
//	func TestMine(t *testing.T) {
//		drootest.Quantizer(t, func() droo.Quantizer { return new(Mine) }, 1, 3)
//	}
package drootest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/rltest"
)

// Quantizer checks quantizers made by newQuantizer against the contract of droo.Quantizer on random
// scores with the given numbers of options per row: between 1 and k candidates, no two equal, the
// first one the most probable decision, masked options never chosen, scores unchanged, bad
// arguments rejected, no allocation in steady state, and the same candidates from every new
// quantizer and from one whose state was saved and restored.
//
// newQuantizer must return equal quantizers every time; random ones must have the same seed.
func Quantizer(t rltest.T, newQuantizer func() droo.Quantizer, options ...int) {
	t.Helper()
	for _, opts := range options {
		q, twin := newQuantizer(), newQuantizer()
		rng := rl.NewRand(1, uint64(opts))
		var got, again droo.Decisions
		for range 300 {
			s := RandomScores(rng, rng.IntN(8), opts)
			k := 1 + rng.IntN(20)
			before := slices.Clone(s.Logits)
			if err := q.Candidates(s, k, &got); err != nil {
				t.Fatalf("Candidates(%v, %d): %v", s, k, err)
			}
			if !slices.Equal(before, s.Logits) {
				t.Fatalf("Candidates changed the scores from %v to %v", before, s.Logits)
			}
			checkDecisions(t, s, k, &got)
			if err := twin.Candidates(s, k, &again); err != nil {
				t.Fatalf("Candidates(%v, %d): %v", s, k, err)
			}
			if got.K != again.K || !slices.Equal(got.Choice, again.Choice) {
				t.Fatalf("two equal quantizers disagree on %v: %v and %v", s, got, again)
			}
		}
		checkRefusals(t, q, opts)
		checkState(t, q, newQuantizer(), opts)
		checkAllocations(t, newQuantizer(), opts)
	}
}

// RandomScores returns scores [rows x options] with normal logits, some of them equal. For one-of-n
// options some are masked, but never all of a row.
func RandomScores(r *rl.Rand, rows, options int) droo.Scores {
	s := droo.Scores{Rows: rows, Options: options, Logits: make([]float32, rows*options)}
	for i := range s.Logits {
		s.Logits[i] = float32(2 * r.NormFloat64())
		switch {
		case r.IntN(4) == 0:
			s.Logits[i] = float32(math.Round(float64(s.Logits[i]))) // ties
		case options > 1 && i%options > 0 && r.IntN(6) == 0:
			s.Logits[i] = float32(math.Inf(-1))
		}
	}
	return s
}

func checkDecisions(t rltest.T, s droo.Scores, k int, d *droo.Decisions) {
	t.Helper()
	if d.K < 1 || d.K > k || d.Rows != s.Rows || len(d.Choice) != d.K*d.Rows {
		t.Fatalf("asked for %d candidates of %d rows: got K = %d, Rows = %d, %d choices", k, s.Rows, d.K, d.Rows, len(d.Choice))
	}
	argmax := make([]int32, s.Rows)
	s.Argmax(argmax)
	if !slices.Equal(d.Candidate(0), argmax) {
		t.Fatalf("first candidate %v of %v is not the most probable decision %v", d.Candidate(0), s, argmax)
	}
	seen := map[string]int{}
	for c := range d.K {
		key := fmt.Sprint(d.Candidate(c))
		if first, ok := seen[key]; ok {
			t.Fatalf("candidates %d and %d of %v are equal: %v", first, c, s, key)
		}
		seen[key] = c
		for i, choice := range d.Candidate(c) {
			if choice < 0 || choice >= int32(max(2, s.Options)) {
				t.Fatalf("candidate %d chooses %d in row %d of scores [%d x %d]", c, choice, i, s.Rows, s.Options)
			}
			if s.Options > 1 && math.IsInf(float64(s.Logits[i*s.Options+int(choice)]), -1) {
				t.Fatalf("candidate %d chooses the masked option %d in row %d of %v", c, choice, i, s)
			}
		}
	}
}

func checkRefusals(t rltest.T, q droo.Quantizer, opts int) {
	t.Helper()
	good := func() droo.Scores { return droo.Scores{Rows: 2, Options: opts, Logits: make([]float32, 2*opts)} }
	short, nan, inf := good(), good(), good()
	short.Logits = short.Logits[1:]
	nan.Logits[opts] = float32(math.NaN())
	inf.Logits[opts] = float32(math.Inf(1))
	masked := good()
	for i := range opts {
		masked.Logits[i] = float32(math.Inf(-1))
	}
	for _, bad := range []struct {
		name string
		s    droo.Scores
		k    int
	}{{"no candidates", good(), 0}, {"too few logits", short, 3}, {"NaN", nan, 3}, {"+Inf", inf, 3}, {"all masked", masked, 3}} {
		if err := q.Candidates(bad.s, bad.k, new(droo.Decisions)); err == nil {
			t.Errorf("scores [2 x %d], %s: no error", opts, bad.name)
		}
	}
}

// checkState restores the used quantizer q into fresh and checks that both continue alike.
func checkState(t rltest.T, q, fresh droo.Quantizer, opts int) {
	t.Helper()
	from, ok := q.(checkpoints.Stateful)
	if !ok {
		return
	}
	state := checkpoints.NewState()
	if err := from.SaveState(state); err != nil {
		t.Fatalf("%v", err)
	}
	if err := fresh.(checkpoints.Stateful).LoadState(state); err != nil {
		t.Fatalf("%v", err)
	}
	var want, got droo.Decisions
	s := droo.Scores{Rows: 6, Options: opts, Logits: make([]float32, 6*opts)}
	for range 5 {
		if err := q.Candidates(s, 8, &want); err != nil {
			t.Fatalf("%v", err)
		}
		if err := fresh.Candidates(s, 8, &got); err != nil {
			t.Fatalf("%v", err)
		}
		if !slices.Equal(got.Choice, want.Choice) {
			t.Fatalf("after LoadState: candidates %v, want %v", got, want)
		}
	}
}

func checkAllocations(t rltest.T, q droo.Quantizer, opts int) {
	t.Helper()
	s := RandomScores(rl.NewRand(2, 0), 12, opts)
	var d droo.Decisions
	run := func() {
		if err := q.Candidates(s, 16, &d); err != nil {
			t.Fatalf("%v", err)
		}
	}
	for range 20 {
		run()
	}
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("Candidates of scores [12 x %d] allocates %v times in steady state", opts, n)
	}
}
