package agent

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// benchCase is an agent in the scenario dynamic whose decisions and training are timed.
type benchCase struct {
	name             string
	method           Method
	devices, servers int
	learn            int // slots to learn for before timing starts
	states           int // states met after that, decided on in turn
	energy           mecoffload.Energy
}

// The large cases would take minutes to warm up.
var benchCases = []benchCase{
	{"GRLE-M14-N2-L5", GRLE, 14, 2, 512, 64, mecoffload.Energy{}},
	{"GRLE-M100-N4-L5", GRLE, 100, 4, 0, 16, mecoffload.Energy{}},
	{"GRLE-M1000-N20-L5", GRLE, 1000, 20, 0, 4, mecoffload.Energy{}},
	{"DROO-M14-N2-L1", DROO, 14, 2, 512, 64, mecoffload.Energy{}},
}

// benchCandidates is the number of candidates of a decision in every case.
const benchCandidates = 28

// peerRecipe is the recipe tuned, reduced to the work that the peers in bench/peers also do:
// candidates drawn from the actor over all links, scored by the nominal reward.
func peerRecipe() Recipe {
	r := TunedRecipe()
	r.ProposeGreedy, r.LearnDeadlines, r.LatencyWeight = false, false, -1
	r.Links, r.Switches = 0, 0
	return r
}

// prepare returns the agent in its world and the states it met there with its decisions. So
// backlogs, repeated candidates and missed deadlines are as frequent as in a real run.
func (c benchCase) prepare(tb testing.TB, r Recipe) (*benchRun, []droo.Sample[mecoffload.Observation]) {
	tb.Helper()
	sim, sc, p := builtin(tb, "dynamic", func(s *mecoffload.Scenario) { s.Devices, s.Servers, s.Energy = c.devices, c.servers, c.energy })
	if r.Candidates == 0 {
		r.Candidates = benchCandidates
	}
	agent, err := New(Config{Method: c.method, Scenario: sc, Profile: p, Recipe: r, Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(agent.Close)
	run := &benchRun{agent: agent, sim: sim, obs: reset(tb, sim, 1), action: make(mecoffload.Action, c.devices)}
	for range c.learn {
		run.slot(tb)
	}
	met := make([]droo.Sample[mecoffload.Observation], c.states)
	for i := range met {
		obs, err := agent.view.observation(run.obs)
		if err != nil {
			tb.Fatal(err)
		}
		obs.CopyTo(&met[i].Observation)
		if err := agent.planner.begin(&obs); err != nil {
			tb.Fatal(err)
		}
		decision, err := agent.learner.Decide(obs)
		if err != nil {
			tb.Fatal(err)
		}
		met[i].Decision = append(met[i].Decision, decision...)
		run.slot(tb)
	}
	return run, met
}

// benchRun is a run of an agent without the bookkeeping.
type benchRun struct {
	agent  *Agent
	sim    *mecoffload.Simulator
	obs    mecoffload.Observation
	action mecoffload.Action
}

// slot decides, learns and acts.
func (r *benchRun) slot(tb testing.TB) {
	if err := r.agent.Decide(r.obs, r.action); err != nil {
		tb.Fatal(err)
	}
	if err := r.agent.Learn(r.obs, r.action); err != nil {
		tb.Fatal(err)
	}
	tr, err := r.sim.Step(r.action)
	if err != nil {
		tb.Fatal(err)
	}
	if err := r.agent.Observe(tr, r.sim.Outcome()); err != nil {
		tb.Fatal(err)
	}
	r.obs = tr.Observation
}

func (r *benchRun) decide(tb testing.TB, obs mecoffload.Observation) {
	if err := r.agent.Decide(obs, r.action); err != nil {
		tb.Fatal(err)
	}
}

func (r *benchRun) train(tb testing.TB, batch []droo.Sample[mecoffload.Observation]) float64 {
	loss, err := r.agent.actor.Train(batch)
	if err != nil {
		tb.Fatal(err)
	}
	return loss
}

// BenchmarkDecide is one decision: features, forward pass, candidates, critic, choice.
func BenchmarkDecide(b *testing.B) {
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			benchDecide(b, c, peerRecipe())
		})
	}
	// The users' settings: 64 candidates and the proposal, learned deadlines, and for GRLE-LT the
	// value of backlogs and refinement.
	for _, m := range []Method{GRLE, GRLELT} {
		c := benchCases[0]
		c.method = m
		b.Run(fmt.Sprintf("%s-M14-N2-L5-tuned", m), func(b *testing.B) {
			r := TunedRecipe()
			r.Candidates = r.candidates(c.devices)
			benchDecide(b, c, r)
		})
	}
}

func benchDecide(b *testing.B, c benchCase, r Recipe) {
	run, met := c.prepare(b, r)
	for i := range 2 * len(met) {
		run.decide(b, met[i%len(met)].Observation)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		run.decide(b, met[i%len(met)].Observation)
	}
	reportMemory(b)
}

// BenchmarkTrainStep is one minibatch: features, forward and backward pass, Adam. What the checks
// for NaN and infinity take of it is the share of kernel.MaxAbs in its -cpuprofile.
func BenchmarkTrainStep(b *testing.B) {
	for _, c := range benchCases {
		b.Run(fmt.Sprintf("%s-b%d", c.name, c.states), func(b *testing.B) {
			run, met := c.prepare(b, peerRecipe())
			for range 10 {
				run.train(b, met)
			}
			b.ReportAllocs()
			for b.Loop() {
				run.train(b, met)
			}
		})
	}
}

