package gnn_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// linearReference is x W + b.
func linearReference(x, w, b *mat) *mat { return x.Mul(w).Add(b) }

func TestEdgeUpdate(t *testing.T) {
	for _, c := range []struct {
		name          string
		in, dst, edge int
		act           nn.Activation
	}{
		{"bipartite", 3, 2, 2, nn.ReLU},
		{"not bipartite", 3, 0, 1, nn.Tanh},
		{"no edge features", 2, 3, 0, nn.None},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				inDst := c.dst
				if inDst == 0 {
					inDst = c.in
				}
				l := must(gnn.NewEdgeUpdate("update", gnn.EdgeUpdateConfig{In: c.in, InDst: inDst, EdgeDim: c.edge, Hidden: 4, Act: c.act}, rng))
				return gnntest.Layer{
					In: c.in, Dst: c.dst, Edge: c.edge, Out: gnntest.Edges,
					Params: l.Params(), Forward: l.Forward,
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						return edgeReference(p, in, 1).Map(activationReference(c.act))
					},
				}, nil
			})
		})
	}
}

func TestAggregateEdges(t *testing.T) {
	for _, agg := range []gnn.Aggregation{gnn.Sum, gnn.Mean, gnn.Max} {
		for _, dst := range []int{0, 2} {
			gnntest.Run(t, func(*rand.Rand) (gnntest.Layer, error) {
				return gnntest.Layer{
					In: 1, Dst: dst, Edge: 3,
					Forward: func(g, x, _, f *gorgonia.Node) (*gorgonia.Node, error) {
						return gnn.AggregateEdges(g, f, agg)
					},
					Reference: func(_ []*mat, in gnntest.Inputs) *mat {
						return reduceReference(in.Graph.NumDst(), in.Graph.Edges().Dst, in.Edge, agg)
					},
				}, nil
			})
		}
	}
}

func TestEdgeConv(t *testing.T) {
	for _, c := range []struct {
		name    string
		in, dst int
		rest    bool
		agg     gnn.Aggregation
	}{
		{"one layer", 3, 0, false, gnn.Max},
		{"two layers", 2, 0, true, gnn.Max},
		{"mean", 2, 0, true, gnn.Mean},
		{"bipartite", 3, 3, true, gnn.Max},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				var rest nn.Module
				if c.rest {
					rest = must(nn.NewLinear("rest", nn.LinearConfig{In: 4, Out: 3}, rng))
				}
				l := must(gnn.NewEdgeConv("edge", gnn.EdgeConvConfig{In: c.in, Hidden: 4, Act: nn.Tanh, Rest: rest}, rng))
				l.Agg = c.agg
				return gnntest.Layer{
					In: c.in, Dst: c.dst, Params: l.Params(),
					Forward: func(g, xSrc, xDst, _ *gorgonia.Node) (*gorgonia.Node, error) {
						return l.ForwardBipartite(g, xSrc, xDst)
					},
					// The paper's form: weights of x_i and of x_j - x_i on their concatenation.
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						ei := in.Graph.Edges()
						wDiff, wOwn := p[0], p[1].Add(p[0])
						xi, xj := in.Dst.Gather(ei.Dst), in.Src.Gather(ei.Src)
						diff := xj.Add(xi.Map(func(v float64) float64 { return -v }))
						h := xi.Mul(wOwn).Add(diff.Mul(wDiff)).Add(p[2]).Map(math.Tanh)
						if c.rest {
							h = linearReference(h, p[3], p[4])
						}
						return reduceReference(in.Graph.NumDst(), ei.Dst, h, c.agg)
					},
				}, nil
			})
		})
	}
}

