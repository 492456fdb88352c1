package gnn

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// graphNormEpsilon keeps a graph of equal rows from dividing by zero; the value is PyTorch's.
const graphNormEpsilon = 1e-5

// GraphNorm normalises each column over the vertices of each graph, learning how much of the mean
// to take off (T. Cai et al., "GraphNorm", ICML 2021, eq. 6):
//
//	o = x - alpha mean(x)
//	y = act(gamma o / sqrt(mean(o^2) + 1e-5) + beta)
//
// the means being over the graph.
//
// Shapes: g, x [NumDst x cols], alpha, gamma and beta [cols], y [NumDst x cols].
type GraphNorm struct {
	Alpha, Gamma, Beta *nn.Param
	Act                nn.Activation
}

// NewGraphNorm makes a layer with alpha and gamma 1 and beta 0.
func NewGraphNorm(name string, cols int, act nn.Activation) (*GraphNorm, error) {
	m := newMaker("graph norm", name, nil, nil, size{"cols", cols, 1})
	m.activation(act)
	l := &GraphNorm{
		Alpha: m.param("alpha", nil, cols),
		Gamma: m.param("gamma", nil, cols),
		Beta:  m.param("beta", nil, cols),
		Act:   act,
	}
	if m.err == nil {
		for k := range cols {
			l.Alpha.Data()[k], l.Gamma.Data()[k] = 1, 1
		}
	}
	return made(l, m)
}

// Params returns alpha, gamma and beta.
func (l *GraphNorm) Params() nn.Params { return params(l.Alpha, l.Gamma, l.Beta) }

// Forward adds the layer to the expression graph.
func (l *GraphNorm) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	act, err := kernelAct(l.Act)
	if err != nil {
		return nil, err
	}
	op := &graphNorm{cols: len(l.Gamma.Data()), act: act}
	if op.cols == 0 || len(l.Alpha.Data()) != op.cols || len(l.Beta.Data()) != op.cols {
		return nil, fmt.Errorf("gnn: graph norm: alpha, gamma and beta have %d, %d and %d values: make the layer with NewGraphNorm: %w",
			len(l.Alpha.Data()), op.cols, len(l.Beta.Data()), nn.ErrShape)
	}
	if err := checkCols(l.Gamma.Name, "features", x, op.cols); err != nil {
		return nil, err
	}
	n, err := nodes(x, l.Alpha, l.Gamma, l.Beta)
	if err != nil {
		return nil, err
	}
	return nn.Apply("graph_norm", op, x.Shape(), append(gorgonia.Nodes{g, x}, n...)...)
}

// graphNorm takes g, x, alpha, gamma, beta.
type graphNorm struct {
	cols         int
	act          kernel.Act
	xhat         nn.Buffer // the normalised x
	dxhat        nn.Buffer
	mean, scale  []float64 // [graphs x cols]
	shift        []float64 // of one graph, by column: alpha mean
	sum, dot, dm []float64 // likewise, of the backward pass
}

func (o *graphNorm) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[1], "features", g.NumDst(), o.cols)
	return g.NumDst(), o.cols, err
}

func (o *graphNorm) Differentiable(i int) bool { return i > 0 }

func (o *graphNorm) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, x, alpha := in[0].(*Graph), mat(in[1]), mat(in[2]).Data
	o.mean, o.scale = reuse.Slice(o.mean, g.NumGraphs()*o.cols), reuse.Slice(o.scale, g.NumGraphs()*o.cols)
	xhat := nn.Matrix{Rows: x.Rows, Cols: o.cols, Data: o.xhat.Resize(x.Rows, o.cols)}
	o.shift = reuse.Slice(o.shift, o.cols)
	for b := range g.NumGraphs() {
		first, end := int(g.dstPtr[b]), int(g.dstPtr[b+1])
		mean, scale := o.mean[b*o.cols:(b+1)*o.cols], o.scale[b*o.cols:(b+1)*o.cols]
		kernel.ColumnMoments(end-first, o.cols, x.Data[first*o.cols:end*o.cols], mean, scale)
		for k, v := range scale {
			// mean(o^2) = var(x) + (mean(x) - alpha mean(x))^2
			left := (1 - float64(alpha[k])) * mean[k]
			scale[k] = 1 / math.Sqrt(v+left*left+graphNormEpsilon)
		}
		for k, v := range mean {
			o.shift[k] = float64(alpha[k]) * v
		}
		kernel.Normalize(end-first, o.cols, x.Data[first*o.cols:end*o.cols], o.shift, scale, xhat.Data[first*o.cols:end*o.cols])
	}
	kernel.ScaleAct(o.act, y.Rows, o.cols, xhat.Data, mat(in[3]).Data, mat(in[4]).Data, y.Data)
	return nil
}

func (o *graphNorm) Backward(in []gorgonia.Value, y, dy nn.Matrix, din []nn.Matrix) error {
	gr, alpha := in[0].(*Graph), mat(in[2]).Data
	xhat, dx, dalpha := o.xhat.Matrix(), din[1], din[2].Data
	g := nn.Matrix{Rows: y.Rows, Cols: o.cols, Data: o.dxhat.Resize(y.Rows, o.cols)}
	kernel.ScaleActBackward(o.act, y.Rows, o.cols, xhat.Data, mat(in[3]).Data, y.Data, dy.Data, g.Data, din[3].Data, din[4].Data)
	clear(dalpha)
	o.dot, o.sum, o.dm = reuse.Slice(o.dot, o.cols), reuse.Slice(o.sum, o.cols), reuse.Slice(o.dm, o.cols)
	for b := range gr.NumGraphs() {
		first, end := int(gr.dstPtr[b]), int(gr.dstPtr[b+1])
		n := float64(end - first)
		clear(o.dot)
		clear(o.sum)
		clear(o.dm)
		for i := first; i < end; i++ {
			for k, v := range g.Row(i) {
				xh := float64(xhat.Row(i)[k])
				o.dot[k] += float64(v) * xh / n
				o.sum[k] += xh
				o.dm[k] += float64(v)
			}
		}
		scale, mean := o.scale[b*o.cols:(b+1)*o.cols], o.mean[b*o.cols:(b+1)*o.cols]
		for k := range o.dm {
			// The sum of do = scale (g - xhat dot) over the graph.
			o.dm[k] = scale[k] * (o.dm[k] - o.sum[k]*o.dot[k])
			if dalpha != nil {
				dalpha[k] -= float32(mean[k] * o.dm[k])
			}
		}
		if dx.IsZero() {
			continue
		}
		for i := first; i < end; i++ {
			for k, v := range g.Row(i) {
				do := scale[k] * (float64(v) - float64(xhat.Row(i)[k])*o.dot[k])
				dx.Row(i)[k] = float32(do - float64(alpha[k])*o.dm[k]/n)
			}
		}
	}
	return nil
}

func (o *graphNorm) Describe() nn.Description {
	return nn.Description{Act: nn.Activation(o.act)}
}
