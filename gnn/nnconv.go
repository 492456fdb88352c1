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

// NNConv is the edge-conditioned convolution of J. Gilmer et al., "Neural message passing for
// quantum chemistry" (ICML 2017), section 5, and M. Simonovsky and N. Komodakis (CVPR 2017): a
// network turns each edge's features into a matrix that multiplies its message,
//
//	y_i = act(x_i R + agg over edges e = (j, i) of x_j T(f_e) + b)
//	T(f) = T_0 + sum over q of h_q(f) T_q
//
// h is that network without its last, linear layer, and the T_q [in x out] are the last layer's
// weights. In this form x_j T_q is computed once per vertex rather than x_j T(f_e) once per edge.
//
// Shapes: x [vertices x in], f [NumEdges x edgeDim], y [vertices x out]. In a bipartite graph x_j
// [NumSrc x in] and x_i [NumDst x inDst] are separate features.
type NNConv struct {
	EdgeNet nn.Module  // h, [NumEdges x edgeDim] -> [NumEdges x width]; nil: h(f) = f
	Weight  *nn.Param  // T_1 to T_width, then T_0, side by side: [in x (width+1)*out]
	Root    *nn.Linear // R and b
	Agg     Aggregation
	Act     nn.Activation
}

// NNConvConfig describes an [NNConv].
type NNConvConfig struct {
	In        int         // columns of the sources' features
	InDst     int         // columns of the destinations' features in a bipartite graph; 0: In
	Out       int         // columns of y
	EdgeNet   nn.Module   // h; nil: the edges' features as they are
	EdgeWidth int         // columns of h, or of f without EdgeNet
	Agg       Aggregation // Sum or Mean
	Act       nn.Activation
	Init      nn.Init // of the weights; nil: nn.GlorotUniform
}

// NewNNConv makes a layer whose weights are drawn from rng and whose bias is zero.
func NewNNConv(name string, cfg NNConvConfig, rng *rand.Rand) (*NNConv, error) {
	m := newMaker("nnconv", name, cfg.Init, rng, size{"In", cfg.In, 1}, size{"InDst", cfg.InDst, 0}, size{"Out", cfg.Out, 1},
		size{"EdgeWidth", cfg.EdgeWidth, 1})
	m.activation(cfg.Act)
	if cfg.Agg != Sum && cfg.Agg != Mean {
		m.fail("want Sum or Mean as Agg, got %v", cfg.Agg)
	}
	l := &NNConv{
		EdgeNet: cfg.EdgeNet,
		Weight:  m.weight("weight", cfg.In, (cfg.EdgeWidth+1)*cfg.Out),
		Root:    m.linear("root", cmp.Or(cfg.InDst, cfg.In), cfg.Out, true),
		Agg:     cfg.Agg,
		Act:     cfg.Act,
	}
	return made(l, m)
}

// Params returns the weights, R, b and the edge network's parameters.
func (l *NNConv) Params() nn.Params {
	ps := params(l.Weight)
	if l.Root != nil {
		ps = append(ps, l.Root.Params()...)
	}
	if l.EdgeNet != nil {
		ps = append(ps, l.EdgeNet.Params()...)
	}
	return ps
}

