package nn

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"gorgonia.org/gorgonia"
)

// Add returns the sum of matrices of one shape. The residual connection of K. He et al., "Deep
// residual learning for image recognition" (CVPR 2016), is Add(x, layer(x)).
//
// Shapes: [rows x cols] each -> [rows x cols].
func Add(xs ...*gorgonia.Node) (*gorgonia.Node, error) { return merge("add", mergeAdd, xs) }

// Concat joins matrices side by side.
//
// Shapes: [rows x f1], [rows x f2] and so on -> [rows x f1+f2+...].
func Concat(xs ...*gorgonia.Node) (*gorgonia.Node, error) {
	return merge("concat", mergeConcat, xs)
}

// Maximum takes the largest of its inputs, entry by entry; ties go to the first, and NaN exceeds
// every number.
//
// Shapes: [rows x cols] each -> [rows x cols].
func Maximum(xs ...*gorgonia.Node) (*gorgonia.Node, error) {
	return merge("maximum", mergeMax, xs)
}

type mergeKind uint8

const (
	mergeAdd mergeKind = iota
	mergeConcat
	mergeMax
)

func merge(name string, kind mergeKind, xs []*gorgonia.Node) (*gorgonia.Node, error) {
	if len(xs) == 0 {
		return nil, fmt.Errorf("nn: %s: want at least one input", name)
	}
	if kind == mergeMax && len(xs) > math.MaxUint8+1 {
		return nil, fmt.Errorf("nn: %s: want at most %d inputs, got %d", name, math.MaxUint8+1, len(xs))
	}
	op := &mergeOp{kind: kind}
	for i, x := range xs {
		if kind != mergeConcat {
			if err := checkCols(name, fmt.Sprintf("input %d", i), x, nodeCols(xs[0])); err != nil {
				return nil, err
			}
			op.cols = nodeCols(x)
			continue
		}
		if err := checkCols(name, fmt.Sprintf("input %d", i), x, nodeCols(x)); err != nil {
			return nil, err
		}
		op.cols += nodeCols(x)
	}
	return Apply(name, op, Shape{xs[0].Shape()[0], op.cols}, xs...)
}

type mergeOp struct {
	kind mergeKind
	cols int
	from []int32 // mergeMax: the input each entry came from
}

func (o *mergeOp) OutShape(in []gorgonia.Value) (int, int, error) {
	rows, total := 0, 0
	for i, v := range in {
		m, err := AsMatrix(v)
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			rows = m.Rows
		}
		if m.Rows != rows {
			return 0, 0, fmt.Errorf("inputs 0 and %d have %d and %d rows: %w", i, rows, m.Rows, ErrShape)
		}
		if o.kind != mergeConcat && m.Cols != o.cols {
			return 0, 0, fmt.Errorf("input %d has %d columns, want %d: %w", i, m.Cols, o.cols, ErrShape)
		}
		total += m.Cols
	}
	if o.kind == mergeConcat && total != o.cols {
		return 0, 0, fmt.Errorf("inputs have %d columns together, want %d: %w", total, o.cols, ErrShape)
	}
	return rows, o.cols, nil
}

func (o *mergeOp) Forward(in []gorgonia.Value, y Matrix) error {
	n := y.Rows * y.Cols
	if o.kind == mergeMax {
		o.from = reuse.Slice(o.from, n)
		clear(o.from)
	}
	at := 0
	for i, v := range in {
		x := mat(v)
		switch {
		case o.kind == mergeConcat:
			for r := range x.Rows {
				copy(y.Row(r)[at:], x.Row(r))
			}
			at += x.Cols
		case i == 0:
			copy(y.Data, x.Data)
		case o.kind == mergeAdd:
			kernel.Axpy(1, x.Data[:n], y.Data[:n])
		default:
			kernel.TakeLarger(int32(i), x.Data[:n], y.Data, o.from)
		}
	}
	return nil
}

func (o *mergeOp) Differentiable(int) bool { return true }

