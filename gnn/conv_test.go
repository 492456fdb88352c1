package gnn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

type mat = gnntest.Mat

// plain adapts a Conv to the suite.
func plain(c gnn.Conv) func(g, xSrc, xDst, f *gorgonia.Node) (*gorgonia.Node, error) {
	return func(g, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return c.Forward(g, x) }
}

// gcnReference multiplies by the normalised adjacency matrix, written out.
func gcnReference(in gnntest.Inputs, x *mat) *mat {
	n := in.Graph.NumDst()
	a := gnntest.NewMat(n, n)
	for i := range n {
		a.V[i*n+i] = 1
	}
	ei := in.Graph.Edges()
	for e := range ei.Src {
		if s, d := int(ei.Src[e]), int(ei.Dst[e]); s != d {
			a.V[d*n+s]++
		}
	}
	degree := make([]float64, n)
	for i := range n {
		for _, v := range a.Row(i) {
			degree[i] += v
		}
	}
	for i := range n {
		for j := range n {
			a.V[i*n+j] /= math.Sqrt(degree[i] * degree[j])
		}
	}
	return a.Mul(x)
}

// aggregateReference gathers x over in-edges, edge by edge.
func aggregateReference(in gnntest.Inputs, x *mat, agg gnn.Aggregation) *mat {
	messages := x.Gather(in.Graph.Edges().Src)
	return reduceReference(in.Graph.NumDst(), in.Graph.Edges().Dst, messages, agg)
}

// reduceReference combines the rows of m that share a destination.
func reduceReference(rows int, dst []int32, m *mat, agg gnn.Aggregation) *mat {
	y := gnntest.NewMat(rows, m.Cols)
	for i := range rows {
		count := 0
		for e, d := range dst {
			if int(d) != i {
				continue
			}
			count++
			for k, v := range m.Row(e) {
				if agg == gnn.Max && count > 1 {
					y.Row(i)[k] = max(y.Row(i)[k], v)
				} else {
					y.Row(i)[k] += v
				}
			}
		}
		if agg == gnn.Mean && count > 0 {
			for k := range y.Row(i) {
				y.Row(i)[k] /= float64(count)
			}
		}
	}
	return y
}

func activationReference(a nn.Activation) func(float64) float64 {
	switch a {
	case nn.ReLU:
		return gnntest.ReLU
	case nn.LeakyReLU:
		return gnntest.LeakyReLU(0.2)
	case nn.ELU:
		return func(x float64) float64 {
			if x > 0 {
				return x
			}
			return math.Expm1(x)
		}
	case nn.Sigmoid:
		return func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	case nn.Tanh:
		return math.Tanh
	}
	return func(x float64) float64 { return x }
}

func TestGCNConv(t *testing.T) {
	for _, c := range []struct {
		name    string
		in, out int
		act     nn.Activation
		bias    bool
	}{
		{"widening", 3, 5, nn.ReLU, true},
		{"narrowing", 5, 2, nn.Tanh, true},
		{"without bias", 4, 3, nn.None, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				l := must(gnn.NewGCNConv("gcn", gnn.GCNConvConfig{In: c.in, Out: c.out, Act: c.act}, rng))
				if !c.bias {
					l.Bias = nil
				}
				return gnntest.Layer{
					In: c.in, Params: l.Params(), Forward: plain(l),
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						y := gcnReference(in, in.Src.Mul(p[0]))
						if c.bias {
							y = y.Add(p[1])
						}
						return y.Map(activationReference(c.act))
					},
				}, nil
			})
		})
	}
}

