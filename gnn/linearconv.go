package gnn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// linearConv is the operation behind GCNConv and SAGEConv, which are linear before their
// activation,
//
//	y = act(M x W + r R + b)
//
// where M is the graph as a matrix (see propagation), x the sources' features and, optionally, r
// the destinations' own features and b a bias. M x W is computed in the cheaper order: features
// travel along the edges while they are narrow.
type linearConv struct {
	m       propagator
	in, out int  // widths of x and y
	root    int  // width of r; 0: none
	bias    bool // b is there
	act     kernel.Act

	carried   nn.Buffer // M x, or x W, or their gradients, by order
	dz        nn.Buffer // gradient before the activation
	propagate nn.Buffer // M^T dz
}

// convInputs are the inputs of a linearConv, in order g, x, W, [r, R], [b].
func (o *linearConv) apply(name string, g, x, w, r, rw, b *gorgonia.Node) (*gorgonia.Node, error) {
	in := gorgonia.Nodes{g, x, w}
	if r != nil {
		in = append(in, r, rw)
	}
	if b != nil {
		in = append(in, b)
	}
	return nn.Apply(name, o, nn.Shape{x.Shape()[0], o.out}, in...)
}

func (o *linearConv) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	if o.m.kind == normalized && g.Bipartite() {
		return 0, 0, fmt.Errorf("want a graph whose sources are its destinations, got the bipartite %v", g)
	}
	if err := checkFeatures(in[1], "features", g.NumSrc(), o.in); err != nil {
		return 0, 0, err
	}
	if _, sparse := in[1].(*Sparse); sparse && o.m.kind == maxEdges {
		return 0, 0, fmt.Errorf("the maximum over neighbours is not implemented for sparse features: make them dense")
	}
	if o.root > 0 {
		if err := checkFeatures(in[3], "destination features", g.NumDst(), o.root); err != nil {
			return 0, 0, err
		}
	}
	return g.NumDst(), o.out, nil
}

// transformFirst reports whether M (x W) is cheaper than (M x) W.
func (o *linearConv) transformFirst(x gorgonia.Value) bool {
	_, sparse := x.(*Sparse)
	return sparse || o.in > o.out && o.m.kind != maxEdges
}

func (o *linearConv) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, x, w := in[0].(*Graph), in[1], mat(in[2]).Data
	if o.transformFirst(x) {
		xw := o.carried.Resize(g.NumSrc(), o.out)
		mul(x, o.in, o.out, w, xw, false)
		o.m.forward(g, o.out, xw, y.Data, false)
	} else {
		mx := o.carried.Resize(g.NumDst(), o.in)
		o.m.forward(g, o.in, mat(x).Data, mx, false)
		kernel.Gemm(false, false, y.Rows, o.out, o.in, mx, o.in, w, o.out, y.Data, o.out, false)
	}
	if o.root > 0 {
		mul(in[3], o.root, o.out, mat(in[4]).Data, y.Data, true)
	}
	var b []float32
	if o.bias {
		b = mat(in[len(in)-1]).Data
	}
	kernel.BiasAct(o.act, y.Rows, o.out, y.Data, b)
	return nil
}

func (o *linearConv) Differentiable(i int) bool { return i > 0 }

func (o *linearConv) Backward(in []gorgonia.Value, y, dy nn.Matrix, din []nn.Matrix) error {
	g, x, w := in[0].(*Graph), in[1], mat(in[2]).Data
	dx, dw := din[1], din[2]
	var db []float32
	if o.bias {
		db = din[len(in)-1].Data
	}
	dz := dy.Data
	if o.act != kernel.ActNone || db != nil {
		dz = o.dz.Resize(y.Rows, o.out)
		kernel.ActBackward(o.act, y.Rows, o.out, y.Data, dy.Data, dz, db)
	}
	if o.root > 0 {
		if dr := din[3]; !dr.IsZero() {
			kernel.Gemm(false, true, y.Rows, o.root, o.out, dz, o.out, mat(in[4]).Data, o.out, dr.Data, o.root, false)
		}
		if drw := din[4]; !drw.IsZero() {
			mulT(in[3], o.root, o.out, dz, drw.Data)
		}
	}
	if dx.IsZero() && dw.IsZero() {
		return nil
	}

	if o.transformFirst(x) { // y = M (x W): d(xW) = M^T dz
		dxw := o.propagate.Resize(g.NumSrc(), o.out)
		o.m.backward(g, o.out, dz, dxw)
		if !dw.IsZero() {
			mulT(x, o.in, o.out, dxw, dw.Data)
		}
		if !dx.IsZero() {
			kernel.Gemm(false, true, g.NumSrc(), o.in, o.out, dxw, o.out, w, o.out, dx.Data, o.in, false)
		}
		return nil
	}
	if !dw.IsZero() { // y = (M x) W, and M x is still there
		kernel.Gemm(true, false, o.in, o.out, y.Rows, o.carried.Matrix().Data, o.in, dz, o.out, dw.Data, o.out, false)
	}
	if !dx.IsZero() {
		dmx := o.propagate.Resize(y.Rows, o.in)
		kernel.Gemm(false, true, y.Rows, o.in, o.out, dz, o.out, w, o.out, dmx, o.in, false)
		o.m.backward(g, o.in, dmx, dx.Data)
	}
	return nil
}

// checkFeatures checks dense or sparse features.
func checkFeatures(v gorgonia.Value, what string, rows, cols int) error {
	if s, ok := v.(*Sparse); ok {
		if s == nil {
			return fmt.Errorf("%s: got a nil *gnn.Sparse", what)
		}
		if s.rows != rows || s.cols != cols {
			return fmt.Errorf("%s: want [%d x %d], got the sparse [%d x %d]: %w", what, rows, cols, s.rows, s.cols, nn.ErrShape)
		}
		return nil
	}
	_, err := rowsOf(v, what, rows, cols)
	return err
}

// mul is y (+)= x w with x [rows x in], dense or sparse.
func mul(x gorgonia.Value, in, out int, w, y []float32, acc bool) {
	if s, ok := x.(*Sparse); ok {
		spmm(s.by, out, w, y, acc)
		return
	}
	kernel.Gemm(false, false, mat(x).Rows, out, in, mat(x).Data, in, w, out, y, out, acc)
}

// mulT is dw = x^T dy with x [rows x in], dense or sparse.
func mulT(x gorgonia.Value, in, out int, dy, dw []float32) {
	if s, ok := x.(*Sparse); ok {
		spmm(weighted{s.t.ptr, s.t.idx, s.tval, s.tcsr}, out, dy, dw, false)
		return
	}
	kernel.Gemm(true, false, in, out, mat(x).Rows, mat(x).Data, in, dy, out, dw, out, false)
}

// project adds x W for dense or sparse x: [rows x in], [in x out] -> [rows x out].
func project(x, w *gorgonia.Node) (*gorgonia.Node, error) {
	op := &projection{in: w.Shape()[0], out: w.Shape()[1]}
	return nn.Apply("project", op, nn.Shape{x.Shape()[0], op.out}, x, w)
}

type projection struct{ in, out int }

func (o *projection) OutShape(in []gorgonia.Value) (int, int, error) {
	rows := 0
	if s, ok := in[0].(*Sparse); ok && s != nil {
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

func (o *linearConv) Describe() nn.Description {
	mode := "normalized"
	for _, a := range []Aggregation{Sum, Mean, Max} {
		if o.m.kind == kindOf(a) {
			mode = a.String()
		}
	}
	return nn.Description{Act: nn.Activation(o.act), Mode: mode}
}
