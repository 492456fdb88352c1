package nn

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// BCEWithLogits is the binary cross-entropy of sigmoid(z) against targets t in [0, 1], averaged
// over all entries: mean(max(z, 0) - z t + log(1 + exp(-|z|))). It takes logits because the
// logarithm of a saturated sigmoid is not a number. The targets are treated as constants: no
// gradient passes through t.
//
// Shapes: z, t [rows x cols] -> scalar.
func BCEWithLogits(z, t *gorgonia.Node) (*gorgonia.Node, error) {
	return logits("bce_with_logits", bce, z, t)
}

// SegmentCrossEntropy is the cross-entropy -sum t log softmax(z), the softmax taken within each
// segment of consecutive rows, averaged over the segments. Segment s holds rows ptr[s] to ptr[s+1];
// bind ptr to an [*Index] (see [NewIndexInput]). One graph so serves decisions with any number of
// options. The targets are treated as constants: no gradient passes through t.
//
// Shapes: z, t [rows x 1], ptr [segments + 1] -> scalar.
func SegmentCrossEntropy(z, t, ptr *gorgonia.Node) (*gorgonia.Node, error) {
	return logits("segment_cross_entropy", segmentCE, z, t, ptr)
}

// CrossEntropy is the cross-entropy -sum t log softmax(z) with the softmax over each row, averaged
// over the rows. The targets are treated as constants: no gradient passes through t.
//
// Shapes: z, t [rows x classes] -> scalar.
func CrossEntropy(z, t *gorgonia.Node) (*gorgonia.Node, error) {
	return logits("cross_entropy", rowCE, z, t)
}

func logits(name string, kind logitKind, z, t *gorgonia.Node, more ...*gorgonia.Node) (*gorgonia.Node, error) {
	t, err := Detach(t)
	if err != nil {
		return nil, fmt.Errorf("nn: %s: targets: %w", name, err)
	}
	return Apply(name, &logitLoss{kind: kind}, Shape{}, append(gorgonia.Nodes{z, t}, more...)...)
}

type logitKind uint8

const (
	bce logitKind = iota
	segmentCE
	rowCE
)

// logitLoss serves the losses whose gradient falls out of their forward pass.
type logitLoss struct {
	kind logitKind
	dz   Buffer
	rows []int32 // rowCE: the segments that rows are
}

func (o *logitLoss) OutShape(in []gorgonia.Value) (int, int, error) {
	z, err := AsMatrix(in[0])
	if err != nil {
		return 0, 0, err
	}
	t, err := AsMatrix(in[1])
	if err != nil {
		return 0, 0, err
	}
	if z.Rows != t.Rows || z.Cols != t.Cols {
		return 0, 0, fmt.Errorf("logits are [%d x %d] but targets [%d x %d]: %w", z.Rows, z.Cols, t.Rows, t.Cols, ErrShape)
	}
	if o.kind == segmentCE {
		x, ok := in[2].(*Index)
		if !ok {
			return 0, 0, fmt.Errorf("segments: want an *nn.Index, got %T", in[2])
		}
		if err := checkSegments(x.Rows, len(z.Data)); err != nil {
			return 0, 0, err
		}
	}
	return 1, 1, nil
}

func checkSegments(ptr []int32, rows int) error {
	if len(ptr) == 0 || ptr[0] != 0 || int(ptr[len(ptr)-1]) != rows {
		return fmt.Errorf("segments must run from 0 to the %d rows, got %d offsets: %w", rows, len(ptr), ErrShape)
	}
	for i := 1; i < len(ptr); i++ {
		if ptr[i] < ptr[i-1] {
			return fmt.Errorf("segment offsets must not decrease: %d after %d: %w", ptr[i], ptr[i-1], ErrShape)
		}
	}
	return nil
}

