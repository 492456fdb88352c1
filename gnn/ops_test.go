package gnn_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// opCase is an expression graph in which every input of an operation is learnt, so that a
// path that an operation drops shows in the gradients.
type opCase struct {
	t      *testing.T
	rng    *rand.Rand
	g      *gorgonia.Node // the structure: opNodes vertices, opEdges edges
	params nn.Params
}

const opNodes, opEdges, opCols = 4, 6, 3

// learnt returns a parameter as a node.
func (c *opCase) learnt(name string, rows, cols int) *gorgonia.Node {
	p := must(nn.NewParam(name, nn.Normal(1), c.rng, rows, cols))
	c.params = append(c.params, p)
	return must(p.Node(c.g.Graph()))
}

// opCases build every operation of this module's layers, with learnt features of vertices
// x, of edges f and of graphs b.
var opCases = map[string]func(c *opCase, x, f, b *gorgonia.Node) *gorgonia.Node{
	"activate": func(_ *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node { return must(nn.Activate(x, nn.Tanh)) },
	"add": func(_ *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		return must(nn.Add(x, must(nn.Activate(x, nn.Tanh))))
	},
	"concat": func(_ *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node { return must(nn.Concat(x, x)) },
	"maximum": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		return must(nn.Maximum(x, c.learnt("other", opNodes, opCols)))
	},
	"mul": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		return must(nn.Mul(x, c.learnt("other", opNodes, opCols)))
	},
	"sub": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		return must(nn.Sub(x, c.learnt("other", opNodes, opCols)))
	},
	"dropout": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		return must(must(nn.NewDropout(0.5, c.rng)).Forward(x))
	},
	"layer norm": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		l := must(nn.NewLayerNorm("norm", opCols, nn.Tanh))
		return c.with(l.Params(), must(l.Forward(x)))
	},
	"batch norm": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		l := must(nn.NewBatchNorm("norm", opCols, nn.Tanh))
		l.Training = true
		return c.with(l.Params(), must(l.Forward(x)))
	},
	"linear": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		l := must(nn.NewLinear("linear", nn.LinearConfig{In: 2 * opCols, Out: 2, Act: nn.Tanh}, c.rng))
		return c.with(l.Params(), must(l.ForwardConcat(x, must(nn.Activate(x, nn.Sigmoid)))))
	},
	"cross entropy": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node { return must(nn.CrossEntropy(x, constant(c))) },
	"bce":           func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node { return must(nn.BCEWithLogits(x, constant(c))) },
	"mse": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		return must(nn.MSE(x, constant(c), c.learnt("w", opNodes, opCols)))
	},
	"huber": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		return must(nn.Huber(x, constant(c), c.learnt("w", opNodes, opCols), 0.5))
	},
	"weighted sum": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		l2 := must(nn.L2(x.Graph(), c.params[:1]))
		return must(nn.WeightedSum([]*gorgonia.Node{l2, must(nn.MSE(x, constant(c), nil))}, []float64{0.3, 2}))
	},
	"gcn": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewGCNConv("gcn", gnn.GCNConvConfig{In: opCols, Out: 2, Act: nn.Tanh}, c.rng))
		return c.with(l.Params(), must(l.Forward(c.g, x)))
	},
	"sage": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewSAGEConv("sage", gnn.SAGEConvConfig{In: opCols, Out: 5, Agg: gnn.Max, Act: nn.Tanh}, c.rng))
		return c.with(l.Params(), must(l.Forward(c.g, x)))
	},
	"gat": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewGATConv("gat", gnn.GATConvConfig{In: opCols, Out: 2, Heads: 2, Act: nn.Tanh}, c.rng))
		return c.with(l.Params(), must(l.Forward(c.g, x)))
	},
	"gatv2": func(c *opCase, x, f, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewGATv2Conv("gatv2", gnn.GATv2ConvConfig{In: opCols, EdgeDim: opCols, Out: 2, Heads: 2, Concat: true}, c.rng))
		return c.with(l.Params(), must(l.ForwardBipartite(c.g, x, x, f)))
	},
	"gine": func(c *opCase, x, f, _ *gorgonia.Node) *gorgonia.Node {
		net := must(nn.NewLinear("net", nn.LinearConfig{In: opCols, Out: 2, Act: nn.Tanh}, c.rng))
		l := must(gnn.NewGINConv("gine", gnn.GINConvConfig{Net: net, TrainEps: true, EdgeDim: opCols, In: opCols}, c.rng))
		return c.with(l.Params(), must(l.ForwardEdges(c.g, x, f)))
	},
	"nnconv": func(c *opCase, x, f, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewNNConv("nnconv", gnn.NNConvConfig{In: opCols, Out: 2, EdgeWidth: opCols, Agg: gnn.Mean}, c.rng))
		return c.with(l.Params(), must(l.Forward(c.g, x, x, f)))
	},
	"edge message": func(c *opCase, x, f, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewEdgeMessage("message", gnn.EdgeMessageConfig{In: opCols, EdgeDim: opCols, Hidden: 4, Agg: gnn.Mean}, c.rng))
		l.Slope = 1 // no kink in the way of finite differences
		return c.with(l.Params(), must(l.Forward(c.g, x, x, f)))
	},
	"edge scorer": func(c *opCase, x, f, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewEdgeScorer("scorer", gnn.EdgeScorerConfig{In: opCols, EdgeDim: opCols, Hidden: 4}, c.rng))
		l.Slope = 1 // no kink in the way of finite differences
		return c.with(l.Params(), must(l.Forward(c.g, x, x, f)))
	},
	"edge update": func(c *opCase, x, f, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewEdgeUpdate("update", gnn.EdgeUpdateConfig{In: opCols, EdgeDim: opCols, Hidden: 4, Act: nn.Tanh}, c.rng))
		return c.with(l.Params(), must(l.Forward(c.g, x, x, f)))
	},
	"graph norm": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewGraphNorm("norm", opCols, nn.Tanh))
		return c.with(l.Params(), must(l.Forward(c.g, x)))
	},
	"aggregate":     func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node { return must(gnn.Aggregate(c.g, x, gnn.Mean)) },
	"aggregate max": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node { return must(gnn.Aggregate(c.g, x, gnn.Max)) },
	"aggregate edges": func(c *opCase, _, f, _ *gorgonia.Node) *gorgonia.Node {
		return must(gnn.AggregateEdges(c.g, f, gnn.Max))
	},
	"gather":       func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node { return must(gnn.GatherSrc(c.g, x)) },
	"edge softmax": func(c *opCase, _, f, _ *gorgonia.Node) *gorgonia.Node { return must(gnn.EdgeSoftmax(c.g, f)) },
	"readout":      func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node { return must(gnn.Readout(c.g, x, gnn.Max)) },
	"broadcast":    func(c *opCase, _, _, b *gorgonia.Node) *gorgonia.Node { return must(gnn.Broadcast(c.g, b)) },
	"attention readout": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		gate := must(nn.NewLinear("gate", nn.LinearConfig{In: opCols, Out: 1}, c.rng))
		return c.with(gate.Params(), must((&gnn.AttentionReadout{Gate: gate}).Forward(c.g, x)))
	},
	"top-k pooling": func(c *opCase, x, _, _ *gorgonia.Node) *gorgonia.Node {
		l := must(gnn.NewTopKPooling("pool", gnn.PoolingConfig{In: opCols, Ratio: 0.5}, c.rng))
		_, y, err := l.Forward(c.g, x)
		check(c.t, err)
		return c.with(l.Params(), y)
	},
}

