package gnn

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/chewxy/hm"
	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Sparse is a float32 matrix [Rows x Cols] stored as compressed sparse rows, with its transpose for
// gradients: the form of bag-of-words features (1.3 % of Cora's are not zero). It is a
// gorgonia.Value, to be bound to an input made by [NewSparseInput]. Readers may share it.
type Sparse struct {
	rows, cols int
	by         weighted    // rows
	t          adjacency   // the transpose; its edge numbers point into by
	tcsr       *kernel.CSR // of t
	tval       []float32
	shape      [2]int
}

// NewSparse returns the matrix whose row i has the values val[k] at the columns col[k], for k from
// ptr[i] to ptr[i+1]. Entries at one place add up. The slices are copied.
func NewSparse(rows, cols int, ptr, col []int32, val []float32) (*Sparse, error) {
	if rows < 0 || cols < 0 || rows > maxIndex || cols > maxIndex || len(col) > maxIndex {
		return nil, fmt.Errorf("gnn: sparse matrix [%d x %d] with %d entries: want sizes in [0, %d]", rows, cols, len(col), maxIndex)
	}
	if len(ptr) != rows+1 || ptr[0] != 0 || int(ptr[rows]) != len(col) || len(val) != len(col) {
		return nil, fmt.Errorf("gnn: sparse matrix [%d x %d] with %d columns and %d values: want %d row offsets from 0 to the number of entries",
			rows, cols, len(col), len(val), rows+1)
	}
	key := make([]int32, len(col)) // the row of each entry
	for i := range rows {
		if ptr[i] > ptr[i+1] || int(ptr[i+1]) > len(col) {
			return nil, fmt.Errorf("gnn: sparse matrix: row %d ends at %d, before its start %d or past the %d entries", i, ptr[i+1], ptr[i], len(col))
		}
		for k := ptr[i]; k < ptr[i+1]; k++ {
			if uint32(col[k]) >= uint32(cols) {
				return nil, fmt.Errorf("gnn: sparse matrix: row %d has an entry in column %d, want [0, %d)", i, col[k], cols)
			}
			key[k] = int32(i)
		}
	}
	s := &Sparse{rows: rows, cols: cols, shape: [2]int{rows, cols}}
	s.by = weighted{append([]int32(nil), ptr...), append([]int32(nil), col...), append([]float32(nil), val...), nil}
	compress(&s.by.csr, cols, s.by.ptr, s.by.col)
	s.t.group(cols, s.by.col, key)
	compress(&s.tcsr, rows, s.t.ptr, s.t.idx)
	s.transposeValues()
	return s, nil
}

// NewSparseInput adds an input [any rows x cols] to the expression graph to which a *Sparse matrix
// is bound with nn.Tape.Bind before each run. The operations that take one say so.
func NewSparseInput(eg *gorgonia.ExprGraph, name string, cols int) (*gorgonia.Node, error) {
	n, err := nn.NewInput(eg, name, cols)
	if err != nil {
		return nil, fmt.Errorf("gnn: sparse input: %w", err)
	}
	return n, nil
}

// SparseFromDense returns the non-zero entries of the row-major matrix x.
func SparseFromDense(rows, cols int, x []float32) (*Sparse, error) {
	if rows < 0 || cols < 0 || len(x) != rows*cols {
		return nil, fmt.Errorf("gnn: %d values are no [%d x %d] matrix", len(x), rows, cols)
	}
	ptr := make([]int32, 1, rows+1)
	var col []int32
	var val []float32
	for i := range rows {
		for j, v := range x[i*cols : (i+1)*cols] {
			if v != 0 {
				col, val = append(col, int32(j)), append(val, v)
			}
		}
		ptr = append(ptr, int32(len(col)))
	}
	return NewSparse(rows, cols, ptr, col, val)
}

func (s *Sparse) transposeValues() {
	s.tval = reuse.Slice(s.tval, len(s.by.val))
	s.t.gather(s.by.val, s.tval)
}

// Rows returns the number of rows.
func (s *Sparse) Rows() int { return s.rows }

