package nn

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/graphrl/graphrl/internal/reuse"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Errors to match with errors.Is. The errors of this package and of package gnn wrap them and say
// which operation, parameter or input is at fault.
var (
	// ErrShape reports matrices, parameters or graphs whose sizes do not fit together.
	ErrShape = errors.New("shape mismatch")
	// ErrNotFinite reports a loss, a gradient or an input that is NaN or infinite: training
	// diverged, or the data was not finite to begin with.
	ErrNotFinite = errors.New("not a finite number")
)

// Matrix is a view of a row-major float32 matrix: Data[r*Cols+c]. Operations see a vector [n] as
// one row and a scalar as 1 x 1. The zero Matrix holds nothing.
type Matrix struct {
	Rows, Cols int
	Data       []float32
}

// Row returns row r.
func (m Matrix) Row(r int) []float32 { return m.Data[r*m.Cols : (r+1)*m.Cols] }

// IsZero reports whether m views nothing, as an unrequested gradient does.
func (m Matrix) IsZero() bool { return m.Data == nil }

// AsMatrix views the float32 tensor or scalar v without copying it.
func AsMatrix(v gorgonia.Value) (Matrix, error) {
	switch v := v.(type) {
	case *tensor.Dense:
		if v == nil {
			return Matrix{}, errors.New("nn: want a float32 tensor, got a nil one")
		}
		if v.Dtype() != tensor.Float32 {
			return Matrix{}, fmt.Errorf("nn: want float32 values, got %v", v.Dtype())
		}
		m := denseMatrix(v)
		if len(m.Data) < m.Rows*m.Cols {
			return Matrix{}, fmt.Errorf("nn: a tensor of shape %v holds %d values", v.Shape(), len(m.Data))
		}
		return m, nil
	case *gorgonia.F32:
		if v == nil {
			return Matrix{}, errors.New("nn: want a float32 scalar, got a nil one")
		}
		return Matrix{1, 1, unsafe.Slice((*float32)(v), 1)}, nil
	case nil:
		return Matrix{}, fmt.Errorf("nn: want a float32 tensor, got nothing (is an input unbound?)")
	default:
		return Matrix{}, fmt.Errorf("nn: want a float32 tensor, got %T", v)
	}
}

// denseMatrix views d, which holds float32. The shape is read by dimension, since
// Dense.Shape().Clone and friends allocate, and the values by their bytes, since Dense.Float32s
// divides by the size of its type, which it looks up by reflection.
func denseMatrix(d *tensor.Dense) Matrix {
	data := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(d.Raw))), len(d.Raw)/4)
	s := d.Shape()
	switch len(s) {
	case 0:
		return Matrix{1, 1, data[:1]}
	case 1:
		return Matrix{1, s[0], data}
	default:
		cols := 1
		for _, n := range s[1:] {
			cols *= n
		}
		return Matrix{s[0], cols, data}
	}
}

// mat views a value whose type the tape has checked already; the zero Matrix if it is none. It is
// AsMatrix without the errors, which take longer than the rest.
func mat(v gorgonia.Value) Matrix {
	d, ok := v.(*tensor.Dense)
	if !ok || d == nil || d.Dtype() != tensor.Float32 {
		m, err := AsMatrix(v)
		if err != nil {
			return Matrix{}
		}
		return m
	}
	if m := denseMatrix(d); len(m.Data) >= m.Rows*m.Cols {
		return m
	}
	return Matrix{}
}

// Buffer is a float32 matrix whose number of rows changes from call to call, ready to be bound to
// an input of a [Tape]. Growing it allocates; returning to a number of rows seen before does not.
// The zero Buffer is ready to use.
type Buffer struct {
	data    []float32
	headers map[[2]int]*tensor.Dense
	last    *tensor.Dense
	shape   [2]int
}

// maxHeaders bounds the tensor headers a Buffer keeps; beyond it they are dropped and made again,
// which costs an allocation each.
const maxHeaders = 4096

// Resize gives the buffer a shape, [rows x cols], and returns its values, whose content is
// arbitrary. A negative number counts as 0.
func (b *Buffer) Resize(rows, cols int) []float32 {
	rows, cols = max(rows, 0), max(cols, 0)
	return b.dense(rows, cols).Float32s()
}

// Matrix views the buffer as last resized; the zero Matrix before that.
func (b *Buffer) Matrix() Matrix {
	if b.last == nil {
		return Matrix{}
	}
	return denseMatrix(b.last)
}

// Value returns the buffer as last resized, to be bound to an input; nil before that, which
// [Tape.Bind] refuses.
func (b *Buffer) Value() gorgonia.Value {
	if b.last == nil {
		return nil
	}
	return b.last
}

func (b *Buffer) dense(rows, cols int) *tensor.Dense {
	if b.last != nil && b.shape == [2]int{rows, cols} {
		return b.last
	}
	n := rows * cols
	if n > cap(b.data) || b.data == nil {
		b.data = reuse.Slice(b.data, max(n, 1))
		b.headers = nil
	}
	b.shape = [2]int{rows, cols}
	d := b.headers[b.shape]
	if d == nil {
		if b.headers == nil || len(b.headers) >= maxHeaders {
			b.headers = make(map[[2]int]*tensor.Dense)
		}
		d = tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(b.data[:n:n]))
		b.headers[b.shape] = d
	}
	b.last = d
	return d
}

// nodeCols returns the number of columns of the matrix node n, 0 if it is none.
func nodeCols(n *gorgonia.Node) int {
	if n == nil || len(n.Shape()) != 2 {
		return 0
	}
	return n.Shape()[1]
}

// checkMatrixNode reports a node that is nil or no matrix.
func checkMatrixNode(layer, what string, n *gorgonia.Node) error {
	return checkCols(layer, what, n, nodeCols(n))
}

// checkCols reports a node that is not a matrix of want columns. Found while the expression graph
// is built, the mistake names the layer.
func checkCols(layer, what string, n *gorgonia.Node, want int) error {
	if n == nil {
		return fmt.Errorf("nn: %s: %s: got a nil node", layer, what)
	}
	if nodeCols(n) != want || want == 0 {
		return fmt.Errorf("nn: %s: %s: want a matrix of %d columns, got shape %v: %w", layer, what, max(1, want), n.Shape(), ErrShape)
	}
	return nil
}
