package gnn

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// EdgeHidden is the first layer of a network that looks at one edge at a time,
//
//	pre_e = x_src(e) U + x_dst(e) V + b + f_e W
//
// It holds the weights that [EdgeMessage], [EdgeScorer] and [EdgeUpdate] share.
// Written on the concatenation [x_src, x_dst, f_e] it would be a matrix product over
// edges; taken apart, the wide products run once per vertex and only the few edge
// features once per edge. Hidden widths that are multiples of 16 are the fastest.
type EdgeHidden struct {
	Src    *nn.Linear // U [inSrc x hidden], no bias
	Dst    *nn.Linear // V [inDst x hidden] and b [hidden]
	Weight *nn.Param  // W [edge features x hidden]; nil: no edge features
}

func newEdgeHidden(name string, inSrc, inDst, edgeDim, hidden int, init nn.Init, rng *rand.Rand) EdgeHidden {
	l := EdgeHidden{
		Src: nn.NewLinear(name+".src", inSrc, hidden, nn.None, init, rng),
		Dst: nn.NewLinear(name+".dst", inDst, hidden, nn.None, init, rng),
	}
	l.Src.Bias = nil
	if edgeDim > 0 {
		if init == nil {
			init = nn.GlorotUniform
		}
		l.Weight = nn.NewParam(name+".edge", init, rng, edgeDim, hidden)
	}
	return l
}

func (l *EdgeHidden) params() nn.Params {
	return append(append(l.Src.Params(), l.Dst.Params()...), params(l.Weight)...)
}

// forward returns the inputs of the edge operation: g, x U, x V + b and, where
// there are edge features, f and W.
func (l *EdgeHidden) forward(g, xSrc, xDst, f *gorgonia.Node) (gorgonia.Nodes, error) {
	u, err := l.Src.Forward(xSrc)
	if err != nil {
		return nil, err
	}
	v, err := l.Dst.Forward(xDst)
	if err != nil {
		return nil, err
	}
	in := gorgonia.Nodes{g, u, v}
	switch {
	case l.Weight == nil && f != nil:
		return nil, fmt.Errorf("gnn: %s: made for edges without features, got some", l.Src.Weight.Name)
	case l.Weight == nil:
		return in, nil
	}
	if err := checkCols(l.Weight.Name, "edge features", f, l.Weight.Shape()[0]); err != nil {
		return nil, err
	}
	w, err := l.Weight.Node(xSrc.Graph())
	return append(in, f, w), err
}

// edgeOp is what the operations on an EdgeHidden's result share.
type edgeOp struct {
	hidden, edgeDim int
	slope           float32 // of the activation below zero
}

// check checks the inputs that EdgeHidden.forward lists.
func (o *edgeOp) check(in []gorgonia.Value) (*Graph, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return nil, err
	}
	if _, err := rowsOf(in[1], "source features", g.NumSrc(), o.hidden); err != nil {
		return nil, err
	}
	if _, err := rowsOf(in[2], "destination features", g.NumDst(), o.hidden); err != nil {
		return nil, err
	}
	if o.edgeDim > 0 {
		_, err = rowsOf(in[3], "edge features", g.NumEdges(), o.edgeDim)
	}
	return g, err
}

// data returns the inputs' values; f and w are nil without edge features.
func (o *edgeOp) data(in []gorgonia.Value) (g *Graph, u, v, f, w []float32) {
	g, u, v = in[0].(*Graph), mat(in[1]).Data, mat(in[2]).Data
	if o.edgeDim > 0 {
		f, w = mat(in[3]).Data, mat(in[4]).Data
	}
	return g, u, v, f, w
}

// gradients returns where the kernels add up the gradients, cleared; nil where
// none is wanted.
func (o *edgeOp) gradients(din []nn.Matrix) (du, dv, dw []float32) {
	for i := range din {
		clear(din[i].Data)
	}
	if o.edgeDim > 0 {
		dw = din[4].Data
	}
	return din[1].Data, din[2].Data, dw
}

// differentiable tells that the gradient with respect to the structure and to
// the edges' own features does not exist.
func (o *edgeOp) differentiable(i int) bool { return i != 0 && (o.edgeDim == 0 || i != 3) }