// BenchmarkSlot is one complete slot, including the simulator and a share of the training.
func BenchmarkSlot(b *testing.B) {
	b.Run("GRLE-M14-N2-L5", func(b *testing.B) {
		c := benchCases[0]
		c.learn = PaperRecipe().MemorySize // until the replay memory is full
		run, _ := c.prepare(b, PaperRecipe())
		b.ReportAllocs()
		for b.Loop() {
			run.slot(b)
		}
	})
}

// reportMemory reports the memory that the process holds from the operating system.
func reportMemory(b *testing.B) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB-sys")
}

func TestDecideAndTrainDoNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector drops pooled memory")
	}
	long := PaperRecipe()
	long.Name, long.RefineTrials, long.ValueMemory = "long-term", 300, 64
	budget := long
	budget.Name = "energy budget"
	for _, r := range []Recipe{PaperRecipe(), TunedRecipe(), long, budget} {
		c := benchCases[0]
		if r.Name == long.Name || r.Name == budget.Name {
			c.method = GRLELT
		}
		if r.Name == budget.Name {
			c.energy = mecoffload.Energy{TransmitW: 0.2, BudgetMJ: 1}
		}
		r.MemorySize = 128
		c.learn = 80 // meets enough states to fill the memories
		run, met := c.prepare(t, r)
		for _, f := range []struct {
			what string
			run  func()
		}{
			{"a decision", func() { run.decide(t, met[0].Observation) }},
			{"a training step", func() { run.train(t, met) }},
			{"a slot", func() { run.slot(t) }},
		} {
			if allocs := testing.AllocsPerRun(50, f.run); allocs != 0 {
				t.Errorf("recipe %s: %v allocations in %s", r.Name, allocs, f.what)
			}
		}
	}
}

// peerFile is the output file of TestWritePeerCases.
var peerFile = flag.String("peers", "", "write the benchmark cases to this `file` for bench/peers")

// peerCase holds everything that another framework needs to repeat a benchCase, and our results for
// it to check against.
type peerCase struct {
	Name                    string
	Devices, Servers, Exits int
	Slot, RewardWeight      float64
	Accuracy                []float64 // [L]
	Times                   []float64 // [N x L], s
	LearningRate            float64
	Params                  []peerParam
	States                  []peerState
	// losses of successive training steps, each on all states at once
	Losses []float32
}

type peerParam struct {
	Name  string
	Shape []int
	Data  []float32
}

type peerState struct {
	Observation mecoffload.Observation
	Decision    []int32   // the decision to learn [M]
	Logits      []float32 // [M x options]
	Candidates  [][]int32 // [K x M]
	Values      []float64 // [K] of the critic
}

// TestWritePeerCases does nothing unless the flag is set.
func TestWritePeerCases(t *testing.T) {
	if *peerFile == "" {
		t.Skip("no -peers FILE")
	}
	recipe := peerRecipe()
	var out []peerCase
	for _, c := range benchCases {
		run, met := c.prepare(t, recipe)
		sc, p := run.sim.Scenario(), run.sim.Profile()
		if !run.agent.view.all() {
			p = p.LastExit()
		}
		pc := peerCase{
			Name: c.name, Devices: c.devices, Servers: c.servers, Exits: p.Exits(),
			Slot: float64(sc.Slot), RewardWeight: sc.RewardWeight,
			Accuracy: p.Accuracy, Times: p.Times(c.servers, nil), LearningRate: recipe.LearningRate,
		}
		for _, param := range run.agent.actor.Params() {
			pc.Params = append(pc.Params, peerParam{param.Name, param.Shape(), append([]float32(nil), param.Data()...)})
		}
		critic, err := mecoffload.NewCritic(sc, p, sc.RewardObjective())
		if err != nil {
			t.Fatal(err)
		}
		quantizer, err := recipe.quantizer(rl.NewRand(2, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range met {
			scores, err := run.agent.actor.Scores(s.Observation)
			if err != nil {
				t.Fatal(err)
			}
			var d droo.Decisions
			if err := quantizer.Candidates(scores, benchCandidates, &d); err != nil {
				t.Fatal(err)
			}
			values := make([]float64, d.K)
			if err := critic.Score(s.Observation, &d, values); err != nil {
				t.Fatal(err)
			}
			ps := peerState{
				Observation: s.Observation, Decision: s.Decision,
				Logits: append([]float32(nil), scores.Logits...), Values: values,
			}
			for k := range d.K {
				ps.Candidates = append(ps.Candidates, d.Candidate(k))
			}
			pc.States = append(pc.States, ps)
		}
		// a fresh optimiser, with the weights as written
		fresh, err := New(Config{Method: c.method, Scenario: sc, Profile: run.sim.Profile(), Recipe: recipe, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		if err := fresh.actor.Params().CopyFrom(run.agent.actor.Params()); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			loss, err := fresh.actor.Train(met)
			if err != nil {
				t.Fatal(err)
			}
			pc.Losses = append(pc.Losses, float32(loss))
		}
		out = append(out, pc)
	}
	data, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*peerFile, data, 0o666); err != nil {
		t.Fatal(err)
	}
}
