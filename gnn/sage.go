package gnn

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// SAGEConv is the convolution of W. Hamilton, R. Ying and J. Leskovec, "Inductive representation
// learning on large graphs" (NeurIPS 2017), algorithm 1:
//
//	y_i = act(x_i R + agg over edges (j, i) of x_j W + b)
//
// with the paper's concatenation written as two weights. The aggregation is [Mean], [Max] of each
// feature or [Sum]; a vertex without in-edges keeps only its own term. With Sum it is the
// convolution of C. Morris et al., "Weisfeiler and Leman go neural" (AAAI 2019).
//
// Shapes: x [vertices x in], W and R [in x out], b [out], y [vertices x out]. In a bipartite graph
// x_j [NumSrc x in] and x_i [NumDst x inDst] are separate features, R is [inDst x out] and y
// [NumDst x out]. Features may be sparse, except under Max.
type SAGEConv struct {
	Weight *nn.Param // [in x out], of the neighbours
	Root   *nn.Param // [in x out], of the vertex itself
	Bias   *nn.Param // [out]; nil: none
	Agg    Aggregation
	Act    nn.Activation
}

// SAGEConvConfig describes a [SAGEConv].
type SAGEConvConfig struct {
	In    int // columns of the sources' features
	InDst int // columns of the destinations' features in a bipartite graph; 0: In
	Out   int // columns of y
	Agg   Aggregation
	Act   nn.Activation // default nn.None
	Init  nn.Init       // of the weights; nil: nn.GlorotUniform
}

// NewSAGEConv makes a layer whose weights are drawn from rng and whose bias is zero.
func NewSAGEConv(name string, cfg SAGEConvConfig, rng *rand.Rand) (*SAGEConv, error) {
	m := newMaker("sage", name, cfg.Init, rng, size{"In", cfg.In, 1}, size{"InDst", cfg.InDst, 0}, size{"Out", cfg.Out, 1})
	m.activation(cfg.Act)
	m.aggregation(cfg.Agg)
	l := &SAGEConv{
		Weight: m.weight("weight", cfg.In, cfg.Out),
		Root:   m.weight("root", cmp.Or(cfg.InDst, cfg.In), cfg.Out),
		Bias:   m.param("bias", nil, cfg.Out),
		Agg:    cfg.Agg,
		Act:    cfg.Act,
	}
	return made(l, m)
}

// Params returns the weights and the bias, if any.
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
	in, out, err := weightShape("sage", l.Weight)
	if err != nil {
		return nil, err
	}
	root, rootOut, err := weightShape("sage", l.Root)
	if err != nil {
		return nil, err
	}
	if rootOut != out {
		return nil, fmt.Errorf("gnn: %s has %d columns, %s %d: %w", l.Weight.Name, out, l.Root.Name, rootOut, nn.ErrShape)
	}
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