func TestGINConv(t *testing.T) {
	for _, c := range []struct {
		name string
		edge int
		eps  bool
	}{{"GIN-0", 0, false}, {"GIN-eps", 0, true}, {"GINE-0", 2, false}, {"GINE-eps", 3, true}} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				net := nn.Sequential{
					must(nn.NewLinear("a", nn.LinearConfig{In: 3, Out: 5, Act: nn.Tanh}, rng)),
					must(nn.NewLinear("b", nn.LinearConfig{In: 5, Out: 2}, rng)),
				}
				l := must(gnn.NewGINConv("gin", gnn.GINConvConfig{Net: net, TrainEps: c.eps}, nil))
				if c.edge > 0 {
					l = must(gnn.NewGINConv("gin", gnn.GINConvConfig{In: 3, EdgeDim: c.edge, Net: net, TrainEps: c.eps}, rng))
				}
				return gnntest.Layer{
					In: 3, Edge: c.edge, Params: l.Params(),
					Forward: func(g, x, _, f *gorgonia.Node) (*gorgonia.Node, error) { return l.ForwardEdges(g, x, f) },
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						own := 1.0
						if c.eps {
							own, p = 1+p[0].V[0], p[1:]
						}
						messages := in.Src.Gather(in.Graph.Edges().Src)
						if c.edge > 0 {
							messages = messages.Add(in.Edge.Mul(p[0])).Map(gnntest.ReLU)
							p = p[1:]
						}
						s := reduceReference(in.Graph.NumDst(), in.Graph.Edges().Dst, messages, gnn.Sum)
						s = s.Add(in.Src.Map(func(v float64) float64 { return own * v }))
						return linearReference(linearReference(s, p[0], p[1]).Map(math.Tanh), p[2], p[3])
					},
				}, nil
			})
		})
	}
}

func TestNNConv(t *testing.T) {
	for _, c := range []struct {
		name    string
		in, dst int
		net     bool
		agg     gnn.Aggregation
		act     nn.Activation
	}{
		{"sum", 3, 0, true, gnn.Sum, nn.Tanh},
		{"mean", 2, 0, true, gnn.Mean, nn.None},
		{"bipartite", 3, 2, true, gnn.Mean, nn.ReLU},
		{"raw edge features", 3, 0, false, gnn.Sum, nn.None},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				const out, edge = 3, 2
				inDst, width := c.dst, edge
				if inDst == 0 {
					inDst = c.in
				}
				var net nn.Module
				if c.net {
					width = 4
					net = must(nn.NewLinear("net", nn.LinearConfig{In: edge, Out: width, Act: nn.Sigmoid}, rng))
				}
				l := must(gnn.NewNNConv("nnconv", gnn.NNConvConfig{In: c.in, InDst: inDst, Out: out, EdgeNet: net, EdgeWidth: width, Agg: c.agg, Act: c.act}, rng))
				return gnntest.Layer{
					In: c.in, Dst: c.dst, Edge: edge, Params: l.Params(), Forward: l.Forward,
					// The paper's form: a matrix for every edge.
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						ei := in.Graph.Edges()
						h := in.Edge
						if c.net {
							h = linearReference(h, p[3], p[4]).Map(activationReference(nn.Sigmoid))
						}
						messages := gnntest.NewMat(ei.Len(), out)
						for e, j := range ei.Src {
							theta := gnntest.NewMat(c.in, out)
							for r := range c.in {
								for o := range out {
									theta.Row(r)[o] = p[0].At(r, width*out+o)
									for q := range width {
										theta.Row(r)[o] += h.At(e, q) * p[0].At(r, q*out+o)
									}
								}
							}
							copy(messages.Row(e), in.Src.Gather([]int32{j}).Mul(theta).V)
						}
						y := reduceReference(in.Graph.NumDst(), ei.Dst, messages, c.agg)
						return y.Add(linearReference(in.Dst, p[1], p[2])).Map(activationReference(c.act))
					},
				}, nil
			})
		})
	}
}

// readoutReference aggregates over the vertices of each graph.
func readoutReference(g *gnn.Graph, x *mat, agg gnn.Aggregation) *mat {
	return reduceReference(g.NumGraphs(), graphOfVertex(g), x, agg)
}

func graphOfVertex(g *gnn.Graph) []int32 {
	of := make([]int32, g.NumDst())
	for b := range g.NumGraphs() {
		for i := g.GraphPtr()[b]; i < g.GraphPtr()[b+1]; i++ {
			of[i] = int32(b)
		}
	}
	return of
}

func TestReadout(t *testing.T) {
	for _, agg := range []gnn.Aggregation{gnn.Sum, gnn.Mean, gnn.Max} {
		gnntest.Run(t, func(*rand.Rand) (gnntest.Layer, error) {
			return gnntest.Layer{
				In: 3, Out: gnntest.Graphs,
				Forward:   func(g, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return gnn.Readout(g, x, agg) },
				Reference: func(_ []*mat, in gnntest.Inputs) *mat { return readoutReference(in.Graph, in.Src, agg) },
			}, nil
		})
	}
}

