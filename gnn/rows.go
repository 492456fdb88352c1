package gnn

import (
	"math"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// GatherSrc gives every edge the row of its source, to compute messages from. With [GatherDst],
// [EdgeSoftmax], [AggregateEdges] and the elementwise operations of package nn you can write your
// own message passing.
//
// Shapes: g, x [NumSrc x features] -> [NumEdges x features].
func GatherSrc(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	return gather("gather_src", g, x, &gatherRows{f: cols(x)})
}

// GatherDst gives every edge the row of its destination; see [GatherSrc].
//
// Shapes: g, x [NumDst x features] -> [NumEdges x features].
func GatherDst(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	return gather("gather_dst", g, x, &gatherRows{f: cols(x), dst: true})
}

func gather(name string, g, x *gorgonia.Node, op *gatherRows) (*gorgonia.Node, error) {
	if err := checkCols(name, "features", x, cols(x)); err != nil {
		return nil, err
	}
	return nn.Apply(name, op, x.Shape(), g, x)
}

type gatherRows struct {
	f   int
	dst bool // of destinations, otherwise of sources
}

// ends returns the vertex of each edge and how many vertices there are.
func (o *gatherRows) ends(g *Graph) ([]int32, int) {
	if o.dst {
		return g.dst, g.numDst
	}
	return g.src, g.numSrc
}

func (o *gatherRows) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	_, vertices := o.ends(g)
	_, err = rowsOf(in[1], "features", vertices, o.f)
	return g.NumEdges(), o.f, err
}

func (o *gatherRows) Forward(in []gorgonia.Value, z nn.Matrix) error {
	if z.Rows > 0 {
		ends, _ := o.ends(in[0].(*Graph))
		kernel.GatherRows(o.f, ends, mat(in[1]).Data, z.Data)
	}
	return nil
}

func (o *gatherRows) Differentiable(i int) bool { return i == 1 }

func (o *gatherRows) Backward(in []gorgonia.Value, _, dz nn.Matrix, din []nn.Matrix) error {
	clear(din[1].Data)
	if dz.Rows > 0 && !din[1].IsZero() {
		ends, _ := o.ends(in[0].(*Graph))
		kernel.ScatterAddRows(o.f, ends, dz.Data, din[1].Data)
	}
	return nil
}

// EdgeSoftmax turns scores of edges into weights that sum to 1 over the edges into each
// destination, column by column (one column per head of attention).
//
// Shapes: g, s [NumEdges x heads] -> [NumEdges x heads].
func EdgeSoftmax(g, s *gorgonia.Node) (*gorgonia.Node, error) {
	if err := checkCols("edge_softmax", "scores", s, cols(s)); err != nil {
		return nil, err
	}
	return nn.Apply("edge_softmax", &edgeSoftmax{f: cols(s)}, s.Shape(), g, s)
}

type edgeSoftmax struct {
	f     int
	total []float64 // per destination and column: a maximum or a sum over its edges
}

func (o *edgeSoftmax) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[1], "scores", g.NumEdges(), o.f)
	return g.NumEdges(), o.f, err
}

func (o *edgeSoftmax) Forward(in []gorgonia.Value, a nn.Matrix) error {
	g, s := in[0].(*Graph), mat(in[1])
	o.total = reuse.Slice(o.total, 2*g.numDst*o.f)
	top, sum := o.total[:g.numDst*o.f], o.total[g.numDst*o.f:]
	for k := range top {
		top[k], sum[k] = math.Inf(-1), 0
	}
	for e, i := range g.dst {
		for k, v := range s.Row(e) {
			at := int(i)*o.f + k
			top[at] = max(top[at], float64(v)) // NaN stays NaN
		}
	}
	for e, i := range g.dst {
		for k, v := range s.Row(e) {
			at := int(i)*o.f + k
			p := math.Exp(float64(v) - top[at])
			sum[at] += p
			a.Row(e)[k] = float32(p)
		}
	}
	for e, i := range g.dst {
		for k := range a.Row(e) {
			a.Row(e)[k] = float32(float64(a.Row(e)[k]) / sum[int(i)*o.f+k])
		}
	}
	return nil
}

func (o *edgeSoftmax) Differentiable(i int) bool { return i == 1 }

// ds_e = a_e (da_e - sum over the edges of e's destination of a da). Gradients are taken relative to
// that of the edge with the largest weight: where the softmax saturates, the difference of the
// gradients themselves would be of rounding errors.
func (o *edgeSoftmax) Backward(in []gorgonia.Value, a, da nn.Matrix, din []nn.Matrix) error {
	g, ds := in[0].(*Graph), din[1]
	if ds.IsZero() {
		return nil
	}
	n := g.numDst * o.f
	o.total = reuse.Slice(o.total, 4*n)
	clear(o.total)
	largest, origin, mean, total := o.total[:n], o.total[n:2*n], o.total[2*n:3*n], o.total[3*n:]
	for e, i := range g.dst {
		for k, v := range a.Row(e) {
			if at := int(i)*o.f + k; float64(v) > largest[at] {
				largest[at], origin[at] = float64(v), float64(da.Row(e)[k])
			}
		}
	}
	for e, i := range g.dst {
		for k, v := range a.Row(e) {
			at := int(i)*o.f + k
			mean[at] += float64(v) * (float64(da.Row(e)[k]) - origin[at])
			total[at] += float64(v)
		}
	}
	for e, i := range g.dst {
		for k, v := range a.Row(e) {
			at := int(i)*o.f + k
			ds.Row(e)[k] = float32(float64(v) * (float64(da.Row(e)[k]) - origin[at] - mean[at]/total[at]))
		}
	}
	return nil
}
