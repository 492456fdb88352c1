package gnn

import (
	"errors"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Readout makes one row of each graph of a batch by aggregating over its (destination) vertices; a
// graph without vertices gets zeros.
//
// Shapes: g, x [NumDst x features] -> [NumGraphs x features].
func Readout(g, x *gorgonia.Node, a Aggregation) (*gorgonia.Node, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := checkCols("readout", "features", x, cols(x)); err != nil {
		return nil, err
	}
	return nn.Apply("readout_"+a.String(), &readout{agg: a, f: cols(x)}, x.Shape(), g, x)
}

type readout struct {
	agg    Aggregation
	f      int
	argmax []int32 // of each entry of the result: the vertex
}

func (o *readout) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[1], "features", g.NumDst(), o.f)
	return g.NumGraphs(), o.f, err
}

func (o *readout) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, x := in[0].(*Graph), mat(in[1])
	clear(y.Data)
	o.argmax = reuse.Slice(o.argmax, y.Rows*o.f)
	for b := range y.Rows {
		first, end := int(g.dstPtr[b]), int(g.dstPtr[b+1])
		yb, from := y.Row(b), o.argmax[b*o.f:(b+1)*o.f]
		for i := first; i < end; i++ {
			if o.agg == Max {
				largest(int32(i), x.Row(i), yb, from, i == first)
			} else {
				kernel.Axpy(1, x.Row(i), yb)
			}
		}
		if n := end - first; o.agg == Mean && n > 1 {
			kernel.Scale(1/float32(n), yb)
		}
	}
	return nil
}

func (o *readout) Differentiable(i int) bool { return i == 1 }

func (o *readout) Backward(in []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
	g, dx := in[0].(*Graph), din[1]
	if dx.IsZero() {
		return nil
	}
	clear(dx.Data)
	for b := range dy.Rows {
		first, end := int(g.dstPtr[b]), int(g.dstPtr[b+1])
		share := float32(1)
		if o.agg == Mean {
			share = 1 / float32(max(1, end-first))
		}
		if o.agg == Max && end > first {
			for k, i := range o.argmax[b*o.f : (b+1)*o.f] {
				dx.Data[int(i)*o.f+k] = dy.Row(b)[k]
			}
			continue
		}
		for i := first; i < end; i++ {
			kernel.Axpy(share, dy.Row(b), dx.Row(i))
		}
	}
	return nil
}

// Broadcast gives every vertex the row of its graph, the inverse of [Readout], so that a vertex
// sees a summary of its whole graph. In a bipartite graph the vertices are the destinations.
//
// Shapes: g, x [NumGraphs x features] -> [NumDst x features].
func Broadcast(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := checkCols("broadcast", "features", x, cols(x)); err != nil {
		return nil, err
	}
	return nn.Apply("broadcast", broadcast{cols(x)}, x.Shape(), g, x)
}

type broadcast struct{ f int }

func (o broadcast) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[1], "features of graphs", g.NumGraphs(), o.f)
	return g.NumDst(), o.f, err
}

func (broadcast) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, x := in[0].(*Graph), mat(in[1])
	for b := range x.Rows {
		for i := g.dstPtr[b]; i < g.dstPtr[b+1]; i++ {
			copy(y.Row(int(i)), x.Row(b))
		}
	}
	return nil
}

func (broadcast) Differentiable(i int) bool { return i == 1 }

func (broadcast) Backward(in []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
	g, dx := in[0].(*Graph), din[1]
	clear(dx.Data)
	for b := range dx.Rows {
		row := dx.Row(b)
		for i := g.dstPtr[b]; i < g.dstPtr[b+1]; i++ {
			for k, d := range dy.Row(int(i)) {
				row[k] += d
			}
		}
	}
	return nil
}

// AttentionReadout makes one row of each graph as a weighted mean of its vertices,
//
//	y_b = sum over vertices i of b of softmax_b(gate(x))_i h(x_i)
//
// the softmax being over the vertices of the graph (Y. Li et al., "Gated graph sequence neural
// networks", ICLR 2016, eq. 7, with a softmax for the sigmoid).
//
// Shapes: g, x [NumDst x in] -> [NumGraphs x in], or of h's width.
type AttentionReadout struct {
	Gate nn.Module // [rows x in] -> [rows x 1]
	Net  nn.Module // h; nil: the identity
}

