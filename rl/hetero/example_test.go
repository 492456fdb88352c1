package hetero_test

import (
	"fmt"
	"log"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/hetero"
)

// Three jobs and two machines. Job 2 only fits on machine 1, so its row has one option.
func ExampleGraph() {
	s := hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "job", Features: 1}, {Name: "machine", Features: 1}},
		Edges:  []hetero.EdgeType{{Name: "fits", From: "job", To: "machine"}},
		Choose: hetero.EdgePerSource("fits"),
	}
	var g hetero.Graph
	g.Reset(&s)
	for m := range 2 {
		g.AddNode("machine", float32(m))
	}
	for work := range 3 {
		g.AddNode("job", float32(work))
	}
	g.AddEdge("fits", 0, 0)
	g.AddEdge("fits", 1, 0)
	g.AddEdge("fits", 0, 1)
	g.AddEdge("fits", 1, 1)
	g.AddEdge("fits", 2, 1)
	fmt.Println("valid:", g.Check(&s) == nil)
	for job, choice := range []int32{1, 0, 0} { // a decision: an option per job
		_, machine := g.Edge("fits", g.Chosen(job, choice))
		fmt.Printf("job %d goes to machine %d\n", job, machine)
	}
	g.AddEdge("fits", 5, 0)
	fmt.Println(g.Check(&s))
	// Output:
	// valid: true
	// job 0 goes to machine 1
	// job 1 goes to machine 0
	// job 2 goes to machine 1
	// hetero: graph: edge 5 of type "fits" leads from job 5 of 3 to machine 0 of 2
}

// Senders on a shared channel: neighbours that send together lose. The critic values a decision,
// and the learner finds good senders on graphs of any size.
func ExampleNewDROO() {
	s := hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "sender", Features: 1}},
		Edges:  []hetero.EdgeType{{Name: "disturbs", From: "sender", To: "sender"}},
		Choose: hetero.EachNode("sender"),
	}
	worth := func(g hetero.Graph, sends []int32) (float64, error) {
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
	cfg := hetero.DefaultDROOConfig(1)
	cfg.Learner.Candidates = 16
	learner, err := hetero.NewDROO(s, droo.CriticFunc[hetero.Graph](worth), cfg)
	if err != nil {
		log.Fatal(err)
	}
	var g hetero.Graph
	ring := func(n int, gain func(i int) float32) {
		g.Reset(&s)
		for i := range n {
			g.AddNode("sender", gain(i))
		}
		for i := range n {
			g.AddEdge("disturbs", i, (i+1)%n)
		}
	}
	rand := rl.NewRand(1, 9)
	for range 600 {
		ring(4+rand.IntN(5), func(int) float32 { return 0.4 + 0.4*rand.Float32() })
		if _, err := learner.Step(g); err != nil {
			log.Fatal(err)
		}
	}
	ring(12, func(i int) float32 { return 0.5 + 0.2*float32(i%2) }) // larger than any in training
	decision, err := learner.Decide(g)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decision)
	// Output: [0 1 0 1 0 1 0 1 0 1 0 1]
}

// The network of GRLE scores every edge between two sides, here untrained: one row per job, as many
// options as the job has edges.
func ExampleNewBipartiteModel() {
	s := hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "job", Features: 1}, {Name: "machine", Features: 1}},
		Edges:  []hetero.EdgeType{{Name: "fits", From: "job", To: "machine"}},
		Choose: hetero.EdgePerSource("fits"),
	}
	model, err := hetero.NewBipartiteModel(s, hetero.BipartiteConfig{Hidden: 8, Rounds: 1}, rl.NewRand(1, 0))
	if err != nil {
		log.Fatal(err)
	}
	actor, err := droo.NewNetworkActor(model, droo.NetworkActorConfig{Loss: droo.SoftmaxCrossEntropy})
	if err != nil {
		log.Fatal(err)
	}
	var g hetero.Graph
	g.Reset(&s)
	for i := range 3 {
		g.AddNode("machine", float32(i))
	}
	g.AddNode("job", 1)
	g.AddNode("job", 2)
	g.AddEdge("fits", 0, 0)
	g.AddEdge("fits", 0, 1)
	g.AddEdge("fits", 0, 2)
	g.AddEdge("fits", 1, 2)
	scores, err := actor.Scores(g)
	if err != nil {
		log.Fatal(err)
	}
	for job := range scores.Rows {
		fmt.Printf("job %d: %d options\n", job, len(scores.Row(job)))
	}
	// Output:
	// job 0: 3 options
	// job 1: 1 options
}

// Many observations on one graph share its edges: copies keep the same Structure, and only features
// are copied.
func ExampleEdgeSet() {
	s := hetero.Schema{
		Nodes:  []hetero.NodeType{{Name: "node", Features: 1}},
		Edges:  []hetero.EdgeType{{Name: "edge", From: "node", To: "node", Directed: true}},
		Choose: hetero.OneNode("node"),
	}
	ring, err := gnn.NewGraph(4, gnn.EdgeIndex{Src: []int32{0, 1, 2, 3}, Dst: []int32{1, 2, 3, 0}})
	if err != nil {
		log.Fatal(err)
	}
	var g, kept hetero.Graph
	g.Reset(&s)
	g.Nodes[0] = hetero.NodeSet{Count: 4, Features: []float32{1, 2, 3, 4}}
	g.Edges[0].Structure = ring
	s.Codec().Copy(&kept, g) // as a memory does
	g.Nodes[0].Features[0] = 9

	src, dst := kept.Edge("edge", 3)
	fmt.Println("edge 3 leads from", src, "to", dst)
	fmt.Println("shared:", kept.Edges[0].Structure == ring, "features:", kept.Nodes[0].Features)
	// Output:
	// edge 3 leads from 3 to 0
	// shared: true features: [1 2 3 4]
}
