package rl_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/envs"
	"github.com/graphrl/graphrl/rl/hetero"
)

// PPO learns to balance a pole, and stops when an evaluation reaches the required return.
func ExamplePPO() {
	problem := rl.VectorProblem(func() rl.DiscreteEnv { return envs.NewCartPole() }, rl.DefaultMLPConfig(0, 0))
	cfg := rl.DefaultPPOConfig()
	cfg.Steps, cfg.RolloutSteps, cfg.Epochs, cfg.LearningRate, cfg.EntropyCoef = 50_000, 32, 20, 1e-3, 0
	learner, err := rl.NewPPO(problem, cfg)
	if err != nil {
		log.Fatal(err)
	}
	// Evaluations during training use some episodes every 2000 steps; the final test uses others.
	evaluator := rl.NewEvaluator(learner, problem.NewEnv, 2000)
	evaluator.Episodes, evaluator.Seed, evaluator.Until = 20, 1, rl.ReturnReaches(400)
	if err := learner.Train(context.Background(), evaluator.Evaluate); err != nil {
		log.Fatal(err)
	}
	returns, err := rl.Evaluate(learner, problem.NewEnv, 50, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stopped early:", learner.Progress().Steps < cfg.Steps)
	fmt.Println("balances for more than 300 steps:", rl.Mean(returns) > 300)
	// Output:
	// stopped early: true
	// balances for more than 300 steps: true
}

// A policy is put to work from a checkpoint of its training, of which it needs nothing but the
// network: not the algorithm, nor how many environments there were.
func ExampleLoadPolicy() {
	problem := rl.VectorProblem(func() rl.DiscreteEnv { return envs.NewCartPole() }, rl.DefaultMLPConfig(0, 0))
	cfg := rl.DefaultPPOConfig()
	cfg.Steps, cfg.Envs = 2048, 4
	learner, err := rl.NewPPO(problem, cfg)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "policy")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	save := rl.Checkpoint(dir, cfg.Steps, learner, checkpoints.Manifest{Method: "PPO"})
	if err := learner.Train(context.Background(), save); err != nil {
		log.Fatal(err)
	}

	state, _, err := checkpoints.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	policy, err := rl.LoadPolicy(state, problem)
	if err != nil {
		log.Fatal(err)
	}
	trained, err := rl.Evaluate(learner, problem.NewEnv, 10, 1)
	if err != nil {
		log.Fatal(err)
	}
	loaded, err := rl.Evaluate(policy, problem.NewEnv, 10, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same returns:", slices.Equal(trained, loaded))
	// Output:
	// the same returns: true
}

// star is the schema of hub: nodes of one kind, and edges added in both directions.
var star = hetero.Schema{
	Nodes:  []hetero.NodeType{{Name: "node", Features: 1}},
	Edges:  []hetero.EdgeType{{Name: "edge", From: "node", To: "node", Directed: true}},
	Choose: hetero.OneNode("node"),
}

// hub shows a star, nodes around one in the middle, and asks which is in the middle. All nodes have
// the same feature, a 1 to be counted by their neighbours.
type hub struct {
	nodes  int // of the star; 0: three to eight
	centre int
	obs    hetero.Graph
}

func (h *hub) Reset(seed uint64) (hetero.Graph, error) {
	rng := rl.NewRand(seed, 0)
	n := h.nodes
	if n == 0 {
		n = 3 + rng.IntN(6)
	}
	h.centre = rng.IntN(n)
	h.obs.Reset(&star)
	for range n {
		h.obs.AddNode("node", 1)
	}
	for i := range n {
		if i != h.centre {
			h.obs.AddEdge("edge", h.centre, i)
			h.obs.AddEdge("edge", i, h.centre)
		}
	}
	return h.obs, nil
}

func (h *hub) Step(node int) (rl.Transition[hetero.Graph], error) {
	t := rl.Transition[hetero.Graph]{Observation: h.obs, Terminated: true}
	if node == h.centre {
		t.Reward = 1
	}
	return t, nil
}

// A graph policy learns on small stars and decides on large ones: it knows no numbers of nodes.
func ExampleREINFORCE() {
	network := hetero.DefaultConfig()
	network.Hidden, network.Layers = 16, 1
	network.Aggregation = gnn.Sum // a mean cannot count neighbours
	train := rl.DefaultREINFORCEConfig()
	train.Steps, train.LearningRate = 3000, 1e-2
	problem := hetero.Problem(star, func() rl.Env[hetero.Graph, int] { return new(hub) }, network)
	learner, err := rl.NewREINFORCE(problem, train)
	if err != nil {
		log.Fatal(err)
	}
	if err := learner.Train(context.Background()); err != nil {
		log.Fatal(err)
	}
	large := func() rl.Env[hetero.Graph, int] { return &hub{nodes: 50} }
	returns, err := rl.Evaluate(learner, large, 100, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("finds the middle of 50 nodes in %.0f of 100 stars\n", 100*rl.Mean(returns))
	// Output:
	// finds the middle of 50 nodes in 100 of 100 stars
}

// Experiences of two steps from an episode of three, with a discount of one half. The last one has
// fewer steps.
func ExampleNStep() {
	nstep, err := rl.NewNStep(2, 0.5, rl.IntCodec{})
	if err != nil {
		log.Fatal(err)
	}
	for place := range 3 {
		if err := nstep.Act(place, 1); err != nil {
			log.Fatal(err)
		}
		t := rl.Transition[int]{Observation: place + 1, Reward: 8, Terminated: place == 2}
		err := nstep.Observe(t, func(e rl.Experience[int]) {
			fmt.Printf("from %d to %d: return %v, and %v of what follows\n", e.Observation, e.Next, e.Return, e.Discount)
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// from 0 to 2: return 12, and 0.25 of what follows
	// from 1 to 3: return 12, and 0 of what follows
	// from 2 to 3: return 8, and 0 of what follows
}