func TestAttentionReadout(t *testing.T) {
	for _, net := range []bool{false, true} {
		gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
			l := &gnn.AttentionReadout{Gate: must(nn.NewLinear("gate", nn.LinearConfig{In: 3, Out: 1}, rng))}
			if net {
				l.Net = must(nn.NewLinear("net", nn.LinearConfig{In: 3, Out: 2, Act: nn.Tanh}, rng))
			}
			return gnntest.Layer{
				In: 3, Out: gnntest.Graphs, Params: l.Params(),
				Forward: func(g, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return l.Forward(g, x) },
				Reference: func(p []*mat, in gnntest.Inputs) *mat {
					gate := linearReference(in.Src, p[0], p[1]).Map(math.Exp)
					total := readoutReference(in.Graph, gate, gnn.Sum)
					h := in.Src
					if net {
						h = linearReference(h, p[2], p[3]).Map(math.Tanh)
					}
					h = h.Map(func(v float64) float64 { return v })
					for i, b := range graphOfVertex(in.Graph) {
						for k := range h.Row(i) {
							h.Row(i)[k] *= gate.V[i] / total.V[b]
						}
					}
					return readoutReference(in.Graph, h, gnn.Sum)
				},
			}, nil
		})
	}
}

// normalizeReference normalises the rows that share a group, by column.
func normalizeReference(x *mat, group func(row int) int, alpha []float64) *mat {
	y := gnntest.NewMat(x.Rows, x.Cols)
	for i := range x.Rows {
		for k := range x.Cols {
			var n, mean, variance float64
			for r := range x.Rows {
				if group(r) == group(i) {
					n++
					mean += x.At(r, k)
				}
			}
			mean /= n
			for r := range x.Rows {
				if group(r) == group(i) {
					variance += math.Pow(x.At(r, k)-alpha[k]*mean, 2) / n
				}
			}
			y.Row(i)[k] = (x.At(i, k) - alpha[k]*mean) / math.Sqrt(variance+1e-5)
		}
	}
	return y
}

// affineReference is act(gamma x + beta).
func affineReference(x, gamma, beta *mat, act nn.Activation) *mat {
	y := x.Map(func(v float64) float64 { return v })
	for i := range y.V {
		y.V[i] *= gamma.V[i%x.Cols]
	}
	return y.Add(beta).Map(activationReference(act))
}

func TestLayerNorm(t *testing.T) {
	gnntest.Run(t, func(*rand.Rand) (gnntest.Layer, error) {
		l := must(nn.NewLayerNorm("norm", 4, nn.ELU))
		return gnntest.Layer{
			In: 4, Params: l.Params(),
			Forward: func(_, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return l.Forward(x) },
			Reference: func(p []*mat, in gnntest.Inputs) *mat {
				y := gnntest.NewMat(in.Src.Rows, 4)
				for i := range y.Rows {
					column := &mat{Rows: 4, Cols: 1, V: in.Src.Row(i)}
					copy(y.Row(i), normalizeReference(column, func(int) int { return 0 }, []float64{1}).V)
				}
				return affineReference(y, p[0], p[1], nn.ELU)
			},
		}, nil
	})
}

func TestBatchNorm(t *testing.T) {
	t.Run("training", func(t *testing.T) {
		gnntest.Run(t, func(*rand.Rand) (gnntest.Layer, error) {
			l := must(nn.NewBatchNorm("norm", 3, nn.Tanh))
			l.Training = true
			return gnntest.Layer{
				In: 3, Params: l.Params(), AcrossGraphs: true, MinVertices: 2,
				Forward: func(_, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return l.Forward(x) },
				Reference: func(p []*mat, in gnntest.Inputs) *mat {
					xhat := normalizeReference(in.Src, func(int) int { return 0 }, []float64{1, 1, 1})
					return affineReference(xhat, p[0], p[1], nn.Tanh)
				},
			}, nil
		})
	})
	t.Run("inference", func(t *testing.T) {
		gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
			l := must(nn.NewBatchNorm("norm", 3, nn.None))
			for k := range 3 {
				l.RunningMean.Data()[k] = float32(rng.NormFloat64())
				l.RunningVar.Data()[k] = float32(0.5 + rng.Float64())
			}
			return gnntest.Layer{
				In: 3, Params: l.Params(),
				Forward: func(_, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return l.Forward(x) },
				Reference: func(p []*mat, in gnntest.Inputs) *mat {
					xhat := in.Src.Map(func(v float64) float64 { return v })
					for i := range xhat.V {
						k := i % 3
						xhat.V[i] = (xhat.V[i] - float64(l.RunningMean.Data()[k])) / math.Sqrt(float64(l.RunningVar.Data()[k])+1e-5)
					}
					return affineReference(xhat, p[0], p[1], nn.None)
				},
			}, nil
		})
	})
}