func TestSAGEConv(t *testing.T) {
	for _, c := range []struct {
		name         string
		in, dst, out int
		agg          gnn.Aggregation
		act          nn.Activation
	}{
		{"mean", 3, 0, 4, gnn.Mean, nn.ReLU},
		{"mean narrowing", 4, 0, 2, gnn.Mean, nn.ELU},
		{"max", 4, 0, 3, gnn.Max, nn.Sigmoid},
		{"sum", 3, 0, 3, gnn.Sum, nn.None},
		{"bipartite mean", 3, 5, 4, gnn.Mean, nn.LeakyReLU},
		{"bipartite max narrowing", 4, 2, 3, gnn.Max, nn.None},
		{"bipartite sum narrowing", 4, 2, 3, gnn.Sum, nn.ReLU},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				l := must(gnn.NewSAGEConv("sage", gnn.SAGEConvConfig{In: c.in, Out: c.out, Agg: c.agg, Act: c.act}, rng))
				if c.dst > 0 {
					l = must(gnn.NewSAGEConv("sage", gnn.SAGEConvConfig{In: c.in, InDst: c.dst, Out: c.out, Agg: c.agg, Act: c.act}, rng))
				}
				return gnntest.Layer{
					In: c.in, Dst: c.dst, Params: l.Params(),
					Forward: func(g, xSrc, xDst, _ *gorgonia.Node) (*gorgonia.Node, error) {
						return l.ForwardBipartite(g, xSrc, xDst)
					},
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						y := aggregateReference(in, in.Src, c.agg).Mul(p[0]).Add(in.Dst.Mul(p[1])).Add(p[2])
						return y.Map(activationReference(c.act))
					},
				}, nil
			})
		})
	}
}

func TestAggregate(t *testing.T) {
	for _, agg := range []gnn.Aggregation{gnn.Sum, gnn.Mean, gnn.Max} {
		t.Run(agg.String(), func(t *testing.T) {
			gnntest.Run(t, func(*rand.Rand) (gnntest.Layer, error) {
				return gnntest.Layer{
					In: 3,
					Forward: func(g, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) {
						return gnn.Aggregate(g, x, agg)
					},
					Reference: func(_ []*mat, in gnntest.Inputs) *mat { return aggregateReference(in, in.Src, agg) },
				}, nil
			})
		})
	}
}

// edgeReference is the hidden layer of edge networks on the concatenated features.
func edgeReference(p []*mat, in gnntest.Inputs, slope float64) *mat {
	ei := in.Graph.Edges()
	h := in.Src.Mul(p[0]).Gather(ei.Src).Add(in.Dst.Mul(p[1]).Add(p[2]).Gather(ei.Dst))
	if in.Edge != nil {
		h = h.Add(in.Edge.Mul(p[3]))
	}
	return h.Map(gnntest.LeakyReLU(slope))
}

func TestEdgeMessage(t *testing.T) {
	for _, c := range []struct {
		name          string
		in, dst, edge int
		agg           gnn.Aggregation
		slope         float64
	}{
		{"sum", 3, 2, 2, gnn.Sum, 0},
		{"mean", 3, 4, 1, gnn.Mean, 0},
		{"leaky", 2, 2, 3, gnn.Mean, 0.2},
		{"no edge features", 3, 2, 0, gnn.Sum, 0},
		{"not bipartite", 3, 0, 2, gnn.Mean, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				inDst := c.dst
				if inDst == 0 {
					inDst = c.in
				}
				l := must(gnn.NewEdgeMessage("message", gnn.EdgeMessageConfig{In: c.in, InDst: inDst, EdgeDim: c.edge, Hidden: 4, Agg: c.agg}, rng))
				l.Slope = c.slope
				return gnntest.Layer{
					In: c.in, Dst: c.dst, Edge: c.edge, Params: l.Params(), Forward: l.Forward,
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						return reduceReference(in.Graph.NumDst(), in.Graph.Edges().Dst, edgeReference(p, in, c.slope), c.agg)
					},
				}, nil
			})
		})
	}
}

func TestEdgeScorer(t *testing.T) {
	for _, c := range []struct {
		name          string
		in, dst, edge int
		slope         float64
	}{
		{"bipartite", 3, 2, 2, 0},
		{"leaky", 2, 3, 1, 0.2},
		{"no edge features", 2, 3, 0, 0},
		{"not bipartite", 3, 0, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				inDst := c.dst
				if inDst == 0 {
					inDst = c.in
				}
				l := must(gnn.NewEdgeScorer("scorer", gnn.EdgeScorerConfig{In: c.in, InDst: inDst, EdgeDim: c.edge, Hidden: 4}, rng))
				l.Slope = c.slope
				return gnntest.Layer{
					In: c.in, Dst: c.dst, Edge: c.edge, Out: gnntest.Edges, Params: l.Params(), Forward: l.Forward,
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						return edgeReference(p, in, c.slope).Mul(p[len(p)-2]).Add(p[len(p)-1])
					},
				}, nil
			})
		})
	}
}

