package hetero_test

import (
	"context"
	"fmt"
	"log"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/hetero"
)

// yard has jobs and machines. DROO decides about all jobs at once; a learner from rewards sends the
// jobs one after the other, in their order. Both see the same graphs, but for the choice.
type yard struct {
	g    hetero.Graph
	next int       // job
	busy []float32 // of each machine so far
}

func yardSchema(choose hetero.Choice) hetero.Schema {
	return hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "job", Features: 1}, {Name: "machine", Features: 1}}, // 1 while it waits, load
		Edges:  []hetero.EdgeType{{Name: "runs", From: "job", To: "machine", Features: 1}},    // time it takes
		Choose: choose,
	}
}

var (
	atOnce   = yardSchema(hetero.EdgePerSource("runs"))
	oneByOne = yardSchema(hetero.OneEdge("runs"))
)

// draw fills g with 6 jobs and 2 or 3 machines: the same ones for the same seed.
func draw(g *hetero.Graph, s *hetero.Schema, seed uint64) {
	rand := rl.NewRand(seed, 0)
	g.Reset(s)
	machines := 2 + rand.IntN(2)
	for range machines {
		g.AddNode("machine", 0)
	}
	for range 6 {
		job := g.AddNode("job", 1)
		for m := range machines {
			g.AddEdge("runs", job, m, 0.1+rand.Float32())
		}
	}
}

// makespan is minus the time at which the last machine finishes: the value of a whole decision.
func makespan(g hetero.Graph, decision []int32) (float64, error) {
	var last float32
	busy := make([]float32, g.Count("machine"))
	for job, machine := range decision {
		busy[machine] += g.EdgeFeatures("runs", g.Chosen(job, machine))[0]
		last = max(last, busy[machine])
	}
	return -float64(last), nil
}

func (y *yard) Reset(seed uint64) (hetero.Graph, error) {
	draw(&y.g, &oneByOne, seed)
	y.next, y.busy = 0, make([]float32, y.g.Count("machine"))
	y.mask()
	return y.g, nil
}

// Step pays what the job adds to the makespan, so that the rewards of an episode sum to it.
func (y *yard) Step(edge int) (rl.Transition[hetero.Graph], error) {
	job, machine := y.g.Edge("runs", edge)
	before := last(y.busy)
	y.busy[machine] += y.g.EdgeFeatures("runs", edge)[0]
	y.g.Node("machine", machine)[0] = y.busy[machine]
	y.g.Node("job", job)[0] = 0
	y.next++
	y.mask()
	return rl.Transition[hetero.Graph]{
		Observation: y.g, Reward: float64(before - last(y.busy)), Terminated: y.next == y.g.Count("job"),
	}, nil
}

// mask allows the edges of the next job.
func (y *yard) mask() {
	y.g.Allowed = y.g.Allowed[:0]
	for e := range y.g.CountEdges("runs") {
		job, _ := y.g.Edge("runs", e)
		y.g.Allowed = append(y.g.Allowed, job == y.next)
	}
}

func last(busy []float32) (latest float32) {
	for _, t := range busy {
		latest = max(latest, t)
	}
	return latest
}

// A learner that scores whole decisions and one that learns from rewards decide about the same 100
// graphs, so that the difference of each pair counts and the luck of the draw does not.
func ExampleProblem_paired() {
	newEnv := func() rl.Env[hetero.Graph, int] { return new(yard) }
	network := hetero.DefaultConfig()
	network.Hidden = 16
	cfg := rl.DefaultPPOConfig()
	cfg.Steps, cfg.Seed, cfg.LearningRate, cfg.Gamma = 6000, 1, 3e-3, 1
	ppo, err := rl.NewPPO(hetero.Problem(oneByOne, newEnv, network), cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := ppo.Train(context.Background()); err != nil {
		log.Fatal(err)
	}
	learner, err := hetero.NewDROO(atOnce, droo.CriticFunc[hetero.Graph](makespan), hetero.DefaultDROOConfig(1))
	if err != nil {
		log.Fatal(err)
	}
	var g hetero.Graph
	for slot := range 1000 { // as many jobs as PPO has met
		draw(&g, &atOnce, uint64(slot))
		if _, err := learner.Step(g); err != nil {
			log.Fatal(err)
		}
	}

	const graphs, seed = 100, 7
	returns, err := rl.Evaluate(ppo, newEnv, graphs, seed)
	if err != nil {
		log.Fatal(err)
	}
	values := make([]float64, graphs)
	for k := range values {
		draw(&g, &atOnce, rl.EpisodeSeed(seed, k)) // as Reset has done
		decision, err := learner.Decide(g)
		if err != nil {
			log.Fatal(err)
		}
		if values[k], err = makespan(g, decision); err != nil {
			log.Fatal(err)
		}
	}
	paired, err := rl.NewBootstrap(rl.NewRand(1, 0)).PairedDifference(values, returns)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("makespan: DROO %.1f, PPO %.1f\n", -rl.Mean(values), -rl.Mean(returns))
	fmt.Println("DROO's is shorter, beyond the luck of the graphs:", paired.Low > 0)
	// Output:
	// makespan: DROO 1.2, PPO 1.5
	// DROO's is shorter, beyond the luck of the graphs: true
}
