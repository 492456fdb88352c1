package gnn_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// lab is an expression graph with inputs for a graph and for the features of its vertices and
// edges. The examples below build one layer in it and compute the layer once.
type lab struct {
	graph, x, f *gorgonia.Node
	bound       []func(*nn.Tape) error
}

// newLab takes a graph with one row of x per vertex and one row of f (may be nil) per edge.
func newLab(graph *gnn.Graph, x, f [][]float32) *lab {
	eg := gorgonia.NewGraph()
	l := &lab{graph: must(gnn.NewGraphInput(eg, "graph"))}
	l.bind(l.graph, graph)
	l.x = l.input(eg, "x", x)
	if f != nil {
		l.f = l.input(eg, "f", f)
	}
	return l
}

func (l *lab) input(eg *gorgonia.ExprGraph, name string, rows [][]float32) *gorgonia.Node {
	n := must(nn.NewInput(eg, name, len(rows[0])))
	b := new(nn.Buffer)
	b.Resize(len(rows), len(rows[0]))
	for i, row := range rows {
		copy(b.Matrix().Row(i), row)
	}
	l.bind(n, b.Value())
	return n
}

func (l *lab) bind(n *gorgonia.Node, v gorgonia.Value) {
	l.bound = append(l.bound, func(t *nn.Tape) error {
		if !t.Needs(n) {
			return nil
		}
		return t.Bind(n, v)
	})
}

// print computes y and prints its rows.
func (l *lab) print(y *gorgonia.Node, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	tape := must(nn.NewTape(y))
	for _, bind := range l.bound {
		if err := bind(tape); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := tape.Run(); err != nil {
		fmt.Println(err)
		return
	}
	for i := range tape.Matrix(y).Rows {
		fmt.Printf("row %d: %.2f\n", i, tape.Matrix(y).Row(i))
	}
}

// star is the graph with edges from vertices 1 and 2 to vertex 0.
func star() *gnn.Graph {
	return must(gnn.NewGraph(3, gnn.EdgeIndex{Src: []int32{1, 2}, Dst: []int32{0, 0}}))
}

// ones fills weights with 1, so that the results below can be checked by hand.
func ones(w nn.Matrix, _ *rand.Rand) { nn.Constant(1)(w, nil) }

// newSource returns a source of random weights.
func newSource() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// Vertex 0 hears 10 and 30; the others hear nothing.
func ExampleAggregate() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, nil)
	fmt.Println("mean")
	l.print(gnn.Aggregate(l.graph, l.x, gnn.Mean))
	fmt.Println("max")
	l.print(gnn.Aggregate(l.graph, l.x, gnn.Max))
	// Output:
	// mean
	// row 0: [20.00]
	// row 1: [0.00]
	// row 2: [0.00]
	// max
	// row 0: [30.00]
	// row 1: [0.00]
	// row 2: [0.00]
}

// The features of edges, added up where they end.
func ExampleAggregateEdges() {
	l := newLab(star(), [][]float32{{0}, {0}, {0}}, [][]float32{{5, 1}, {7, 2}})
	l.print(gnn.AggregateEdges(l.graph, l.f, gnn.Sum))
	// Output:
	// row 0: [12.00 3.00]
	// row 1: [0.00 0.00]
	// row 2: [0.00 0.00]
}

// A row per edge: its source's features.
func ExampleGatherSrc() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, nil)
	l.print(gnn.GatherSrc(l.graph, l.x))
	// Output:
	// row 0: [10.00]
	// row 1: [30.00]
}

// A row per edge: its destination's features.
func ExampleGatherDst() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, nil)
	l.print(gnn.GatherDst(l.graph, l.x))
	// Output:
	// row 0: [1.00]
	// row 1: [1.00]
}

// Scores of the two edges into vertex 0 become weights: exp(1)/(exp(0)+exp(1)) = 0.73.
func ExampleEdgeSoftmax() {
	l := newLab(star(), [][]float32{{0}, {0}, {0}}, [][]float32{{0}, {1}})
	l.print(gnn.EdgeSoftmax(l.graph, l.f))
	// Output:
	// row 0: [0.27]
	// row 1: [0.73]
}