// The running values approach the data's mean and unbiased variance.
func TestBatchNormRunningValues(t *testing.T) {
	l := must(nn.NewBatchNorm("norm", 1, nn.None))
	l.Training, l.Momentum = true, 0.5
	x := []float32{1, 2, 3, 6}
	tape, run := module(t, l, 1)
	_ = tape
	for range 40 {
		run(x)
	}
	if m, v := l.RunningMean.Data()[0], l.RunningVar.Data()[0]; math.Abs(float64(m)-3) > 1e-5 || math.Abs(float64(v)-14.0/3) > 1e-5 {
		t.Errorf("running mean %v and variance %v, want 3 and 14/3", m, v)
	}
	l.Training = false
	if y := run([]float32{3}); y[0] != 0 {
		t.Errorf("the mean becomes %v, want 0", y[0])
	}
}

// module returns a function that runs m on rows of cols columns.
func module(t *testing.T, m nn.Module, cols int) (*nn.Tape, func(x []float32) []float32) {
	t.Helper()
	eg := gorgonia.NewGraph()
	in, err := nn.NewInput(eg, "x", cols)
	check(t, err)
	out, err := m.Forward(in)
	check(t, err)
	tape, err := nn.NewTape(out)
	check(t, err)
	var buf nn.Buffer
	return tape, func(x []float32) []float32 {
		copy(buf.Resize(len(x)/cols, cols), x)
		check(t, tape.Bind(in, buf.Value()))
		check(t, tape.Run())
		return tape.Matrix(out).Data
	}
}

func TestGraphNorm(t *testing.T) {
	gnntest.Run(t, func(*rand.Rand) (gnntest.Layer, error) {
		l := must(gnn.NewGraphNorm("norm", 3, nn.Sigmoid))
		return gnntest.Layer{
			In: 3, Params: l.Params(),
			Forward: func(g, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return l.Forward(g, x) },
			Reference: func(p []*mat, in gnntest.Inputs) *mat {
				of := graphOfVertex(in.Graph)
				xhat := normalizeReference(in.Src, func(i int) int { return int(of[i]) }, p[0].V)
				return affineReference(xhat, p[1], p[2], nn.Sigmoid)
			},
		}, nil
	})
}

// poolReference keeps the best vertices of each graph and returns their features,
// scaled, on the smaller graph.
func poolReference(in gnntest.Inputs, score []float64, ratio float64) gnntest.Inputs {
	g := in.Graph
	var keep []int32
	var members []*gnn.Graph
	for b := range g.NumGraphs() {
		var all []int32
		for i := g.GraphPtr()[b]; i < g.GraphPtr()[b+1]; i++ {
			all = append(all, i)
		}
		n := len(all)
		slices.SortStableFunc(all, func(i, j int32) int { return int(math.Copysign(1, score[j]-score[i])) })
		all = all[:int(math.Ceil(ratio*float64(n)))]
		slices.Sort(all)
		var ei gnn.EdgeIndex
		for e, s := range g.Edges().Src {
			from, to := slices.Index(all, s), slices.Index(all, g.Edges().Dst[e])
			if from >= 0 && to >= 0 {
				ei.Src, ei.Dst = append(ei.Src, int32(from)), append(ei.Dst, int32(to))
			}
		}
		member, err := gnn.NewGraph(len(all), ei)
		if err != nil {
			panic(err)
		}
		members = append(members, member)
		keep = append(keep, all...)
	}
	small, err := gnn.Batch(members...)
	if err != nil {
		panic(err)
	}
	x := in.Src.Gather(keep)
	for r, i := range keep {
		for k := range x.Row(r) {
			x.Row(r)[k] *= math.Tanh(score[i])
		}
	}
	return gnntest.Inputs{Graph: small, Src: x, Dst: x}
}

