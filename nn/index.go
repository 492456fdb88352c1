package nn

import (
	"fmt"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Index is a list of row numbers, or of offsets that cut rows into segments. It is
// a gorgonia.Value: bind it to an input made by [NewIndexInput]. Its rows may
// change between runs.
type Index struct{ Rows []int32 }

// NewIndexInput adds an input for an [*Index] to g. The name must be new to g.
func NewIndexInput(g *gorgonia.ExprGraph, name string) (*gorgonia.Node, error) {
	return NewInput(g, name, 1)
}

var _ gorgonia.Value = (*Index)(nil)

// Shape returns [len(Rows) x 1].
func (x *Index) Shape() tensor.Shape { return tensor.Shape{len(x.Rows), 1} }

// Size returns the number of rows.
func (x *Index) Size() int { return len(x.Rows) }

// Data returns Rows.
func (x *Index) Data() any { return x.Rows }

// Dtype returns tensor.Int32.
func (x *Index) Dtype() tensor.Dtype { return tensor.Int32 }

// Type returns the type of an int32 matrix.
func (x *Index) Type() hm.Type { return gorgonia.TensorType{Dims: 2, Of: tensor.Int32} }

// Uintptr returns 0: the memory is not to be reached from outside Go.
func (x *Index) Uintptr() uintptr { return 0 }

// MemSize returns the size of the rows in bytes.
func (x *Index) MemSize() uintptr { return uintptr(4 * len(x.Rows)) }

// Format prints the number of rows.
func (x *Index) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "Index(%d rows)", len(x.Rows)) }
