package gnn

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// EdgeHidden is the first layer of a network that looks at one edge at a time,
//
//	pre_e = x_src(e) U + x_dst(e) V + b + f_e W
//
// It holds the weights that [EdgeMessage], [EdgeScorer] and [EdgeUpdate] share. On the
// concatenation [x_src, x_dst, f_e] it would be a matrix product over edges. Split up, the wide
// products run once per vertex and only the few edge features once per edge. Hidden widths that are
// multiples of 16 are fastest.
type EdgeHidden struct {
	Src    *nn.Linear // U [inSrc x hidden], no bias
	Dst    *nn.Linear // V [inDst x hidden] and b [hidden]
	Weight *nn.Param  // W [edge features x hidden]; nil: no edge features
}

// newEdgeHidden makes the weights; inDst 0 means in.
func newEdgeHidden(m *maker, in, inDst, edgeDim, hidden int) EdgeHidden {
	l := EdgeHidden{
		Src: m.linear("src", in, hidden, false),
		Dst: m.linear("dst", cmp.Or(inDst, in), hidden, true),
	}
	if edgeDim > 0 {
		l.Weight = m.weight("edge", edgeDim, hidden)
	}
	return l
}

// edgeSizes returns the sizes that the constructors of edge layers share.
func edgeSizes(in, inDst, edgeDim, hidden int) []size {
	return []size{{"In", in, 1}, {"InDst", inDst, 0}, {"EdgeDim", edgeDim, 0}, {"Hidden", hidden, 1}}
}

// name returns the name that errors give the layer.
func (l *EdgeHidden) name() string {
	if l.Src == nil || l.Src.Weight == nil {
		return "edge layer"
	}
	return l.Src.Weight.Name
}

func (l *EdgeHidden) params() nn.Params {
	if l.Src == nil || l.Dst == nil {
		return nil
	}
	return append(append(l.Src.Params(), l.Dst.Params()...), params(l.Weight)...)
}

// forward returns the inputs of the edge operation: g, x U, x V + b and, where there are edge
// features, f and W.
func (l *EdgeHidden) forward(g, xSrc, xDst, f *gorgonia.Node) (gorgonia.Nodes, error) {
	if l.Src == nil || l.Dst == nil {
		return nil, errors.New("gnn: an edge layer without weights: make it with its constructor")
	}
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
		return nil, fmt.Errorf("gnn: %s: made for edges without features, got some", l.name())
	case l.Weight == nil:
		return in, nil
	}
	edgeDim, _, err := weightShape("edge layer", l.Weight)
	if err != nil {
		return nil, err
	}
	if err := checkCols(l.Weight.Name, "edge features", f, edgeDim); err != nil {
		return nil, err
	}
	w, err := l.Weight.Node(xSrc.Graph())
	return append(in, f, w), err
}

// edgeOp is shared by the operations on an EdgeHidden's result.
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

// gradients returns where the kernels add up the gradients, cleared; nil where none is wanted.
func (o *edgeOp) gradients(din []nn.Matrix) (du, dv, df, dw []float32) {
	for i := range din {
		clear(din[i].Data)
	}
	if o.edgeDim > 0 {
		df, dw = din[3].Data, din[4].Data
	}
	return din[1].Data, din[2].Data, df, dw
}

// Differentiable: everything but the structure has a gradient.
func (o *edgeOp) Differentiable(i int) bool { return i > 0 }

// EdgeUpdate computes new features for every edge from its ends and its old features,
//
//	z_e = act(x_src U + x_dst V + f_e W + b)
//
// the edge block of P. Battaglia et al., "Relational inductive biases, deep learning, and graph
// networks" (2018), section 3.2. It writes a row for each edge, which [EdgeMessage] and
// [EdgeScorer] avoid. Use it when more layers on edges follow, or with [AggregateEdges] for your
// own message passing.
//
// Shapes: xSrc [NumSrc x inSrc], xDst [NumDst x inDst], f [NumEdges x edgeDim], z [NumEdges x
// hidden].
type EdgeUpdate struct {
	EdgeHidden
	Act nn.Activation
}

