package onnx_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/gnn/onnx"
	"github.com/graphrl/graphrl/gnn/onnx/onnxtest"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[S, T any](s S, t T, err error) (S, T) {
	must(t, err)
	return s, t
}

const cols = 3

// network is an expression graph with inputs of sources x, destinations y, edges f, graphs b and
// images p.
type network struct {
	rng                 *rand.Rand
	g, r, x, y, f, b, p *gorgonia.Node
	bipartite           bool
}

func linear(name string, in, out int, act nn.Activation, rng *rand.Rand) *nn.Linear {
	return must(nn.NewLinear(name, nn.LinearConfig{In: in, Out: out, Act: act}, rng))
}

type node = *gorgonia.Node

// cases build what can be exported; those whose name starts with "bipartite" run on bipartite
// graphs.
var cases = map[string]func(n *network) node{
	"linear": func(n *network) node {
		return must(linear("l", 2*cols, 2, nn.Tanh, n.rng).ForwardConcat(n.x, must(nn.Activate(n.x, nn.Sigmoid))))
	},
	"linear without bias": func(n *network) node {
		return must(must(nn.NewLinear("l", nn.LinearConfig{In: cols, Out: 2, NoBias: true}, n.rng)).Forward(n.x))
	},
	"mlp": func(n *network) node {
		return must(must(nn.NewMLP("m", []int{cols, 5, 4, 2}, nn.ReLU, nil, n.rng)).Forward(n.x))
	},
	"elu":   func(n *network) node { return must(nn.Activate(n.x, nn.ELU)) },
	"leaky": func(n *network) node { return must(nn.Activate(n.x, nn.LeakyReLU)) },
	"merge": func(n *network) node {
		t := must(nn.Activate(n.x, nn.Tanh))
		return must(nn.Concat(must(nn.Add(n.x, t, n.x)), must(nn.Maximum(n.x, t)), must(nn.Sub(n.x, t)), must(nn.Mul(n.x, t))))
	},
	"norms": func(n *network) node {
		b := must(nn.NewBatchNorm("b", cols, nn.ReLU))
		for k := range cols {
			b.RunningMean.Data()[k], b.RunningVar.Data()[k] = n.rng.Float32(), 0.5+n.rng.Float32()
		}
		x := must(must(nn.NewLayerNorm("n", cols, nn.Tanh)).Forward(must(b.Forward(n.x))))
		return must(must(nn.NewDropout(0.5, n.rng)).Forward(x))
	},
	"gather": func(n *network) node {
		return must(nn.Sub(must(gnn.GatherSrc(n.g, n.x)), must(gnn.GatherDst(n.g, n.y))))
	},
	"bipartite aggregates": func(n *network) node {
		var all []node
		for _, a := range []gnn.Aggregation{gnn.Sum, gnn.Mean, gnn.Max} {
			all = append(all, must(gnn.Aggregate(n.g, n.x, a)), must(gnn.AggregateEdges(n.g, n.f, a)))
		}
		return must(nn.Concat(all...))
	},
	"edge softmax": func(n *network) node { return must(gnn.EdgeSoftmax(n.g, n.f)) },
	"edge message": func(n *network) node {
		l := must(gnn.NewEdgeMessage("l", gnn.EdgeMessageConfig{In: cols, EdgeDim: cols, Hidden: 4, Agg: gnn.Mean}, n.rng))
		l.Slope = 0.3
		return must(l.Forward(n.g, n.x, n.y, n.f))
	},
	"edge update": func(n *network) node {
		l := must(gnn.NewEdgeUpdate("l", gnn.EdgeUpdateConfig{In: cols, Hidden: 4, Act: nn.Tanh}, n.rng))
		return must(l.Forward(n.g, n.x, n.y, nil))
	},
	"edge scorer": func(n *network) node {
		l := must(gnn.NewEdgeScorer("l", gnn.EdgeScorerConfig{In: cols, Hidden: 4}, n.rng))
		return must(l.Forward(n.g, n.x, n.y, nil))
	},
	"bipartite scorer": func(n *network) node {
		l := must(gnn.NewBipartiteScorer("l", gnn.BipartiteScorerConfig{In: cols, InDst: cols, EdgeDim: cols, Hidden: 8, Rounds: 2}, n.rng))
		return must(l.Forward(n.g, n.r, n.x, n.y, n.f))
	},
	"gcn": func(n *network) node {
		return must(must(gnn.NewGCNConv("l", gnn.GCNConvConfig{In: cols, Out: 2, Act: nn.Tanh}, n.rng)).Forward(n.g, n.x))
	},
	"sage": func(n *network) node {
		x := n.x
		for _, a := range []gnn.Aggregation{gnn.Sum, gnn.Mean, gnn.Max} {
			l := must(gnn.NewSAGEConv(a.String(), gnn.SAGEConvConfig{In: cols, Out: cols, Agg: a, Act: nn.Tanh}, n.rng))
			x = must(l.Forward(n.g, x))
		}
		return x
	},
	"edge conv": func(n *network) node {
		cfg := gnn.EdgeConvConfig{In: cols, Hidden: 4, Act: nn.ReLU, Rest: linear("rest", 4, 2, nn.Tanh, n.rng)}
		return must(must(gnn.NewEdgeConv("l", cfg, n.rng)).Forward(n.g, n.x))
	},
	"gin": func(n *network) node {
		l := must(gnn.NewGINConv("l", gnn.GINConvConfig{Net: linear("net", cols, 2, nn.Tanh, n.rng), In: cols}, n.rng))
		return must(l.Forward(n.g, n.x))
	},
	"gine": func(n *network) node {
		cfg := gnn.GINConvConfig{Net: linear("net", cols, 2, nn.Tanh, n.rng), TrainEps: true, EdgeDim: cols, In: cols}
		return must(must(gnn.NewGINConv("l", cfg, n.rng)).ForwardEdges(n.g, n.x, n.f))
	},
	"readouts": func(n *network) node {
		var all []node
		for _, a := range []gnn.Aggregation{gnn.Sum, gnn.Mean, gnn.Max} {
			all = append(all, must(gnn.Readout(n.g, n.x, a)))
		}
		return must(nn.Concat(append(all, n.b)...))
	},
	"broadcast": func(n *network) node { return must(gnn.Broadcast(n.g, n.b)) },
	"attention readout": func(n *network) node {
		l := &gnn.AttentionReadout{Gate: linear("gate", cols, 1, nn.None, n.rng), Net: linear("net", cols, 2, nn.Tanh, n.rng)}
		return must(l.Forward(n.g, n.x))
	},
	"graph norm": func(n *network) node { return must(must(gnn.NewGraphNorm("l", cols, nn.Tanh)).Forward(n.g, n.x)) },
	"gat": func(n *network) node {
		x := must(must(gnn.NewGATConv("l", gnn.GATConvConfig{In: cols, Out: 3, Heads: 2, Concat: true, Act: nn.ELU}, n.rng)).Forward(n.g, n.x))
		return must(must(gnn.NewGATConv("m", gnn.GATConvConfig{In: 6, Out: 2, Heads: 3}, n.rng)).Forward(n.g, x))
	},
	"bipartite gat": func(n *network) node {
		l := must(gnn.NewGATConv("l", gnn.GATConvConfig{In: cols, InDst: cols, Out: 2, Heads: 2}, n.rng))
		return must(l.ForwardBipartite(n.g, n.x, n.y))
	},
	"gatv2": func(n *network) node {
		l := must(gnn.NewGATv2Conv("l", gnn.GATv2ConvConfig{In: cols, Out: 2, Heads: 2, Act: nn.Tanh}, n.rng))
		l.Dropout = must(nn.NewDropout(0.5, n.rng))
		return must(l.Forward(n.g, n.x))
	},
	"bipartite gatv2": func(n *network) node {
		cfg := gnn.GATv2ConvConfig{In: cols, InDst: cols, EdgeDim: cols, Out: 2, Heads: 3, Concat: true}
		return must(must(gnn.NewGATv2Conv("l", cfg, n.rng)).ForwardBipartite(n.g, n.x, n.y, n.f))
	},
	"nnconv": func(n *network) node {
		var all []node
		for _, a := range []gnn.Aggregation{gnn.Sum, gnn.Mean} {
			cfg := gnn.NNConvConfig{In: cols, Out: 2, EdgeNet: linear("net"+a.String(), cols, 4, nn.ReLU, n.rng), EdgeWidth: 4, Agg: a, Act: nn.Tanh}
			all = append(all, must(must(gnn.NewNNConv(a.String(), cfg, n.rng)).Forward(n.g, n.x, n.x, n.f)))
		}
		return must(nn.Concat(all...))
	},
	"top-k pooling": func(n *network) node {
		g, y := must2(must(gnn.NewTopKPooling("p", gnn.PoolingConfig{In: cols, Ratio: 0.6}, n.rng)).Forward(n.g, n.x))
		y = must(must(gnn.NewGCNConv("l", gnn.GCNConvConfig{In: cols, Out: 4}, n.rng)).Forward(g, y))
		g, y = must2(must(gnn.NewTopKPooling("q", gnn.PoolingConfig{In: 4, Ratio: 0.5}, n.rng)).Forward(g, y))
		return must(nn.Concat(must(gnn.Readout(g, y, gnn.Sum)), must(gnn.Readout(g, must(gnn.Aggregate(g, y, gnn.Max)), gnn.Mean))))
	},
	"self-attention pooling": func(n *network) node {
		// A GCN gives vertices with the same neighbours equal scores, which rounding would order.
		score := must(gnn.NewSAGEConv("s", gnn.SAGEConvConfig{In: cols, Out: 1, Agg: gnn.Mean}, n.rng))
		g, y := must2((&gnn.SAGPooling{Score: score, Ratio: 0.5}).Forward(n.g, n.x))
		return must(gnn.Broadcast(g, must(gnn.Readout(g, must(nn.Detach(y)), gnn.Mean))))
	},
	"images": func(n *network) node {
		conv := must(cnn.NewConv2D("c", cnn.Conv2DConfig{In: pixels, Channels: 4, Kernel: 3, Padding: 1, Stride: 2}, n.rng))
		top := must(cnn.NewMaxPool2D(cnn.PoolConfig{In: conv.Out, Kernel: 3, Stride: 1, Padding: 1}))
		avg := must(cnn.NewAvgPool2D(cnn.PoolConfig{In: top.Out, Kernel: 2, Padding: 1}))
		all := must(cnn.NewGlobalAvgPool(conv.Out))
		x := must(conv.Forward(n.p))
		y := must(cnn.Flatten(must(avg.Forward(must(top.Forward(x)))), avg.Out))
		return must(nn.Concat(y, must(all.Forward(x))))
	},
}

