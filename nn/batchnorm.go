package nn

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"gorgonia.org/gorgonia"
)

// BatchNorm normalises each column by its mean and variance over all rows (S. Ioffe and C. Szegedy,
// "Batch normalization", ICML 2015). The rows of a batch of graphs are all their vertices:
//
//	y = act(gamma (x - mean) / sqrt(var + 1e-5) + beta)
//
// While Training, mean and variance are the batch's, and RunningMean and RunningVar follow them;
// otherwise they are the running ones. Training on a single row is an error, as in PyTorch, and so
// are features that are not finite.
//
// Shapes: x [rows x cols], gamma and beta [cols], y [rows x cols].
type BatchNorm struct {
	Gamma, Beta *Param
	Act         Activation
	Training    bool
	// Momentum is the weight of the newest batch in the running values.
	Momentum float64
	// RunningMean and RunningVar [cols] are part of the model, so save them with it, but nothing
	// trains them, so they are not in Params. Networks that train on different goroutines must not
	// share them.
	RunningMean, RunningVar *Param
}

// NewBatchNorm makes a layer with gamma 1, beta 0 and momentum 0.1 that is not yet training.
func NewBatchNorm(name string, cols int, act Activation) (*BatchNorm, error) {
	gamma, beta, err := newAffine(name, cols, act)
	if err != nil {
		return nil, fmt.Errorf("nn: batch norm: %w", err)
	}
	l := &BatchNorm{
		Gamma: gamma, Beta: beta, Act: act, Momentum: 0.1,
		RunningMean: newParam(name+".running_mean", []int{cols}),
		RunningVar:  newParam(name+".running_var", []int{cols}),
	}
	for k := range l.RunningVar.Data() {
		l.RunningVar.Data()[k] = 1
	}
	return l, nil
}

// Params returns gamma and beta.
func (l *BatchNorm) Params() Params { return Params{l.Gamma, l.Beta} }

// Affine returns the layer as inference computes it, y = act(scale x + shift) with one value per
// column, so that a linear layer before it can take its place.
func (l *BatchNorm) Affine() (scale, shift []float64) {
	scale, shift = make([]float64, len(l.Gamma.Data())), make([]float64, len(l.Gamma.Data()))
	for k, g := range l.Gamma.Data() {
		scale[k] = float64(g) / math.Sqrt(float64(l.RunningVar.Data()[k])+normEpsilon)
		shift[k] = float64(l.Beta.Data()[k]) - scale[k]*float64(l.RunningMean.Data()[k])
	}
	return scale, shift
}

// Forward adds the layer to x's graph.
func (l *BatchNorm) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	if len(l.RunningMean.Data()) != len(l.Gamma.Data()) || len(l.RunningVar.Data()) != len(l.Gamma.Data()) {
		return nil, fmt.Errorf("nn: batch norm: the running values do not match gamma: make the layer with NewBatchNorm: %w", ErrShape)
	}
	if !(l.Momentum >= 0 && l.Momentum <= 1) {
		return nil, fmt.Errorf("nn: batch norm: a momentum of %v, want one in [0, 1]", l.Momentum)
	}
	op := &batchNorm{layer: l}
	return op.apply("batch_norm", op, l.Act, x, l.Gamma, l.Beta)
}

type batchNorm struct {
	norm
	layer   *BatchNorm
	batch   bool      // the last forward pass used the batch's statistics
	mean    []float64 // by column
	scale   []float64 // 1/standard deviation, by column
	dot, dm []float64 // sums of the backward pass, by column
}

func (o *batchNorm) Forward(in []gorgonia.Value, y Matrix) error {
	x := mat(in[0])
	o.mean, o.scale = reuse.Slice(o.mean, o.cols), reuse.Slice(o.scale, o.cols)
	o.batch = o.layer.Training && x.Rows > 0
	if o.batch {
		if x.Rows == 1 {
			return fmt.Errorf("training on a single row, whose variance is zero: want at least 2 rows: %w", ErrShape)
		}
		kernel.ColumnMoments(x.Rows, o.cols, x.Data, o.mean, o.scale)
		if err := o.layer.follow(o.mean, o.scale, x.Rows); err != nil {
			return err
		}
	} else {
		for k := range o.mean {
			o.mean[k], o.scale[k] = float64(o.layer.RunningMean.Data()[k]), float64(o.layer.RunningVar.Data()[k])
		}
	}
	for k, v := range o.scale {
		o.scale[k] = 1 / math.Sqrt(v+normEpsilon)
	}
	xhat := o.start(x.Rows)
	for i := range x.Rows {
		row, mean, scale := xhat.Row(i), o.mean[:o.cols], o.scale[:o.cols]
		for k, v := range x.Row(i)[:o.cols] {
			row[k] = float32((float64(v) - mean[k]) * scale[k])
		}
	}
	o.finish(xhat, in, y)
	return nil
}

// follow moves the running values towards those of a batch of n rows, with the variance corrected
// for the bias of a sample, as in PyTorch. A batch that is not finite is an error, because it would
// spoil the running values for good.
func (l *BatchNorm) follow(mean, variance []float64, n int) error {
	for k, v := range variance {
		if v-v != 0 {
			return fmt.Errorf("column %d of the features has mean %v and variance %v: %w", k, mean[k], v, ErrNotFinite)
		}
	}
	unbias := float64(n) / float64(n-1)
	m, v := l.RunningMean.Data(), l.RunningVar.Data()
	for k := range mean {
		m[k] += float32(l.Momentum * (mean[k] - float64(m[k])))
		v[k] += float32(l.Momentum * (variance[k]*unbias - float64(v[k])))
	}
	return nil
}

func (o *batchNorm) Backward(in []gorgonia.Value, y, dy Matrix, din []Matrix) error {
	g := o.backward(in, y, dy, din)
	dx := din[0]
	if dx.IsZero() {
		return nil
	}
	xhat := o.xhat.Matrix()
	o.dm, o.dot = reuse.Slice(o.dm, o.cols), reuse.Slice(o.dot, o.cols)
	clear(o.dm)
	clear(o.dot)
	dm, dot, scale := o.dm, o.dot, o.scale[:o.cols]
	if o.batch { // mean and variance depend on x
		for i := range y.Rows {
			row := xhat.Row(i)
			for k, v := range g.Row(i)[:o.cols] {
				dm[k] += float64(v)
				dot[k] += float64(v) * float64(row[k])
			}
		}
		n := 1 / float64(y.Rows)
		for k := range dm {
			dm[k], dot[k] = dm[k]*n, dot[k]*n
		}
	}
	for i := range y.Rows {
		row, dxi := xhat.Row(i), dx.Row(i)
		for k, v := range g.Row(i)[:o.cols] {
			dxi[k] = float32(scale[k] * (float64(v) - dm[k] - float64(row[k])*dot[k]))
		}
	}
	return nil
}

func (o *batchNorm) Describe() Description {
	return Description{Act: Activation(o.act), Running: []*Param{o.layer.RunningMean, o.layer.RunningVar}}
}
