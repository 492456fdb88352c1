package mecoffload

import (
	"slices"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
)

func newMetrics(t testing.TB, sc Scenario, p Profile) *Metrics {
	t.Helper()
	m, err := NewMetrics(sc, p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run plays a policy and returns its metrics.
func run(t testing.TB, sim *Simulator, p Policy, seed uint64, slots int) *Metrics {
	t.Helper()
	m := newMetrics(t, sim.Scenario(), sim.Profile())
	obs := reset(t, sim, seed)
	a := make(Action, 0, sim.Scenario().Devices)
	for range slots {
		a = a[:obs.Devices]
		if err := p.Decide(obs, a); err != nil {
			t.Fatalf("%s: %v", p.Name(), err)
		}
		obs, _ = step(t, sim, a)
		m.Add(sim.Outcome(), 0)
	}
	return m
}

// The baselines rank as expected when servers are short of time.
func TestBaselinesRank(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", nil)
	policies, err := Baselines(sc, p, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Row{}
	for _, policy := range policies {
		if s, ok := policy.(*Search); ok {
			s.cfg.Restarts = 4
		}
		m := run(t, sim, policy, 7, 100)
		if m.InTime+m.Late+m.Dropped != m.Tasks || m.Tasks != 100*14 {
			t.Errorf("%s: %d in time, %d late and %d dropped of %d", policy.Name(), m.InTime,
				m.Late, m.Dropped, m.Tasks)
		}
		got[policy.Name()] = m.Row(policy.Name(), 7)
	}
	order := []string{"round-robin", "least-loaded", "best-exit-in-time", "search", "shadow-price"}
	for i, name := range order[1:] {
		if worse := order[i]; got[name].Accuracy <= got[worse].Accuracy {
			t.Errorf("%s reaches %.3f, %s %.3f", name, got[name].Accuracy, worse,
				got[worse].Accuracy)
		}
	}
	for _, name := range []string{"round-robin", "least-loaded"} {
		if e := got[name].Exits; e[len(e)-1] != 1 {
			t.Errorf("%s leaves the network early: %v", name, e)
		}
	}
	if e := got["random"].Exits; slices.Min(e) < 0.15 || slices.Max(e) > 0.25 {
		t.Errorf("random prefers some exits: %v", e)
	}
}

// Policies handle any number of devices, including none.
func TestBaselinesUnderChurn(t *testing.T) {
	sim, sc, p := builtin(t, "churn", func(s *Scenario) { s.Devices, s.Servers, s.Arrival = 4, 3, 0.3 })
	policies, err := Baselines(sc, p, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range policies {
		run(t, sim, policy, 7, 60)
		obs := reset(t, sim, 1)
		if err := policy.Decide(obs, make(Action, obs.Devices+1)); err == nil {
			t.Errorf("%s: accepted an action of the wrong length", policy.Name())
		}
	}
}

func TestRoundRobinTakesTurns(t *testing.T) {
	sim, _, p := builtin(t, "static", func(s *Scenario) { s.Devices, s.Servers = 4, 3 })
	obs := reset(t, sim, 1)
	r := &RoundRobin{}
	var servers []int
	for range 3 {
		for _, o := range decide(t, r, &obs) {
			servers = append(servers, int(o)/p.Exits())
		}
	}
	if want := []int{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}; !slices.Equal(servers, want) {
		t.Errorf("servers %v, want %v", servers, want)
	}
}

// One task at a time, so the greedy policies' choice can be worked out by hand. Times up to each
// exit are 1, 2, 3 ms on server 0 and 10 times as long on server 1. At capacity 0.5, server 0 takes
// 2, 4, 6 ms.
func TestGreedyByHand(t *testing.T) {
	p := Profile{Name: "hand", Accuracy: []float64{0.5, 0.7, 0.9}, Servers: []ServerProfile{
		{Times: []Seconds{0.001, 0.002, 0.003}},
		{Times: []Seconds{0.01, 0.02, 0.03}},
	}}
	leastLoaded, err := NewLeastLoaded(p)
	if err != nil {
		t.Fatal(err)
	}
	bestExit, err := NewBestExitInTime(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name                  string
		deadline              float64
		backlog               []float64
		leastLoaded, bestExit int32
	}{
		{"all in time", 0.05, []float64{0, 0}, 2, 2},
		{"last exit too slow", 0.009, []float64{0.002, 0}, 2, 1},
		{"server 0 busy, last exit of 1 in time", 0.05, []float64{0.048, 0}, 5, 5},
		{"server 0 finishes first but late", 0.015, []float64{0.014, 0}, 2, 3},
		{"nothing in time: drop at no cost", 0.010, []float64{0.0095, 0.0105}, 5, 3},
	} {
		// A task of 40 kbit at 10 Mbit/s arrives after 4 ms.
		obs := Observation{
			Devices: 1, Servers: 2, Exits: 3,
			Bits: []float64{40e3}, Deadline: []float64{c.deadline}, Rate: []float64{10e6, 10e6},
			Capacity: []float64{0.5, 1}, Backlog: c.backlog, ID: []int{0},
		}
		if got := decide(t, leastLoaded, &obs)[0]; got != c.leastLoaded {
			t.Errorf("%s: least loaded chooses %d, want %d", c.name, got, c.leastLoaded)
		}
		if got := decide(t, bestExit, &obs)[0]; got != c.bestExit {
			t.Errorf("%s: best exit in time chooses %d, want %d", c.name, got, c.bestExit)
		}
	}
}

// A policy with a state continues from where it was saved.
func TestPoliciesResume(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", func(s *Scenario) { s.Servers = 3 })
	obs := reset(t, sim, 1)
	fresh := func() []Policy {
		policies, err := Baselines(sc, p, 1)
		if err != nil {
			t.Fatal(err)
		}
		return policies
	}
	others := fresh()
	for i, policy := range fresh() {
		stateful, ok := policy.(checkpoints.Stateful)
		if !ok {
			continue
		}
		decide(t, policy, &obs)
		st := checkpoints.NewState()
		if err := stateful.SaveState(st); err != nil {
			t.Fatal(err)
		}
		if err := others[i].(checkpoints.Stateful).LoadState(st); err != nil {
			t.Fatal(err)
		}
		if a, b := decide(t, policy, &obs), decide(t, others[i], &obs); !slices.Equal(a, b) {
			t.Errorf("%s: %v after resuming, want %v", policy.Name(), b, a)
		}
	}
}