// Pooling is tested with its usual successors, a convolution on the smaller graph and a readout,
// whose result does not depend on the numbering.
func TestPooling(t *testing.T) {
	type pooling interface {
		Forward(g, x *gorgonia.Node) (pooled, y *gorgonia.Node, err error)
		Params() nn.Params
	}
	for _, c := range []struct {
		name  string
		ratio float64
		make  func(ratio float64, rng *rand.Rand) pooling
		score func(p []*mat, in gnntest.Inputs) []float64
	}{
		{"top-k", 0.5,
			func(ratio float64, rng *rand.Rand) pooling {
				return must(gnn.NewTopKPooling("pool", gnn.PoolingConfig{In: 3, Ratio: ratio}, rng))
			},
			func(p []*mat, in gnntest.Inputs) []float64 {
				norm := math.Sqrt(p[0].V[0]*p[0].V[0] + p[0].V[1]*p[0].V[1] + p[0].V[2]*p[0].V[2])
				return in.Src.Mul(p[0]).Map(func(v float64) float64 { return v / norm }).V
			}},
		{"self-attention", 0.7,
			func(ratio float64, rng *rand.Rand) pooling {
				return must(gnn.NewSAGPooling("pool", gnn.PoolingConfig{In: 3, Ratio: ratio}, rng))
			},
			func(p []*mat, in gnntest.Inputs) []float64 {
				return gcnReference(in, in.Src.Mul(p[0])).Add(p[1]).V
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				l := c.make(c.ratio, rng)
				conv := must(gnn.NewGCNConv("conv", gnn.GCNConvConfig{In: 3, Out: 2}, rng))
				first := len(l.Params())
				return gnntest.Layer{
					In: 3, Out: gnntest.Graphs, Params: append(l.Params(), conv.Params()...),
					Forward: func(g, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) {
						pooled, y, err := l.Forward(g, x)
						if err != nil {
							return nil, err
						}
						if y, err = conv.Forward(pooled, y); err != nil {
							return nil, err
						}
						return gnn.Readout(pooled, y, gnn.Sum)
					},
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						small := poolReference(in, c.score(p, in), c.ratio)
						y := gcnReference(small, small.Src.Mul(p[first])).Add(p[first+1])
						return readoutReference(small.Graph, y, gnn.Sum)
					},
				}, nil
			})
		})
	}
	if _, err := gnn.NewTopKPooling("pool", gnn.PoolingConfig{In: 2}, rand.New(rand.NewPCG(1, 1))); err == nil {
		t.Error("a ratio of 0 gives no error")
	}
}

// inputs returns a graph node and a node of 2 features.
func inputs(t *testing.T) (g, x *gorgonia.Node) {
	t.Helper()
	eg := gorgonia.NewGraph()
	g, err := gnn.NewGraphInput(eg, "graph")
	check(t, err)
	x, err = nn.NewInput(eg, "x", 2)
	check(t, err)
	return g, x
}

func TestCombine(t *testing.T) {
	for _, c := range []struct {
		name      string
		forward   func(xs ...*gorgonia.Node) (*gorgonia.Node, error)
		reference func(a, b *mat) *mat
	}{
		{"add", nn.Add, func(a, b *mat) *mat { return a.Add(b) }},
		{"jumping max", nn.Maximum, func(a, b *mat) *mat {
			c := gnntest.NewMat(a.Rows, a.Cols)
			for i := range c.V {
				c.V[i] = max(a.V[i], b.V[i])
			}
			return c
		}},
		{"jumping concat", nn.Concat, func(a, b *mat) *mat {
			c := gnntest.NewMat(a.Rows, a.Cols+b.Cols)
			for i := range c.Rows {
				copy(c.Row(i), a.Row(i))
				copy(c.Row(i)[a.Cols:], b.Row(i))
			}
			return c
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				l := must(nn.NewLinear("linear", nn.LinearConfig{In: 3, Out: 3, Act: nn.Tanh}, rng))
				return gnntest.Layer{
					In: 3, Params: l.Params(),
					Forward: func(_, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) {
						y, err := l.Forward(x)
						if err != nil {
							return nil, err
						}
						return c.forward(x, y)
					},
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						return c.reference(in.Src, linearReference(in.Src, p[0], p[1]).Map(math.Tanh))
					},
				}, nil
			})
		})
	}
	if _, err := nn.Add(); err == nil {
		t.Error("no inputs give no error")
	}
	_, x := inputs(t)
	wider, err := nn.NewInput(x.Graph(), "wider", 3)
	check(t, err)
	if _, err := nn.Maximum(x, wider); err == nil {
		t.Error("inputs of different widths give no error")
	}
}

