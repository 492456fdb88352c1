// Package hetero describes problems as data: an observation is a heterogeneous graph (PyG's
// HeteroData), and the library builds the network, the batches and the copies that learners need.
//
// A [Schema] declares the types of nodes and edges, their numbers of features, and what to choose:
//
//	schema := hetero.Schema{
//		Nodes:  []hetero.NodeType{{Name: "job", Features: 1}, {Name: "machine", Features: 1}},
//		Edges:  []hetero.EdgeType{{Name: "fits", From: "job", To: "machine", Features: 1}},
//		Choose: hetero.EdgePerSource("fits"), // every job chooses one of its edges
//	}
//
// A [Graph] is one observation, filled node by node and edge by edge:
//
//	var g hetero.Graph
//	g.Reset(&schema)
//	job := g.AddNode("job", work)
//	machine := g.AddNode("machine", speed)
//	g.AddEdge("fits", job, machine, work/speed)
//
// If a critic can score decisions, [NewDROO] returns a complete learner:
//
//	learner, err := hetero.NewDROO(schema, critic, hetero.DefaultDROOConfig(1))
//	decision, err := learner.Step(g) // one option per job
//
// If there are only rewards, [Problem] feeds any learner of package rl:
//
//	learner, err := rl.NewPPO(hetero.Problem(schema, newEnv, hetero.DefaultConfig()), rl.DefaultPPOConfig())
//
// Numbers of nodes, edges, rows and options may differ between observations. [NewModel] returns a
// message passing network for any schema, [NewBipartiteModel] the smaller one of GRLE for two sides
// joined by edges; both are rl.Models. The same observation serves both kinds of learners. DROO
// chooses an option in every row at once; a learner from rewards takes one of all options per step,
// for instance the next edge.
package hetero