// EdgeUpdateConfig describes an [EdgeUpdate].
type EdgeUpdateConfig struct {
	In      int // columns of the sources' features
	InDst   int // columns of the destinations' features; 0: In
	EdgeDim int // columns of the edges' features; 0: none yet
	Hidden  int // columns of z
	Act     nn.Activation
	Init    nn.Init // of the weights; nil: nn.GlorotUniform
}

// NewEdgeUpdate makes a layer whose weights are drawn from rng and whose bias is zero.
func NewEdgeUpdate(name string, cfg EdgeUpdateConfig, rng *rand.Rand) (*EdgeUpdate, error) {
	m := newMaker("edge update", name, cfg.Init, rng, edgeSizes(cfg.In, cfg.InDst, cfg.EdgeDim, cfg.Hidden)...)
	m.activation(cfg.Act)
	return made(&EdgeUpdate{newEdgeHidden(m, cfg.In, cfg.InDst, cfg.EdgeDim, cfg.Hidden), cfg.Act}, m)
}

// Params returns U, V, b and, with edge features, W.
func (l *EdgeUpdate) Params() nn.Params { return l.params() }

// Forward adds the layer to the expression graph. The edge features f are nil when the layer was
// made for none. In a graph that is not bipartite xSrc and xDst are one node.
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

// EdgeConv is the convolution of Y. Wang et al., "Dynamic graph CNN for learning on point clouds"
// (TOG 2019), eq. 8:
//
//	y_i = agg over edges (j, i) of h(x_i, x_j - x_i)
//
// where h is a perceptron. Its first layer is linear in (x_i, x_j - x_i), so it is an [EdgeUpdate]:
// U is the weight of the difference and V the weight of x_i minus U. Further layers, if any, are
// Rest.
//
// Shapes: x [vertices x in], y [vertices x hidden], or of Rest's width.
type EdgeConv struct {
	First *EdgeUpdate
	Rest  nn.Module   // on edges; nil: none
	Agg   Aggregation // the paper's is Max
}

// EdgeConvConfig describes an [EdgeConv].
type EdgeConvConfig struct {
	In     int           // columns of x
	Hidden int           // columns of the perceptron's first layer
	Act    nn.Activation // of the first layer
	Rest   nn.Module     // the layers after the first; nil: none
	Init   nn.Init       // of the first layer's weights; nil: nn.GlorotUniform
}

// NewEdgeConv makes a layer whose weights are drawn from rng, with the maximum as aggregation.
func NewEdgeConv(name string, cfg EdgeConvConfig, rng *rand.Rand) (*EdgeConv, error) {
	first, err := NewEdgeUpdate(name, EdgeUpdateConfig{In: cfg.In, Hidden: cfg.Hidden, Act: cfg.Act, Init: cfg.Init}, rng)
	if err != nil {
		return nil, fmt.Errorf("gnn: edge conv: %w", err)
	}
	return &EdgeConv{First: first, Rest: cfg.Rest, Agg: Max}, nil
}

// Params returns the parameters of the first layer and of the rest.
func (l *EdgeConv) Params() nn.Params {
	if l.First == nil {
		return nil
	}
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
	if l.First == nil {
		return nil, errors.New("gnn: edge conv: the layer has no weights: make it with NewEdgeConv")
	}
	z, err := l.First.Forward(g, xSrc, xDst, nil)
	if err != nil {
		return nil, err
	}
	if l.Rest != nil {
		if z, err = l.Rest.Forward(z); err != nil {
			return nil, fmt.Errorf("gnn: %s: %w", l.First.name(), err)
		}
	}
	return AggregateEdges(g, z, l.Agg)
}

func (o *edgeUpdate) Describe() nn.Description {
	return nn.Description{Act: nn.Activation(o.act)}
}