// Params returns the parameters of both networks.
func (l *AttentionReadout) Params() nn.Params {
	var ps nn.Params
	if l.Gate != nil {
		ps = l.Gate.Params()
	}
	if l.Net != nil {
		ps = append(ps, l.Net.Params()...)
	}
	return ps
}

// Forward adds the layer to the expression graph.
func (l *AttentionReadout) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	if l.Gate == nil {
		return nil, errors.New("gnn: attention readout: the layer has no Gate")
	}
	if err := checkCols("attention readout", "features", x, cols(x)); err != nil {
		return nil, err
	}
	s, err := l.Gate.Forward(x)
	if err != nil {
		return nil, err
	}
	if err := checkCols("attention readout", "gates", s, 1); err != nil {
		return nil, err
	}
	h := x
	if l.Net != nil {
		if h, err = l.Net.Forward(x); err != nil {
			return nil, err
		}
	}
	return nn.Apply("attention_readout", &attentionReadout{f: cols(h)}, h.Shape(), g, s, h)
}

type attentionReadout struct {
	f       int
	alpha   []float32 // of each vertex
	centred []float64 // of each vertex of one graph
}

func (o *attentionReadout) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	if _, err := rowsOf(in[1], "gates", g.NumDst(), 1); err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[2], "features", g.NumDst(), o.f)
	return g.NumGraphs(), o.f, err
}

func (o *attentionReadout) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, h := in[0].(*Graph), mat(in[2])
	clear(y.Data)
	o.alpha = reuse.Slice(o.alpha, g.NumDst())
	if len(o.alpha) == 0 {
		return nil
	}
	kernel.SegmentSoftmax(g.dstPtr, mat(in[1]).Data, o.alpha)
	for b := range y.Rows {
		for i := int(g.dstPtr[b]); i < int(g.dstPtr[b+1]); i++ {
			kernel.Axpy(o.alpha[i], h.Row(i), y.Row(b))
		}
	}
	return nil
}

func (o *attentionReadout) Differentiable(i int) bool { return i > 0 }

func (o *attentionReadout) Backward(in []gorgonia.Value, y, dy nn.Matrix, din []nn.Matrix) error {
	g, h, ds, dh := in[0].(*Graph), mat(in[2]), din[1], din[2]
	for b := range y.Rows {
		first, end := int(g.dstPtr[b]), int(g.dstPtr[b+1])
		if !ds.IsZero() && end > first {
			o.gates(first, end, dy.Row(b), h, ds.Data)
		}
		if dh.IsZero() {
			continue
		}
		for i := first; i < end; i++ {
			copy(dh.Row(i), dy.Row(b))
			kernel.Scale(o.alpha[i], dh.Row(i))
		}
	}
	return nil
}

// gates goes back through the softmax over the vertices first to end-1: with c_i = dy . (h_i -
// h_top),
//
//	ds_i = alpha_i (c_i - sum over j of alpha_j c_j)
//
// Centred on the vertex of the largest weight nothing cancels where the softmax is saturated: c is
// zero there, and all other weights almost.
func (o *attentionReadout) gates(first, end int, dy []float32, h nn.Matrix, ds []float32) {
	top := first
	for i := first; i < end; i++ {
		if o.alpha[i] > o.alpha[top] {
			top = i
		}
	}
	o.centred = reuse.Slice(o.centred, end-first)
	var mean, total float64
	for i := first; i < end; i++ {
		var c float64
		for k, v := range h.Row(i) {
			c += float64(dy[k]) * (float64(v) - float64(h.Row(top)[k]))
		}
		o.centred[i-first] = c
		mean += float64(o.alpha[i]) * c
		total += float64(o.alpha[i])
	}
	mean /= total // the weights add up to 1 but for rounding
	for i := first; i < end; i++ {
		ds[i] = float32(float64(o.alpha[i]) * (o.centred[i-first] - mean))
	}
}
