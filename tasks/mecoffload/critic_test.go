package mecoffload

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/rl/droo"
)

func newCritic(t testing.TB, sc Scenario, p Profile) *Critic {
	t.Helper()
	c, err := NewCritic(sc, p, sc.RewardObjective())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func randomDecisions(rng *rand.Rand, obs *Observation, k int) *droo.Decisions {
	d := &droo.Decisions{Rows: obs.Devices}
	for range k {
		d.Append(randomAction(rng, obs))
	}
	return d
}

// Without noise the critic predicts the simulator exactly: the reward to the last bit, and the next
// backlog.
func TestCriticEqualsSimulatorWithoutNoise(t *testing.T) {
	for _, m := range []int{1, 2, 14, 63, 64, 65, 200} {
		sim, sc, p := builtin(t, "capacity", func(s *Scenario) { s.Devices, s.Servers, s.Arrival = m, 3, 0.9 })
		critic := newCritic(t, sc, p)
		obs := reset(t, sim, uint64(m))
		rng := rand.New(rand.NewPCG(1, uint64(m)))
		for range 50 {
			const k = 3
			d := randomDecisions(rng, &obs, k)
			value, next := make([]float64, k), make([]float32, k*obs.Servers)
			if err := critic.Predict(obs, d, value, next); err != nil {
				t.Fatal(err)
			}
			pick := rng.IntN(k)
			var reward float64
			obs, reward = step(t, sim, Action(d.Candidate(pick)))
			if reward != value[pick] {
				t.Fatalf("M=%d: reward %v, critic said %v", m, reward, value[pick])
			}
			for n, b := range obs.Backlog {
				if want := float32(b / float64(sc.Slot)); next[pick*obs.Servers+n] != want {
					t.Fatalf("M=%d: backlog of server %d is %v slots, critic said %v", m, n, want,
						next[pick*obs.Servers+n])
				}
			}
		}
	}
}

// A candidate's score does not depend on the candidates before it, to the last bit.
func TestCriticScoresEachCandidateAsIfAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		sc, p := randomWorld(rng)
		sc.Devices = 1 + rng.IntN(150)
		sim, err := NewSimulator(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		obs := reset(t, sim, rng.Uint64())
		obs, _ = step(t, sim, randomAction(rng, &obs)) // so that there is a backlog
		const k = 8
		d := randomDecisions(rng, &obs, 1)
		for d.K < k { // half of the candidates are close to the one before
			d.Append(d.Candidate(d.K - 1))
			c := d.Candidate(d.K - 1)
			changes := 1 + rng.IntN(3)
			if rng.IntN(2) == 0 {
				changes = 3 * len(c)
			}
			for range changes {
				if len(c) > 0 {
					c[rng.IntN(len(c))] = int32(rng.IntN(obs.Options()))
				}
			}
		}
		n := obs.Servers
		value, next := make([]float64, k), make([]float32, k*n)
		critic := newCritic(t, sc, p)
		if err := critic.Score(obs, d, value); err != nil {
			t.Fatal(err)
		}
		if err := critic.Predict(obs, d, value, next); err != nil {
			t.Fatal(err)
		}
		for i := range k {
			alone := &droo.Decisions{K: 1, Rows: d.Rows, Choice: d.Candidate(i)}
			v, b := make([]float64, 1), make([]float32, n)
			if err := newCritic(t, sc, p).Predict(obs, alone, v, b); err != nil {
				t.Fatal(err)
			}
			if v[0] != value[i] {
				t.Fatalf("candidate %d: %v among others, %v alone", i, value[i], v[0])
			}
			for j := range b {
				if b[j] != next[i*n+j] {
					t.Fatalf("candidate %d: backlog %v among others, %v alone", i, next[i*n+j],
						b[j])
				}
			}
		}
	}
}

func TestCriticWithoutTasks(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", nil)
	obs := reset(t, sim, 1)
	obs.Devices, obs.Bits, obs.Deadline, obs.Rate, obs.ID = 0, nil, nil, nil, nil
	obs.Backlog = []float64{0.025, 0.001}
	value, next := []float64{7}, []float32{7, 7}
	if err := newCritic(t, sc, p).Predict(obs, &droo.Decisions{K: 1}, value, next); err != nil {
		t.Fatal(err)
	}
	if value[0] != 0 || next[0] != 1.5 || next[1] != 0 {
		t.Errorf("value %v, backlogs %v slots, want 0 and [1.5 0]", value, next)
	}
}

func TestCriticRefuses(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", nil)
	obs := reset(t, sim, 1)
	critic := newCritic(t, sc, p)
	rng := rand.New(rand.NewPCG(1, 1))
	good := randomDecisions(rng, &obs, 2)
	rows := &droo.Decisions{K: 2, Rows: 3, Choice: make([]int32, 6)}
	option := randomDecisions(rng, &obs, 2)
	option.Choice[20] = int32(obs.Options())
	exits, short, nameless, slow := obs, obs, obs, obs
	exits.Exits = 3
	short.Rate = short.Rate[1:]
	nameless.ID = nil
	slow.Rate = append([]float64{0}, obs.Rate[1:]...)
	for what, c := range map[string]struct {
		obs  Observation
		d    *droo.Decisions
		room int
	}{
		"rows":        {obs, rows, 2},
		"option":      {obs, option, 2},
		"room":        {obs, good, 1},
		"exits":       {exits, good, 2},
		"observation": {short, good, 2},
		"no IDs":      {nameless, good, 2},
		"rate of 0":   {slow, good, 2},
	} {
		if err := critic.Score(c.obs, c.d, make([]float64, c.room)); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if err := critic.Predict(obs, good, make([]float64, 2), make([]float32, 3)); err == nil {
		t.Error("backlogs: no error")
	}
}

func TestCriticDoesNotAllocate(t *testing.T) {
	sim, sc, p := builtin(t, "churn", nil)
	critic := newCritic(t, sc, p)
	obs := reset(t, sim, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	d := randomDecisions(rng, &obs, 20)
	value, next := make([]float64, d.K), make([]float32, d.K*obs.Servers)
	allocs := testing.AllocsPerRun(100, func() {
		if err := critic.Predict(obs, d, value, next); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// "random" candidates differ everywhere; "switches" candidates each differ in one device from a
// common decision, as those of an order-preserving quantizer do.
func BenchmarkCritic(b *testing.B) {
	for _, c := range []struct{ m, n, k int }{{14, 2, 28}, {100, 5, 64}, {1000, 20, 64}} {
		for _, style := range []string{"random", "switches"} {
			b.Run(fmt.Sprintf("M=%d/N=%d/K=%d/%s", c.m, c.n, c.k, style), func(b *testing.B) {
				sim, sc, p := builtin(b, "dynamic", func(s *Scenario) { s.Devices, s.Servers = c.m, c.n })
				critic := newCritic(b, sc, p)
				obs := reset(b, sim, 1)
				rng := rand.New(rand.NewPCG(1, 2))
				d := randomDecisions(rng, &obs, c.k)
				if style == "switches" {
					base := randomAction(rng, &obs)
					for k := range c.k {
						copy(d.Candidate(k), base)
						d.Candidate(k)[rng.IntN(c.m)] = int32(rng.IntN(obs.Options()))
					}
				}
				value := make([]float64, c.k)
				b.ReportAllocs()
				for b.Loop() {
					if err := critic.Score(obs, d, value); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
