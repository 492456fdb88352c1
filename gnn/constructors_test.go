package gnn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/internal/constructors"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// second keeps the error of a constructor.
func second[T any](_ T, err error) error { return err }

// tried makes a call of a constructor with a config.
func tried[C, L any](make func(string, C, *rand.Rand) (L, error), cfg C) func() error {
	return func() error { return second(make("l", cfg, rand.New(rand.NewPCG(1, 2)))) }
}

// sourceless is tried without a random source.
func sourceless[C, L any](make func(string, C, *rand.Rand) (L, error), cfg C) func() error {
	return func() error { return second(make("l", cfg, nil)) }
}

func TestConstructorsRefuseNonsense(t *testing.T) {
	eg := gorgonia.NewGraph()
	graph := must(gnn.NewGraph(2, gnn.EdgeIndex{}))
	gcn := gnn.GCNConvConfig{In: 1, Out: 1}
	constructors.Check(t, ".", constructors.Bad{
		"NewGraph": {
			"negative":     func() error { return second(gnn.NewGraph(-1, gnn.EdgeIndex{})) },
			"no such end":  func() error { return second(gnn.NewGraph(1, gnn.EdgeIndex{Src: []int32{0}, Dst: []int32{1}})) },
			"half an edge": func() error { return second(gnn.NewGraph(1, gnn.EdgeIndex{Src: []int32{0}})) },
		},
		"NewBipartite": {
			"negative":    func() error { return second(gnn.NewBipartite(1, -1, gnn.EdgeIndex{})) },
			"no such end": func() error { return second(gnn.NewBipartite(1, 1, gnn.EdgeIndex{Src: []int32{1}, Dst: []int32{0}})) },
		},
		"NewGraphInput":  {"no graph": func() error { return second(gnn.NewGraphInput(nil, "g")) }},
		"NewSparseInput": {"no columns": func() error { return second(gnn.NewSparseInput(eg, "x", 0)) }},
		"NewSparse": {
			"negative":     func() error { return second(gnn.NewSparse(-1, 1, nil, nil, nil)) },
			"no offsets":   func() error { return second(gnn.NewSparse(1, 1, nil, nil, nil)) },
			"no values":    func() error { return second(gnn.NewSparse(1, 1, []int32{0, 1}, []int32{0}, nil)) },
			"column":       func() error { return second(gnn.NewSparse(1, 1, []int32{0, 1}, []int32{1}, []float32{1})) },
			"decreasing":   func() error { return second(gnn.NewSparse(2, 1, []int32{0, 2, 1}, []int32{0}, []float32{1})) },
			"beyond reach": func() error { return second(gnn.NewSparse(math.MaxInt, 1, nil, nil, nil)) },
		},
		"NewNeighborSampler": {
			"no graph":  func() error { return second(gnn.NewNeighborSampler(nil, []int{1}, rand.New(rand.NewPCG(1, 1)))) },
			"no source": func() error { return second(gnn.NewNeighborSampler(graph, []int{1}, nil)) },
			"fanout":    func() error { return second(gnn.NewNeighborSampler(graph, []int{0}, rand.New(rand.NewPCG(1, 1)))) },
		},
		"NewGCNConv": {
			"zero":       tried(gnn.NewGCNConv, gnn.GCNConvConfig{}),
			"negative":   tried(gnn.NewGCNConv, gnn.GCNConvConfig{In: -1, Out: -1}),
			"activation": tried(gnn.NewGCNConv, gnn.GCNConvConfig{In: 1, Out: 1, Act: 99}),
			"no source":  sourceless(gnn.NewGCNConv, gcn),
			"no name":    func() error { return second(gnn.NewGCNConv("", gnn.GCNConvConfig{}, nil)) },
		},
		"NewSAGEConv": {
			"zero":        tried(gnn.NewSAGEConv, gnn.SAGEConvConfig{}),
			"negative":    tried(gnn.NewSAGEConv, gnn.SAGEConvConfig{In: 1, InDst: -1, Out: 1}),
			"aggregation": tried(gnn.NewSAGEConv, gnn.SAGEConvConfig{In: 1, Out: 1, Agg: 9}),
			"no source":   sourceless(gnn.NewSAGEConv, gnn.SAGEConvConfig{In: 1, Out: 1}),
		},
		"NewGATConv": {
			"no heads":   tried(gnn.NewGATConv, gnn.GATConvConfig{In: 1, Out: 1}),
			"negatives":  tried(gnn.NewGATConv, gnn.GATConvConfig{In: 1, Out: -2, Heads: -2}),
			"bipartite":  tried(gnn.NewGATConv, gnn.GATConvConfig{In: 1, InDst: -1, Out: 1, Heads: 1}),
			"activation": tried(gnn.NewGATConv, gnn.GATConvConfig{In: 1, Out: 1, Heads: 1, Act: 99}),
			"no source":  sourceless(gnn.NewGATConv, gnn.GATConvConfig{In: 1, Out: 1, Heads: 1}),
		},
		"NewGATv2Conv": {
			"no heads":  tried(gnn.NewGATv2Conv, gnn.GATv2ConvConfig{In: 1, Out: 1}),
			"edges":     tried(gnn.NewGATv2Conv, gnn.GATv2ConvConfig{In: 1, Out: 1, Heads: 1, EdgeDim: -1}),
			"no source": sourceless(gnn.NewGATv2Conv, gnn.GATv2ConvConfig{In: 1, Out: 1, Heads: 1}),
		},
		"NewGINConv": {
			"no perceptron": tried(gnn.NewGINConv, gnn.GINConvConfig{}),
			"edges":         tried(gnn.NewGINConv, gnn.GINConvConfig{Net: nn.Sequential{}, EdgeDim: -1}),
			"no width":      tried(gnn.NewGINConv, gnn.GINConvConfig{Net: nn.Sequential{}, EdgeDim: 2}),
			"no source":     sourceless(gnn.NewGINConv, gnn.GINConvConfig{Net: nn.Sequential{}, EdgeDim: 2, In: 2}),
		},
		"NewEdgeConv": {
			"zero":      tried(gnn.NewEdgeConv, gnn.EdgeConvConfig{}),
			"no source": sourceless(gnn.NewEdgeConv, gnn.EdgeConvConfig{In: 1, Hidden: 1}),
		},
		"NewNNConv": {
			"zero":        tried(gnn.NewNNConv, gnn.NNConvConfig{}),
			"no width":    tried(gnn.NewNNConv, gnn.NNConvConfig{In: 1, Out: 1}),
			"aggregation": tried(gnn.NewNNConv, gnn.NNConvConfig{In: 1, Out: 1, EdgeWidth: 1, Agg: gnn.Max}),
			"no source":   sourceless(gnn.NewNNConv, gnn.NNConvConfig{In: 1, Out: 1, EdgeWidth: 1}),
		},
		"NewEdgeMessage": {
			"zero":        tried(gnn.NewEdgeMessage, gnn.EdgeMessageConfig{}),
			"edges":       tried(gnn.NewEdgeMessage, gnn.EdgeMessageConfig{In: 1, Hidden: 1, EdgeDim: -1}),
			"aggregation": tried(gnn.NewEdgeMessage, gnn.EdgeMessageConfig{In: 1, Hidden: 1, Agg: gnn.Max}),
			"no source":   sourceless(gnn.NewEdgeMessage, gnn.EdgeMessageConfig{In: 1, Hidden: 1}),
		},
		"NewEdgeScorer": {
			"zero":      tried(gnn.NewEdgeScorer, gnn.EdgeScorerConfig{}),
			"no hidden": tried(gnn.NewEdgeScorer, gnn.EdgeScorerConfig{In: 1}),
			"no source": sourceless(gnn.NewEdgeScorer, gnn.EdgeScorerConfig{In: 1, Hidden: 1}),
		},
		"NewEdgeUpdate": {
			"zero":       tried(gnn.NewEdgeUpdate, gnn.EdgeUpdateConfig{}),
			"activation": tried(gnn.NewEdgeUpdate, gnn.EdgeUpdateConfig{In: 1, Hidden: 1, Act: 99}),
			"no source":  sourceless(gnn.NewEdgeUpdate, gnn.EdgeUpdateConfig{In: 1, Hidden: 1}),
		},
		"NewBipartiteScorer": {
			"zero":      tried(gnn.NewBipartiteScorer, gnn.BipartiteScorerConfig{}),
			"no dst":    tried(gnn.NewBipartiteScorer, gnn.BipartiteScorerConfig{In: 1, Hidden: 1}),
			"rounds":    tried(gnn.NewBipartiteScorer, gnn.BipartiteScorerConfig{In: 1, InDst: 1, Hidden: 1, Rounds: -1}),
			"no source": sourceless(gnn.NewBipartiteScorer, gnn.BipartiteScorerConfig{In: 1, InDst: 1, Hidden: 1}),
		},
		"NewGraphNorm": {
			"zero":       func() error { return second(gnn.NewGraphNorm("n", 0, nn.None)) },
			"negative":   func() error { return second(gnn.NewGraphNorm("n", -1, nn.None)) },
			"activation": func() error { return second(gnn.NewGraphNorm("n", 1, 99)) },
		},
		"NewTopKPooling": {
			"no ratio":     tried(gnn.NewTopKPooling, gnn.PoolingConfig{In: 1}),
			"ratio over 1": tried(gnn.NewTopKPooling, gnn.PoolingConfig{In: 1, Ratio: 1.5}),
			"not a number": tried(gnn.NewTopKPooling, gnn.PoolingConfig{In: 1, Ratio: math.NaN()}),
			"zero":         tried(gnn.NewTopKPooling, gnn.PoolingConfig{Ratio: 0.5}),
			"no source":    sourceless(gnn.NewTopKPooling, gnn.PoolingConfig{In: 1, Ratio: 0.5}),
		},
		"NewSAGPooling": {
			"no ratio":  tried(gnn.NewSAGPooling, gnn.PoolingConfig{In: 1}),
			"no source": sourceless(gnn.NewSAGPooling, gnn.PoolingConfig{In: 1, Ratio: 0.5}),
		},
	})
}