// Sparse features must give what the same features give when they are dense.
func TestSparseFeatures(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	convs := map[string]gnn.Conv{
		"gcn narrowing": must(gnn.NewGCNConv("a", gnn.GCNConvConfig{In: 6, Out: 3, Act: nn.ReLU}, rng)),
		"gcn widening":  must(gnn.NewGCNConv("b", gnn.GCNConvConfig{In: 6, Out: 9, Act: nn.ReLU}, rng)),
		"sage":          must(gnn.NewSAGEConv("c", gnn.SAGEConvConfig{In: 6, Out: 4, Agg: gnn.Mean, Act: nn.Tanh}, rng)),
	}
	for name, conv := range convs {
		t.Run(name, func(t *testing.T) {
			eg := gorgonia.NewGraph()
			g, err := gnn.NewGraphInput(eg, "graph")
			check(t, err)
			x, err := gnn.NewSparseInput(eg, "x", 6)
			check(t, err)
			y, err := conv.Forward(g, x)
			check(t, err)
			target, err := nn.NewInput(eg, "target", y.Shape()[1])
			check(t, err)
			loss, err := nn.MSE(y, target, nil)
			check(t, err)
			grads, err := nn.Grad(loss, conv.Params())
			check(t, err)
			tape, err := nn.NewTape(append(gorgonia.Nodes{loss, y}, grads...)...)
			check(t, err)
			for range 3 { // the same expression graph for every size
				n := 1 + rng.IntN(20)
				ei := gnn.EdgeIndex{}
				for range 3 * n {
					ei.Src, ei.Dst = append(ei.Src, rng.Int32N(int32(n))), append(ei.Dst, rng.Int32N(int32(n)))
				}
				graph, err := gnn.NewGraph(n, ei)
				check(t, err)
				dense := gnntest.Random(rng, n, 6)
				for i := range dense.V {
					if rng.Float64() < 0.7 {
						dense.V[i] = 0
					}
				}
				var xBuf, tBuf nn.Buffer
				dense.Float32(xBuf.Resize(n, 6))
				sparse, err := gnn.SparseFromDense(n, 6, xBuf.Matrix().Data)
				check(t, err)
				gnntest.Random(rng, n, y.Shape()[1]).Float32(tBuf.Resize(n, y.Shape()[1]))
				check(t, tape.Bind(g, graph))
				check(t, tape.Bind(target, tBuf.Value()))
				run := func(v gorgonia.Value) []*mat {
					check(t, tape.Bind(x, v))
					check(t, tape.Run())
					var out []*mat
					for _, node := range append(gorgonia.Nodes{y}, grads...) {
						out = append(out, gnntest.FromFloat32(tape.Matrix(node)))
					}
					return out
				}
				want, got := run(xBuf.Value()), run(sparse)
				for k := range want {
					for i, v := range want[k].V {
						if math.Abs(got[k].V[i]-v) > 1e-5 {
							t.Fatalf("output %d: entry %d is %v, dense gives %v", k, i, got[k].V[i], v)
						}
					}
				}
			}
			short, err := gnn.SparseFromDense(1, 5, make([]float32, 5))
			check(t, err)
			check(t, tape.Bind(x, short))
			if tape.Run() == nil {
				t.Error("sparse features of the wrong width give no error")
			}
		})
	}
}

func TestGCNConvRejectsBipartite(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	eg := gorgonia.NewGraph()
	g, err := gnn.NewGraphInput(eg, "graph")
	check(t, err)
	x, err := nn.NewInput(eg, "x", 2)
	check(t, err)
	y, err := must(gnn.NewGCNConv("gcn", gnn.GCNConvConfig{In: 2, Out: 2, Act: nn.ReLU}, rng)).Forward(g, x)
	check(t, err)
	tape, err := nn.NewTape(y)
	check(t, err)
	graph, err := gnn.CompleteBipartite(2, 2)
	check(t, err)
	var buf nn.Buffer
	clear(buf.Resize(2, 2))
	check(t, tape.Bind(g, graph))
	check(t, tape.Bind(x, buf.Value()))
	if tape.Run() == nil {
		t.Error("a bipartite graph gives no error")
	}
}

// must is for constructors that a test calls with sound arguments.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
