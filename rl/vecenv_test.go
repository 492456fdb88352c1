package rl_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/envs"
)

// countdown is an environment whose episodes last 1 to 4 steps, depending on the seed. The odd ones
// are truncated.
type countdown struct{ left, length int }

func (c *countdown) Reset(seed uint64) (int, error) {
	c.length = 1 + int(seed%4)
	c.left = c.length
	return c.left, nil
}

func (c *countdown) Step(action int) (rl.Transition[int], error) {
	if action < 0 {
		return rl.Transition[int]{}, fmt.Errorf("action %d", action)
	}
	if c.left == 0 {
		return rl.Transition[int]{}, fmt.Errorf("the episode is over")
	}
	c.left--
	over := c.left == 0
	return rl.Transition[int]{Observation: c.left, Reward: float64(action), Terminated: over && c.length%2 == 0, Truncated: over && c.length%2 == 1}, nil
}

func newVec(t *testing.T, n, goroutines int) *rl.VecEnv[int, int] {
	t.Helper()
	var all []rl.Env[int, int]
	for range n {
		all = append(all, new(countdown))
	}
	v, err := rl.NewVecEnv(all, goroutines, nil, rl.IntCodec{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The step that ends an episode returns its last observation; the next step returns the first of
// the next episode.
func TestVecEnvAutoreset(t *testing.T) {
	v := newVec(t, 5, 2)
	obs, err := v.Reset(3)
	if err != nil {
		t.Fatal(err)
	}
	left, over := slices.Clone(obs), make([]bool, 5)
	lengths := map[int]bool{}
	for step := range 40 {
		steps, err := v.Step([]int{0, 1, 2, 3, 4})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range steps {
			if s.Reset != over[i] {
				t.Fatalf("step %d, environment %d: %+v, when the episode was over: %v", step, i, s, over[i])
			}
			if s.Reset {
				if s.Observation < 1 || s.Reward != 0 || s.Done() {
					t.Fatalf("step %d, environment %d starts an episode with %+v", step, i, s)
				}
				lengths[s.Observation] = true
			} else if s.Observation != left[i]-1 || s.Reward != float64(i) || s.Done() != (s.Observation == 0) {
				t.Fatalf("step %d, environment %d goes from %d to %+v", step, i, left[i], s)
			}
			left[i], over[i] = s.Observation, s.Done()
		}
	}
	if len(lengths) != 4 {
		t.Errorf("episodes of lengths %v, want all from 1 to 4: are their seeds random?", lengths)
	}
}

// Transitions do not depend on the number of goroutines, nor on the other environments.
func TestVecEnvIsDeterministic(t *testing.T) {
	record := func(n, goroutines int) (log [][]string) {
		var all []rl.Env[[]float32, int]
		for range n {
			all = append(all, envs.NewCartPole())
		}
		v, err := rl.NewVecEnv(all, goroutines, nil, rl.IntCodec{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Reset(9); err != nil {
			t.Fatal(err)
		}
		actions := make([]int, n)
		for step := range 200 {
			for i := range actions {
				actions[i] = (step / (i + 1)) % 2
			}
			steps, err := v.Step(actions)
			if err != nil {
				t.Fatal(err)
			}
			var line []string
			for _, s := range steps {
				line = append(line, fmt.Sprint(s))
			}
			log = append(log, line)
		}
		return log
	}
	want := record(7, 1)
	for _, goroutines := range []int{2, 3, 7, 20} {
		if got := record(7, goroutines); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Errorf("%d goroutines change the transitions", goroutines)
		}
	}
	for step, line := range record(3, 2) {
		if !slices.Equal(line, want[step][:3]) {
			t.Fatalf("step %d of three environments: %v, beside four others %v", step, line, want[step][:3])
		}
	}
}

func TestVecEnvErrors(t *testing.T) {
	v := newVec(t, 3, 2)
	if _, err := v.Step([]int{0, 0, 0}); err == nil {
		t.Error("Step before Reset: no error")
	}
	if _, err := v.Reset(1); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Step([]int{0}); err == nil {
		t.Error("one action for three environments: no error")
	}
	if _, err := v.Step([]int{0, -7, -1}); err == nil || !strings.Contains(err.Error(), "environment 1: action -7") {
		t.Errorf("error %v, want that of environment 1", err)
	}
	if _, err := rl.NewVecEnv[int, int](nil, 1, nil, rl.IntCodec{}); err == nil {
		t.Error("no environments: no error")
	}
}

func TestVecEnvAllocatesNothing(t *testing.T) {
	v := newVec(t, 8, 2)
	if _, err := v.Reset(1); err != nil {
		t.Fatal(err)
	}
	actions := make([]int, 8)
	step := func() {
		if _, err := v.Step(actions); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(500, step); n != 0 {
		t.Errorf("a step allocates %v times", n)
	}
}

func BenchmarkVecEnv(b *testing.B) {
	for _, goroutines := range []int{1, 2} {
		b.Run(fmt.Sprintf("16xAcrobot/goroutines=%d", goroutines), func(b *testing.B) {
			var all []rl.Env[[]float32, int]
			for range 16 {
				all = append(all, envs.NewAcrobot())
			}
			v, err := rl.NewVecEnv(all, goroutines, nil, rl.IntCodec{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := v.Reset(1); err != nil {
				b.Fatal(err)
			}
			actions := make([]int, 16)
			for b.Loop() {
				if _, err := v.Step(actions); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// growing is an environment with a state across episodes: each episode is one step longer than the
// last, for any seed. Replaying an episode would make the next one longer. The noise in its
// observations comes from a stream that no seed restarts.
type growing struct {
	episodes, left int
	noise          *rl.Rand
	resets         *atomic.Int64
}

func (g *growing) Reset(uint64) ([]float32, error) {
	g.resets.Add(1)
	g.episodes++
	g.left = g.episodes
	return g.observe(), nil
}

func (g *growing) observe() []float32 {
	return []float32{float32(g.left), float32(g.noise.Float64())}
}

func (g *growing) Step(action int) (rl.Transition[[]float32], error) {
	if g.left == 0 {
		return rl.Transition[[]float32]{}, errors.New("the episode is over")
	}
	g.left--
	return rl.Transition[[]float32]{
		Observation: g.observe(), Reward: float64(action) * g.noise.Float64(),
		Terminated: g.left == 0 && g.episodes%2 == 0, Truncated: g.left == 0 && g.episodes%2 == 1,
	}, nil
}

func (g *growing) ObservationSize() int { return 2 }
func (g *growing) Actions() int         { return 2 }

func (g *growing) SaveState(s *checkpoints.State) error {
	s.PutInt("episodes", int64(g.episodes))
	s.PutInt("left", int64(g.left))
	return g.noise.SaveState(s.Sub("noise"))
}

func (g *growing) LoadState(s *checkpoints.State) error {
	return errors.Join(
		checkpoints.LoadInt(s, "episodes", &g.episodes, 0, math.MaxInt),
		checkpoints.LoadInt(s, "left", &g.left, 0, g.episodes),
		g.noise.LoadState(s.Sub("noise")),
	)
}

// An environment that is Stateful is restored from its state and never played again, at any point:
// within an episode, at the end of one and at the start of one.
func TestStatefulEnvIsNotReplayed(t *testing.T) {
	for name, newLearner := range algorithms[[]float32]() {
		t.Run(name, func(t *testing.T) {
			var resets atomic.Int64
			problem := vectorProblem(func() rl.DiscreteEnv {
				return &growing{noise: rl.NewRand(1, 2), resets: &resets}
			})
			train := func(l learner[[]float32], steps int) string {
				t.Helper()
				stop := func(p rl.Progress) error {
					if p.Steps >= steps {
						return rl.ErrStop
					}
					return nil
				}
				if err := l.Train(t.Context(), stop); err != nil {
					t.Fatal(err)
				}
				return digest(t, l)
			}
			whole, err := newLearner(problem, 3000, 5)
			if err != nil {
				t.Fatal(err)
			}
			for steps := 500; steps <= 2000; steps += 500 {
				train(whole, steps)
				state := checkpoints.NewState()
				if err := whole.SaveState(state); err != nil {
					t.Fatal(err)
				}
				want := train(whole, steps+300)
				again, err := newLearner(problem, 3000, 6)
				if err != nil {
					t.Fatal(err)
				}
				before := resets.Load()
				if err := again.LoadState(state); err != nil {
					t.Fatal(err)
				}
				if n := resets.Load() - before; n != 0 {
					t.Errorf("restored after %d steps by %d calls of Reset", steps, n)
				}
				if got := train(again, steps+300); got != want {
					t.Errorf("restored after %d steps it goes on differently", steps)
				}
			}
		})
	}
}

func TestStatefulEnvNeedsCodec(t *testing.T) {
	all := []rl.Env[[]float32, int]{&growing{}}
	if _, err := rl.NewVecEnv(all, 1, nil, rl.IntCodec{}); err == nil || !strings.Contains(err.Error(), "codec of observations") {
		t.Errorf("error %v", err)
	}
}
