package rl_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/rltest"
)

func TestExperienceCodec(t *testing.T) {
	rltest.Codec(t, rl.ExperienceCodec[[]float64]{Observation: rl.VectorCodec[float64]{}}, func(r *rl.Rand) rl.Experience[[]float64] {
		return rl.Experience[[]float64]{
			Observation: make([]float64, r.IntN(3)), Next: make([]float64, r.IntN(3)),
			Action: r.IntN(9), Return: r.NormFloat64(), Discount: r.Float64(),
		}
	})
}

// Every step of random episodes becomes one experience with the discounted rewards of the next n
// steps, or of the remaining steps of the episode.
func TestNStepAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		const gamma = 0.5
		s, err := rl.NewNStep(n, gamma, rl.VectorCodec[float64]{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // episodes
			length := rapid.IntRange(1, 9).Draw(t, "length")
			end := rl.Transition[[]float64]{Terminated: rapid.Bool().Draw(t, "terminated"), Truncated: true}
			rewards := make([]float64, length)
			for i := range rewards {
				rewards[i] = float64(rapid.IntRange(-4, 4).Draw(t, "reward"))
			}
			var got []string
			obs := make([]float64, 1) // the environment's memory
			for i := range length {
				obs[0] = float64(i)
				if err := s.Act(obs, i); err != nil {
					t.Fatal(err)
				}
				obs[0] = float64(i + 1)
				tr := rl.Transition[[]float64]{Observation: obs, Reward: rewards[i]}
				if i == length-1 {
					tr.Terminated, tr.Truncated = end.Terminated, end.Truncated
				}
				if err := s.Observe(tr, func(e rl.Experience[[]float64]) { got = append(got, fmt.Sprint(e)) }); err != nil {
					t.Fatal(err)
				}
			}
			var want []string
			for i := range length {
				to := min(i+n, length)
				e := rl.Experience[[]float64]{
					Observation: []float64{float64(i)}, Action: i,
					Next: []float64{float64(to)}, Discount: math.Pow(gamma, float64(to-i)),
				}
				for j := i; j < to; j++ {
					e.Return += math.Pow(gamma, float64(j-i)) * rewards[j]
				}
				if to == length && end.Terminated {
					e.Discount = 0
				}
				want = append(want, fmt.Sprint(e))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("n = %d, rewards %v:\n got %v\nwant %v", n, rewards, got, want)
			}
		}
	})
}

func TestNStepRefusesMisuse(t *testing.T) {
	s, err := rl.NewNStep(2, 0.9, rl.VectorCodec[float64]{})
	if err != nil {
		t.Fatal(err)
	}
	emitted := 0
	count := func(rl.Experience[[]float64]) { emitted++ }
	if err := s.Observe(rl.Transition[[]float64]{}, count); err == nil {
		t.Error("Observe before Act: no error")
	}
	if err := s.Act(nil, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Act(nil, 1); err == nil {
		t.Error("Act twice: no error")
	}
	s.Reset()
	if err := s.Act(nil, 1); err != nil {
		t.Errorf("Act after Reset: %v", err)
	}
	if err := s.Observe(rl.Transition[[]float64]{}, count); err != nil || emitted != 0 {
		t.Errorf("after one of two steps: %d experiences, error %v", emitted, err)
	}
	for _, n := range []int{0, -1} {
		if _, err := rl.NewNStep(n, 0.9, rl.VectorCodec[float64]{}); err == nil {
			t.Errorf("%d steps: no error", n)
		}
	}
}
