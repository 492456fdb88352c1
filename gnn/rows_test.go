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

func TestGather(t *testing.T) {
	for _, c := range []struct {
		name      string
		dst       int
		forward   func(g, x *gorgonia.Node) (*gorgonia.Node, error)
		reference func(in gnntest.Inputs) *mat
	}{
		{"sources", 0, gnn.GatherSrc, func(in gnntest.Inputs) *mat { return in.Src.Gather(in.Graph.Edges().Src) }},
		{"destinations", 0, gnn.GatherDst, func(in gnntest.Inputs) *mat { return in.Dst.Gather(in.Graph.Edges().Dst) }},
		{"sources, bipartite", 2, gnn.GatherSrc, func(in gnntest.Inputs) *mat { return in.Src.Gather(in.Graph.Edges().Src) }},
		{"destinations, bipartite", 2, gnn.GatherDst, func(in gnntest.Inputs) *mat { return in.Dst.Gather(in.Graph.Edges().Dst) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(*rand.Rand) (gnntest.Layer, error) {
				return gnntest.Layer{
					In: 3, Dst: c.dst, Out: gnntest.Edges,
					Forward: func(g, xSrc, xDst, _ *gorgonia.Node) (*gorgonia.Node, error) {
						if c.name[0] == 's' {
							return c.forward(g, xSrc)
						}
						return c.forward(g, xDst)
					},
					Reference: func(_ []*mat, in gnntest.Inputs) *mat { return c.reference(in) },
				}, nil
			})
		})
	}
}

// edgeSoftmaxReference returns the softmax over the edges into each destination, by column.
func edgeSoftmaxReference(g *gnn.Graph, s *mat) *mat {
	sums := gnntest.NewMat(g.NumDst(), s.Cols)
	for e, i := range g.Edges().Dst {
		for k, v := range s.Row(e) {
			sums.Row(int(i))[k] += math.Exp(v)
		}
	}
	a := gnntest.NewMat(s.Rows, s.Cols)
	for e, i := range g.Edges().Dst {
		for k, v := range s.Row(e) {
			a.Row(e)[k] = math.Exp(v) / sums.Row(int(i))[k]
		}
	}
	return a
}

func TestEdgeSoftmax(t *testing.T) {
	gnntest.Run(t, func(*rand.Rand) (gnntest.Layer, error) {
		return gnntest.Layer{
			In: 1, Edge: 3, Out: gnntest.Edges,
			Forward: func(g, _, _, f *gorgonia.Node) (*gorgonia.Node, error) { return gnn.EdgeSoftmax(g, f) },
			Reference: func(_ []*mat, in gnntest.Inputs) *mat {
				return edgeSoftmaxReference(in.Graph, in.Edge)
			},
		}, nil
	})
}

// Scores of a thousand apart saturate the softmax; nothing overflows.
func TestEdgeSoftmaxSaturated(t *testing.T) {
	g, _ := inputs(t)
	s, err := nn.NewInput(g.Graph(), "s", 1)
	check(t, err)
	a, err := gnn.EdgeSoftmax(g, s)
	check(t, err)
	tape, err := nn.NewTape(a)
	check(t, err)
	graph, err := gnn.NewBipartite(3, 1, gnn.EdgeIndex{Src: []int32{0, 1, 2}, Dst: []int32{0, 0, 0}})
	check(t, err)
	var x nn.Buffer
	copy(x.Resize(3, 1), []float32{1000, 0, -1000})
	check(t, tape.Bind(g, graph))
	check(t, tape.Bind(s, x.Value()))
	check(t, tape.Run())
	if got := tape.Matrix(a).Data; got[0] != 1 || got[1] != 0 || got[2] != 0 {
		t.Errorf("softmax of 1000, 0, -1000 is %v, want 1, 0, 0", got)
	}
}

func TestBroadcast(t *testing.T) {
	for _, dst := range []int{0, 2} {
		gnntest.Run(t, func(*rand.Rand) (gnntest.Layer, error) {
			return gnntest.Layer{
				In: 3, Dst: dst,
				Forward: func(g, _, xDst, _ *gorgonia.Node) (*gorgonia.Node, error) {
					whole, err := gnn.Readout(g, xDst, gnn.Sum)
					if err != nil {
						return nil, err
					}
					return gnn.Broadcast(g, whole)
				},
				Reference: func(_ []*mat, in gnntest.Inputs) *mat {
					return readoutReference(in.Graph, in.Dst, gnn.Sum).Gather(graphOfVertex(in.Graph))
				},
			}, nil
		})
	}
}

func TestElementwise(t *testing.T) {
	for _, c := range []struct {
		name      string
		width     int // of the second operand
		forward   func(x, y *gorgonia.Node) (*gorgonia.Node, error)
		reference func(x, y float64) float64
	}{
		{"sub", 3, nn.Sub, func(x, y float64) float64 { return x - y }},
		{"mul", 3, nn.Mul, func(x, y float64) float64 { return x * y }},
		{"mul of rows", 1, nn.Mul, func(x, y float64) float64 { return x * y }},
	} {
		t.Run(c.name, func(t *testing.T) {
			gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
				l := must(nn.NewLinear("linear", nn.LinearConfig{In: 3, Out: c.width, Act: nn.Tanh}, rng))
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
						y := linearReference(in.Src, p[0], p[1]).Map(math.Tanh)
						out := gnntest.NewMat(in.Src.Rows, 3)
						for i := range out.Rows {
							for k := range 3 {
								out.Row(i)[k] = c.reference(in.Src.At(i, k), y.At(i, k%c.width))
							}
						}
						return out
					},
				}, nil
			})
		})
	}
}
