package gnn

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// GATv2Conv is the attention of S. Brody, U. Alon and E. Yahav, "How attentive are graph attention
// networks?" (ICLR 2022), eq. 7, in which the ranking of neighbours may depend on the destination:
//
//	s_ij = a . leakyrelu(x_j W_src + x_i W_dst + f_e W_edge),   slope 0.2
//
// for each head. Softmax, sum, bias and activation follow as in [GATConv], on x_j W_src.
//
// Shapes: x [vertices x in], dense or sparse, W_src and W_dst [in x heads*out], a [heads x out],
// edge features f [NumEdges x edgeDim], y [vertices x heads*out] or, averaged, [vertices x out].
// Bipartite graphs and edge features require SelfLoops false.
type GATv2Conv struct {
	AttentionConfig
	Src, Dst  *nn.Param // W_src [inSrc x heads*out], W_dst [inDst x heads*out]
	Edge      *nn.Param // W_edge [heads*edgeDim x out], head after head; nil: no edge features
	Attention *nn.Param // a [heads x out]
	Bias      *nn.Param // [heads*out] or [out]; nil: none
}

// GATv2ConvConfig describes a [GATv2Conv].
type GATv2ConvConfig struct {
	In      int // columns of the sources' features
	InDst   int // columns of the destinations' features, for bipartite graphs; 0: not bipartite
	EdgeDim int // columns of the edges' features; 0: none
	Out     int // columns of each head
	Heads   int
	Concat  bool          // heads side by side, otherwise their mean
	Act     nn.Activation // default nn.None
	Init    nn.Init       // of the weights; nil: nn.GlorotUniform
}

// NewGATv2Conv makes a layer whose weights are drawn from rng and whose bias is zero. Each vertex
// attends to itself too unless the layer is bipartite or its edges have features.
func NewGATv2Conv(name string, cfg GATv2ConvConfig, rng *rand.Rand) (*GATv2Conv, error) {
	m := newMaker("gatv2", name, cfg.Init, rng, size{"In", cfg.In, 1}, size{"InDst", cfg.InDst, 0},
		size{"EdgeDim", cfg.EdgeDim, 0}, size{"Out", cfg.Out, 1}, size{"Heads", cfg.Heads, 1})
	m.activation(cfg.Act)
	width := cfg.Heads * cfg.Out
	l := &GATv2Conv{
		AttentionConfig: AttentionConfig{
			Heads: cfg.Heads, Out: cfg.Out, Concat: cfg.Concat, SelfLoops: cfg.InDst == 0 && cfg.EdgeDim == 0, Act: cfg.Act,
		},
		Src:       m.weight("src", cfg.In, width),
		Dst:       m.weight("dst", cmp.Or(cfg.InDst, cfg.In), width),
		Attention: m.weight("attention", cfg.Heads, cfg.Out),
	}
	if cfg.EdgeDim > 0 {
		l.Edge = m.weight("edge", cfg.Heads*cfg.EdgeDim, cfg.Out)
	}
	l.Bias = m.param("bias", nil, l.width())
	return made(l, m)
}

// Params returns the weights, the attention vectors and the bias, if any.
func (l *GATv2Conv) Params() nn.Params {
	return params(l.Src, l.Dst, l.Edge, l.Attention, l.Bias)
}

// Forward adds the layer to the expression graph.
func (l *GATv2Conv) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	return l.ForwardBipartite(g, x, x, nil)
}

// ForwardBipartite adds the layer to the expression graph for a bipartite graph, or for edges with
// the features f (otherwise nil).
func (l *GATv2Conv) ForwardBipartite(g, xSrc, xDst, f *gorgonia.Node) (*gorgonia.Node, error) {
	inSrc, width, err := weightShape("gatv2", l.Src)
	if err != nil {
		return nil, err
	}
	inDst, dstWidth, err := weightShape("gatv2", l.Dst)
	if err != nil {
		return nil, err
	}
	err = errors.Join(l.checkHeads(l.Src.Name, width, l.Attention), l.checkHeads(l.Dst.Name, dstWidth))
	if err != nil {
		return nil, err
	}
	if err := checkCols(l.Src.Name, "source features", xSrc, inSrc); err != nil {
		return nil, err
	}
	if err := checkCols(l.Dst.Name, "destination features", xDst, inDst); err != nil {
		return nil, err
	}
	n, err := nodes(xSrc, l.Src, l.Dst, l.Edge, l.Attention, l.Bias)
	if err != nil {
		return nil, err
	}
	u, err := project(xSrc, n[0])
	if err != nil {
		return nil, err
	}
	v, err := project(xDst, n[1])
	if err != nil {
		return nil, err
	}
	in := gorgonia.Nodes{g, u, v, n[3]}
	switch {
	case (l.Edge != nil) != (f != nil):
		return nil, fmt.Errorf("gnn: %s: edge features are either both declared when the layer is made and given, or neither", l.Src.Name)
	case l.Edge != nil && l.SelfLoops:
		return nil, fmt.Errorf("gnn: %s: the self loops would have no edge features: set SelfLoops to false", l.Src.Name)
	case l.Edge != nil:
		if err := checkCols(l.Edge.Name, "edge features", f, len(l.Edge.Data())/width); err != nil {
			return nil, err
		}
		in = append(in, f, n[2])
	}
	scores, err := nn.Apply("gatv2_scores", &gatv2Scores{cfg: l.AttentionConfig, edgeDim: cols(f)}, nn.Shape{l.Heads, 2}, in...)
	if err != nil {
		return nil, err
	}
	return l.attend(g, scores, u, n[4])
}