func (o *mergeOp) Backward(in []gorgonia.Value, _, dy Matrix, din []Matrix) error {
	at := 0
	for i := range din {
		dx, width := din[i], mat(in[i]).Cols
		switch {
		case dx.IsZero():
		case o.kind == mergeConcat:
			for r := range dx.Rows {
				copy(dx.Row(r), dy.Row(r)[at:])
			}
		case o.kind == mergeAdd:
			copy(dx.Data, dy.Data)
		default:
			kernel.KeepWhere(int32(i), o.from, dy.Data, dx.Data)
		}
		at += width
	}
	return nil
}

// Sub returns x - y.
//
// Shapes: [rows x cols] both -> [rows x cols].
func Sub(x, y *gorgonia.Node) (*gorgonia.Node, error) {
	if err := checkMatrixNode("sub", "input 0", x); err != nil {
		return nil, err
	}
	if err := checkCols("sub", "input 1", y, nodeCols(x)); err != nil {
		return nil, err
	}
	return Apply("sub", &sub{mergeOp{kind: mergeAdd, cols: nodeCols(x)}}, x.Shape(), x, y)
}

// sub checks its inputs as a sum does.
type sub struct{ mergeOp }

func (o *sub) Forward(in []gorgonia.Value, out Matrix) error {
	x, y := mat(in[0]).Data, mat(in[1]).Data
	for i := range out.Data {
		out.Data[i] = x[i] - y[i]
	}
	return nil
}

func (o *sub) Backward(_ []gorgonia.Value, _, dout Matrix, din []Matrix) error {
	for i, d := range din {
		if d.IsZero() {
			continue
		}
		copy(d.Data, dout.Data)
		if i == 1 {
			kernel.Scale(-1, d.Data)
		}
	}
	return nil
}

// Mul multiplies entry by entry: gates, masks, weights. A y of one column multiplies each row of x
// by one number, as attention does with messages.
//
// Shapes: x [rows x cols], y [rows x cols] or [rows x 1] -> [rows x cols].
func Mul(x, y *gorgonia.Node) (*gorgonia.Node, error) {
	if err := checkMatrixNode("mul", "input 0", x); err != nil {
		return nil, err
	}
	op := &mul{cols: nodeCols(x), width: nodeCols(y)}
	if op.width != 1 {
		if err := checkCols("mul", "input 1", y, op.cols); err != nil {
			return nil, err
		}
	}
	return Apply("mul", op, x.Shape(), x, y)
}

type mul struct{ cols, width int } // of x and y

func (o *mul) OutShape(in []gorgonia.Value) (int, int, error) {
	x, err := AsMatrix(in[0])
	if err != nil {
		return 0, 0, err
	}
	y, err := AsMatrix(in[1])
	if err == nil && (x.Cols != o.cols || y.Cols != o.width || y.Rows != x.Rows) {
		err = fmt.Errorf("want [rows x %d] and [rows x %d], got [%d x %d] and [%d x %d]: %w",
			o.cols, o.width, x.Rows, x.Cols, y.Rows, y.Cols, ErrShape)
	}
	return x.Rows, x.Cols, err
}

func (o *mul) Forward(in []gorgonia.Value, out Matrix) error {
	x, y := mat(in[0]), mat(in[1])
	for r := range out.Rows {
		row, xr, yr := out.Row(r), x.Row(r), y.Row(r)
		for k := range row {
			row[k] = xr[k] * yr[k%o.width]
		}
	}
	return nil
}

func (o *mul) Differentiable(int) bool { return true }

func (o *mul) Backward(in []gorgonia.Value, _, dout Matrix, din []Matrix) error {
	x, y, dx, dy := mat(in[0]), mat(in[1]), din[0], din[1]
	clear(dy.Data)
	for r := range dout.Rows {
		d, xr, yr := dout.Row(r), x.Row(r), y.Row(r)
		for k, v := range d {
			if !dx.IsZero() {
				dx.Row(r)[k] = v * yr[k%o.width]
			}
			if !dy.IsZero() {
				dy.Row(r)[k%o.width] += v * xr[k]
			}
		}
	}
	return nil
}