// One row per graph of a batch.
func ExampleReadout() {
	batch := must(gnn.Batch(star(), star()))
	l := newLab(batch, [][]float32{{1}, {2}, {3}, {10}, {20}, {30}}, nil)
	l.print(gnn.Readout(l.graph, l.x, gnn.Mean))
	// Output:
	// row 0: [2.00]
	// row 1: [20.00]
}

// Every vertex learns the mean over its graph.
func ExampleBroadcast() {
	batch := must(gnn.Batch(star(), star()))
	l := newLab(batch, [][]float32{{1}, {2}, {3}, {10}, {20}, {30}}, nil)
	mean, err := gnn.Readout(l.graph, l.x, gnn.Mean)
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(gnn.Broadcast(l.graph, mean))
	// Output:
	// row 0: [2.00]
	// row 1: [2.00]
	// row 2: [2.00]
	// row 3: [20.00]
	// row 4: [20.00]
	// row 5: [20.00]
}

// A gate that looks at the features decides which vertices count. Here it is the feature itself, so
// vertex 2 outweighs the others.
func ExampleAttentionReadout() {
	l := newLab(star(), [][]float32{{0}, {1}, {5}}, nil)
	gate := must(nn.NewLinear("gate", nn.LinearConfig{In: 1, Out: 1, Init: ones}, newSource()))
	readout := gnn.AttentionReadout{Gate: gate}
	l.print(readout.Forward(l.graph, l.x))
	// Output:
	// row 0: [4.90]
}

// With weights of 1 the formula shows: vertex 0 has degree 3, self loop included, its neighbours 1,
// so row 0 is 1/3 + (10 + 30)/sqrt(3).
func ExampleGCNConv() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, nil)
	conv, err := gnn.NewGCNConv("gcn", gnn.GCNConvConfig{In: 1, Out: 1, Init: ones}, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(conv.Forward(l.graph, l.x))
	// Output:
	// row 0: [23.43]
	// row 1: [10.00]
	// row 2: [30.00]
}

// Each vertex keeps its own features and adds the mean of its neighbours'.
func ExampleSAGEConv() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, nil)
	conv, err := gnn.NewSAGEConv("sage", gnn.SAGEConvConfig{In: 1, Out: 1, Agg: gnn.Mean, Init: ones}, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(conv.Forward(l.graph, l.x))
	// Output:
	// row 0: [21.00]
	// row 1: [10.00]
	// row 2: [30.00]
}

