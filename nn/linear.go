package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// Linear is a fully connected layer with its activation, y = act(x W + b), as one fused operation.
//
// Shapes: x [rows x in], W [in x out], b [out], y [rows x out].
type Linear struct {
	Weight *Param // [in x out]
	Bias   *Param // [out]; nil: none
	Act    Activation
}

// LinearConfig describes a [Linear].
type LinearConfig struct {
	In, Out int        // columns of x and y
	Act     Activation // default None
	Init    Init       // of the weight; nil: GlorotUniform
	NoBias  bool
}

// NewLinear makes a layer whose weight is drawn from rng and whose bias is zero. Its parameters are
// named name.weight and name.bias.
func NewLinear(name string, cfg LinearConfig, rng *rand.Rand) (*Linear, error) {
	if err := cfg.Act.check(); err != nil {
		return nil, fmt.Errorf("nn: linear %q: %w", name, err)
	}
	if cfg.Init == nil {
		cfg.Init = GlorotUniform
	}
	l := &Linear{Act: cfg.Act}
	var err error
	if l.Weight, err = NewParam(name+".weight", cfg.Init, rng, cfg.In, cfg.Out); err != nil {
		return nil, err
	}
	if !cfg.NoBias {
		l.Bias, err = NewParam(name+".bias", nil, nil, cfg.Out)
	}
	return l, err
}

// Params returns the weight and the bias, if any.
func (l *Linear) Params() Params {
	if l.Bias == nil {
		return Params{l.Weight}
	}
	return Params{l.Weight, l.Bias}
}

// Forward adds the layer to x's graph.
func (l *Linear) Forward(x *gorgonia.Node) (*gorgonia.Node, error) { return l.ForwardConcat(x) }

// ForwardConcat is [Linear.Forward] of the inputs side by side, act([x1 x2 ...] W + b), without the
// copy that [Concat] makes. The inputs have equally many rows.
func (l *Linear) ForwardConcat(x ...*gorgonia.Node) (*gorgonia.Node, error) {
	if err := l.Act.check(); err != nil {
		return nil, err
	}
	w := l.Weight.Shape()
	if len(w) != 2 {
		return nil, errors.New("nn: a linear layer without a weight matrix: make it with NewLinear")
	}
	op := &linear{in: w[0], out: w[1], bias: l.Bias != nil, act: l.Act.kernel()}
	for _, n := range x {
		if err := checkMatrixNode(l.Weight.Name, "input", n); err != nil {
			return nil, err
		}
		op.widths = append(op.widths, n.Shape()[1])
		op.in -= n.Shape()[1]
	}
	if len(x) == 0 || op.in != 0 {
		return nil, fmt.Errorf("nn: %s: want inputs of %d columns together, got %v: %w", l.Weight.Name, w[0], op.widths, ErrShape)
	}
	nodes, err := l.Params().Nodes(x[0].Graph())
	if err != nil {
		return nil, err
	}
	return Apply("linear", op, Shape{x[0].Shape()[0], w[1]}, append(slices.Clone(x), nodes...)...)
}

// linear takes x_1 ... x_n, W and optionally b.
type linear struct {
	widths  []int // columns of each x
	in, out int
	bias    bool
	act     kernel.Act
	buf     Buffer    // behind dz
	dz      []float32 // gradient before the activation, of the last Backward
}

func (o *linear) OutShape(in []gorgonia.Value) (int, int, error) {
	rows := 0
	for i, width := range o.widths {
		x, err := AsMatrix(in[i])
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			rows = x.Rows
		}
		if x.Rows != rows || x.Cols != width {
			return 0, 0, fmt.Errorf("want input %d to be [%d x %d], got [%d x %d]: %w",
				i, rows, width, x.Rows, x.Cols, ErrShape)
		}
	}
	return rows, o.out, nil
}

func (o *linear) Forward(in []gorgonia.Value, out Matrix) error {
	w := mat(in[len(o.widths)]).Data
	var b []float32
	if o.bias {
		b = mat(in[len(o.widths)+1]).Data
	}
	for i, width := range o.widths {
		x := mat(in[i])
		kernel.Gemm(false, false, x.Rows, o.out, width, x.Data, width, w, o.out, out.Data, o.out, i > 0)
		w = w[width*o.out:]
	}
	kernel.BiasAct(o.act, out.Rows, o.out, out.Data, b)
	return nil
}

func (o *linear) Differentiable(int) bool { return true }

func (o *linear) Backward(in []gorgonia.Value, out, dout Matrix, din []Matrix) error {
	n, rows := len(o.widths), out.Rows
	w, dw := mat(in[n]).Data, din[n].Data
	var db []float32
	if o.bias {
		db = din[n+1].Data
	}
	dz := dout.Data
	if o.act != kernel.ActNone || db != nil {
		dz = o.buf.Resize(rows, o.out)
		kernel.ActBackward(o.act, rows, o.out, out.Data, dout.Data, dz, db)
	}
	o.dz = dz
	for i, width := range o.widths {
		if dx := din[i]; !dx.IsZero() { // dx = dz W^T
			kernel.Gemm(false, true, rows, width, o.out, dz, o.out, w, o.out, dx.Data, width, false)
		}
		w = w[width*o.out:]
		if dw != nil { // dW = x^T dz
			kernel.Gemm(true, false, width, o.out, rows, mat(in[i]).Data, width, dz, o.out, dw, o.out, false)
			dw = dw[width*o.out:]
		}
	}
	return nil
}

// finiteFrom bounds an entry of dW, a sum over rows, by rows max|x| max|dz|, and one of db without x.
// With few rows that reads much less than dW has entries. The margin to the largest float32 covers
// the rounding of sums.
func (o *linear) finiteFrom(in []gorgonia.Value) int {
	rows, width := len(o.dz)/o.out, 0
	for _, w := range o.widths {
		width += w
	}
	if 2*rows*(width+o.out) > width*o.out {
		return len(in)
	}
	most := float32(1)
	for i := range o.widths {
		most = max(most, kernel.MaxAbs(mat(in[i]).Data)) // NaN if there is one
	}
	if float64(rows)*float64(most)*float64(kernel.MaxAbs(o.dz)) < math.MaxFloat32/2 {
		return len(o.widths)
	}
	return len(in)
}

func (o *linear) Describe() Description { return Description{Act: Activation(o.act)} }
