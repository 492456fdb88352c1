package nn

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"gorgonia.org/gorgonia"
)

// LayerNorm normalises each row by its own mean and variance (J. Ba, J. Kiros and G. Hinton, "Layer
// normalization", 2016):
//
//	y = act(gamma (x - mean(x)) / sqrt(var(x) + 1e-5) + beta)
//
// Shapes: x [rows x cols], gamma and beta [cols], y [rows x cols].
type LayerNorm struct {
	Gamma, Beta *Param
	Act         Activation
}

// NewLayerNorm makes a layer with gamma 1 and beta 0.
func NewLayerNorm(name string, cols int, act Activation) (*LayerNorm, error) {
	gamma, beta, err := newAffine(name, cols, act)
	if err != nil {
		return nil, fmt.Errorf("nn: layer norm: %w", err)
	}
	return &LayerNorm{Gamma: gamma, Beta: beta, Act: act}, nil
}

// Params returns gamma and beta.
func (l *LayerNorm) Params() Params { return Params{l.Gamma, l.Beta} }

// Forward adds the layer to x's graph.
func (l *LayerNorm) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	op := new(layerNorm)
	return op.apply("layer_norm", op, l.Act, x, l.Gamma, l.Beta)
}

type layerNorm struct {
	norm
	scale []float64 // 1/standard deviation, by row
}

func (o *layerNorm) Forward(in []gorgonia.Value, y Matrix) error {
	x := mat(in[0])
	o.scale = reuse.Slice(o.scale, x.Rows)
	xhat := o.start(x.Rows)
	for i := range x.Rows {
		var mean, variance float64
		for _, v := range x.Row(i) {
			mean += float64(v)
		}
		mean /= float64(o.cols)
		for _, v := range x.Row(i) {
			variance += (float64(v) - mean) * (float64(v) - mean)
		}
		o.scale[i] = 1 / math.Sqrt(variance/float64(o.cols)+normEpsilon)
		for k, v := range x.Row(i) {
			xhat.Row(i)[k] = float32((float64(v) - mean) * o.scale[i])
		}
	}
	o.finish(xhat, in, y)
	return nil
}

func (o *layerNorm) Backward(in []gorgonia.Value, y, dy Matrix, din []Matrix) error {
	g := o.backward(in, y, dy, din)
	dx := din[0]
	if dx.IsZero() {
		return nil
	}
	for i := range y.Rows {
		gi, xi := g.Row(i), o.xhat.Matrix().Row(i)
		var mean, dot float64
		for k, v := range gi {
			mean += float64(v)
			dot += float64(v) * float64(xi[k])
		}
		mean /= float64(o.cols)
		dot /= float64(o.cols)
		for k, v := range gi {
			dx.Row(i)[k] = float32(o.scale[i] * (float64(v) - mean - float64(xi[k])*dot))
		}
	}
	return nil
}

// normEpsilon keeps the normalisations from dividing by zero; the value is PyTorch's.
const normEpsilon = 1e-5

// norm is the common part of [LayerNorm] and [BatchNorm]: y = act(gamma xhat + beta), where xhat is
// the normalised x. Their operations take x, gamma and beta.
type norm struct {
	cols int
	act  kernel.Act
	xhat Buffer
	dz   Buffer // gradient with respect to xhat
}

// newAffine makes gamma, of ones, and beta, of zeros.
func newAffine(name string, cols int, act Activation) (gamma, beta *Param, err error) {
	if err := act.check(); err != nil {
		return nil, nil, err
	}
	if gamma, err = NewParam(name+".gamma", nil, nil, cols); err != nil {
		return nil, nil, err
	}
	for k := range gamma.Data() {
		gamma.Data()[k] = 1
	}
	beta, err = NewParam(name+".beta", nil, nil, cols)
	return gamma, beta, err
}

// apply adds op, which embeds o.
func (o *norm) apply(name string, op FusedOp, act Activation, x *gorgonia.Node, gamma, beta *Param) (*gorgonia.Node, error) {
	if err := act.check(); err != nil {
		return nil, err
	}
	if err := (Params{gamma, beta}).check(); err != nil {
		return nil, fmt.Errorf("nn: %s: %w", name, err)
	}
	o.act, o.cols = act.kernel(), len(gamma.Data())
	if n := len(beta.Data()); n != o.cols {
		return nil, fmt.Errorf("nn: %s has %d values, %s %d: %w", gamma.Name, o.cols, beta.Name, n, ErrShape)
	}
	if err := checkCols(gamma.Name, "features", x, o.cols); err != nil {
		return nil, err
	}
	ps, err := Params{gamma, beta}.Nodes(x.Graph())
	if err != nil {
		return nil, err
	}
	return Apply(name, op, x.Shape(), x, ps[0], ps[1])
}

func (o *norm) OutShape(in []gorgonia.Value) (int, int, error) {
	x, err := AsMatrix(in[0])
	if err == nil && x.Cols != o.cols {
		err = fmt.Errorf("want features [rows x %d], got [%d x %d]: %w", o.cols, x.Rows, x.Cols, ErrShape)
	}
	return x.Rows, o.cols, err
}

func (o *norm) Differentiable(int) bool { return true }

// start returns the memory of xhat.
func (o *norm) start(rows int) Matrix {
	return Matrix{Rows: rows, Cols: o.cols, Data: o.xhat.Resize(rows, o.cols)}
}

// finish computes y from xhat.
func (o *norm) finish(xhat Matrix, in []gorgonia.Value, y Matrix) {
	kernel.ScaleAct(o.act, y.Rows, o.cols, xhat.Data, mat(in[1]).Data, mat(in[2]).Data, y.Data)
}

// backward computes the gradients of gamma and beta and returns the one with respect to xhat.
func (o *norm) backward(in []gorgonia.Value, y, dy Matrix, din []Matrix) Matrix {
	g := Matrix{Rows: y.Rows, Cols: o.cols, Data: o.dz.Resize(y.Rows, o.cols)}
	kernel.ScaleActBackward(o.act, y.Rows, o.cols, o.xhat.Matrix().Data, mat(in[1]).Data, y.Data, dy.Data,
		g.Data, din[1].Data, din[2].Data)
	return g
}

func (o *norm) Describe() Description { return Description{Act: Activation(o.act)} }
