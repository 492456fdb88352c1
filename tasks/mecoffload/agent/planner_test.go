package agent

import (
	"slices"
	"testing"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// counter is a V that counts its evaluations: one per scored decision, and one more for each search for
// a device's best option.
type counter struct {
	mecoffload.SeparableValue
	calls int
}

func (c *counter) Value(backlog []float64) float64 {
	c.calls++
	return c.SeparableValue.Value(backlog)
}

func (c *counter) OfMean(mean float64) float64 {
	c.calls++
	return c.SeparableValue.OfMean(mean)
}

// Each candidate, including the proposal, is scored once per slot. Only refinement adds to that.
func TestEachCandidateIsScoredOnce(t *testing.T) {
	for _, trials := range []int{0, 300, 1300} {
		sim, sc, p := builtin(t, "dynamic", nil)
		r := TunedRecipe()
		r.RefineTrials = trials
		a, err := New(Config{Method: GRLELT, Scenario: sc, Profile: p, Recipe: r, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		v := &counter{SeparableValue: a.value}
		a.objective.Future = v
		counted, err := newPlanner(sc, p, a.objective, r, true, a.random)
		if err != nil {
			t.Fatal(err)
		}
		*a.planner = *counted
		obs := reset(t, sim, 1)
		action := make(mecoffload.Action, obs.Devices)
		for range 30 {
			v.calls = 0
			if err := a.Decide(obs, action); err != nil {
				t.Fatal(err)
			}
			if err := a.Learn(obs, action); err != nil {
				t.Fatal(err)
			}
			most := r.candidates(sc.Devices) + 1
			if trials > 0 {
				most += 2 + trials + trials/2 // each device has 10 options, so each 10 trials need a few more
			}
			if v.calls < 2 || v.calls > most {
				t.Fatalf("%d trials: %d decisions were scored in a slot, want at most %d", trials,
					v.calls, most)
			}
			tr, err := sim.Step(action)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Observe(tr, sim.Outcome()); err != nil {
				t.Fatal(err)
			}
			obs = tr.Observation
		}
	}
}

// A search with a quantizer that draws nothing goes on with its draws after a checkpoint.
func TestSearchGoesOnAfterCheckpoint(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", nil)
	r := TunedRecipe()
	r.Quantizer, r.BatchSize, r.MemorySize = "order", 4, 16
	made := func() *Agent {
		a, err := New(Config{Method: GRLELT, Scenario: sc, Profile: p, Recipe: r, Seed: 9502})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		return a
	}
	run := &benchRun{agent: made(), sim: sim, obs: reset(t, sim, 9502), action: make(mecoffload.Action, sc.Devices)}
	for range 20 {
		run.slot(t)
		restored := resumed(t, run.agent, made())
		want, got := run.action, make(mecoffload.Action, sc.Devices)
		run.decide(t, run.obs)
		if err := restored.Decide(run.obs, got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("decided %v, without a checkpoint %v", got, want)
		}
	}
}