// pixels is the size of an image.
var pixels = cnn.Map{Height: 5, Width: 4, Channels: cols}

// refused are networks that cannot be exported; after the colon is what the error names.
var refused = map[string]func(n *network) node{
	"huber: huber": func(n *network) node { return must(nn.Huber(n.x, n.y, nil, 0.5)) },
	"bce: weighted_sum": func(n *network) node {
		l := linear("l", cols, cols, nn.None, n.rng)
		z := must(l.Forward(n.x))
		l2 := must(nn.L2(z.Graph(), l.Params()))
		return must(nn.WeightedSum([]node{l2, must(nn.BCEWithLogits(z, n.y))}, []float64{0.3, 2}))
	},
}

// build makes the network and draws all its parameters, biases too.
func build(name string, make func(n *network) node) (*network, node) {
	eg := gorgonia.NewGraph()
	in := func(name string) node { return must(nn.NewInput(eg, name, cols)) }
	n := &network{
		rng: rand.New(rand.NewPCG(3, 4)), g: must(gnn.NewGraphInput(eg, "g")), r: must(gnn.NewGraphInput(eg, "r")),
		x: in("x"), y: in("y"), f: in("f"), b: in("b"), p: in("p"), bipartite: strings.HasPrefix(name, "bipartite"),
	}
	out := make(n)
	for _, p := range eg.AllNodes() {
		if t, ok := p.Value().(*tensor.Dense); ok && p.Op() == nil {
			for k := range t.Float32s() {
				t.Float32s()[k] = float32(n.rng.NormFloat64()) / 2
			}
		}
	}
	return n, out
}

