package nn

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
)

// LayerNorm normalises each row by its own mean and variance (J. Ba, J. Kiros and
// G. Hinton, "Layer normalization", 2016):
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
	o.scale = grow(o.scale, x.Rows)
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
