package mecoffload

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/rl"
)

// builtin is a simulator of a built-in scenario with the default profile, changed as wished.
func builtin(t testing.TB, name string, change func(*Scenario)) (*Simulator, Scenario, Profile) {
	t.Helper()
	sc, err := LoadScenario(name)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&sc)
	}
	p, err := LoadProfile(DefaultProfile)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := NewSimulator(sc, p)
	if err != nil {
		t.Fatal(err)
	}
	return sim, sc, p
}

func randomAction(rng *rand.Rand, obs *Observation) Action {
	a := make(Action, obs.Devices)
	for i := range a {
		a[i] = int32(rng.IntN(obs.Options()))
	}
	return a
}

// Without noise what the critic says is what happens: the reward to the last bit, and the next backlog.
func TestCriticEqualsSimulatorWithoutNoise(t *testing.T) {
	for _, m := range []int{1, 2, 14, 63, 64, 65, 200} {
		sim, sc, p := builtin(t, "capacity", func(s *Scenario) { s.Devices, s.Servers = m, 3 })
		critic, err := NewCritic(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		obs, err := sim.Reset(uint64(m))
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, uint64(m)))
		for range 50 {
			var d rl.Decisions
			const k = 3
			for range k {
				d.Append(randomAction(rng, &obs))
			}
			d.Rows = obs.Devices
			value, next := make([]float64, k), make([]float32, k*obs.Servers)
			if err := critic.Evaluate(obs, &d, value, next); err != nil {
				t.Fatal(err)
			}
			pick := rng.IntN(k)
			tr, err := sim.Step(Action(d.Candidate(pick)))
			if err != nil {
				t.Fatal(err)
			}
			if tr.Reward != value[pick] {
				t.Fatalf("M=%d: reward %v, critic said %v", m, tr.Reward, value[pick])
			}
			for n, b := range tr.Observation.Backlog {
				if want := float32(b / float64(sc.Slot)); next[pick*obs.Servers+n] != want {
					t.Fatalf("M=%d: backlog of server %d is %v slots, critic said %v", m, n, want, next[pick*obs.Servers+n])
				}
			}
			obs = tr.Observation
		}
	}
}

func BenchmarkCritic(b *testing.B) {
	for _, c := range []struct{ m, n, k int }{{14, 2, 28}, {100, 5, 64}, {1000, 20, 64}} {
		for _, style := range []string{"random", "switches"} {
			b.Run(fmt.Sprintf("M=%d/N=%d/K=%d/%s", c.m, c.n, c.k, style), func(b *testing.B) {
				sim, sc, p := builtin(b, "dynamic", func(s *Scenario) { s.Devices, s.Servers = c.m, c.n })
				critic, err := NewCritic(sc, p)
				if err != nil {
					b.Fatal(err)
				}
				obs, _ := sim.Reset(1)
				rng := rand.New(rand.NewPCG(1, 2))
				d := rl.Decisions{Rows: c.m}
				base := randomAction(rng, &obs)
				for range c.k {
					if style == "random" {
						d.Append(randomAction(rng, &obs))
						continue
					}
					d.Append(base)
					d.Candidate(d.K - 1)[rng.IntN(c.m)] = int32(rng.IntN(obs.Options()))
				}
				value := make([]float64, c.k)
				for b.Loop() {
					if err := critic.Score(obs, &d, value); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkStep(b *testing.B) {
	for _, c := range []struct{ m, n int }{{14, 2}, {1000, 20}} {
		b.Run(fmt.Sprintf("M=%d/N=%d", c.m, c.n), func(b *testing.B) {
			sim, _, _ := builtin(b, "dynamic", func(s *Scenario) { s.Devices, s.Servers = c.m, c.n })
			obs, _ := sim.Reset(1)
			a := randomAction(rand.New(rand.NewPCG(1, 2)), &obs)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sim.Step(a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