// ptr returns the segments and how many terms the mean is over.
func (o *logitLoss) ptr(in []gorgonia.Value, z Matrix) ([]int32, int) {
	switch o.kind {
	case segmentCE:
		p := in[2].(*Index).Rows
		return p, len(p) - 1
	case rowCE:
		if len(o.rows) != z.Rows+1 || (z.Rows > 0 && int(o.rows[1]) != z.Cols) {
			o.rows = o.rows[:0]
			for r := 0; r <= z.Rows; r++ {
				o.rows = append(o.rows, int32(r*z.Cols))
			}
		}
		return o.rows, z.Rows
	default:
		return nil, len(z.Data)
	}
}

func (o *logitLoss) Forward(in []gorgonia.Value, out Matrix) error {
	z, t := mat(in[0]), mat(in[1])
	dz := o.dz.Resize(z.Rows, z.Cols)
	ptr, n := o.ptr(in, z)
	var sum float64
	if o.kind == bce {
		sum = kernel.SigmoidBCE(z.Data, t.Data, dz)
	} else {
		sum = kernel.SegmentSoftmaxCE(ptr, z.Data, t.Data, dz)
	}
	out.Data[0] = float32(sum / float64(max(n, 1)))
	return nil
}

func (o *logitLoss) Differentiable(i int) bool { return i == 0 }

func (o *logitLoss) Backward(in []gorgonia.Value, _, dout Matrix, din []Matrix) error {
	if din[0].IsZero() {
		return nil
	}
	_, n := o.ptr(in, mat(in[0]))
	copy(din[0].Data, o.dz.Matrix().Data)
	kernel.Scale(dout.Data[0]/float32(max(n, 1)), din[0].Data)
	return nil
}

// MSE is the mean squared error mean(w (y - t)^2). The weights w may be nil. The targets are
// treated as constants: no gradient passes through t.
//
// Shapes: y, t, w [rows x cols] -> scalar.
func MSE(y, t, w *gorgonia.Node) (*gorgonia.Node, error) {
	return regression("mse", &residualLoss{}, y, t, w)
}

// Huber is the mean of w h(y - t), with h(e) = e^2/2 for |e| <= delta and delta (|e| - delta/2)
// beyond (Huber, 1964). The weights w may be nil. The targets are treated as constants: no gradient
// passes through t.
//
// Shapes: y, t, w [rows x cols] -> scalar.
func Huber(y, t, w *gorgonia.Node, delta float64) (*gorgonia.Node, error) {
	if !(delta > 0) {
		return nil, fmt.Errorf("nn: huber: delta must be positive, got %v", delta)
	}
	return regression("huber", &residualLoss{delta: float32(delta)}, y, t, w)
}

func regression(name string, op *residualLoss, y, t, w *gorgonia.Node) (*gorgonia.Node, error) {
	t, err := Detach(t)
	if err != nil {
		return nil, fmt.Errorf("nn: %s: targets: %w", name, err)
	}
	in := gorgonia.Nodes{y, t}
	if w != nil {
		in = append(in, w)
	}
	return Apply(name, op, Shape{}, in...)
}

// residualLoss is a loss of y - t: squared when delta is 0, else Huber's.
type residualLoss struct{ delta float32 }

func (o *residualLoss) OutShape(in []gorgonia.Value) (int, int, error) {
	y, err := AsMatrix(in[0])
	for _, v := range in[1:] {
		m, err2 := AsMatrix(v)
		if err == nil {
			err = err2
		}
		if err == nil && (m.Rows != y.Rows || m.Cols != y.Cols) {
			err = fmt.Errorf("predictions are [%d x %d] but targets or weights [%d x %d]: %w",
				y.Rows, y.Cols, m.Rows, m.Cols, ErrShape)
		}
	}
	return 1, 1, err
}

func (o *residualLoss) Forward(in []gorgonia.Value, out Matrix) error {
	y, t := mat(in[0]), mat(in[1])
	var sum float64
	for i, v := range y.Data {
		l := o.loss(v - t.Data[i])
		if len(in) > 2 {
			l *= mat(in[2]).Data[i]
		}
		sum += float64(l)
	}
	out.Data[0] = float32(sum / float64(max(len(y.Data), 1)))
	return nil
}

