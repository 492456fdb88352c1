package experiment

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// A run with energy budgets continues from its checkpoints to the last bit, and as a longer one.
func TestResumeWithEnergyBudgets(t *testing.T) {
	for _, method := range []agent.Method{agent.DROOE, agent.GRL, agent.GRLELT} {
		cfg := tinyConfig(t, method)
		cfg.Scenario.Name, cfg.Scenario.Energy = "budgets", mecoffload.Energy{TransmitW: 0.2, BudgetMJ: 0.8, Weight: 5}
		whole := newRun(t, cfg)
		want := advance(t, whole, cfg.Slots)
		run := newRun(t, cfg)
		got := advance(t, run, 50)
		run = reborn(t, run)
		got = append(got, advance(t, run, cfg.Slots)...)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: reports: -whole +resumed:\n%s", method, d)
		}
		if d := cmp.Diff(tensors(t, whole), tensors(t, run)); d != "" {
			t.Errorf("%s: state: -whole +resumed:\n%s", method, d)
		}
		if e := run.Row().Energy; e == nil || !(e.Mean > 0 && e.Mean <= e.MaxDevice) {
			t.Errorf("%s: energy %+v", method, e)
		}
	}
}

// All methods keep the budget, on seeds that nothing was chosen on.
func TestMethodsKeepTheEnergyBudget(t *testing.T) {
	for _, method := range agent.Methods() {
		for seed := uint64(424); seed <= 425; seed++ {
			cfg := tinyConfig(t, method)
			cfg.Seed, cfg.Slots = seed, 600
			cfg.Scenario.Name, cfg.Scenario.Energy = "budgets", mecoffload.Energy{TransmitW: 0.2, BudgetMJ: 0.5}
			a, err := agent.New(cfg.agent())
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			row, err := Evaluation{Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: seed, Slots: cfg.Slots}.Online(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if e := row.Energy; e == nil || e.MaxDevice > e.Budget || e.Mean < e.Budget/2 {
				t.Errorf("%s, seed %d: energy %+v, want at most the budget", method, seed, e)
			}
		}
	}
}