// Cols returns the number of columns.
func (s *Sparse) Cols() int { return s.cols }

// NonZeros returns the number of stored entries.
func (s *Sparse) NonZeros() int { return len(s.by.val) }

// Row returns the columns and values of row i. They are the matrix's memory: read only.
func (s *Sparse) Row(i int) (cols []int32, vals []float32) {
	a, b := s.by.ptr[i], s.by.ptr[i+1]
	return s.by.col[a:b], s.by.val[a:b]
}

// Dense returns the matrix row-major.
func (s *Sparse) Dense() []float32 {
	x := make([]float32, s.rows*s.cols)
	for i := range s.rows {
		cols, vals := s.Row(i)
		for k, j := range cols {
			x[i*s.cols+int(j)] += vals[k]
		}
	}
	return x
}

// NormalizeRows returns the matrix with each row divided by the sum of its absolute values, the
// usual treatment of bag-of-words features. Rows of zeros stay.
func (s *Sparse) NormalizeRows() *Sparse {
	r := s.like()
	for i := range s.rows {
		_, vals := s.Row(i)
		var sum float64
		for _, v := range vals {
			sum += math.Abs(float64(v))
		}
		if sum == 0 {
			sum = 1
		}
		for k, v := range vals {
			r.by.val[int(s.by.ptr[i])+k] = float32(float64(v) / sum)
		}
	}
	r.transposeValues()
	return r
}

// like returns a matrix that shares the places of s's entries; its values are still to be set.
func (s *Sparse) like() *Sparse {
	r := *s
	r.by.val, r.tval = make([]float32, len(s.by.val)), nil
	return &r
}

// SparseDropout applies dropout to sparse matrices before they are bound: [nn.Dropout] acts on
// dense values only. Its memory serves one goroutine.
type SparseDropout struct {
	*nn.Dropout                     // nil: none
	masked      map[*Sparse]*Sparse // copies, by original
}

// Apply returns x with dropout applied, to be bound in its place; while not training, x itself. The
// next Apply for the same x overwrites the result.
func (d *SparseDropout) Apply(x *Sparse) (*Sparse, error) {
	if !d.Active() {
		return x, nil
	}
	if x == nil {
		return nil, errors.New("gnn: sparse dropout: got a nil matrix")
	}
	y := d.masked[x]
	if y == nil {
		if d.masked == nil {
			d.masked = make(map[*Sparse]*Sparse)
		}
		y = x.like()
		d.masked[x] = y
	}
	if err := d.Mask(y.by.val); err != nil {
		return nil, err
	}
	for k, v := range x.by.val {
		y.by.val[k] *= v
	}
	y.transposeValues()
	return y, nil
}

// ---- gorgonia.Value ----

// Shape returns [Rows x Cols].
func (s *Sparse) Shape() tensor.Shape { return s.shape[:] }

// Size returns the number of entries, zeros included.
func (s *Sparse) Size() int { return s.rows * s.cols }

// Data returns the matrix itself.
func (s *Sparse) Data() any { return s }

// Dtype returns float32.
func (s *Sparse) Dtype() tensor.Dtype { return tensor.Float32 }

// Type returns the type of a float32 matrix.
func (s *Sparse) Type() hm.Type { return gorgonia.TensorType{Dims: 2, Of: tensor.Float32} }

// Uintptr returns the address of the values.
func (s *Sparse) Uintptr() uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s.by.val))) }

// MemSize returns the size of the values in bytes.
func (s *Sparse) MemSize() uintptr { return uintptr(4 * len(s.by.val)) }

// Format prints a summary for every verb.
func (s *Sparse) Format(st fmt.State, _ rune) { fmt.Fprint(st, s.String()) }

// String returns a summary such as "Sparse(2708 x 1433, 49216 entries)".
func (s *Sparse) String() string {
	return fmt.Sprintf("Sparse(%d x %d, %d entries)", s.rows, s.cols, s.NonZeros())
}

var _ gorgonia.Value = (*Sparse)(nil)
