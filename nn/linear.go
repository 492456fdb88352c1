package nn

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// Linear is a fully connected layer with its activation, y = act(x W + b), as one
// fused operation.
//
// Shapes: x [rows x in], W [in x out], b [out], y [rows x out].
type Linear struct {
	Weight *Param // [in x out]
	Bias   *Param // [out]; nil: none
	Act    Activation
}

// NewLinear makes a layer whose weight is drawn by init from rng (nil:
// [GlorotUniform]) and whose bias is zero. Its parameters are named name.weight
// and name.bias.
func NewLinear(name string, in, out int, act Activation, init Init, rng *rand.Rand) *Linear {
	if init == nil {
		init = GlorotUniform
	}
	return &Linear{
		Weight: NewParam(name+".weight", init, rng, in, out),
		Bias:   NewParam(name+".bias", nil, nil, out),
		Act:    act,
	}
}

// Params returns the weight and, if there is one, the bias.
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
	w := l.Weight.Value.Shape()
	op := &linear{in: w[0], out: w[1], bias: l.Bias != nil, act: l.Act.kernel()}
	for _, n := range x {
		if len(n.Shape()) != 2 {
			return nil, fmt.Errorf("nn: %s: want inputs [rows x columns], got %v", l.Weight.Name, n.Shape())
		}
		op.widths = append(op.widths, n.Shape()[1])
		op.in -= n.Shape()[1]
	}
	if len(x) == 0 || op.in != 0 {
		return nil, fmt.Errorf("nn: %s: want inputs of %d columns together, got %v", l.Weight.Name, w[0], op.widths)
	}
	nodes, err := l.Params().Nodes(x[0].Graph())
	if err != nil {
		return nil, err
	}
	return Apply("linear", op, Shape{x[0].Shape()[0], w[1]}, append(slices.Clone(x), nodes...)...)
}

// linear takes x_1 ... x_n, W and, where there is one, b.
type linear struct {
	widths  []int // columns of each x
	in, out int
	bias    bool
	act     kernel.Act
	dz      Buffer // gradient before the activation
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
			return 0, 0, fmt.Errorf("want input %d to be [%d x %d], got [%d x %d]", i, rows, width, x.Rows, x.Cols)
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
		dz = o.dz.Resize(rows, o.out)
		kernel.ActBackward(o.act, rows, o.out, out.Data, dout.Data, dz, db)
	}
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
