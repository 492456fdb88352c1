package suite

import (
	"testing"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// On instances small enough to try every decision, no policy or method beats the best decision, and
// the search is as good as claimed where it serves as the near-oracle of larger instances.
func TestExhaustiveBoundsEveryMethod(t *testing.T) {
	for _, devices := range []int{1, 2, 3} {
		sc, err := World{Scenario: "dynamic", Devices: devices, Servers: 2, Slot: 0.004}.scenario()
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := experiment.DefaultConfig()
		if err != nil {
			t.Fatal(err)
		}
		cfg.Scenario = sc
		policies, err := mecoffload.Baselines(sc, cfg.Profile, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range agent.Methods() {
			a, err := agent.New(agent.Config{Method: m, Scenario: sc, Profile: cfg.Profile, Recipe: cfg.Recipe, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			policies = append(policies, a)
		}
		for _, p := range policies {
			checkAgainstExhaustive(t, cfg, p)
		}
	}
}

// checkAgainstExhaustive lets a policy decide some slots, training it if it is an agent, and
// compares its decisions' one-slot values with the best of all. It also compares a search on the
// agent's learned objective with the best by that objective.
func checkAgainstExhaustive(t *testing.T, cfg experiment.Config, p mecoffload.Policy) {
	t.Helper()
	learner, _ := p.(*agent.Agent)
	sc, profile := cfg.Scenario, cfg.Profile
	sim, err := mecoffload.NewSimulator(sc, profile)
	if err != nil {
		t.Fatal(err)
	}
	obs, err := sim.Reset(5)
	if err != nil {
		t.Fatal(err)
	}
	oneSlot, err := mecoffload.NewSlotModel(sc, profile, mecoffload.Objective{Weight: sc.RewardWeight})
	if err != nil {
		t.Fatal(err)
	}
	worth := func(e *mecoffload.SlotModel, a mecoffload.Action) float64 {
		t.Helper()
		if err := e.Begin(&obs); err != nil {
			t.Fatal(err)
		}
		if err := e.Choose(a); err != nil {
			t.Fatal(err)
		}
		return e.Value()
	}
	const slots, rounding = 60, 1e-9
	action, optimal := make(mecoffload.Action, sc.Devices), make(mecoffload.Action, sc.Devices)
	got, most, best := 0.0, 0.0, 0
	for range slots {
		if err := p.Decide(obs, action); err != nil {
			t.Fatal(err)
		}
		value := worth(oneSlot, action)
		highest, err := mecoffload.Exhaustive(oneSlot, obs, optimal)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case value > highest+rounding:
			t.Fatalf("M %d: %s found a decision worth %v, the best of all is worth %v", sc.Devices,
				p.Name(), value, highest)
		case value > highest-rounding:
			best++
		}
		got += value
		most += highest
		if learner != nil {
			if err := learner.Learn(obs, action); err != nil {
				t.Fatal(err)
			}
		}
		next, err := sim.Step(action)
		if err != nil {
			t.Fatal(err)
		}
		if learner != nil {
			if err := learner.Observe(next, sim.Outcome()); err != nil {
				t.Fatal(err)
			}
		}
		obs = next.Observation
	}
	if p.Name() == "search" && (best < slots*9/10 || got < 0.99*most) {
		t.Errorf("M %d: the search was best in %d of %d slots and found %v of %v", sc.Devices, best,
			slots, got, most)
	}
	if learner == nil || learner.Method() != agent.GRLELT {
		return
	}
	learned, err := mecoffload.NewSlotModel(sc, profile, learner.Objective())
	if err != nil {
		t.Fatal(err)
	}
	search, err := mecoffload.NewSearch(sc, profile, mecoffload.SearchConfig{Objective: learner.Objective(), Seed: 1, Restarts: 8})
	if err != nil {
		t.Fatal(err)
	}
	lost := 0.0
	for range slots / 4 {
		if err := search.Decide(obs, action); err != nil {
			t.Fatal(err)
		}
		found := worth(learned, action)
		best, err := mecoffload.Exhaustive(learned, obs, optimal)
		if err != nil {
			t.Fatal(err)
		}
		if err := learner.Decide(obs, action); err != nil {
			t.Fatal(err)
		}
		if own := worth(learned, action); found > best+rounding || own > best+rounding {
			t.Fatalf("M %d: by the learned value the search found %v, the learner %v, and the "+
				"best of all is %v", sc.Devices, found, own, best)
		}
		lost += best - found
		next, err := sim.Step(optimal)
		if err != nil {
			t.Fatal(err)
		}
		obs = next.Observation
	}
	if lost > 0.002*slots/4 {
		t.Errorf("M %d: the search lost %v per slot of the learned value", sc.Devices,
			lost/(slots/4))
	}
}
