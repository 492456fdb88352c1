package rl_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/graphrl/graphrl/rl"
)

func newRollout(t interface{ Fatal(...any) }, steps, envs int) *rl.Rollout[[]float64, int] {
	r, err := rl.NewRollout(steps, envs, rl.VectorCodec[float64]{}, rl.IntCodec{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// naiveGAE computes the definition as a sum: the advantage of step t is sum_l (gamma lambda)^l
// delta_t+l over the rest of the episode.
func naiveGAE(r *rl.Rollout[[]float64, int], last []float32, gamma, lambda float64, t, env int) float64 {
	at := func(t int) int { return t*r.Envs + env }
	if r.Skipped[at(t)] {
		return 0
	}
	sum := 0.0
	for l := 0; t+l < r.Steps; l++ {
		i := at(t + l)
		next := float64(last[env])
		if t+l+1 < r.Steps {
			next = float64(r.Values[at(t+l+1)])
		}
		if r.Terminated[i] {
			next = 0
		}
		sum += math.Pow(gamma*lambda, float64(l)) * (float64(r.Rewards[i]) + gamma*next - float64(r.Values[i]))
		if r.Terminated[i] || r.Truncated[i] {
			break
		}
	}
	return sum
}

func TestGAEAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps, envs := rapid.IntRange(1, 12).Draw(t, "steps"), rapid.IntRange(1, 3).Draw(t, "envs")
		gamma, lambda := rapid.Float64Range(0, 1).Draw(t, "gamma"), rapid.Float64Range(0, 1).Draw(t, "lambda")
		number := rapid.Custom(func(t *rapid.T) float32 { return float32(rapid.IntRange(-20, 20).Draw(t, "tenths")) / 10 })
		r := newRollout(t, steps, envs)
		numbers := func() []float32 { return rapid.SliceOfN(number, envs, envs).Draw(t, "numbers") }
		over := make([]bool, envs)
		for range steps {
			if err := r.Act(make([][]float64, envs), make([]int, envs), make([]float32, envs), numbers()); err != nil {
				t.Fatal(err)
			}
			outcome := make([]rl.VecStep[[]float64], envs)
			for i, reward := range numbers() {
				if over[i] {
					outcome[i].Reset, over[i] = true, false
					continue
				}
				outcome[i].Reward = float64(reward)
				switch rapid.IntRange(0, 5).Draw(t, "end") {
				case 0:
					outcome[i].Terminated = true
				case 1:
					outcome[i].Truncated = true
				case 2:
					outcome[i].Terminated, outcome[i].Truncated = true, true
				}
				over[i] = outcome[i].Done()
			}
			if err := r.Observe(outcome); err != nil {
				t.Fatal(err)
			}
		}
		last := numbers()
		if err := r.Finish(last, gamma, lambda); err != nil {
			t.Fatal(err)
		}
		for step := range steps {
			for env := range envs {
				i := step*envs + env
				want := naiveGAE(r, last, gamma, lambda, step, env)
				if !near(float64(r.Advantages[i]), want, 1e-4) || !near(float64(r.Returns[i]), want+float64(r.Values[i]), 1e-4) {
					t.Fatalf("step %d of environment %d: advantage %v, return %v; want %v, %v", step, env, r.Advantages[i], r.Returns[i], want, want+float64(r.Values[i]))
				}
			}
		}
		indices := r.Shuffled(rl.NewRand(1, 0), nil)
		slices.Sort(indices)
		for i, skipped := range r.Skipped {
			if _, found := slices.BinarySearch(indices, i); found == skipped {
				t.Fatalf("step %d, skipped: %v, is among the shuffled: %v", i, skipped, found)
			}
		}
	})
}

