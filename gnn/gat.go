package gnn

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// GATConv is the graph attention of P. Velickovic et al., "Graph attention networks" (ICLR 2018),
// eq. 3-6. For each head
//
//	s_ij    = leakyrelu(a_src . x_j W + a_dst . x_i W),   slope 0.2
//	alpha_ij = softmax of s_ij over the in-edges (j, i) of i, and (i, i)
//	y_i     = act(sum_j alpha_ij x_j W + b)
//
// with the heads side by side (Concat) or averaged before b and act.
//
// Shapes: x [vertices x in], dense or sparse, W [in x heads*out], a_src and a_dst [heads x out], y
// [vertices x heads*out] or, averaged, [vertices x out]. In a bipartite graph, with SelfLoops
// false, the destinations' features [NumDst x inDst] have a weight of their own.
type GATConv struct {
	AttentionConfig
	Weight    *nn.Param // W [in x heads*out]
	DstWeight *nn.Param // [inDst x heads*out] of destinations; nil: they use W
	Src, Dst  *nn.Param // a_src, a_dst [heads x out]
	Bias      *nn.Param // [heads*out] or [out]; nil: none
}

// GATConvConfig describes a [GATConv].
type GATConvConfig struct {
	In     int // columns of the sources' features
	InDst  int // columns of the destinations' features, for bipartite graphs; 0: not bipartite
	Out    int // columns of each head
	Heads  int
	Concat bool          // heads side by side, otherwise their mean
	Act    nn.Activation // default nn.None
	Init   nn.Init       // of the weights; nil: nn.GlorotUniform, as in the paper
}

// NewGATConv makes a layer whose weights are drawn from rng and whose bias is zero. Each vertex
// attends to itself too unless the layer is bipartite.
func NewGATConv(name string, cfg GATConvConfig, rng *rand.Rand) (*GATConv, error) {
	m := newMaker("gat", name, cfg.Init, rng, size{"In", cfg.In, 1}, size{"InDst", cfg.InDst, 0}, size{"Out", cfg.Out, 1},
		size{"Heads", cfg.Heads, 1})
	m.activation(cfg.Act)
	l := &GATConv{
		AttentionConfig: AttentionConfig{Heads: cfg.Heads, Out: cfg.Out, Concat: cfg.Concat, SelfLoops: cfg.InDst == 0, Act: cfg.Act},
		Weight:          m.weight("weight", cfg.In, cfg.Heads*cfg.Out),
		Src:             m.weight("src", cfg.Heads, cfg.Out),
		Dst:             m.weight("dst", cfg.Heads, cfg.Out),
	}
	l.Bias = m.param("bias", nil, l.width())
	if cfg.InDst > 0 {
		l.DstWeight = m.weight("dst_weight", cfg.InDst, cfg.Heads*cfg.Out)
	}
	return made(l, m)
}

// Params returns the weights, the attention vectors and the bias, if any.
func (l *GATConv) Params() nn.Params {
	return params(l.Weight, l.DstWeight, l.Src, l.Dst, l.Bias)
}

// Forward adds the layer to the expression graph.
func (l *GATConv) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	return l.ForwardBipartite(g, x, x)
}

// ForwardBipartite adds the layer for a bipartite graph to the expression graph.
func (l *GATConv) ForwardBipartite(g, xSrc, xDst *gorgonia.Node) (*gorgonia.Node, error) {
	in, width, err := weightShape("gat", l.Weight)
	if err != nil {
		return nil, err
	}
	if err := l.checkHeads(l.Weight.Name, width, l.Src, l.Dst); err != nil {
		return nil, err
	}
	if err := checkCols(l.Weight.Name, "source features", xSrc, in); err != nil {
		return nil, err
	}
	n, err := nodes(xSrc, l.Weight, l.DstWeight, l.Src, l.Dst, l.Bias)
	if err != nil {
		return nil, err
	}
	hSrc, err := project(xSrc, n[0])
	if err != nil {
		return nil, err
	}
	hDst := hSrc
	switch {
	case l.DstWeight != nil:
		inDst, _, err := weightShape("gat", l.DstWeight)
		if err != nil {
			return nil, err
		}
		if err := checkCols(l.DstWeight.Name, "destination features", xDst, inDst); err != nil {
			return nil, err
		}
		if hDst, err = project(xDst, n[1]); err != nil {
			return nil, err
		}
	case xDst != xSrc:
		return nil, fmt.Errorf("gnn: %s: destinations have other features than sources: make the layer with InDst", l.Weight.Name)
	}
	s, err := headDots(hSrc, n[2], l.Heads, l.Out)
	if err != nil {
		return nil, err
	}
	t, err := headDots(hDst, n[3], l.Heads, l.Out)
	if err != nil {
		return nil, err
	}
	scores, err := nn.Apply("gat_scores", &gatScores{cfg: l.AttentionConfig}, nn.Shape{l.Heads, 2}, g, s, t)
	if err != nil {
		return nil, err
	}
	return l.attend(g, scores, hSrc, n[4])
}

