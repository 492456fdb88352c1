// Package gnn computes on graphs: structures, convolutions, pooling and readout, as fused
// operations on the tape of package nn.
//
// # Graphs
//
// A [Graph] holds vertices and edges. Their features are separate matrices with a row for each. A
// graph is a gorgonia.Value: an expression graph has an input for it, made by [NewGraphInput], and
// each run may bind another graph of any size. Make graphs from an [EdgeIndex] with [NewGraph] or
// [NewBipartite], join them with [Batch], or rebuild one in place with its Set methods, which reuse
// its memory:
//
//	g, err := gnn.NewGraphInput(eg, "graph")     // once
//	x, err := nn.NewInput(eg, "x", features)
//	h, err := conv.Forward(g, x)
//	tape, err := nn.NewTape(h)
//	...
//	err = graph.SetCompleteBipartite(m, o)       // each step
//	err = tape.Bind(g, graph)
//	err = tape.Bind(x, buffer.Value())
//	err = tape.Run()
//
// Messages flow along edges, from source to destination; an undirected graph lists both directions
// ([EdgeIndex.Undirected]). A layer's result has a row for each destination. [Graph.Reverse]
// reverses edges and leaves their features unchanged: bind it to a second input to send messages
// both ways through a bipartite graph.
//
// # Layers
//
// The table shows what each layer takes. Sparse: its first input may be a [Sparse] matrix. Edge: it
// takes edge features and differentiates with respect to them. Bipartite: sources and destinations
// may be different vertices, as in one relation of a heterogeneous graph; nn.Add sums the results
// of several relations. docs/layers.md helps to choose.
//
//	layer             sparse  edge  bipartite  from
//	GCNConv             yes    -       -       Kipf and Welling 2017
//	SAGEConv mean, sum  yes    -      yes      Hamilton et al. 2017, Morris et al. 2019
//	SAGEConv max         -     -      yes      Hamilton et al. 2017
//	GATConv             yes    -      yes      Velickovic et al. 2018
//	GATv2Conv           yes   yes     yes      Brody et al. 2022
//	GINConv              -    yes      -       Xu et al. 2019; with edges Hu et al. 2020
//	EdgeConv             -     -      yes      Wang et al. 2019
//	NNConv              yes   yes     yes      Gilmer et al. 2017
//	EdgeMessage          -    yes     yes      Gilmer et al. 2017, one layer, fused
//	EdgeUpdate           -    yes     yes      Battaglia et al. 2018
//	EdgeScorer           -    yes     yes      a score for each edge, fused
//
// A constructor takes a name, a config and a random source: NewGCNConv("first", GCNConvConfig{In:
// 16, Out: 64, Act: nn.ReLU}, rng). The name starts the names of the parameters, which checkpoints
// use.
//
// Around the convolutions: [GraphNorm]; [TopKPooling] and [SAGPooling] to coarsen graphs; [Readout]
// and [AttentionReadout] to reduce each graph to one row and [Broadcast] to copy that row to its
// vertices; [NeighborSampler] for graphs too large for a full batch. Layers without a graph
// (normalisations, dropout, residual connections, jumping knowledge) are in package nn.
//
// # Your own layer
//
// [GatherSrc], [GatherDst], [EdgeUpdate], [EdgeSoftmax], [AggregateEdges] and [Aggregate], with the
// operations of package nn, are differentiable: write the formula, and the gradients follow.
// docs/your-own-layer.md builds a gated convolution from them. Package gnntest holds the test suite
// of all layers; run yours through it.
//
// # Errors
//
// Constructors reject impossible sizes. A wrong feature width is an error when a layer is added to
// an expression graph, a wrong number of rows when it runs. Both errors wrap nn.ErrShape and name
// the layer.
//
// # Cost
//
// Products with weights run once per vertex, even if a formula has them once per edge. Only terms
// that depend on both ends of an edge run once per edge. A convolution carries features along the
// edges while they are narrow: before its weight if that widens them, after it if not. Degrees and
// normalisations are computed once per structure and shared by layers and tapes. Once buffers have
// grown, nothing allocates.
package gnn
