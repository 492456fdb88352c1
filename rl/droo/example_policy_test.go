package droo_test

import (
	"fmt"
	"log"
	"slices"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/hetero"
)

// senders is a schema with a yes or no per node. clash is the value of a decision: the gains of the
// senders, minus one for each pair that disturb each other.
var senders = hetero.Schema{
	Nodes:  []hetero.NodeType{{Name: "sender", Features: 1}},
	Edges:  []hetero.EdgeType{{Name: "disturbs", From: "sender", To: "sender"}},
	Choose: hetero.EachNode("sender"),
}

func clash(g hetero.Graph, sends []int32) (float64, error) {
	sum := 0.0
	for i, x := range sends {
		sum += float64(x) * float64(g.Node("sender", i)[0])
	}
	for e := range g.Edges[0].Src {
		if i, j := g.Edge("disturbs", e); sends[i] == 1 && sends[j] == 1 {
			sum--
		}
	}
	return sum, nil
}

// ring makes n senders in a ring, with random gains.
func ring(g *hetero.Graph, n int, rand *rl.Rand) {
	g.Reset(&senders)
	for range n {
		g.AddNode("sender", 0.4+0.4*rand.Float32())
	}
	for i := range n {
		g.AddEdge("disturbs", i, (i+1)%n)
	}
}

// newSenders is the network: of a trained policy, it is all that has to be known.
func newSenders() (rl.Model[hetero.Graph], error) {
	cfg := hetero.DefaultConfig()
	cfg.Hidden, cfg.Value, cfg.ScoreGain = 16, false, 1
	return hetero.NewModel(senders, cfg, rl.NewRand(1, 0))
}

// trainSenders returns a learner after some slots.
func trainSenders(slots int) (*droo.Learner[hetero.Graph], error) {
	model, err := newSenders()
	if err != nil {
		return nil, err
	}
	actor, err := droo.NewNetworkActor(model, droo.NetworkActorConfig{LearningRate: 3e-3})
	if err != nil {
		return nil, err
	}
	cfg := droo.DefaultConfig()
	cfg.BatchSize = 32
	learner, err := droo.New(actor, new(droo.KBest), droo.CriticFunc[hetero.Graph](clash), senders.Codec(), cfg)
	if err != nil {
		return nil, err
	}
	var g hetero.Graph
	rand := rl.NewRand(1, 9)
	for range slots {
		ring(&g, 4+rand.IntN(5), rand)
		if _, err := learner.Step(g); err != nil {
			return nil, err
		}
	}
	return learner, nil
}

// A policy decides from a checkpoint of its learner, without the learner's configuration: neither
// memory nor optimiser are made.
func ExampleLoadPolicy() {
	learner, err := trainSenders(300)
	if err != nil {
		log.Fatal(err)
	}
	state := checkpoints.NewState() // or checkpoints.Load
	if err := learner.SaveState(state); err != nil {
		log.Fatal(err)
	}

	model, err := newSenders()
	if err != nil {
		log.Fatal(err)
	}
	policy, err := droo.LoadPolicy(state, model, new(droo.KBest), droo.CriticFunc[hetero.Graph](clash))
	if err != nil {
		log.Fatal(err)
	}
	var g hetero.Graph
	ring(&g, 12, rl.NewRand(2, 9)) // larger than any in training
	want, err := learner.Decide(g)
	if err != nil {
		log.Fatal(err)
	}
	got, err := policy.Decide(g)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same decision:", slices.Equal(want, got))
	// Output:
	// the same decision: true
}
