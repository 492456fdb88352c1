package gnn

import (
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// SAGEConv is the convolution of W. Hamilton, R. Ying and J. Leskovec,
// "Inductive representation learning on large graphs" (NeurIPS 2017), algorithm 1:
//
//	y_i = act(x_i R + agg over edges (j, i) of x_j W + b)
//
// the concatenation of the paper written as two weights. The aggregation is
// [Mean], [Max] of each feature or [Sum]; a vertex without in-edges keeps its own
// term only. With Sum it is the convolution of C. Morris et al., "Weisfeiler and
// Leman go neural" (AAAI 2019).
//
// Shapes: x [vertices x in], W and R [in x out], b [out], y [vertices x out]. In
// a bipartite graph x_j [NumSrc x in] and x_i [NumDst x inDst] are separate
// features, R is [inDst x out] and y [NumDst x out]. Features may be sparse,
// except under Max.
type SAGEConv struct {
	Weight *nn.Param // [in x out], of the neighbours
	Root   *nn.Param // [in x out], of the vertex itself
	Bias   *nn.Param // [out]; nil: none
	Agg    Aggregation
	Act    nn.Activation
}

// NewSAGEConv makes a layer whose weights are drawn by init from rng (nil:
// nn.GlorotUniform) and whose bias is zero.
func NewSAGEConv(name string, in, out int, agg Aggregation, act nn.Activation, init nn.Init, rng *rand.Rand) *SAGEConv {
	return NewBipartiteSAGEConv(name, in, in, out, agg, act, init, rng)
}

// NewBipartiteSAGEConv makes a layer for graphs whose sources have inSrc features
// and whose destinations inDst.
func NewBipartiteSAGEConv(name string, inSrc, inDst, out int, agg Aggregation, act nn.Activation, init nn.Init, rng *rand.Rand) *SAGEConv {
	return &SAGEConv{
		Weight: nn.NewParam(name+".weight", orGlorot(init), rng, inSrc, out),
		Root:   nn.NewParam(name+".root", orGlorot(init), rng, inDst, out),
		Bias:   nn.NewParam(name+".bias", nil, nil, out),
		Agg:    agg,
		Act:    act,
	}
}

// Params returns the weights and, if there is one, the bias.
func (l *SAGEConv) Params() nn.Params { return params(l.Weight, l.Root, l.Bias) }

// Forward adds the layer to the expression graph.
func (l *SAGEConv) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	return l.ForwardBipartite(g, x, x)
}

// ForwardBipartite adds the layer for a bipartite graph to the expression graph.
func (l *SAGEConv) ForwardBipartite(g, xSrc, xDst *gorgonia.Node) (*gorgonia.Node, error) {
	act, err := kernelAct(l.Act)
	if err != nil {
		return nil, err
	}
	if err := l.Agg.check(); err != nil {
		return nil, err
	}
	in, out, root := l.Weight.Shape()[0], l.Weight.Shape()[1], l.Root.Shape()[0]
	if err := checkCols(l.Weight.Name, "source features", xSrc, in); err != nil {
		return nil, err
	}
	if err := checkCols(l.Root.Name, "destination features", xDst, root); err != nil {
		return nil, err
	}
	n, err := nodes(xSrc, l.Weight, l.Root, l.Bias)
	if err != nil {
		return nil, err
	}
	op := &linearConv{m: propagator{kind: kindOf(l.Agg)}, in: in, out: out, root: root, bias: l.Bias != nil, act: act}
	return op.apply("sage", g, xSrc, n[0], xDst, n[1], n[2])
}
