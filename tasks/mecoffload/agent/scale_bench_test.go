package agent

import (
	"fmt"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// scaleCases are networks from one cell to a city of 100,000 devices. A reach of 0 is all servers.
var scaleCases = []struct{ devices, servers, reach int }{
	{14, 2, 0}, {1000, 20, 0}, {1000, 140, 0}, {1000, 140, 16},
	{10_000, 1400, 0}, {10_000, 1400, 16}, {100_000, 14_000, 16},
}

// scaleRun is an agent that has learned for 512 slots of 14 devices, frozen in another world.
func scaleRun(b *testing.B, m Method, devices, servers, reach int) *benchRun {
	b.Helper()
	trained, _ := benchCase{"", m, 14, 2, 512, 1, mecoffload.Energy{}}.prepare(b, TunedRecipe())
	state := checkpoints.NewState()
	if err := trained.agent.SaveState(state); err != nil {
		b.Fatal(err)
	}
	sim, sc, p := builtin(b, "dynamic", func(s *mecoffload.Scenario) {
		s.Devices, s.Servers, s.Reach = devices, servers, reach
	})
	agent, err := New(Config{Method: m, Scenario: sc, Profile: p, Recipe: TunedRecipe(), Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(agent.Close)
	if err := agent.LoadLearned(state); err != nil {
		b.Fatal(err)
	}
	run := &benchRun{agent: agent, sim: sim, obs: reset(b, sim, 1), action: make(mecoffload.Action, devices)}
	for range 4 { // until there are backlogs
		run.decide(b, run.obs)
		t, err := sim.Step(run.action)
		if err != nil {
			b.Fatal(err)
		}
		run.obs = t.Observation
	}
	return run
}

// BenchmarkScale is one decision, and one slot of a run that learns, by the size of the network.
func BenchmarkScale(b *testing.B) {
	for _, m := range []Method{GRLE, GRLELT} {
		for _, c := range scaleCases {
			name := fmt.Sprintf("%s-M%d-N%d-R%d", m, c.devices, c.servers, c.reach)
			b.Run("Decide/"+name, func(b *testing.B) {
				run := scaleRun(b, m, c.devices, c.servers, c.reach)
				b.ReportAllocs()
				run.decide(b, run.obs)
				for b.Loop() {
					run.decide(b, run.obs)
				}
				reportMemory(b)
			})
			b.Run("Slot/"+name, func(b *testing.B) {
				run := scaleRun(b, m, c.devices, c.servers, c.reach)
				b.ReportAllocs()
				for b.Loop() {
					run.slot(b)
				}
				reportMemory(b)
			})
		}
	}
}
