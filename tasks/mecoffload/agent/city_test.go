package agent

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/cores"
	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// cityOf returns an agent for 420 devices and 60 servers, and its world.
func cityOf(t *testing.T, m Method, cells int, change func(*mecoffload.Scenario)) *benchRun {
	t.Helper()
	sim, sc, p := builtin(t, "dynamic", func(s *mecoffload.Scenario) {
		s.Devices, s.Servers, s.Reach = 420, 60, 8
		if change != nil {
			change(s)
		}
	})
	r := TunedRecipe()
	r.BatchSize, r.MemorySize, r.TrainInterval, r.Cells = 4, 16, 2, cells
	a, err := New(Config{Method: m, Scenario: sc, Profile: p, Recipe: r, Seed: 9313})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return &benchRun{agent: a, sim: sim, obs: reset(t, sim, 9313), action: make(mecoffload.Action, sc.Devices)}
}

// Decisions by cells and what is learned from them do not depend on the number of cores, and go on
// as they were after a checkpoint.
func TestCellsOnSeveralCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	defer cores.Force(1)()
	for _, m := range []Method{GRLELT, GRL} {
		var want [][]int32
		for processors := 1; processors <= 3; processors++ {
			runtime.GOMAXPROCS(processors)
			run := cityOf(t, m, 4, nil)
			for slot := range 8 {
				if slot == 5 {
					run.agent = resumed(t, run.agent, cityOf(t, m, 4, nil).agent)
				}
				run.slot(t)
				if !run.agent.byCells {
					t.Fatal("decided as a whole")
				}
				if processors == 1 {
					want = append(want, slices.Clone(run.action))
				} else if !slices.Equal(want[slot], run.action) {
					t.Fatalf("%s, %d processors, slot %d: another decision", m, processors, slot)
				}
			}
		}
	}
}

// resumed returns the second agent with the state of the first.
func resumed(t *testing.T, a, b *Agent) *Agent {
	t.Helper()
	s := checkpoints.NewState()
	if err := errors.Join(a.SaveState(s), b.LoadState(s)); err != nil {
		t.Fatal(err)
	}
	return b
}

// Each cell gets the decision that a policy of a world of its own makes for it.
func TestCellIsAWorld(t *testing.T) {
	for _, m := range []Method{GRLE, GRLELT} {
		run := cityOf(t, m, 4, nil)
		for range 12 { // until there is something to lose
			run.slot(t)
		}
		run.decide(t, run.obs)
		p := run.agent.Policy
		seed, err := p.AppendDraws(nil)
		if err != nil {
			t.Fatal(err)
		}
		run.decide(t, run.obs)
		if err := p.SetDraws(seed); err != nil {
			t.Fatal(err)
		}
		draws := p.random.Uint64()
		state := checkpoints.NewState()
		if err := run.agent.SaveState(state); err != nil {
			t.Fatal(err)
		}
		for cell := range 4 {
			var part mecoffload.Observation
			p.city.cells.Part(&p.seen, cell, &part)
			_, sc, profile := builtin(t, "dynamic", func(s *mecoffload.Scenario) {
				s.Devices, s.Servers, s.Reach = part.Devices, part.Servers, part.Links
			})
			r := p.recipe
			r.Cells = 1
			alone, err := LoadPolicy(state, Config{Method: m, Scenario: sc, Profile: profile, Recipe: r})
			if err != nil {
				t.Fatal(err)
			}
			if p.objective.Prices != nil { // those of another number of devices differ
				first, end := p.city.cells.Servers(cell)
				alone.planner.model.SetPrices(p.objective.Prices[first:end])
			}
			alone.random.Reseed(draws, uint64(cell))
			got := decide(t, alone, part)
			for at, device := range p.city.cells.Devices(cell) {
				if got[at] != p.decision[device] {
					t.Fatalf("%s, cell %d, device %d: %d alone, %d in the city", m, cell, device, got[at], p.decision[device])
				}
			}
		}
	}
}