// Nothing exported panics on nil nodes, layers without weights or a zero graph.
func TestNilAndZero(t *testing.T) {
	g, x := inputs(t)
	f, err := nn.NewInput(x.Graph(), "f", 1)
	check(t, err)
	third := func(_, _ *gorgonia.Node, err error) error { return err }
	for name, fails := range map[string]func() error{
		"gcn":               func() error { return second(new(gnn.GCNConv).Forward(g, x)) },
		"sage":              func() error { return second(new(gnn.SAGEConv).Forward(g, x)) },
		"gat":               func() error { return second(new(gnn.GATConv).Forward(g, x)) },
		"gatv2":             func() error { return second(new(gnn.GATv2Conv).Forward(g, x)) },
		"gin":               func() error { return second(new(gnn.GINConv).Forward(g, x)) },
		"edge conv":         func() error { return second(new(gnn.EdgeConv).Forward(g, x)) },
		"nnconv":            func() error { return second(new(gnn.NNConv).Forward(g, x, x, f)) },
		"edge message":      func() error { return second(new(gnn.EdgeMessage).Forward(g, x, x, f)) },
		"edge scorer":       func() error { return second(new(gnn.EdgeScorer).Forward(g, x, x, f)) },
		"edge update":       func() error { return second(new(gnn.EdgeUpdate).Forward(g, x, x, f)) },
		"bipartite scorer":  func() error { return second(new(gnn.BipartiteScorer).Forward(g, g, x, x, f)) },
		"graph norm":        func() error { return second(new(gnn.GraphNorm).Forward(g, x)) },
		"top-k":             func() error { return third(new(gnn.TopKPooling).Forward(g, x)) },
		"sag":               func() error { return third(new(gnn.SAGPooling).Forward(g, x)) },
		"attention readout": func() error { return second(new(gnn.AttentionReadout).Forward(g, x)) },
		"aggregate":         func() error { return second(gnn.Aggregate(nil, x, gnn.Sum)) },
		"aggregate edges":   func() error { return second(gnn.AggregateEdges(g, nil, gnn.Sum)) },
		"readout":           func() error { return second(gnn.Readout(nil, nil, gnn.Sum)) },
		"broadcast":         func() error { return second(gnn.Broadcast(g, nil)) },
		"gather sources":    func() error { return second(gnn.GatherSrc(nil, x)) },
		"gather dests":      func() error { return second(gnn.GatherDst(g, nil)) },
		"edge softmax":      func() error { return second(gnn.EdgeSoftmax(g, nil)) },
		"nil graph": func() error {
			return second(must(gnn.NewGCNConv("a", gnn.GCNConvConfig{In: 2, Out: 1}, rand.New(rand.NewPCG(1, 1)))).Forward(nil, x))
		},
		"nil features": func() error {
			return second(must(gnn.NewGCNConv("b", gnn.GCNConvConfig{In: 2, Out: 1}, rand.New(rand.NewPCG(1, 1)))).Forward(g, nil))
		},
		"batch of nil": func() error { return second(gnn.Batch(nil, new(gnn.Graph))) },
		"sampler":      func() error { return second(new(gnn.NeighborSampler).Sample([]int32{0})) },
		"sparse dropout": func() error {
			return second((&gnn.SparseDropout{Dropout: &nn.Dropout{P: 0.5, Training: true}}).Apply(nil))
		},
		"dense":            func() error { return second(gnn.SparseFromDense(-1, -1, []float32{1})) },
		"bind a nil graph": func() error { return runOn(g, x, (*gnn.Graph)(nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panic: %v", p)
				}
			}()
			if err := fails(); err == nil {
				t.Error("no error")
			}
		})
	}
	for _, ps := range []nn.Params{
		new(gnn.GCNConv).Params(), new(gnn.SAGEConv).Params(), new(gnn.GATConv).Params(), new(gnn.GATv2Conv).Params(),
		new(gnn.GINConv).Params(), new(gnn.EdgeConv).Params(), new(gnn.NNConv).Params(), new(gnn.EdgeMessage).Params(),
		new(gnn.EdgeScorer).Params(), new(gnn.EdgeUpdate).Params(), new(gnn.BipartiteScorer).Params(), new(gnn.GraphNorm).Params(),
		new(gnn.TopKPooling).Params(), new(gnn.SAGPooling).Params(), new(gnn.AttentionReadout).Params(),
	} {
		if len(ps) > 0 {
			t.Errorf("a zero layer has parameters %v", ps)
		}
	}
	check(t, runOn(g, x, new(gnn.Graph))) // the zero graph is empty, not an error
	var zero gnn.Graph
	if zero.Reverse().NumEdges() != 0 || zero.NumGraphs() != 0 || len(zero.Edges().Src) != 0 {
		t.Errorf("the zero graph is %v", &zero)
	}
	var s gnn.Sparse
	if s.NonZeros() != 0 || s.NormalizeRows().NonZeros() != 0 || len(s.Dense()) != 0 {
		t.Errorf("the zero sparse matrix is %v", &s)
	}
}

