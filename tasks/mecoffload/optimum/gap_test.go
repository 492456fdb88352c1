package optimum

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// The flags of a measurement of how far GRLE-LT is from the optimum, which docs/results.md shows.
var (
	gapWorld   = flag.String("gap.world", "", "measure in this scenario")
	gapDevices = flag.Int("gap.devices", 14, "number of devices")
	gapSlot    = flag.Duration("gap.slot", 10*time.Millisecond, "length of a slot")
	gapProfile = flag.String("gap.profile", mecoffload.DefaultProfile, "CNN profile")
	gapSeed    = flag.Uint64("gap.seed", 9101, "first seed")
	gapSeeds   = flag.Int("gap.seeds", 2, "number of seeds; 0: only the bounds")
	gapSlots   = flag.Int64("gap.slots", 200, "slots of a stream that are compared")
	gapTrials  = flag.Int("gap.trials", 200_000, "decisions that the planner tries per slot")
	gapDraws   = flag.Int("gap.draws", 400, "slots that the bound is estimated from; 0: no bound")
)

// The bound by queues, and GRLE-LT trained for 4,000 slots beside a planner on new streams.
func TestGap(t *testing.T) {
	if *gapWorld == "" {
		t.Skip("a measurement: name a scenario by -gap.world")
	}
	p, err := mecoffload.LoadProfile(*gapProfile)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := mecoffload.LoadScenario(*gapWorld)
	if err != nil {
		t.Fatal(err)
	}
	sc.Devices, sc.Slot = *gapDevices, mecoffload.Seconds(gapSlot.Seconds())
	name := fmt.Sprintf("%s, %v, M %d", sc.Name, sc.Slot, sc.Devices)
	for seed := *gapSeed; seed < *gapSeed+uint64(*gapSeeds); seed++ {
		a := trained(t, sc, p, seed)
		const settle = 30
		stream := seed + 1000
		e := experiment.Evaluation{Scenario: sc, Profile: p, Seed: stream, Slots: *gapSlots + settle, From: settle}
		learned, err := e.Policy(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		o := a.Objective()
		o.Weight = 0 // accuracy alone
		planner, err := NewPlanner(sc, p, PlannerConfig{Stream: stream, Ahead: 3, Trials: *gapTrials, Objective: o, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		planned, err := e.Policy(t.Context(), planner)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%s, seed %d: GRLE-LT %.4f, planner %.4f, ratio %.4f, time of decisions %.0f and %.0f us\n", name, seed,
			learned.Accuracy, planned.Accuracy, learned.Accuracy/planned.Accuracy, learned.Decision.Mean, planned.Decision.Mean)
	}
	if *gapDraws > 0 {
		b, err := Bound(sc, p, BoundConfig{Slots: *gapDraws, Seed: *gapSeed})
		if err != nil {
			t.Fatal(err)
		}
		d, err := mecoffload.DeadlineBound(sc, p, mecoffload.DeadlineBoundConfig{Tasks: 50_000, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%s: bound %.4f +- %.4f, without queues %.4f +- %.4f\n", name, b.Accuracy, b.StdErr, d.Accuracy, d.StdErr)
	}
}

// trained returns GRLE-LT after 4,000 slots of the stream of a seed.
func trained(t *testing.T, sc mecoffload.Scenario, p mecoffload.Profile, seed uint64) *agent.Agent {
	t.Helper()
	cfg, err := experiment.DefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Method, cfg.Scenario, cfg.Profile, cfg.Recipe = agent.GRLELT, sc, p, agent.TunedRecipe()
	cfg.Slots, cfg.Seed, cfg.ValidationSlots = 4000, seed, 0
	run, err := experiment.NewRun(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	for !run.Done() {
		if err := run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := run.Checkpoint(dir); err != nil {
		t.Fatal(err)
	}
	c, err := experiment.OpenCheckpoint(filepath.Join(dir, experiment.LatestCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Agent(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}
