// Package gnn computes on graphs: structures, convolutions, pooling and readout,
// as fused operations on the tape of package nn.
//
// # Graphs
//
// A [Graph] says who is joined to whom; features of its vertices and edges are
// matrices beside it, a row for each. It is a gorgonia.Value: an expression graph
// has an input for it, made by [NewGraphInput], and each run may bind another graph
// of any size. Make graphs from an [EdgeIndex] with [NewGraph] or [NewBipartite],
// join them with [Batch], or rebuild one in place with its Set methods, which reuse
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
// Messages flow along edges, from source to destination; in an undirected graph
// both directions are in the list ([EdgeIndex.Undirected]). A layer's result has a
// row for each destination. [Graph.Reverse] turns edges round, with their features
// as they are: bind it to an input of its own to send messages both ways through a
// bipartite graph.
//
// # Layers
//
// What each layer can do. Sparse: its first input may be a [Sparse] matrix. Edge:
// it takes features of edges; (d) with a gradient with respect to them. Bipartite:
// sources and destinations may be different vertices, as in one relation of a
// heterogeneous graph, whose results [Add] sums. The page docs/layers.md has more,
// and which layer to take for what.
//
//	layer             sparse  edge  bipartite  from
//	GCNConv             yes    -       -       Kipf and Welling 2017
//	SAGEConv mean, sum  yes    -      yes      Hamilton et al. 2017, Morris et al. 2019
//	SAGEConv max         -     -      yes      Hamilton et al. 2017
//	GATConv             yes    -      yes      Velickovic et al. 2018
//	GATv2Conv           yes   yes     yes      Brody et al. 2022
//	GINConv              -    yes      -       Xu et al. 2019; with edges Hu et al. 2020
//	EdgeConv             -     -      yes      Wang et al. 2019
//	NNConv              yes   (d)     yes      Gilmer et al. 2017
//	EdgeMessage          -    yes     yes      Gilmer et al. 2017, one layer, fused
//	EdgeUpdate           -    (d)     yes      Battaglia et al. 2018
//	EdgeScorer           -    yes     yes      a score for each edge, fused
//
// [Aggregate] and [AggregateEdges] are message passing at its barest, from vertices
// and from edges; with [EdgeUpdate] they make layers of your own.
//
// Around the convolutions: [LayerNorm], [BatchNorm], [GraphNorm], [Dropout];
// [Add] for residual connections, [JumpingConcat] and [JumpingMax] for jumping
// knowledge; [TopKPooling] and [SAGPooling] to coarsen graphs; [Readout] and
// [AttentionReadout] to make one row of each graph; [NeighborSampler] for graphs
// too large for a full batch. [Sequential] stacks layers on rows.
//
// # Cost
//
// Products with weights run once per vertex, also where a formula has them once
// per edge, and only what depends on both ends of an edge runs once per edge. A
// convolution carries features along the edges while they are narrow: before its
// weight if that widens them, after it if not. What a layer needs of a structure
// alone (degrees, normalisations) is computed once per structure and shared by
// layers and tapes. Once buffers have grown, nothing allocates.
//
// # Tests
//
// Package gnntest holds the suite that all layers pass; run your own through it.
package gnn
