package envs

import (
	"math"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/rltest"
)

func check[E rl.Env[[]float32, int]](t *testing.T, newEnv func() E, actions int) {
	rltest.Env(t, rltest.EnvConfig[[]float32, int]{
		New:     func() rl.Env[[]float32, int] { return newEnv() },
		Action:  func(_ []float32, r *rl.Rand) int { return r.IntN(actions) },
		Clone:   slices.Clone[[]float32],
		Invalid: func([]float32) []int { return []int{-1, actions} },
		Steps:   600,
	})
}

func TestConformance(t *testing.T) {
	check(t, NewCartPole, 2)
	check(t, NewAcrobot, 3)
}

func near(got, want [4]float64) bool {
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= 1e-9*max(1, math.Abs(want[i]))) {
			return false
		}
	}
	return true
}

// Recorded from Gymnasium 1.4.0, CartPole-v1, with env.unwrapped.state set to the initial state.
func TestCartPoleAgainstGymnasium(t *testing.T) {
	want := map[int][4]float64{
		0:  {0.029599999999999998, 0.1749771351412365, 0.0108, -0.2495111285483345},
		1:  {0.033099542702824725, 0.36994320265113595, 0.005809777429033311, -0.538768036072906},
		4:  {0.051391859606236004, 0.17495049440395788, -0.02062089223378815, -0.2489423911817366},
		11: {0.07213518103540391, 0.373072548160661, -0.05299651349464748, -0.6084436637105816},
		16: {0.14863298062594532, 1.3535064931454592, -0.1764908970651588, -2.2041871931506876},
		17: {0.1757031104888545, 1.5498322878883375, -0.22057464092817256, -2.5457206232562535},
	}
	c := NewCartPole()
	c.state, c.running = [4]float64{0.03, -0.02, 0.01, 0.04}, true
	for i, action := range []int{1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1} {
		tr, err := c.Step(action)
		if err != nil {
			t.Fatal(err)
		}
		if state, ok := want[i]; ok && !near(c.state, state) {
			t.Errorf("step %d: state %v, want %v", i, c.state, state)
		}
		if tr.Reward != 1 || tr.Terminated != (i == 17) || tr.Truncated {
			t.Errorf("step %d: %+v", i, tr)
		}
		for j, v := range tr.Observation {
			if v != float32(c.state[j]) {
				t.Errorf("step %d: observation %v of state %v", i, tr.Observation, c.state)
			}
		}
	}
	// Off the edge of the track.
	c.state, c.running = [4]float64{2.39, 0.9, 0, 0}, true
	tr, err := c.Step(1)
	if err != nil {
		t.Fatal(err)
	}
	if !near(c.state, [4]float64{2.408, 1.0951219512195123, 0, -0.2926829268292683}) || !tr.Terminated || tr.Reward != 1 {
		t.Errorf("at the edge: state %v, %+v", c.state, tr)
	}
}

// Recorded from Gymnasium 1.4.0, Acrobot-v1, with env.unwrapped.state set to the initial state. The
// torque follows the velocity of the second link, which pumps energy into the chain until it
// reaches the goal.
func TestAcrobotAgainstGymnasium(t *testing.T) {
	want := map[int][4]float64{
		0:  {0.522775663834471, 0.2010392390214551, 0.25685476576306454, 2.89419892638667},
		1:  {0.5206781109836353, 0.8066379537159281, -0.24270553498921016, 3.0647668120661584},
		4:  {0.030544824522759417, 2.472977668091896, -1.3125103135539447, 2.4309098662512474},
		9:  {-0.45601680594469685, -2.172588569469814, 0.9155167417644011, 1.161945569384349},
		37: {-1.5212875779744786, -1.75619075260284, -2.6993330427994326, 5.793740689109524},
		38: {-1.9895132716477764, -0.6055190574836185, -2.012013559248133, 5.716848828825128},
	}
	a := NewAcrobot()
	a.state, a.running = [4]float64{0.4, -0.3, 1, 2}, true
	for i := range 39 {
		action := 0
		if a.state[3] > 0 {
			action = 2
		}
		tr, err := a.Step(action)
		if err != nil {
			t.Fatal(err)
		}
		if state, ok := want[i]; ok && !near(a.state, state) {
			t.Errorf("step %d: state %v, want %v", i, a.state, state)
		}
		reward := -1.0
		if i == 38 {
			reward = 0
		}
		if tr.Reward != reward || tr.Terminated != (i == 38) || tr.Truncated {
			t.Errorf("step %d: %+v", i, tr)
		}
		if i == 4 {
			observation := []float32{0.9995335340499878, 0.03054007515311241, -0.784680962562561, 0.6198998093605042, -1.312510371208191, 2.4309098720550537}
			if !slices.Equal(tr.Observation, observation) {
				t.Errorf("step %d: observation %v, want %v", i, tr.Observation, observation)
			}
		}
	}
	// Angles wrap around, velocities are bounded.
	a.state, a.running = [4]float64{3, -3.1, 12.5, -28}, true
	if _, err := a.Step(2); err != nil {
		t.Fatal(err)
	}
	if want := [4]float64{-0.2780380943389389, 2.8261869595153595, 4 * math.Pi, -9 * math.Pi}; !near(a.state, want) {
		t.Errorf("fast: state %v, want %v", a.state, want)
	}
}