// With lambda 1 the return is the discounted sum of rewards, bootstrapped only at truncation.
func TestGAEByHand(t *testing.T) {
	for _, c := range []struct {
		name string
		end  rl.Transition[[]float64]
		want float32 // return of the first step
	}{
		{"goes on", rl.Transition[[]float64]{Reward: 3}, 1 + 0.5*(2+0.5*(3+0.5*100))},
		{"truncated", rl.Transition[[]float64]{Reward: 3, Truncated: true}, 1 + 0.5*(2+0.5*(3+0.5*100))},
		{"terminated", rl.Transition[[]float64]{Reward: 3, Terminated: true}, 1 + 0.5*(2+0.5*3)},
	} {
		r := newRollout(t, 3, 1)
		for _, tr := range []rl.Transition[[]float64]{{Reward: 1}, {Reward: 2}, c.end} {
			if err := r.Act(make([][]float64, 1), []int{7}, []float32{-0.5}, []float32{10}); err != nil {
				t.Fatal(err)
			}
			if err := r.Observe([]rl.VecStep[[]float64]{{Transition: tr}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Finish([]float32{100}, 0.5, 1); err != nil {
			t.Fatal(err)
		}
		if r.Returns[0] != c.want || r.Advantages[0] != c.want-10 {
			t.Errorf("%s: return %v, advantage %v; want %v, %v", c.name, r.Returns[0], r.Advantages[0], c.want, c.want-10)
		}
	}
}

// Advantages do not depend on steps after the end of the episode, whether the row in between is
// skipped or not.
func TestGAEStopsAtTheEnd(t *testing.T) {
	for _, end := range []rl.Transition[[]float64]{{Reward: 2, Terminated: true}, {Reward: 2, Truncated: true}} {
		r := newRollout(t, 3, 1)
		for _, tr := range []rl.Transition[[]float64]{{Reward: 1}, end, {Reward: 1000}} {
			if err := r.Act(make([][]float64, 1), []int{0}, []float32{0}, []float32{10}); err != nil {
				t.Fatal(err)
			}
			if err := r.Observe([]rl.VecStep[[]float64]{{Transition: tr}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Finish([]float32{0}, 0.5, 1); err != nil {
			t.Fatal(err)
		}
		want := float32(1 + 0.5*2)
		if end.Truncated {
			want += 0.25 * 10
		}
		if r.Returns[0] != want {
			t.Errorf("%+v: return %v, want %v", end, r.Returns[0], want)
		}
	}
}

func TestRolloutKeepsCopies(t *testing.T) {
	r := newRollout(t, 2, 1)
	obs := [][]float64{{1, 2}}
	for i := range 2 {
		obs[0][0] = float64(i)
		if err := r.Act(obs, []int{i}, []float32{0}, []float32{0}); err != nil {
			t.Fatal(err)
		}
		if err := r.Observe(make([]rl.VecStep[[]float64], 1)); err != nil {
			t.Fatal(err)
		}
	}
	if r.Observations[0][0] != 0 || r.Observations[1][0] != 1 || r.Actions[1] != 1 {
		t.Errorf("observations %v, actions %v", r.Observations, r.Actions)
	}
}

func TestRolloutRefusesMisuse(t *testing.T) {
	r := newRollout(t, 1, 2)
	act := func(n int) error {
		return r.Act(make([][]float64, 2), make([]int, n), make([]float32, 2), make([]float32, 2))
	}
	steps := make([]rl.VecStep[[]float64], 2)
	fails := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	fails("Observe before Act", r.Observe(steps))
	fails("Finish of nothing", r.Finish(make([]float32, 2), 1, 1))
	fails("one action for two environments", act(1))
	if err := act(2); err != nil {
		t.Fatal(err)
	}
	fails("Act twice", act(2))
	fails("one step for two environments", r.Observe(steps[:1]))
	if err := r.Observe(steps); err != nil {
		t.Fatal(err)
	}
	fails("Act on a full rollout", act(2))
	fails("one last value for two environments", r.Finish(make([]float32, 1), 1, 1))
	r.Clear()
	if err := act(2); err != nil {
		t.Errorf("after Clear: %v", err)
	}
	if _, err := rl.NewRollout[int, int](0, 1, nil, nil); err == nil {
		t.Error("rollout of no steps: no error")
	}
}
