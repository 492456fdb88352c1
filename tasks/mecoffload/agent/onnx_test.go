package agent

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/gnn/onnx/onnxtest"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// TestONNX compares the exported models with the trained actors, on observations of sizes that the
// models of graph actors were not exported with, and some of them with servers out of reach.
func TestONNX(t *testing.T) {
	for _, method := range []Method{GRLE, GRL, GRLELT, DROOE, DROO} {
		t.Run(string(method), func(t *testing.T) {
			c := testConfig(t, method)
			c.Scenario.Devices = 6
			p := trainedPolicy(t, c)
			model, err := p.ONNX()
			if err != nil {
				t.Fatal(err)
			}
			actor, err := droo.NewNetworkActor(p.network, droo.NetworkActorConfig{})
			if err != nil {
				t.Fatal(err)
			}
			defer actor.Close()
			_, graph := p.network.(*graphNet)
			for seed := range uint64(12) {
				rng := rand.New(rand.NewPCG(seed, 5))
				sim, _, _ := builtin(t, []string{"dynamic", "jitter", "churn"}[seed%3], func(sc *mecoffload.Scenario) {
					sc.Devices = 6
					if graph {
						sc.Devices, sc.Servers = 1+rng.IntN(20), 1+rng.IntN(6)
						sc.Reach = rng.IntN(sc.Servers + 1)
					}
				})
				obs := reset(t, sim, seed)
				for range 3 {
					transition, err := sim.Step(randomAction(rng, &obs))
					if err != nil {
						t.Fatal(err)
					}
					obs = transition.Observation
				}
				seen := obs
				if !p.view.all() {
					seen.Exits = 1
				}
				scores, err := actor.Scores(seen)
				if err != nil {
					t.Fatal(err)
				}
				places, place := obs.Devices, func(m int) int { return m }
				if !graph {
					places, place = 6, func(m int) int { return obs.ID[m] }
				}
				in, want := onnxInputs(&seen, places, place), onnxOutputs(p, &seen, scores)
				if places == obs.Devices {
					onnxtest.Write(t, fmt.Sprintf("%s.%d", method, seed), model, in, want)
				}
				got := onnxtest.Evaluate(model, in)
				for name, w := range want {
					per := len(w.Data) / obs.Devices
					for i, v := range w.Data {
						g := got[name].Data[place(i/per)*per+i%per]
						if g != v && !(math.Abs(g-v) <= 1e-5*max(1, math.Abs(v))) {
							t.Fatalf("seed %d: %s: entry %d is %v, the actor has %v", seed, name, i, g, v)
						}
					}
				}
			}
		})
	}
}

// trainedPolicy returns a policy of an agent that has learned for some slots, which no longer scores
// all options alike.
func trainedPolicy(t *testing.T, c Config) *Policy {
	t.Helper()
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	sim, err := mecoffload.NewSimulator(c.Scenario, c.Profile)
	if err != nil {
		t.Fatal(err)
	}
	obs := reset(t, sim, c.Seed)
	for range 300 {
		action := make(mecoffload.Action, obs.Devices)
		if err := errors.Join(a.Decide(obs, action), a.Learn(obs, action)); err != nil {
			t.Fatal(err)
		}
		transition, err := sim.Step(action)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Observe(transition, sim.Outcome()); err != nil {
			t.Fatal(err)
		}
		obs = transition.Observation
	}
	s := checkpoints.NewState()
	if err := a.SaveState(s); err != nil {
		t.Fatal(err)
	}
	p, err := LoadPolicy(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// onnxInputs are the inputs of a model for obs. Places of absent devices are as ONNX says.
func onnxInputs(obs *mecoffload.Observation, places int, place func(m int) int) map[string]onnxtest.Tensor {
	bits, deadline := make([]float64, places), make([]float64, places)
	rate := make([]float64, places*obs.Servers)
	if obs.Devices < places {
		for i := range deadline {
			deadline[i] = math.Inf(1)
		}
		for i := range rate {
			rate[i] = 1
		}
	}
	for m := range obs.Devices {
		bits[place(m)], deadline[place(m)] = obs.Bits[m], obs.Deadline[m]
		for j := range obs.Degree() {
			rate[place(m)*obs.Servers+obs.ServerOf(m, j)] = obs.Rate[m*obs.Degree()+j]
		}
	}
	return map[string]onnxtest.Tensor{
		"bits": onnxtest.Vector(bits...), "deadline": onnxtest.Vector(deadline...),
		"rate":     {Shape: []int{places, obs.Servers}, Data: rate},
		"capacity": onnxtest.Vector(obs.Capacity...), "backlog": onnxtest.Vector(obs.Backlog...),
	}
}

// onnxOutputs are the outputs that a model must have for the present devices.
func onnxOutputs(p *Policy, obs *mecoffload.Observation, s droo.Scores) map[string]onnxtest.Tensor {
	l := obs.Exits
	scores := make([]float64, obs.Devices*obs.Servers*l)
	for i := range scores {
		scores[i] = math.Inf(-1)
	}
	var server, exit []int
	for m := range obs.Devices {
		best := 0
		for option, v := range s.Row(m) {
			scores[(m*obs.Servers+obs.ServerOf(m, option/l))*l+option%l] = float64(v)
			if v > s.Row(m)[best] {
				best = option
			}
		}
		server, exit = append(server, obs.ServerOf(m, best/l)), append(exit, best%l+1+int(p.view.exits)-l)
	}
	return map[string]onnxtest.Tensor{
		"server": onnxtest.Vector(server...), "exit": onnxtest.Vector(exit...),
		"scores": {Shape: []int{obs.Devices, obs.Servers, l}, Data: scores},
	}
}
