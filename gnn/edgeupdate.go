package gnn

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// EdgeUpdate computes new features for every edge from its ends and its old
// features,
//
//	z_e = act(x_src U + x_dst V + f_e W + b)
//
// the edge block of P. Battaglia et al., "Relational inductive biases, deep
// learning, and graph networks" (2018), section 3.2. It writes down a row for each
// edge, which [EdgeMessage] and [EdgeScorer] avoid: use it when more layers on
// edges follow, or with [AggregateEdges] for message passing of your own.
//
// Shapes: xSrc [NumSrc x inSrc], xDst [NumDst x inDst], f [NumEdges x edgeDim],
// z [NumEdges x hidden].
type EdgeUpdate struct {
	EdgeHidden
	Act nn.Activation
}

// NewEdgeUpdate makes a layer whose weights are drawn by init from rng (nil:
// nn.GlorotUniform) and whose bias is zero. An edgeDim of 0 means that edges have no
// features yet.
func NewEdgeUpdate(name string, inSrc, inDst, edgeDim, hidden int, act nn.Activation, init nn.Init, rng *rand.Rand) *EdgeUpdate {
	return &EdgeUpdate{newEdgeHidden(name, inSrc, inDst, edgeDim, hidden, init, rng), act}
}

// Params returns U, V, b and, with edge features, W.
func (l *EdgeUpdate) Params() nn.Params { return l.params() }

// Forward adds the layer to the expression graph. The edge features f are nil when
// the layer was made for none. In a graph that is not bipartite xSrc and xDst are
// one node.
func (l *EdgeUpdate) Forward(g, xSrc, xDst, f *gorgonia.Node) (*gorgonia.Node, error) {
	act, err := kernelAct(l.Act)
	if err != nil {
		return nil, err
	}
	in, err := l.forward(g, xSrc, xDst, f)
	if err != nil {
		return nil, err
	}
	op := &edgeUpdate{edgeOp: edgeOp{hidden: cols(in[1]), edgeDim: cols(f)}, act: act}
	return nn.Apply("edge_update", op, in[1].Shape(), in...)
}

type edgeUpdate struct {
	edgeOp
	act  kernel.Act
	rows nn.Buffer // of destinations by edge, then the gradient before the activation
}

func (o *edgeUpdate) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := o.check(in)
	if err != nil {
		return 0, 0, err
	}
	return g.NumEdges(), o.hidden, nil
}

func (o *edgeUpdate) Forward(in []gorgonia.Value, z nn.Matrix) error {
	g, u, v, f, w := o.data(in)
	if z.Rows == 0 {
		return nil
	}
	kernel.GatherRows(o.hidden, g.src, u, z.Data)
	dst := o.rows.Resize(z.Rows, o.hidden)
	kernel.GatherRows(o.hidden, g.dst, v, dst)
	kernel.Axpy(1, dst, z.Data)
	if f != nil {
		kernel.Gemm(false, false, z.Rows, o.hidden, o.edgeDim, f, o.edgeDim, w, o.hidden, z.Data, o.hidden, true)
	}
	kernel.BiasAct(o.act, z.Rows, o.hidden, z.Data, nil)
	return nil
}

// Differentiable: unlike the fused operations on edges this one has a gradient
// with respect to the edge features, which may be another EdgeUpdate's.
func (o *edgeUpdate) Differentiable(i int) bool { return i > 0 }

func (o *edgeUpdate) Backward(in []gorgonia.Value, z, dz nn.Matrix, din []nn.Matrix) error {
	g, _, _, f, w := o.data(in)
	for i := range din {
		clear(din[i].Data)
	}
	if z.Rows == 0 {
		return nil
	}
	dpre := o.rows.Resize(z.Rows, o.hidden)
	kernel.ActBackward(o.act, z.Rows, o.hidden, z.Data, dz.Data, dpre, nil)
	if du := din[1].Data; du != nil {
		kernel.ScatterAddRows(o.hidden, g.src, dpre, du)
	}
	if dv := din[2].Data; dv != nil {
		kernel.ScatterAddRows(o.hidden, g.dst, dpre, dv)
	}
	if f == nil {
		return nil
	}
	if df := din[3].Data; df != nil {
		kernel.Gemm(false, true, z.Rows, o.edgeDim, o.hidden, dpre, o.hidden, w, o.hidden, df, o.edgeDim, false)
	}
	if dw := din[4].Data; dw != nil {
		kernel.Gemm(true, false, o.edgeDim, o.hidden, z.Rows, f, o.edgeDim, dpre, o.hidden, dw, o.hidden, false)
	}
	return nil
}