// Attention weighs neighbours by their features: 3 counts for more than 1.
func ExampleGATConv() {
	l := newLab(star(), [][]float32{{0}, {1}, {3}}, nil)
	conv, err := gnn.NewGATConv("gat", gnn.GATConvConfig{In: 1, Out: 1, Heads: 1, Concat: true, Init: ones}, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(conv.Forward(l.graph, l.x))
	// Output:
	// row 0: [2.65]
	// row 1: [1.00]
	// row 2: [3.00]
}

// Attention over edges that have features: the weight of a neighbour grows with its edge's.
func ExampleGATv2Conv() {
	l := newLab(star(), [][]float32{{0}, {1}, {3}}, [][]float32{{4}, {0}})
	cfg := gnn.GATv2ConvConfig{In: 1, EdgeDim: 1, Out: 1, Heads: 1, Init: ones}
	conv, err := gnn.NewGATv2Conv("gatv2", cfg, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(conv.ForwardBipartite(l.graph, l.x, l.x, l.f))
	// Output:
	// row 0: [1.24]
	// row 1: [0.00]
	// row 2: [0.00]
}

// Sums distinguish graphs that means cannot: vertex 0 has two neighbours with equal features,
// vertex 1 has one.
func ExampleGINConv() {
	g := must(gnn.NewGraph(4, gnn.EdgeIndex{Src: []int32{2, 3, 2}, Dst: []int32{0, 0, 1}}))
	l := newLab(g, [][]float32{{1}, {1}, {5}, {5}}, nil)
	net := must(nn.NewLinear("net", nn.LinearConfig{In: 1, Out: 1, Init: ones}, newSource()))
	conv, err := gnn.NewGINConv("gin", gnn.GINConvConfig{Net: net}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(conv.Forward(l.graph, l.x))
	// Output:
	// row 0: [11.00]
	// row 1: [6.00]
	// row 2: [5.00]
	// row 3: [5.00]
}

// Each vertex takes the largest of its neighbours' messages.
func ExampleEdgeConv() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, nil)
	conv, err := gnn.NewEdgeConv("edge", gnn.EdgeConvConfig{In: 1, Hidden: 1, Init: ones}, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(conv.Forward(l.graph, l.x))
	// Output:
	// row 0: [31.00]
	// row 1: [0.00]
	// row 2: [0.00]
}

// An edge's feature f scales its message: with weights of 1 it is x_j (1 + f).
func ExampleNNConv() {
	l := newLab(star(), [][]float32{{0}, {10}, {30}}, [][]float32{{1}, {0}})
	cfg := gnn.NNConvConfig{In: 1, Out: 1, EdgeWidth: 1, Agg: gnn.Sum, Init: ones}
	conv, err := gnn.NewNNConv("nnconv", cfg, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(conv.Forward(l.graph, l.x, l.x, l.f))
	// Output:
	// row 0: [50.00]
	// row 1: [10.00]
	// row 2: [30.00]
}

// Messages relu(x_j + x_i + f_e), averaged.
func ExampleEdgeMessage() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, [][]float32{{2}, {-100}})
	cfg := gnn.EdgeMessageConfig{In: 1, EdgeDim: 1, Hidden: 1, Agg: gnn.Mean, Init: ones}
	layer, err := gnn.NewEdgeMessage("message", cfg, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(layer.Forward(l.graph, l.x, l.x, l.f))
	// Output:
	// row 0: [6.50]
	// row 1: [0.00]
	// row 2: [0.00]
}

// New features for every edge from both of its ends.
func ExampleEdgeUpdate() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, nil)
	layer, err := gnn.NewEdgeUpdate("update", gnn.EdgeUpdateConfig{In: 1, Hidden: 1, Init: ones}, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(layer.Forward(l.graph, l.x, l.x, nil))
	// Output:
	// row 0: [11.00]
	// row 1: [31.00]
}

// A network for choosing a server for each device: its parameters do not depend on how many there
// are.
func ExampleBipartiteScorer() {
	cfg := gnn.BipartiteScorerConfig{In: 2, InDst: 3, EdgeDim: 1, Hidden: 32, Rounds: 2}
	net, err := gnn.NewBipartiteScorer("actor", cfg, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(net.Params()), "parameters with", net.Params().Count(), "weights")
	// Output:
	// 34 parameters with 19137 weights
}

// Each column of each graph gets mean 0 and variance 1.
func ExampleGraphNorm() {
	batch := must(gnn.Batch(star(), star()))
	l := newLab(batch, [][]float32{{1}, {2}, {3}, {100}, {200}, {300}}, nil)
	norm, err := gnn.NewGraphNorm("norm", 1, nn.None)
	if err != nil {
		fmt.Println(err)
		return
	}
	l.print(norm.Forward(l.graph, l.x))
	// Output:
	// row 0: [-1.22]
	// row 1: [0.00]
	// row 2: [1.22]
	// row 3: [-1.22]
	// row 4: [0.00]
	// row 5: [1.22]
}

// The two vertices of three that score highest stay, scaled by tanh of their scores.
func ExampleTopKPooling() {
	l := newLab(star(), [][]float32{{1}, {-10}, {30}}, nil)
	pool, err := gnn.NewTopKPooling("pool", gnn.PoolingConfig{In: 1, Ratio: 0.5, Init: ones}, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, y, err := pool.Forward(l.graph, l.x)
	l.print(y, err)
	// Output:
	// row 0: [0.76]
	// row 1: [30.00]
}

// Scores come from a convolution, so a vertex's neighbours have a say in whether it stays.
func ExampleSAGPooling() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, nil)
	pool, err := gnn.NewSAGPooling("pool", gnn.PoolingConfig{In: 1, Ratio: 0.5, Init: ones}, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, y, err := pool.Forward(l.graph, l.x)
	l.print(y, err)
	// Output:
	// row 0: [1.00]
	// row 1: [30.00]
}