// Forward adds the layer to the expression graph. In a graph that is not bipartite xSrc and xDst
// are one node.
func (l *NNConv) Forward(g, xSrc, xDst, f *gorgonia.Node) (*gorgonia.Node, error) {
	act, err := kernelAct(l.Act)
	if err != nil {
		return nil, err
	}
	in, cols, err := weightShape("nnconv", l.Weight)
	if err != nil {
		return nil, err
	}
	if l.Root == nil || l.Root.Weight == nil {
		return nil, errors.New("gnn: nnconv: Root is missing: make it with NewNNConv")
	}
	_, out, err := weightShape("nnconv", l.Root.Weight)
	if err != nil {
		return nil, err
	}
	if cols%out != 0 {
		return nil, fmt.Errorf("gnn: %s: %d columns are no multiple of the %d outputs: %w", l.Weight.Name, cols, out, nn.ErrShape)
	}
	width := cols/out - 1 // of h
	if l.Agg != Sum && l.Agg != Mean {
		return nil, fmt.Errorf("gnn: %s: messages are aggregated by sum or mean, not by %v", l.Weight.Name, l.Agg)
	}
	if err := checkCols(l.Weight.Name, "source features", xSrc, in); err != nil {
		return nil, err
	}
	if l.EdgeNet != nil {
		if f, err = l.EdgeNet.Forward(f); err != nil {
			return nil, fmt.Errorf("gnn: %s: edge network: %w", l.Weight.Name, err)
		}
	}
	if err := checkCols(l.Weight.Name, "edge features", f, width); err != nil {
		return nil, err
	}
	w, err := l.Weight.Node(xSrc.Graph())
	if err != nil {
		return nil, err
	}
	p, err := project(xSrc, w)
	if err != nil {
		return nil, err
	}
	r, err := l.Root.Forward(xDst)
	if err != nil {
		return nil, err
	}
	op := &edgeConditioned{out: out, width: width, agg: l.Agg, act: act}
	return nn.Apply("nnconv", op, r.Shape(), g, p, f, r)
}

// edgeConditioned takes g, p = x T [NumSrc x (width+1)*out], h [NumEdges x width] and r = x_i R + b
// [NumDst x out] to the layer's result.
type edgeConditioned struct {
	out, width int
	agg        Aggregation
	act        kernel.Act
	dz         nn.Buffer // gradient before the activation
	dmessage   []float32
}

func (o *edgeConditioned) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	if _, err := rowsOf(in[1], "source features", g.NumSrc(), (o.width+1)*o.out); err != nil {
		return 0, 0, err
	}
	if _, err := rowsOf(in[2], "edge features", g.NumEdges(), o.width); err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[3], "destination features", g.NumDst(), o.out)
	return g.NumDst(), o.out, err
}

func (o *edgeConditioned) coef(g *Graph, e int) float32 {
	if o.agg == Mean {
		return 1 / float32(g.InDegree(int(g.dst[e])))
	}
	return 1
}

func (o *edgeConditioned) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, p, h := in[0].(*Graph), mat(in[1]), mat(in[2])
	copy(y.Data, mat(in[3]).Data)
	for e, j := range g.src {
		yi, pj, c := y.Row(int(g.dst[e])), p.Row(int(j)), o.coef(g, e)
		for q, v := range h.Row(e) {
			kernel.Axpy(c*v, pj[q*o.out:(q+1)*o.out], yi)
		}
		kernel.Axpy(c, pj[o.width*o.out:], yi)
	}
	kernel.BiasAct(o.act, y.Rows, o.out, y.Data, nil)
	return nil
}

func (o *edgeConditioned) Differentiable(i int) bool { return i > 0 }

func (o *edgeConditioned) Backward(in []gorgonia.Value, y, dy nn.Matrix, din []nn.Matrix) error {
	g, p, h := in[0].(*Graph), mat(in[1]), mat(in[2])
	dp, dh, dr := din[1], din[2], din[3]
	dz := nn.Matrix{Rows: y.Rows, Cols: o.out, Data: o.dz.Resize(y.Rows, o.out)}
	kernel.ActBackward(o.act, y.Rows, o.out, y.Data, dy.Data, dz.Data, nil)
	copy(dr.Data, dz.Data)
	clear(dp.Data)
	o.dmessage = reuse.Slice(o.dmessage, o.out)
	for e, j := range g.src {
		d := o.dmessage
		copy(d, dz.Row(int(g.dst[e])))
		kernel.Scale(o.coef(g, e), d)
		for q, v := range h.Row(e) {
			if !dp.IsZero() {
				kernel.Axpy(v, d, dp.Row(int(j))[q*o.out:(q+1)*o.out])
			}
			if !dh.IsZero() {
				dh.Row(e)[q] = kernel.Dot(d, p.Row(int(j))[q*o.out:(q+1)*o.out])
			}
		}
		if !dp.IsZero() {
			kernel.Axpy(1, d, dp.Row(int(j))[o.width*o.out:])
		}
	}
	return nil
}

func (o *edgeConditioned) Describe() nn.Description {
	return nn.Description{Act: nn.Activation(o.act), Mode: o.agg.String()}
}