// gatv2Scores takes g, u = x W_src, v = x W_dst, a and, with edge features, f and W_edge to the
// scores [heads x edges].
type gatv2Scores struct {
	cfg      AttentionConfig
	edgeDim  int
	src, dst []int32 // of one head: rows of u and v cut into heads
}

func (o *gatv2Scores) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := o.cfg.graph(in[0])
	if err != nil {
		return 0, 0, err
	}
	width := o.cfg.Heads * o.cfg.Out
	if _, err := rowsOf(in[1], "source features", g.NumSrc(), width); err != nil {
		return 0, 0, err
	}
	if _, err := rowsOf(in[2], "destination features", g.NumDst(), width); err != nil {
		return 0, 0, err
	}
	if o.edgeDim > 0 {
		_, err = rowsOf(in[4], "edge features", g.NumEdges(), o.edgeDim)
	}
	return o.cfg.Heads, g.NumEdges(), err
}

// head returns the ends of the edges as rows of [vertices*heads x out], the edge features and the
// weights of head k.
func (o *gatv2Scores) head(g *Graph, in []gorgonia.Value, k int) (src, dst []int32, a, f, w []float32) {
	o.src, o.dst = reuse.Slice(o.src, g.NumEdges()), reuse.Slice(o.dst, g.NumEdges())
	heads, d := int32(o.cfg.Heads), o.cfg.Out
	for e, j := range g.src {
		o.src[e], o.dst[e] = j*heads+int32(k), g.dst[e]*heads+int32(k)
	}
	if o.edgeDim > 0 {
		f, w = mat(in[4]).Data, mat(in[5]).Data[k*o.edgeDim*d:(k+1)*o.edgeDim*d]
	}
	return o.src, o.dst, mat(in[3]).Row(k), f, w
}

func (o *gatv2Scores) Forward(in []gorgonia.Value, out nn.Matrix) error {
	g, _ := o.cfg.graph(in[0])
	if g.NumEdges() == 0 {
		return nil
	}
	u, v := mat(in[1]).Data, mat(in[2]).Data
	for k := range o.cfg.Heads {
		src, dst, a, f, w := o.head(g, in, k)
		kernel.EdgeDot(gatSlope, o.cfg.Out, src, dst, u, v, f, o.edgeDim, w, a, out.Row(k))
	}
	return nil
}

func (o *gatv2Scores) Differentiable(i int) bool { return i > 0 }

func (o *gatv2Scores) Backward(in []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	g, _ := o.cfg.graph(in[0])
	for i := range din {
		clear(din[i].Data)
	}
	if g.NumEdges() == 0 {
		return nil
	}
	u, v := mat(in[1]).Data, mat(in[2]).Data
	for k := range o.cfg.Heads {
		src, dst, a, f, w := o.head(g, in, k)
		var da, dw []float32
		if !din[3].IsZero() {
			da = din[3].Row(k)
		}
		if o.edgeDim > 0 && !din[5].IsZero() {
			dw = din[5].Data[k*len(w) : (k+1)*len(w)]
		}
		kernel.EdgeDotBackward(gatSlope, o.cfg.Out, src, dst, u, v, f, o.edgeDim, w, a, dout.Row(k), din[1].Data, din[2].Data, dw, da)
		if o.edgeDim > 0 && !din[4].IsZero() {
			kernel.EdgeDotFeatures(gatSlope, o.cfg.Out, src, dst, u, v, f, o.edgeDim, w, a, dout.Row(k), din[4].Data)
		}
	}
	return nil
}

func (o *gatv2Scores) Describe() nn.Description {
	return nn.Description{Config: o.cfg}
}