// AggregateEdges gathers the features of the edges into each destination,
// y_i = agg over edges e into i of z_e.
//
// Shapes: g, z [NumEdges x features] -> [NumDst x features].
func AggregateEdges(g, z *gorgonia.Node, a Aggregation) (*gorgonia.Node, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := checkCols("aggregate edges", "edge features", z, cols(z)); err != nil {
		return nil, err
	}
	return nn.Apply("aggregate_edges_"+a.String(), &aggregateEdges{agg: a, f: cols(z)}, z.Shape(), g, z)
}

type aggregateEdges struct {
	agg    Aggregation
	f      int
	argmax []int32 // of each entry of the result: the edge, -1 if none
}

func (o *aggregateEdges) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[1], "edge features", g.NumEdges(), o.f)
	return g.NumDst(), o.f, err
}

func (o *aggregateEdges) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, z := in[0].(*Graph), mat(in[1])
	clear(y.Data)
	if o.agg == Max {
		o.argmax = resize(o.argmax, y.Rows*o.f)
		for k := range o.argmax {
			o.argmax[k] = -1
		}
		for e, i := range g.dst {
			best, from := y.Row(int(i)), o.argmax[int(i)*o.f:]
			for q, v := range z.Row(e) {
				if from[q] < 0 || v > best[q] {
					best[q], from[q] = v, int32(e)
				}
			}
		}
		return nil
	}
	if z.Rows > 0 {
		kernel.ScatterAddRows(o.f, g.dst, z.Data, y.Data)
	}
	if o.agg == Mean {
		scaleRows(g, y)
	}
	return nil
}

func (o *aggregateEdges) Differentiable(i int) bool { return i == 1 }

func (o *aggregateEdges) Backward(in []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
	g, dz := in[0].(*Graph), din[1]
	if dz.IsZero() || dz.Rows == 0 {
		return nil
	}
	if o.agg == Max {
		clear(dz.Data)
		for k, e := range o.argmax {
			if e >= 0 {
				dz.Data[int(e)*o.f+k%o.f] = dy.Data[k]
			}
		}
		return nil
	}
	kernel.GatherRows(o.f, g.dst, dy.Data, dz.Data)
	if o.agg == Mean {
		for e, c := range g.meanCoef() {
			kernel.Scale(c, dz.Row(e))
		}
	}
	return nil
}

// scaleRows divides each row by its in-degree.
func scaleRows(g *Graph, y nn.Matrix) {
	for i := range y.Rows {
		if d := g.InDegree(i); d > 1 {
			kernel.Scale(1/float32(d), y.Row(i))
		}
	}
}

// EdgeConv is the convolution of Y. Wang et al., "Dynamic graph CNN for learning on
// point clouds" (TOG 2019), eq. 8:
//
//	y_i = agg over edges (j, i) of h(x_i, x_j - x_i)
//
// with h a perceptron. Its first layer is linear in (x_i, x_j - x_i), so it is an
// [EdgeUpdate] with U the weight of the difference and V that of x_i minus U. More
// layers, if any, are Rest.
//
// Shapes: x [vertices x in], y [vertices x hidden], or of Rest's width.
type EdgeConv struct {
	First *EdgeUpdate
	Rest  Module      // on edges; nil: none
	Agg   Aggregation // the paper's is Max
}

// NewEdgeConv makes a layer with the maximum as aggregation and rest (nil: nothing)
// after a first layer of the given width. Its weights are drawn by init from rng
// (nil: nn.GlorotUniform).
func NewEdgeConv(name string, in, hidden int, act nn.Activation, rest Module, init nn.Init, rng *rand.Rand) *EdgeConv {
	return &EdgeConv{First: NewEdgeUpdate(name, in, in, 0, hidden, act, init, rng), Rest: rest, Agg: Max}
}

// Params returns the parameters of the first layer and of the rest.
func (l *EdgeConv) Params() nn.Params {
	ps := l.First.Params()
	if l.Rest != nil {
		ps = append(ps, l.Rest.Params()...)
	}
	return ps
}

// Forward adds the layer to the expression graph.
func (l *EdgeConv) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	return l.ForwardBipartite(g, x, x)
}

// ForwardBipartite adds the layer for a bipartite graph to the expression graph.
func (l *EdgeConv) ForwardBipartite(g, xSrc, xDst *gorgonia.Node) (*gorgonia.Node, error) {
	z, err := l.First.Forward(g, xSrc, xDst, nil)
	if err != nil {
		return nil, err
	}
	if l.Rest != nil {
		if z, err = l.Rest.Forward(z); err != nil {
			return nil, fmt.Errorf("gnn: %s: %w", l.First.Src.Weight.Name, err)
		}
	}
	return AggregateEdges(g, z, l.Agg)
}