// loss returns the loss of a residual.
func (o *residualLoss) loss(e float32) float32 {
	if o.delta == 0 {
		return e * e
	}
	if a := abs32(e); a > o.delta {
		return o.delta * (a - o.delta/2)
	}
	return e * e / 2
}

func (o *residualLoss) Differentiable(i int) bool { return i != 1 }

func (o *residualLoss) Backward(in []gorgonia.Value, _, dout Matrix, din []Matrix) error {
	y, t := mat(in[0]), mat(in[1])
	scale := dout.Data[0] / float32(max(len(y.Data), 1))
	if len(din) > 2 && !din[2].IsZero() {
		for i, v := range y.Data {
			din[2].Data[i] = o.loss(v-t.Data[i]) * scale
		}
	}
	if din[0].IsZero() {
		return nil
	}
	for i, v := range y.Data {
		e := v - t.Data[i]
		d := 2 * e
		if o.delta > 0 {
			d = min(max(e, -o.delta), o.delta)
		}
		if len(in) > 2 {
			d *= mat(in[2]).Data[i]
		}
		din[0].Data[i] = d * scale
	}
	return nil
}

func abs32(x float32) float32 { return float32(math.Abs(float64(x))) }

// WeightedSum is sum_i weights[i] * terms[i] of scalar nodes, such as a loss and its regularisers.
func WeightedSum(terms []*gorgonia.Node, weights []float64) (*gorgonia.Node, error) {
	if len(terms) == 0 || len(terms) != len(weights) {
		return nil, fmt.Errorf("nn: weighted sum: want as many weights as terms and at least one, got %d and %d", len(weights), len(terms))
	}
	return Apply("weighted_sum", weightedSum(weights), Shape{}, terms...)
}

type weightedSum []float64

func (weightedSum) OutShape(in []gorgonia.Value) (int, int, error) {
	for _, v := range in {
		if m, err := AsMatrix(v); err != nil || len(m.Data) != 1 {
			return 0, 0, fmt.Errorf("want scalars, got %v: %w", v.Shape(), ErrShape)
		}
	}
	return 1, 1, nil
}

func (w weightedSum) Forward(in []gorgonia.Value, out Matrix) error {
	var sum float64
	for i, v := range in {
		sum += w[i] * float64(mat(v).Data[0])
	}
	out.Data[0] = float32(sum)
	return nil
}

func (weightedSum) Differentiable(int) bool { return true }

func (w weightedSum) Backward(_ []gorgonia.Value, _, dout Matrix, din []Matrix) error {
	for i := range din {
		if !din[i].IsZero() {
			din[i].Data[0] = float32(w[i]) * dout.Data[0]
		}
	}
	return nil
}

// L2 is half the sum of the squares of all weights, sum w^2 / 2, as a node of g. Times a
// coefficient and added to a loss by [WeightedSum] it is L2 regularisation, whose gradient, the
// coefficient times w, passes through the optimiser. Under Adam this is the weight_decay of
// PyTorch's Adam, which differs from AdamW's (see [AdamConfig]).
func L2(g *gorgonia.ExprGraph, ps Params) (*gorgonia.Node, error) {
	if len(ps) == 0 {
		return nil, fmt.Errorf("nn: l2: want at least one parameter")
	}
	nodes, err := ps.Nodes(g)
	if err != nil {
		return nil, err
	}
	return Apply("l2", halfSquares{}, Shape{}, nodes...)
}

type halfSquares struct{}

func (halfSquares) OutShape([]gorgonia.Value) (int, int, error) { return 1, 1, nil }

func (halfSquares) Forward(in []gorgonia.Value, out Matrix) error {
	var sum float64
	for _, v := range in {
		sum += kernel.SumSquares(mat(v).Data)
	}
	out.Data[0] = float32(sum / 2)
	return nil
}

func (halfSquares) Differentiable(int) bool { return true }

func (halfSquares) Backward(in []gorgonia.Value, _, dout Matrix, din []Matrix) error {
	for i, d := range din {
		if !d.IsZero() {
			copy(d.Data, mat(in[i]).Data)
			kernel.Scale(dout.Data[0], d.Data)
		}
	}
	return nil
}
