package nn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// normEpsilon keeps the normalisations from dividing by zero; the value is PyTorch's.
const normEpsilon = 1e-5

// norm is the part that [LayerNorm] and [BatchNorm] share: y = act(gamma xhat + beta), where xhat is
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