func (c *opCase) with(ps nn.Params, out *gorgonia.Node) *gorgonia.Node {
	c.params = append(c.params, ps...)
	return out
}

// constant is a target that is not learnt.
func constant(c *opCase) *gorgonia.Node {
	p := must(nn.NewParam("constant", nn.Constant(0.3), c.rng, opNodes, opCols))
	return must(p.Node(c.g.Graph()))
}

// TestEveryOperation checks each operation of nn and gnn by finite differences, with
// respect to each input, all gradients together and each alone. It fails for an operation
// that has no case here.
func TestEveryOperation(t *testing.T) {
	covered := map[string]bool{}
	for name, build := range opCases {
		t.Run(name, func(t *testing.T) { checkOperation(t, build, covered) })
	}
	for _, op := range append(gnntest.Operations(t, "../nn"), gnntest.Operations(t, ".")...) {
		if !covered[op] {
			t.Errorf("no case covers the operation %s: add one to opCases", op)
		}
	}
}

func checkOperation(t *testing.T, build func(c *opCase, x, f, b *gorgonia.Node) *gorgonia.Node, covered map[string]bool) {
	eg := gorgonia.NewGraph()
	c := &opCase{t: t, rng: rand.New(rand.NewPCG(7, 8)), g: must(gnn.NewGraphInput(eg, "g"))}
	out := build(c, c.learnt("x", opNodes, opCols), c.learnt("f", opEdges, opCols), c.learnt("b", 1, opCols))
	loss := out
	var target *gorgonia.Node
	if !out.IsScalar() {
		target = must(nn.NewInput(eg, "target", out.Shape()[1]))
		loss = must(nn.MSE(out, target, nil))
	}
	graph := must(gnn.NewGraph(opNodes, gnn.EdgeIndex{Src: []int32{0, 1, 2, 3, 0, 2}, Dst: []int32{1, 2, 3, 0, 2, 1}}))
	var b nn.Buffer
	bind := func(tape *nn.Tape) error {
		if tape.Needs(c.g) {
			check(t, tape.Bind(c.g, graph))
		}
		if target != nil && tape.Needs(target) {
			return tape.Bind(target, b.Value())
		}
		return nil
	}
	forward := must(nn.NewTape(out))
	check(t, bind(forward))
	check(t, forward.Run())
	c.params = slices.DeleteFunc(c.params, func(p *nn.Param) bool { return !forward.Needs(must(p.Node(eg))) })
	gnntest.Cover(eg, forward, covered)
	m := forward.Matrix(out)
	gnntest.Random(c.rng, m.Rows, m.Cols).Float32(b.Resize(m.Rows, m.Cols))
	gnntest.Gradients(t, loss, c.params, bind)
}