// runOn aggregates no features over a graph.
func runOn(g, x *gorgonia.Node, graph *gnn.Graph) error {
	y, err := gnn.Aggregate(g, x, gnn.Mean)
	if err != nil {
		return err
	}
	tape, err := nn.NewTape(y)
	if err != nil {
		return err
	}
	var empty nn.Buffer
	empty.Resize(0, 2)
	if err := tape.Bind(g, graph); err != nil {
		return err
	}
	if err := tape.Bind(x, empty.Value()); err != nil {
		return err
	}
	return tape.Run()
}

// Lists with more sources than destinations are reported by whatever is made from them.
func TestHalfEdges(t *testing.T) {
	for _, ei := range []gnn.EdgeIndex{
		{Src: []int32{0}, Dst: []int32{0, 1}}, {Src: []int32{0, 1}, Dst: []int32{0}}, {Dst: []int32{1}},
	} {
		for name, made := range map[string]gnn.EdgeIndex{
			"itself": ei, "undirected": ei.Undirected(), "coalesce": ei.Coalesce(),
			"remove": ei.RemoveSelfLoops(), "add": ei.AddSelfLoops(2),
		} {
			if _, err := gnn.NewGraph(2, made); err == nil {
				t.Errorf("%v, %s: no error", ei, name)
			}
		}
	}
}
