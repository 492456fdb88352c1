package agent

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/internal/cores"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// An excerpt shows its devices the same as the whole does.
func TestExcerpt(t *testing.T) {
	for _, c := range []struct{ devices, servers, reach, links int }{
		{700, 100, 6, 4}, {700, 100, 0, 4}, {300, 5, 0, 0}, {2000, 99, 4, 4},
	} {
		sim, sc, p := builtin(t, "dynamic", func(s *mecoffload.Scenario) {
			s.Devices, s.Servers, s.Reach = c.devices, c.servers, c.reach
		})
		var s mecoffload.LinkSelection
		obs, err := s.Best(reset(t, sim, 1), c.links)
		if err != nil {
			t.Fatal(err)
		}
		decision := make([]int32, obs.Devices)
		for i := range decision {
			decision[i] = int32(i % obs.Options())
		}
		cutter := &excerpt{kinds: len(p.Servers)}
		firsts := map[int]bool{}
		for seed := range uint64(5) {
			got, choices := cutter.cut(&obs, decision, rl.NewRand(seed, 1))
			if err := got.Validate(); err != nil {
				t.Fatal(err)
			}
			if got.Devices != excerptDevices || len(choices) != excerptDevices {
				t.Fatalf("an excerpt of %d devices and %d choices", got.Devices, len(choices))
			}
			if c.reach > 0 && got.Servers > excerptDevices/7+2*c.reach+4 {
				t.Errorf("%+v: an excerpt of %d servers is spread over the city", c, got.Servers)
			}
			firsts[got.ID[0]] = true
			checkSameEdges(t, newFeaturizer(sc, p), obs, got, decision, choices)
		}
		if len(firsts) < 3 {
			t.Errorf("%+v: five seeds, and the excerpts begin at %v", c, firsts)
		}
	}
}

// checkSameEdges compares the features of an excerpt's edges and devices with those of the whole.
func checkSameEdges(t *testing.T, f *featurizer, whole, part mecoffload.Observation, decision, choices []int32) {
	t.Helper()
	features := func(o mecoffload.Observation) (device, edge []float32) {
		device = make([]float32, o.Devices*deviceFeatures)
		edge = make([]float32, o.Devices*o.Options()*edgeFeatures)
		new(featureTask).run(f, &o, device, make([]float32, o.Servers*o.Exits*optionFeatures), edge)
		return device, edge
	}
	wantDevice, wantEdge := features(whole)
	gotDevice, gotEdge := features(part)
	row := part.Options() * edgeFeatures
	for i, id := range part.ID {
		at := slices.Index(whole.ID, id)
		if !slices.Equal(gotDevice[i*deviceFeatures:][:deviceFeatures], wantDevice[at*deviceFeatures:][:deviceFeatures]) ||
			!slices.Equal(gotEdge[i*row:][:row], wantEdge[at*row:][:row]) || choices[i] != decision[at] {
			t.Fatalf("device %d looks different in the excerpt", id)
		}
	}
}

// Large decisions stay in reach, are reproducible, and are learned from; options outside the
// agent's links are rejected.
func TestManyDevices(t *testing.T) {
	for _, reach := range []int{0, 6} {
		var first []int32
		for range 2 {
			sim, sc, p := builtin(t, "dynamic", func(s *mecoffload.Scenario) {
				s.Devices, s.Servers, s.Reach = 210, 30, reach
			})
			r := TunedRecipe()
			r.BatchSize, r.MemorySize, r.TrainInterval = 4, 16, 2
			a, err := New(Config{Method: GRLELT, Scenario: sc, Profile: p, Recipe: r, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			run := &benchRun{agent: a, sim: sim, obs: reset(t, sim, 1), action: make(mecoffload.Action, 210)}
			for range 12 {
				run.slot(t)
			}
			run.decide(t, run.obs)
			if first == nil {
				first = slices.Clone(run.action)
			} else if !slices.Equal(first, run.action) {
				t.Error("another decision the second time")
			}
			seen, err := a.view.observation(run.obs)
			if err != nil {
				t.Fatal(err)
			}
			for link := range run.obs.Degree() {
				if seen.LinkTo(0, run.obs.ServerOf(0, link)) < 0 {
					run.action[0] = int32(link * run.obs.Exits)
				}
			}
			if err := a.Learn(run.obs, run.action); err == nil || !strings.Contains(err.Error(), "does not consider") &&
				!strings.Contains(err.Error(), "not among the 4") {
				t.Errorf("a link that the agent does not see: %v", err)
			}
			a.Close()
		}
	}
}

// Decisions do not depend on the number of processors.
func TestProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	defer cores.Force(1)()
	var want [][]int32
	var learned []float32
	for processors := 1; processors <= 3; processors++ {
		runtime.GOMAXPROCS(processors)
		sim, sc, p := builtin(t, "dynamic", func(s *mecoffload.Scenario) { s.Devices, s.Servers = 1400, 200 })
		r := TunedRecipe()
		r.BatchSize, r.TrainInterval = 2, 2
		a, err := New(Config{Method: GRLELT, Scenario: sc, Profile: p, Recipe: r, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		run := &benchRun{agent: a, sim: sim, obs: reset(t, sim, 1), action: make(mecoffload.Action, 1400)}
		for slot := range 6 {
			run.slot(t)
			if processors == 1 {
				want = append(want, slices.Clone(run.action))
			} else if !slices.Equal(want[slot], run.action) {
				t.Fatalf("%d processors, slot %d: another decision", processors, slot)
			}
		}
		var weights []float32
		for _, param := range a.actor.Params() {
			weights = append(weights, param.Data()...)
		}
		if processors == 1 {
			learned = weights
		} else if !slices.Equal(learned, weights) {
			t.Errorf("%d processors: other weights", processors)
		}
		a.Close()
	}
}
