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

// loopedReference returns the edges with exactly one self loop at each vertex.
func loopedReference(g *gnn.Graph, selfLoops bool) gnn.EdgeIndex {
	if !selfLoops {
		return g.Edges()
	}
	return g.Edges().AddSelfLoops(g.NumDst())
}

// attendReference is softmax and weighted sum, head by head; scores [edges x heads].
func attendReference(rows int, ei gnn.EdgeIndex, scores, h *mat, heads, out int, concat bool) *mat {
	width := out
	if concat {
		width *= heads
	}
	y := gnntest.NewMat(rows, width)
	for i := range rows {
		for k := range heads {
			var total float64
			for e, d := range ei.Dst {
				if int(d) == i {
					total += math.Exp(scores.At(e, k))
				}
			}
			for e, d := range ei.Dst {
				if int(d) != i {
					continue
				}
				alpha := math.Exp(scores.At(e, k)) / total
				for q := range out {
					v := alpha * h.At(int(ei.Src[e]), k*out+q)
					if concat {
						y.Row(i)[k*out+q] += v
					} else {
						y.Row(i)[q] += v / float64(heads)
					}
				}
			}
		}
	}
	return y
}

var attentionCases = []struct {
	name            string
	in, dst, edge   int
	out, heads      int
	concat, bias    bool
	act             nn.Activation
	withoutOwnLoops bool
}{
	{name: "concatenated", in: 4, out: 3, heads: 2, concat: true, bias: true, act: nn.ELU},
	{name: "averaged", in: 3, out: 4, heads: 3, bias: true},
	{name: "one head without bias", in: 3, out: 2, heads: 1, concat: true, act: nn.ReLU},
	{name: "without self loops", in: 3, out: 2, heads: 2, concat: true, bias: true, withoutOwnLoops: true},
	{name: "bipartite", in: 4, dst: 3, out: 2, heads: 2, concat: true, bias: true, act: nn.Tanh},
	{name: "bipartite averaged", in: 4, dst: 2, out: 3, heads: 2, bias: true},
}

func TestGATConv(t *testing.T) {
	for _, c := range attentionCases {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				l := must(gnn.NewGATConv("gat", gnn.GATConvConfig{In: c.in, Out: c.out, Heads: c.heads, Concat: c.concat, Act: c.act}, rng))
				if c.dst > 0 {
					l = must(gnn.NewGATConv("gat", gnn.GATConvConfig{In: c.in, InDst: c.dst, Out: c.out, Heads: c.heads, Concat: c.concat, Act: c.act}, rng))
				}
				if c.withoutOwnLoops {
					l.SelfLoops = false
				}
				if !c.bias {
					l.Bias = nil
				}
				return gnntest.Layer{
					In: c.in, Dst: c.dst, Params: l.Params(),
					Forward: func(g, xSrc, xDst, _ *gorgonia.Node) (*gorgonia.Node, error) {
						return l.ForwardBipartite(g, xSrc, xDst)
					},
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						ei := loopedReference(in.Graph, l.SelfLoops)
						hSrc := in.Src.Mul(p[0])
						hDst := hSrc
						p = p[1:]
						if c.dst > 0 {
							hDst = in.Dst.Mul(p[0])
							p = p[1:]
						}
						scores := gnntest.NewMat(ei.Len(), c.heads)
						for e := range ei.Src {
							for k := range c.heads {
								var s float64
								for q := range c.out {
									s += p[0].At(k, q)*hSrc.At(int(ei.Src[e]), k*c.out+q) + p[1].At(k, q)*hDst.At(int(ei.Dst[e]), k*c.out+q)
								}
								scores.Row(e)[k] = gnntest.LeakyReLU(0.2)(s)
							}
						}
						y := attendReference(in.Graph.NumDst(), ei, scores, hSrc, c.heads, c.out, c.concat)
						if c.bias {
							y = y.Add(p[2])
						}
						return y.Map(activationReference(c.act))
					},
				}, nil
			})
		})
	}
}

func TestGATv2Conv(t *testing.T) {
	cases := attentionCases
	for i := range 2 {
		c := attentionCases[4-i] // with edge features: bipartite and not
		c.name += " with edge features"
		c.edge = 2 + i
		cases = append(cases, c)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				l := must(gnn.NewGATv2Conv("gat", gnn.GATv2ConvConfig{In: c.in, Out: c.out, Heads: c.heads, Concat: c.concat, Act: c.act}, rng))
				if dst := c.dst; dst > 0 || c.edge > 0 || c.withoutOwnLoops {
					if dst == 0 {
						dst = c.in
					}
					l = must(gnn.NewGATv2Conv("gat", gnn.GATv2ConvConfig{In: c.in, InDst: dst, EdgeDim: c.edge, Out: c.out, Heads: c.heads, Concat: c.concat, Act: c.act}, rng))
				}
				if !c.bias {
					l.Bias = nil
				}
				return gnntest.Layer{
					In: c.in, Dst: c.dst, Edge: c.edge, Params: l.Params(), Forward: l.ForwardBipartite,
					Reference: func(p []*mat, in gnntest.Inputs) *mat {
						ei := loopedReference(in.Graph, l.SelfLoops)
						u, v := in.Src.Mul(p[0]), in.Dst.Mul(p[1])
						p = p[2:]
						var w *mat
						if c.edge > 0 {
							w, p = p[0], p[1:]
						}
						scores := gnntest.NewMat(ei.Len(), c.heads)
						for e := range ei.Src {
							for k := range c.heads {
								for q := range c.out {
									pre := u.At(int(ei.Src[e]), k*c.out+q) + v.At(int(ei.Dst[e]), k*c.out+q)
									for r := range c.edge {
										pre += in.Edge.At(e, r) * w.At(k*c.edge+r, q)
									}
									scores.Row(e)[k] += p[0].At(k, q) * gnntest.LeakyReLU(0.2)(pre)
								}
							}
						}
						y := attendReference(in.Graph.NumDst(), ei, scores, u, c.heads, c.out, c.concat)
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
