package nn

import (
	"fmt"
	"math/rand/v2"

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
func (l *Linear) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := l.Act.check(); err != nil {
		return nil, err
	}
	shape, w := x.Shape(), l.Weight.Value.Shape()
	if len(shape) != 2 || shape[1] != w[0] {
		return nil, fmt.Errorf("nn: %s: want inputs [rows x %d], got %v", l.Weight.Name, w[0], shape)
	}
	nodes, err := l.Params().Nodes(x.Graph())
	if err != nil {
		return nil, err
	}
	op := &linear{in: w[0], out: w[1], bias: l.Bias != nil, act: l.Act.kernel()}
	return Apply("linear", op, Shape{shape[0], w[1]}, append(gorgonia.Nodes{x}, nodes...)...)
}

type linear struct {
	in, out int
	bias    bool
	act     kernel.Act
	dz      Buffer // gradient before the activation
}

func (o *linear) OutShape(in []gorgonia.Value) (int, int, error) {
	x, err := AsMatrix(in[0])
	if err != nil {
		return 0, 0, err
	}
	if x.Cols != o.in {
		return 0, 0, fmt.Errorf("want inputs [rows x %d], got [%d x %d]", o.in, x.Rows, x.Cols)
	}
	return x.Rows, o.out, nil
}

func (o *linear) Forward(in []gorgonia.Value, out Matrix) error {
	x, w := mat(in[0]), mat(in[1])
	var b []float32
	if o.bias {
		b = mat(in[2]).Data
	}
	kernel.Gemm(false, false, x.Rows, o.out, o.in, x.Data, o.in, w.Data, o.out, out.Data, o.out, false)
	kernel.BiasAct(o.act, x.Rows, o.out, out.Data, b)
	return nil
}

func (o *linear) Differentiable(int) bool { return true }

func (o *linear) Backward(in []gorgonia.Value, out, dout Matrix, din []Matrix) error {
	x, w := mat(in[0]), mat(in[1])
	rows := x.Rows
	var db []float32
	if o.bias {
		db = din[2].Data
	}
	dz := dout.Data
	if o.act != kernel.ActNone || db != nil {
		dz = o.dz.Resize(rows, o.out)
		kernel.ActBackward(o.act, rows, o.out, out.Data, dout.Data, dz, db)
	}
	if !din[0].IsZero() { // dx = dz W^T
		kernel.Gemm(false, true, rows, o.in, o.out, dz, o.out, w.Data, o.out, din[0].Data, o.in, false)
	}
	if !din[1].IsZero() { // dW = x^T dz
		kernel.Gemm(true, false, o.in, o.out, rows, x.Data, o.in, dz, o.out, din[1].Data, o.out, false)
	}
	return nil
}