// An acrobot left alone hangs until the time is up: 500 steps of -1.
func TestTimeLimits(t *testing.T) {
	a := NewAcrobot()
	if _, err := a.Reset(1); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i := 1; ; i++ {
		tr, err := a.Step(1)
		if err != nil {
			t.Fatal(err)
		}
		sum += tr.Reward
		if tr.Done() {
			if i != 500 || tr.Terminated || !tr.Truncated || sum != -500 {
				t.Errorf("ended after %d steps, reward %v: %+v", i, sum, tr)
			}
			return
		}
	}
}

// A textbook controller balances the pole for all 500 steps.
func TestCartPoleCanBeBalanced(t *testing.T) {
	c := NewCartPole()
	for seed := range uint64(20) {
		obs, err := c.Reset(seed)
		if err != nil {
			t.Fatal(err)
		}
		for steps := 1; ; steps++ {
			action := 0
			if 0.05*obs[0]+0.2*obs[1]+3*obs[2]+obs[3] > 0 {
				action = 1
			}
			tr, err := c.Step(action)
			if err != nil {
				t.Fatal(err)
			}
			if tr.Done() {
				if steps != 500 || !tr.Truncated {
					t.Errorf("seed %d: the episode ended after %d steps", seed, steps)
				}
				break
			}
			obs = tr.Observation
		}
	}
}

func TestStartingStates(t *testing.T) {
	lowest, highest := math.Inf(1), math.Inf(-1)
	c := NewCartPole()
	for seed := range uint64(1000) {
		if _, err := c.Reset(seed); err != nil {
			t.Fatal(err)
		}
		for _, v := range c.state {
			lowest, highest = min(lowest, v), max(highest, v)
		}
	}
	if lowest < -0.05 || lowest > -0.0499 || highest >= 0.05 || highest < 0.0499 {
		t.Errorf("starting states span [%v, %v], want [-0.05, 0.05)", lowest, highest)
	}
}

func TestStepsAllocateNothing(t *testing.T) {
	c, a := NewCartPole(), NewAcrobot()
	run := func() {
		for _, env := range []rl.Env[[]float32, int]{c, a} {
			if _, err := env.Step(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := a.Reset(1); err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(100, func() {
		c.state, c.running = [4]float64{}, true
		run()
	})
	if n != 0 {
		t.Errorf("a step allocates %v times", n)
	}
}

// BenchmarkStep makes steps with random actions drawn beforehand, and starts a new episode after
// each end.
func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name    string
		env     rl.Env[[]float32, int]
		actions int
	}{{"CartPole", NewCartPole(), 2}, {"Acrobot", NewAcrobot(), 3}} {
		b.Run(c.name, func(b *testing.B) {
			rand := rl.NewRand(1, 0)
			actions := make([]int, 1024)
			for i := range actions {
				actions[i] = rand.IntN(c.actions)
			}
			done := true
			for i := 0; b.Loop(); i++ {
				if done {
					if _, err := c.env.Reset(uint64(i)); err != nil {
						b.Fatal(err)
					}
				}
				tr, err := c.env.Step(actions[i%len(actions)])
				if err != nil {
					b.Fatal(err)
				}
				done = tr.Done()
			}
		})
	}
}