// What does not fit is found when the expression graph is built, and the error
// names the layer.
func TestBuildErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	g, x := inputs(t) // x has 2 columns
	f, err := nn.NewInput(x.Graph(), "f", 1)
	check(t, err)
	vector := gorgonia.NewVector(x.Graph(), tensor.Float32, gorgonia.WithShape(3), gorgonia.WithName("vector"))
	ignore := func(n *gorgonia.Node, err error) error { return err }
	for name, err := range map[string]error{
		"gcn":                  ignore(must(gnn.NewGCNConv("l1", gnn.GCNConvConfig{In: 3, Out: 2}, rng)).Forward(g, x)),
		"sage":                 ignore(must(gnn.NewSAGEConv("l3", gnn.SAGEConvConfig{In: 3, Out: 2}, rng)).Forward(g, x)),
		"sage destination":     ignore(must(gnn.NewSAGEConv("l5", gnn.SAGEConvConfig{In: 2, InDst: 3, Out: 2}, rng)).ForwardBipartite(g, x, x)),
		"gat":                  ignore(must(gnn.NewGATConv("l6", gnn.GATConvConfig{In: 3, Out: 2, Heads: 2}, rng)).Forward(g, x)),
		"gat bipartite":        ignore(must(gnn.NewGATConv("l7", gnn.GATConvConfig{In: 2, Out: 2, Heads: 2}, rng)).ForwardBipartite(g, x, f)),
		"gatv2":                ignore(must(gnn.NewGATv2Conv("l8", gnn.GATv2ConvConfig{In: 3, Out: 2, Heads: 2}, rng)).Forward(g, x)),
		"gatv2 edges":          ignore(must(gnn.NewGATv2Conv("l9", gnn.GATv2ConvConfig{In: 2, Out: 2, Heads: 2}, rng)).ForwardBipartite(g, x, x, f)),
		"gin edges":            ignore(must(gnn.NewGINConv("l10", gnn.GINConvConfig{Net: nn.Sequential{}}, nil)).ForwardEdges(g, x, f)),
		"gine without edges":   ignore(must(gnn.NewGINConv("l11", gnn.GINConvConfig{Net: nn.Sequential{}, In: 2, EdgeDim: 1}, rng)).Forward(g, x)),
		"edge conv":            ignore(must(gnn.NewEdgeConv("l12", gnn.EdgeConvConfig{In: 3, Hidden: 2}, rng)).Forward(g, x)),
		"nnconv":               ignore(must(gnn.NewNNConv("l13", gnn.NNConvConfig{In: 2, Out: 2, EdgeWidth: 3}, rng)).Forward(g, x, x, f)),
		"message edges":        ignore(must(gnn.NewEdgeMessage("l16", gnn.EdgeMessageConfig{In: 2, EdgeDim: 2, Hidden: 2}, rng)).Forward(g, x, x, f)),
		"message no edges":     ignore(must(gnn.NewEdgeMessage("l17", gnn.EdgeMessageConfig{In: 2, Hidden: 2}, rng)).Forward(g, x, x, f)),
		"scorer edges missing": ignore(must(gnn.NewEdgeScorer("l18", gnn.EdgeScorerConfig{In: 2, EdgeDim: 1, Hidden: 2}, rng)).Forward(g, x, x, nil)),
		"batch norm":           ignore(must(nn.NewBatchNorm("l19", 3, nn.None)).Forward(x)),
		// Settings that a constructor refuses may still be made by hand.
		"gcn activation":     ignore((&gnn.GCNConv{Weight: must(nn.NewParam("l2", nil, nil, 2, 2)), Act: 99}).Forward(g, x)),
		"sage aggregation":   ignore((&gnn.SAGEConv{Agg: 9}).Forward(g, x)),
		"aggregate a vector": ignore(gnn.Aggregate(g, vector, gnn.Sum)),
		"readout nothing":    ignore(gnn.Readout(g, nil, gnn.Sum)),
	} {
		if err == nil || strings.Contains(err.Error(), "another node") {
			t.Errorf("%s: error %v, want one about the misfit", name, err)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}
