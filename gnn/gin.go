package gnn

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// GINConv is the convolution of K. Xu et al., "How powerful are graph neural networks?" (ICLR
// 2019), eq. 4.1,
//
//	y_i = h((1 + eps) x_i + sum over edges (j, i) of x_j)
//
// and, with edge features, GINE of W. Hu et al., "Strategies for pre-training graph neural
// networks" (ICLR 2020):
//
//	y_i = h((1 + eps) x_i + sum over edges e = (j, i) of relu(x_j + f_e W))
//
// h is a perceptron on vertices.
//
// Shapes: x [vertices x in], f [NumEdges x edgeDim], W [edgeDim x in], y [vertices x h's width].
// Not for bipartite graphs.
type GINConv struct {
	Net  nn.Module // h
	Eps  *nn.Param // eps [1]; nil: 0, as in the paper's GIN-0
	Edge *nn.Param // W; nil: no edge features
}

// GINConvConfig describes a [GINConv].
type GINConvConfig struct {
	Net      nn.Module // the perceptron h
	TrainEps bool      // eps is a parameter that starts at 0; otherwise it stays 0

	// Of GINE alone: columns of the edges' and of the vertices' features. EdgeDim 0: plain GIN,
	// which takes any number of columns.
	EdgeDim, In int
	Init        nn.Init // of W; nil: nn.GlorotUniform
}

// NewGINConv makes a layer around a perceptron. Only GINE draws a weight from rng.
func NewGINConv(name string, cfg GINConvConfig, rng *rand.Rand) (*GINConv, error) {
	m := newMaker("gin", name, cfg.Init, rng, size{"EdgeDim", cfg.EdgeDim, 0}, size{"In", cfg.In, min(cfg.EdgeDim, 1)})
	if cfg.Net == nil {
		m.fail("want a perceptron as Net, got nil")
	}
	l := &GINConv{Net: cfg.Net}
	if cfg.TrainEps {
		l.Eps = m.param("eps", nil, 1)
	}
	if cfg.EdgeDim > 0 {
		l.Edge = m.weight("edge", cfg.EdgeDim, cfg.In)
	}
	return made(l, m)
}

// Params returns eps and W, where they exist, and the perceptron's parameters.
func (l *GINConv) Params() nn.Params {
	ps := params(l.Eps, l.Edge)
	if l.Net != nil {
		ps = append(ps, l.Net.Params()...)
	}
	return ps
}

// Forward adds the layer to the expression graph.
func (l *GINConv) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	return l.ForwardEdges(g, x, nil)
}

// ForwardEdges adds the layer with the edge features f to the expression graph.
func (l *GINConv) ForwardEdges(g, x, f *gorgonia.Node) (*gorgonia.Node, error) {
	if err := checkCols("gin", "features", x, cols(x)); err != nil {
		return nil, err
	}
	if l.Net == nil {
		return nil, errors.New("gnn: gin: the layer has no perceptron: make it with NewGINConv")
	}
	op := &gin{f: cols(x), eps: l.Eps != nil}
	n, err := nodes(x, l.Eps, l.Edge)
	if err != nil {
		return nil, err
	}
	in := gorgonia.Nodes{g, x}
	if op.eps {
		in = append(in, n[0])
	}
	switch {
	case (l.Edge != nil) != (f != nil):
		return nil, fmt.Errorf("gnn: gin: edge features are either both declared when the layer is made and given, or neither")
	case l.Edge != nil:
		edgeDim, width, err := weightShape("gin", l.Edge)
		if err != nil {
			return nil, err
		}
		op.edgeDim = edgeDim
		if err := checkCols(l.Edge.Name, "edge features", f, edgeDim); err != nil {
			return nil, err
		}
		if err := checkCols(l.Edge.Name, "features", x, width); err != nil {
			return nil, err
		}
		in = append(in, f, n[1])
	}
	s, err := nn.Apply("gin", op, x.Shape(), in...)
	if err != nil {
		return nil, err
	}
	return l.Net.Forward(s)
}

// gin computes the input of GINConv's perceptron from g, x, [eps], [f, W].
type gin struct {
	f, edgeDim int
	eps        bool
}

func (o *gin) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	if g.Bipartite() {
		return 0, 0, fmt.Errorf("want a graph whose sources are its destinations, got the bipartite %v", g)
	}
	if _, err := rowsOf(in[1], "features", g.NumSrc(), o.f); err != nil {
		return 0, 0, err
	}
	if o.edgeDim > 0 {
		_, err = rowsOf(in[len(in)-2], "edge features", g.NumEdges(), o.edgeDim)
	}
	return g.NumDst(), o.f, err
}

// own returns the factor of x_i.
func (o *gin) own(in []gorgonia.Value) float32 {
	if o.eps {
		return 1 + mat(in[2]).Data[0]
	}
	return 1
}

func (o *gin) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, x := in[0].(*Graph), mat(in[1]).Data
	copy(y.Data, x)
	kernel.Scale(o.own(in), y.Data)
	if o.edgeDim == 0 {
		spmm(g.sum(), o.f, x, y.Data, true)
		return nil
	}
	if g.NumEdges() > 0 {
		f, w := mat(in[len(in)-2]).Data, mat(in[len(in)-1]).Data
		kernel.EdgeAggregate(0, o.f, g.src, g.dst, x, nil, f, o.edgeDim, w, nil, y.Data)
	}
	return nil
}

func (o *gin) Differentiable(i int) bool { return i > 0 }

func (o *gin) Backward(in []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
	g, x := in[0].(*Graph), mat(in[1]).Data
	dx := din[1].Data
	if dx != nil {
		copy(dx, dy.Data)
		kernel.Scale(o.own(in), dx)
	}
	if o.eps && !din[2].IsZero() {
		n := dy.Rows * dy.Cols
		din[2].Data[0] = kernel.Dot(dy.Data[:n], x[:n])
	}
	if o.edgeDim == 0 {
		if dx != nil {
			spmm(g.sumT(), o.f, dy.Data, dx, true)
		}
		return nil
	}
	df, dw := din[len(in)-2].Data, din[len(in)-1].Data
	clear(df)
	clear(dw)
	if g.NumEdges() > 0 {
		f, w := mat(in[len(in)-2]).Data, mat(in[len(in)-1]).Data
		kernel.EdgeAggregateBackward(0, o.f, g.src, g.dst, x, nil, f, o.edgeDim, w, nil, dy.Data, dx, nil, dw)
		if df != nil {
			kernel.EdgeAggregateFeatures(0, o.f, g.src, g.dst, x, nil, f, o.edgeDim, w, nil, dy.Data, df)
		}
	}
	return nil
}
