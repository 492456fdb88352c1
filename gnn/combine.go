package gnn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Add returns the sum of matrices of one shape: the residual connection of K. He et
// al., "Deep residual learning for image recognition" (CVPR 2016), is
// Add(x, layer(x)).
//
// Shapes: [rows x cols] each -> [rows x cols].
func Add(xs ...*gorgonia.Node) (*gorgonia.Node, error) { return merge("add", mergeAdd, xs) }

// JumpingConcat joins the outputs of several layers side by side, so that what
// follows can draw on neighbourhoods of every size (K. Xu et al., "Representation
// learning on graphs with jumping knowledge networks", ICML 2018).
//
// Shapes: [rows x f1], [rows x f2] and so on -> [rows x f1+f2+...].
func JumpingConcat(xs ...*gorgonia.Node) (*gorgonia.Node, error) {
	return merge("jumping_concat", mergeConcat, xs)
}

// JumpingMax takes the largest of the layers' outputs, entry by entry: the other
// form of [JumpingConcat], whose width does not grow.
//
// Shapes: [rows x cols] each -> [rows x cols].
func JumpingMax(xs ...*gorgonia.Node) (*gorgonia.Node, error) {
	return merge("jumping_max", mergeMax, xs)
}

type mergeKind uint8

const (
	mergeAdd mergeKind = iota
	mergeConcat
	mergeMax
)

func merge(name string, kind mergeKind, xs []*gorgonia.Node) (*gorgonia.Node, error) {
	if len(xs) == 0 {
		return nil, fmt.Errorf("gnn: %s: want at least one input", name)
	}
	op := &mergeOp{kind: kind}
	for i, x := range xs {
		if kind != mergeConcat {
			if err := checkCols(name, fmt.Sprintf("input %d", i), x, cols(xs[0])); err != nil {
				return nil, err
			}
			op.cols = cols(x)
			continue
		}
		if err := checkCols(name, fmt.Sprintf("input %d", i), x, cols(x)); err != nil {
			return nil, err
		}
		op.cols += cols(x)
	}
	return nn.Apply(name, op, nn.Shape{xs[0].Shape()[0], op.cols}, xs...)
}

type mergeOp struct {
	kind mergeKind
	cols int
	from []uint8 // mergeMax: the input each entry came from
}

func (o *mergeOp) OutShape(in []gorgonia.Value) (int, int, error) {
	rows, total := 0, 0
	for i, v := range in {
		m, err := nn.AsMatrix(v)
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			rows = m.Rows
		}
		if m.Rows != rows {
			return 0, 0, fmt.Errorf("inputs 0 and %d have %d and %d rows, want as many", i, rows, m.Rows)
		}
		if o.kind != mergeConcat && m.Cols != o.cols {
			return 0, 0, fmt.Errorf("input %d has %d columns, want %d", i, m.Cols, o.cols)
		}
		total += m.Cols
	}
	if o.kind == mergeConcat && total != o.cols {
		return 0, 0, fmt.Errorf("inputs have %d columns together, want %d", total, o.cols)
	}
	return rows, o.cols, nil
}

func (o *mergeOp) Forward(in []gorgonia.Value, y nn.Matrix) error {
	n := y.Rows * y.Cols
	if o.kind == mergeMax {
		o.from = resize(o.from, n)
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
			for k, w := range x.Data[:n] {
				if w > y.Data[k] {
					y.Data[k], o.from[k] = w, uint8(i)
				}
			}
		}
	}
	return nil
}

func (o *mergeOp) Differentiable(int) bool { return true }

func (o *mergeOp) Backward(in []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
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
			for k := range dx.Data[:dy.Rows*dy.Cols] {
				dx.Data[k] = 0
				if int(o.from[k]) == i {
					dx.Data[k] = dy.Data[k]
				}
			}
		}
		at += width
	}
	return nil
}
