package gnn

import (
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Conv is a graph convolution: a layer that takes the features of a graph's vertices to new
// features of the same vertices.
//
// Shapes: g, x [vertices x in] -> [vertices x out].
type Conv interface {
	Forward(g, x *gorgonia.Node) (*gorgonia.Node, error)
	Params() nn.Params
}

var _ = []Conv{(*GCNConv)(nil), (*SAGEConv)(nil), (*GATConv)(nil), (*GATv2Conv)(nil), (*GINConv)(nil), (*EdgeConv)(nil)}

// GCNConv is the graph convolution of T. Kipf and M. Welling, "Semi-supervised classification with
// graph convolutional networks" (ICLR 2017), eq. 2:
//
//	y = act(D^-1/2 (A+I) D^-1/2 x W + b)
//
// A_ij is the number of edges from j to i, self loops not counted: every vertex has exactly one,
// from I. D holds the row sums of A+I.
//
// Shapes: x [vertices x in], dense or sparse, W [in x out], b [out], y [vertices x out]. Not for
// bipartite graphs.
type GCNConv struct {
	Weight *nn.Param // [in x out]
	Bias   *nn.Param // [out]; nil: none
	Act    nn.Activation
}

// GCNConvConfig describes a [GCNConv].
type GCNConvConfig struct {
	In, Out int           // columns of x and y
	Act     nn.Activation // default nn.None
	Init    nn.Init       // of the weight; nil: nn.GlorotUniform, as in the paper
}

// NewGCNConv makes a layer whose weight is drawn from rng and whose bias is zero.
func NewGCNConv(name string, cfg GCNConvConfig, rng *rand.Rand) (*GCNConv, error) {
	m := newMaker("gcn", name, cfg.Init, rng, size{"In", cfg.In, 1}, size{"Out", cfg.Out, 1})
	m.activation(cfg.Act)
	l := &GCNConv{
		Weight: m.weight("weight", cfg.In, cfg.Out),
		Bias:   m.param("bias", nil, cfg.Out),
		Act:    cfg.Act,
	}
	return made(l, m)
}

// Params returns the weight and the bias, if any.
func (l *GCNConv) Params() nn.Params { return params(l.Weight, l.Bias) }

// Forward adds the layer to the expression graph.
func (l *GCNConv) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	act, err := kernelAct(l.Act)
	if err != nil {
		return nil, err
	}
	in, out, err := weightShape("gcn", l.Weight)
	if err != nil {
		return nil, err
	}
	if err := checkCols(l.Weight.Name, "features", x, in); err != nil {
		return nil, err
	}
	n, err := nodes(x, l.Weight, l.Bias)
	if err != nil {
		return nil, err
	}
	op := &linearConv{m: propagator{kind: normalized}, in: in, out: out, bias: l.Bias != nil, act: act}
	return op.apply("gcn", g, x, n[0], nil, nil, n[1])
}
