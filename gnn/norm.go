package gnn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// norm is what the normalisations share: y = act(gamma xhat + beta), where xhat is
// the normalised x. The last two inputs of their operations are gamma and beta.
type norm struct {
	cols int
	act  kernel.Act
	xhat nn.Buffer
	dz   nn.Buffer // gradient before the activation, then with respect to xhat
}

// apply adds op, of which o is a part, on [g], x, [more], gamma, beta.
func (o *norm) apply(name string, op nn.FusedOp, act nn.Activation, g, x *gorgonia.Node, ps ...*nn.Param) (*gorgonia.Node, error) {
	var err error
	if o.act, err = kernelAct(act); err != nil {
		return nil, err
	}
	if err := checkCols(ps[0].Name, "features", x, o.cols); err != nil {
		return nil, err
	}
	n, err := nodes(x, ps...)
	if err != nil {
		return nil, err
	}
	in := gorgonia.Nodes{x}
	if g != nil {
		in = gorgonia.Nodes{g, x}
	}
	return nn.Apply(name, op, x.Shape(), append(in, n...)...)
}

// Differentiable holds for operations without a graph among their inputs.
func (o *norm) Differentiable(int) bool { return true }

func (o *norm) features(v gorgonia.Value) (nn.Matrix, error) {
	x, err := nn.AsMatrix(v)
	if err == nil && x.Cols != o.cols {
		err = fmt.Errorf("want features [rows x %d], got [%d x %d]", o.cols, x.Rows, x.Cols)
	}
	return x, err
}

// start returns the memory of xhat.
func (o *norm) start(rows int) nn.Matrix {
	return nn.Matrix{Rows: rows, Cols: o.cols, Data: o.xhat.Resize(rows, o.cols)}
}

// finish computes y from xhat.
func (o *norm) finish(xhat nn.Matrix, in []gorgonia.Value, y nn.Matrix) {
	gamma, beta := mat(in[len(in)-2]).Data, mat(in[len(in)-1]).Data
	for i := range y.Rows {
		yi := y.Row(i)
		for k, v := range xhat.Row(i) {
			yi[k] = gamma[k] * v
		}
	}
	kernel.BiasAct(o.act, y.Rows, o.cols, y.Data, beta)
}

// backward computes the gradients of gamma and beta and returns the one with
// respect to xhat.
func (o *norm) backward(in []gorgonia.Value, y, dy nn.Matrix, din []nn.Matrix) nn.Matrix {
	dgamma, dbeta := din[len(din)-2].Data, din[len(din)-1].Data
	gamma, xhat := mat(in[len(in)-2]).Data, o.xhat.Matrix()
	g := nn.Matrix{Rows: y.Rows, Cols: o.cols, Data: o.dz.Resize(y.Rows, o.cols)}
	kernel.ActBackward(o.act, y.Rows, o.cols, y.Data, dy.Data, g.Data, dbeta)
	clear(dgamma)
	for i := range y.Rows {
		gi := g.Row(i)
		if dgamma != nil {
			for k, v := range xhat.Row(i) {
				dgamma[k] += gi[k] * v
			}
		}
		for k := range gi {
			gi[k] *= gamma[k]
		}
	}
	return g
}