// headDots adds d[i,k] = h[i, head k] . a[k]: [rows x heads*out], [heads x out] -> [rows x heads].
func headDots(h, a *gorgonia.Node, heads, out int) (*gorgonia.Node, error) {
	return nn.Apply("head_dots", headDot{heads, out}, nn.Shape{h.Shape()[0], heads}, h, a)
}

type headDot struct{ heads, out int }

func (o headDot) OutShape(in []gorgonia.Value) (int, int, error) {
	h, err := nn.AsMatrix(in[0])
	if err == nil && h.Cols != o.heads*o.out {
		err = fmt.Errorf("want [rows x %d], got [%d x %d]: %w", o.heads*o.out, h.Rows, h.Cols, nn.ErrShape)
	}
	return h.Rows, o.heads, err
}

func (o headDot) Forward(in []gorgonia.Value, d nn.Matrix) error {
	h, a := mat(in[0]), mat(in[1]).Data
	for i := range h.Rows {
		hi := h.Row(i)
		for k := range o.heads {
			var sum float32
			for q, v := range a[k*o.out : (k+1)*o.out] {
				sum += v * hi[k*o.out+q]
			}
			d.Data[i*o.heads+k] = sum
		}
	}
	return nil
}

func (o headDot) Differentiable(int) bool { return true }

func (o headDot) Backward(in []gorgonia.Value, _, dd nn.Matrix, din []nn.Matrix) error {
	h, a := mat(in[0]), mat(in[1]).Data
	dh, da := din[0], din[1]
	clear(da.Data)
	for i := range h.Rows {
		hi := h.Row(i)
		for c, v := range dd.Row(i) {
			if !dh.IsZero() {
				dhi := dh.Row(i)[c*o.out : (c+1)*o.out]
				for q, w := range a[c*o.out : (c+1)*o.out] {
					dhi[q] = v * w
				}
			}
			if !da.IsZero() {
				dac := da.Data[c*o.out : (c+1)*o.out]
				for q, w := range hi[c*o.out : (c+1)*o.out] {
					dac[q] += v * w
				}
			}
		}
	}
	return nil
}

// gatSlope is the slope of attention scores below zero.
const gatSlope = 0.2

// gatScores is leakyrelu(s_j + t_i) for each edge, [heads x edges].
type gatScores struct{ cfg AttentionConfig }

func (o *gatScores) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := o.cfg.graph(in[0])
	if err != nil {
		return 0, 0, err
	}
	if _, err := rowsOf(in[1], "source scores", g.NumSrc(), o.cfg.Heads); err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[2], "destination scores", g.NumDst(), o.cfg.Heads)
	return o.cfg.Heads, g.NumEdges(), err
}

func (o *gatScores) Forward(in []gorgonia.Value, out nn.Matrix) error {
	g, _ := o.cfg.graph(in[0])
	s, t, heads := mat(in[1]).Data, mat(in[2]).Data, o.cfg.Heads
	for k := range heads {
		row := out.Row(k)
		for e, j := range g.src {
			v := s[int(j)*heads+k] + t[int(g.dst[e])*heads+k]
			row[e] = max(v, gatSlope*v)
		}
	}
	return nil
}

func (o *gatScores) Differentiable(i int) bool { return i > 0 }

func (o *gatScores) Backward(in []gorgonia.Value, out, dout nn.Matrix, din []nn.Matrix) error {
	g, _ := o.cfg.graph(in[0])
	ds, dt, heads := din[1].Data, din[2].Data, o.cfg.Heads
	clear(ds)
	clear(dt)
	for k := range heads {
		row, drow := out.Row(k), dout.Row(k)
		for e, j := range g.src {
			v := drow[e]
			if row[e] <= 0 {
				v *= gatSlope
			}
			if ds != nil {
				ds[int(j)*heads+k] += v
			}
			if dt != nil {
				dt[int(g.dst[e])*heads+k] += v
			}
		}
	}
	return nil
}

func (o headDot) Describe() nn.Description {
	return nn.Description{Config: AttentionConfig{Heads: o.heads, Out: o.out}}
}

func (o *gatScores) Describe() nn.Description {
	return nn.Description{Config: o.cfg}
}
