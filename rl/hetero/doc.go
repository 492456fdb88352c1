// Package hetero describes problems as data: an observation is a heterogeneous graph (what PyG
// calls HeteroData), and the library builds the network, the batches and the copies that learners
// need.
//
// A [Schema] says once what kinds of nodes and edges there are, how many features each has, and
// what is chosen:
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
// Numbers of nodes, edges, rows and options differ freely from one observation to the next.
// [NewModel] makes a message passing network for any schema, [NewBipartiteModel] the smaller one of
// GRLE for two sides joined by edges. Both are rl.Models: give them to droo.NewNetworkActor where
// candidate decisions can be scored, or to PPO, A2C, DQN or REINFORCE where there are only rewards.
// [Codec] copies and saves observations.
//
// The same observation serves both kinds of learners. DROO chooses an option in every row at once;
// a learner from rewards takes one of all options per step, for instance the next edge.
package hetero
