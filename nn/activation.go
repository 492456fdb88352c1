package nn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// Activation is an elementwise nonlinearity that a layer applies to its result.
type Activation uint8

// The activations, in the order of the kernels'. Each has a derivative that follows from its output
// alone, so a layer keeps nothing but its output for the backward pass.
const (
	None      Activation = iota // x
	ReLU                        // max(0, x)
	LeakyReLU                   // x for x > 0, else 0.2 x (the slope of GAT)
	ELU                         // x for x > 0, else exp(x) - 1
	Sigmoid                     // 1 / (1 + exp(-x))
	Tanh                        // tanh(x)
)

var activationNames = [...]string{"none", "relu", "leaky_relu", "elu", "sigmoid", "tanh"}

func (a Activation) String() string {
	if int(a) < len(activationNames) {
		return activationNames[a]
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}

func (a Activation) kernel() kernel.Act { return kernel.Act(a) }

func (a Activation) check() error {
	if int(a) >= len(activationNames) {
		return fmt.Errorf("nn: unknown activation %v", a)
	}
	return nil
}

// Activate applies a to x, [rows x cols] -> [rows x cols]. Layers that take an Activation do the
// same in one pass with their arithmetic.
func Activate(x *gorgonia.Node, a Activation) (*gorgonia.Node, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := checkMatrixNode("activate", "input", x); err != nil {
		return nil, err
	}
	return Apply(a.String(), activate{a.kernel()}, x.Shape(), x)
}

type activate struct{ act kernel.Act }

func (activate) OutShape(in []gorgonia.Value) (int, int, error) {
	x, err := AsMatrix(in[0])
	return x.Rows, x.Cols, err
}

func (o activate) Forward(in []gorgonia.Value, out Matrix) error {
	copy(out.Data, mat(in[0]).Data)
	kernel.BiasAct(o.act, out.Rows, out.Cols, out.Data, nil)
	return nil
}

func (activate) Differentiable(int) bool { return true }

func (o activate) Backward(_ []gorgonia.Value, out, dout Matrix, din []Matrix) error {
	if !din[0].IsZero() {
		kernel.ActBackward(o.act, out.Rows, out.Cols, out.Data, dout.Data, din[0].Data, nil)
	}
	return nil
}

func (o activate) Describe() Description { return Description{Act: Activation(o.act)} }