// What a policy says of its last decision holds for the whole network.
func TestCitySpeaksForAll(t *testing.T) {
	energy := mecoffload.Energy{TransmitW: 0.2, BudgetMJ: 0.5, Weight: 5}
	for _, budget := range []mecoffload.Energy{{}, energy} {
		run := cityOf(t, GRLELT, 4, func(s *mecoffload.Scenario) { s.Energy = budget })
		held := 0
		for range 30 {
			run.slot(t)
			for _, a := range run.action {
				if a == mecoffload.Held {
					held++
				}
			}
		}
		if (held > 0) != (budget != mecoffload.Energy{}) {
			t.Errorf("%+v: %d tasks are held back", budget, held)
		}
		run.decide(t, run.obs)
		a := run.agent
		model, err := mecoffload.NewSlotModel(a.scenario, a.view.profile, a.Objective())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(model.Begin(&a.seen), model.Choose(a.decision)); err != nil {
			t.Fatal(err)
		}
		if got, want := a.Value(), model.Value(); got != want || math.IsNaN(got) {
			t.Errorf("value %v, want %v", got, want)
		}
		got, want := make([]float64, len(a.decision)), make([]float64, len(a.decision))
		if err := a.Finishes(got); err != nil {
			t.Fatal(err)
		}
		if model.Finishes(want); !slices.Equal(got, want) {
			t.Error("other times")
		}
		a.SetLimit(func() bool { return true })
		run.decide(t, run.obs)
		if !a.Cut() || a.Value() > model.Value()+0.02 {
			t.Errorf("cut: %v, value %v, without a limit %v", a.Cut(), a.Value(), model.Value())
		}
		a.SetLimit(nil)
		if run.decide(t, run.obs); a.Cut() {
			t.Error("cut without a limit")
		}
	}
}

// A decision by cells loses next to nothing against one of the whole: on the same slots, the mean
// value is within half a percent.
func TestCellsLoseLittle(t *testing.T) {
	whole, cells := cityOf(t, GRLE, 1, nil), cityOf(t, GRLE, 3, nil)
	for range 200 {
		whole.slot(t)
	}
	resumed(t, whole.agent, cells.agent)
	a, b := 0.0, 0.0
	for range 40 {
		whole.decide(t, whole.obs)
		cells.decide(t, whole.obs)
		if whole.agent.byCells || !cells.agent.byCells {
			t.Fatal("a whole by cells, or cells as a whole")
		}
		a, b = a+whole.agent.Value(), b+cells.agent.Value()
		next, err := whole.sim.Step(whole.action)
		if err != nil {
			t.Fatal(err)
		}
		whole.obs = next.Observation
	}
	if b < 0.995*a {
		t.Errorf("%.4f as a whole, %.4f by cells", a/40, b/40)
	}
}

func TestCellsAllocateLittle(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	run := cityOf(t, GRLELT, 4, nil)
	for range 3 {
		run.slot(t)
	}
	if n := testing.AllocsPerRun(20, func() { run.decide(t, run.obs) }); n > 6 { // of the selection
		t.Errorf("%v allocations", n)
	}
}

func TestAutomaticCells(t *testing.T) {
	r := TunedRecipe()
	adapts := r
	adapts.AdaptInterval = 32
	for _, c := range []struct {
		recipe                  Recipe
		devices, servers, reach int
		cells                   int
	}{
		{r, 100_000, 14_000, 16, 100}, {r, 10_000, 1400, 16, 10}, {r, 1900, 300, 16, 1}, {r, 10_000, 1400, 0, 1},
		{r, 10_000, 1400, 7, 1}, {r, 10_000, 100, 16, 3}, {adapts, 10_000, 1400, 16, 1}, {PaperRecipe(), 10_000, 1400, 16, 10},
	} {
		if got := c.recipe.cells(mecoffload.Scenario{Devices: c.devices, Servers: c.servers, Reach: c.reach}); got != c.cells {
			t.Errorf("%+v: %d cells", c, got)
		}
	}
	adapts.Cells = 2
	if r.Cells = -1; adapts.Validate() == nil || r.Validate() == nil {
		t.Error("accepted")
	}
}
