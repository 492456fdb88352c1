package gnn

import (
	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// project adds x W for dense or sparse x: [rows x in], [in x out] -> [rows x out].
func project(x, w *gorgonia.Node) (*gorgonia.Node, error) {
	op := &projection{in: w.Shape()[0], out: w.Shape()[1]}
	return nn.Apply("project", op, nn.Shape{x.Shape()[0], op.out}, x, w)
}

type projection struct{ in, out int }

func (o *projection) OutShape(in []gorgonia.Value) (int, int, error) {
	rows := 0
	if s, ok := in[0].(*Sparse); ok {
		rows = s.Rows()
	} else {
		rows = mat(in[0]).Rows
	}
	return rows, o.out, checkFeatures(in[0], "features", rows, o.in)
}

func (o *projection) Forward(in []gorgonia.Value, y nn.Matrix) error {
	mul(in[0], o.in, o.out, mat(in[1]).Data, y.Data, false)
	return nil
}

func (o *projection) Differentiable(int) bool { return true }

func (o *projection) Backward(in []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
	if dx := din[0]; !dx.IsZero() {
		kernel.Gemm(false, true, dy.Rows, o.in, o.out, dy.Data, o.out, mat(in[1]).Data, o.out, dx.Data, o.in, false)
	}
	if dw := din[1]; !dw.IsZero() {
		mulT(in[0], o.in, o.out, dy.Data, dw.Data)
	}
	return nil
}
