package gnn

import (
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Conv is a graph convolution: a layer that takes the features of a graph's
// vertices to new features of the same vertices.
//
// Shapes: g, x [vertices x in] -> [vertices x out].
type Conv interface {
	Forward(g, x *gorgonia.Node) (*gorgonia.Node, error)
	Params() nn.Params
}

var _ = []Conv{(*GCNConv)(nil), (*SAGEConv)(nil), (*GATConv)(nil), (*GATv2Conv)(nil), (*GINConv)(nil), (*EdgeConv)(nil)}

// GCNConv is the graph convolution of T. Kipf and M. Welling, "Semi-supervised
// classification with graph convolutional networks" (ICLR 2017), eq. 2:
//
//	y = act(D^-1/2 (A+I) D^-1/2 x W + b)
//
// A_ij is the number of edges from j to i, self loops not counted: every vertex
// has exactly one, from I. D holds the row sums of A+I.
//
// Shapes: x [vertices x in], dense or sparse, W [in x out], b [out],
// y [vertices x out]. Not for bipartite graphs.
type GCNConv struct {
	Weight *nn.Param // [in x out]
	Bias   *nn.Param // [out]; nil: none
	Act    nn.Activation
}

// NewGCNConv makes a layer whose weight is drawn by init from rng (nil:
// nn.GlorotUniform, as in the paper) and whose bias is zero.
func NewGCNConv(name string, in, out int, act nn.Activation, init nn.Init, rng *rand.Rand) *GCNConv {
	return &GCNConv{
		Weight: nn.NewParam(name+".weight", orGlorot(init), rng, in, out),
		Bias:   nn.NewParam(name+".bias", nil, nil, out),
		Act:    act,
	}
}

// Params returns the weight and, if there is one, the bias.
func (l *GCNConv) Params() nn.Params { return params(l.Weight, l.Bias) }

// Forward adds the layer to the expression graph.
func (l *GCNConv) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	act, err := kernelAct(l.Act)
	if err != nil {
		return nil, err
	}
	w := l.Weight.Shape()
	if err := checkCols(l.Weight.Name, "features", x, w[0]); err != nil {
		return nil, err
	}
	n, err := nodes(x, l.Weight, l.Bias)
	if err != nil {
		return nil, err
	}
	op := &linearConv{m: propagator{kind: normalized}, in: w[0], out: w[1], bias: l.Bias != nil, act: act}
	return op.apply("gcn", g, x, n[0], nil, nil, n[1])
}