// bind draws a batch of graphs, some without edges and with vertices that no edge reaches, and
// features, gives them to the tape and returns them as the inputs of the model.
func (n *network) bind(t *testing.T, tape *nn.Tape, rng *rand.Rand) map[string]onnxtest.Tensor {
	var members []*gnn.Graph
	for range 1 + rng.IntN(4) {
		src, dst := 1+rng.IntN(9), 1+rng.IntN(9)
		if !n.bipartite {
			dst = src
		}
		var edges gnn.EdgeIndex
		for range rng.IntN(3 * src) {
			edges.Src, edges.Dst = append(edges.Src, rng.Int32N(int32(src))), append(edges.Dst, rng.Int32N(int32(dst)))
		}
		if n.bipartite {
			members = append(members, must(gnn.NewBipartite(src, dst, edges)))
		} else {
			members = append(members, must(gnn.NewGraph(src, edges)))
		}
	}
	g := must(gnn.Batch(members...))
	in := map[string]onnxtest.Tensor{}
	var batch []int32
	for b := range g.NumGraphs() {
		for range g.GraphPtr()[b+1] - g.GraphPtr()[b] {
			batch = append(batch, int32(b))
		}
	}
	in["g_edge_src"] = onnxtest.Vector(g.Edges().Src...)
	in["g_edge_dst"] = onnxtest.Vector(g.Edges().Dst...)
	in["r_edge_src"] = onnxtest.Vector(g.Edges().Dst...)
	in["r_edge_dst"] = onnxtest.Vector(g.Edges().Src...)
	in["g_num_dst"] = onnxtest.Vector(g.NumDst())
	in["g_batch"] = onnxtest.Vector(batch...)
	in["g_num_graphs"] = onnxtest.Vector(g.NumGraphs())
	bind := func(to node, v gorgonia.Value) {
		if tape.Needs(to) {
			if err := tape.Bind(to, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	bind(n.g, g)
	bind(n.r, g.Reverse())
	counts := []int{g.NumSrc(), g.NumDst(), g.NumEdges(), g.NumGraphs(), rng.IntN(4) * pixels.Pixels()}
	for k, to := range []node{n.x, n.y, n.f, n.b, n.p} {
		rows := counts[k]
		m, b := gnntest.Random(rng, rows, cols), new(nn.Buffer)
		m.Float32(b.Resize(rows, cols))
		bind(to, b.Value())
		in[to.Name()] = onnxtest.Tensor{Shape: []int{rows, cols}, Data: m.V}
	}
	return in
}

// TestExport compares the models, read again and interpreted in float64, with the tape, on graphs
// of many sizes.
func TestExport(t *testing.T) {
	for name, make := range cases {
		t.Run(name, func(t *testing.T) {
			n, out := build(name, make)
			model, err := onnx.Export(onnx.Output{Name: "out", Node: out})
			if err != nil {
				t.Fatal(err)
			}
			tape := must(nn.NewTape(out))
			for seed := range uint64(30) {
				in := n.bind(t, tape, rand.New(rand.NewPCG(seed, 1)))
				if err := tape.Run(); err != nil {
					t.Fatal(err)
				}
				want, got := tape.Matrix(out), onnxtest.Evaluate(model, in)["out"]
				if fmt.Sprint(got.Shape) != fmt.Sprint([]int{want.Rows, want.Cols}) {
					t.Fatalf("seed %d: shape %v, want [%d %d]", seed, got.Shape, want.Rows, want.Cols)
				}
				for k, v := range got.Data {
					if w := float64(want.Data[k]); !(math.Abs(v-w) <= 1e-5*max(1, math.Abs(w))) {
						t.Fatalf("seed %d: entry %d is %v, the tape has %v", seed, k, v, w)
					}
				}
				onnxtest.Write(t, fmt.Sprintf("%s.%d", strings.ReplaceAll(name, " ", "_"), seed), model, in, map[string]onnxtest.Tensor{
					"out": {Shape: []int{want.Rows, want.Cols}, Data: gnntest.FromFloat32(want).V},
				})
			}
		})
	}
}

// TestRefused: an operation that cannot be exported is an error that names it.
func TestRefused(t *testing.T) {
	for name, make := range refused {
		_, out := build(name, make)
		_, op, _ := strings.Cut(name, ": ")
		_, err := onnx.Export(onnx.Output{Name: "out", Node: out})
		if !errors.Is(err, onnx.ErrUnsupported) || !strings.Contains(err.Error(), op) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestEveryOperation: every operation of nn, nn/cnn and gnn is in a network that is exported or in one that
// is listed as refused.
func TestEveryOperation(t *testing.T) {
	covered := map[string]bool{}
	for _, list := range []map[string]func(n *network) node{cases, refused} {
		for name, make := range list {
			n, out := build(name, make)
			gnntest.Cover(n.x.Graph(), must(nn.NewTape(out)), covered)
		}
	}
	for _, dir := range []string{"../../nn", "../../nn/cnn", ".."} {
		for _, op := range gnntest.Operations(t, dir) {
			if !covered[op] {
				t.Errorf("operation %s is neither exported nor listed as refused", op)
			}
		}
	}
}
