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
	layer *BatchNorm
	batch bool      // the last forward pass used the batch's statistics
	mean  []float64 // by column
	scale []float64 // 1/standard deviation, by column

	// Of the backward pass, by column: sums of the gradient and of its products with xhat, their means,
	// and what multiplies the rest.
	sum, dot            []float64
	dmean, ddot, factor []float32
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
	gamma, beta := mat(in[1]).Data, mat(in[2]).Data
	o.blocks(x.Rows, func(rows, from, to int) {
		kernel.Normalize(rows, o.cols, x.Data[from:to], o.mean, o.scale, xhat.Data[from:to])
		kernel.ScaleAct(o.act, rows, o.cols, xhat.Data[from:to], gamma, beta, y.Data[from:to])
	})
	return nil
}

// blocks calls f for blocks of rows, elements from to to, so small that what one pass over a block
// writes is in the cache when the next one reads it.
func (o *batchNorm) blocks(rows int, f func(rows, from, to int)) {
	step := max(1, blockValues/o.cols)
	for i := 0; i < rows; i += step {
		m := min(step, rows-i)
		f(m, i*o.cols, (i+m)*o.cols)
	}
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
	gamma, dx, xhat, n := mat(in[1]).Data, din[0], o.xhat.Matrix(), float64(y.Rows)
	g := o.dz.Resize(y.Rows, o.cols) // the gradient of gamma xhat + beta
	o.sum, o.dot = reuse.Slice(o.sum, o.cols), reuse.Slice(o.dot, o.cols)
	clear(o.sum)
	clear(o.dot)
	o.blocks(y.Rows, func(rows, from, to int) {
		kernel.ActBackward(o.act, rows, o.cols, y.Data[from:to], dy.Data[from:to], g[from:to], nil)
		kernel.AddColumnDots(rows, o.cols, g[from:to], xhat.Data[from:to], o.sum, o.dot)
	})
	for k := range din[1].Data {
		din[1].Data[k] = float32(o.dot[k])
	}
	for k := range din[2].Data {
		din[2].Data[k] = float32(o.sum[k])
	}
	if dx.IsZero() {
		return nil
	}
	// dx = gamma scale (g - mean(g) - xhat mean(g xhat)); the means are of a batch whose own mean and
	// variance depend on x, and zero of one that was normalised by the running values.
	o.dmean, o.ddot, o.factor = reuse.Slice(o.dmean, o.cols), reuse.Slice(o.ddot, o.cols), reuse.Slice(o.factor, o.cols)
	for k := range o.factor {
		o.factor[k] = float32(float64(gamma[k]) * o.scale[k])
		o.dmean[k], o.ddot[k] = 0, 0
		if o.batch {
			o.dmean[k], o.ddot[k] = float32(o.sum[k]/n), float32(o.dot[k]/n)
		}
	}
	kernel.NormalizeBackward(y.Rows, o.cols, g, xhat.Data, o.dmean, o.ddot, o.factor, dx.Data)
	return nil
}

func (o *batchNorm) Describe() Description {
	return Description{Act: Activation(o.act), Running: []*Param{o.layer.RunningMean, o.layer.RunningVar}}
}
