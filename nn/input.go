package nn

import (
	"fmt"
	"slices"
	"sync"

	"github.com/chewxy/hm"
	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// build guards the construction of graphs: Gorgonia keeps package-wide state (pools, counters,
// shared constants) that building two graphs at once would race on.
var build sync.Mutex

// nominalRows stands for "any number of rows" in the static shape Gorgonia wants of every node. Not
// 1, which it would take for a vector and broadcast.
const nominalRows = 2

// NewInput adds an input [any rows x cols] to g, to be bound with [Tape.Bind] before each run. The
// name must be new to g: Gorgonia silently merges inputs of one name, type and shape.
func NewInput(g *gorgonia.ExprGraph, name string, cols int) (*gorgonia.Node, error) {
	build.Lock()
	defer build.Unlock()
	if g == nil {
		return nil, fmt.Errorf("nn: input %q: the expression graph is nil", name)
	}
	if name == "" {
		return nil, fmt.Errorf("nn: an input needs a name")
	}
	if cols < 1 {
		return nil, fmt.Errorf("nn: input %q: want at least 1 column, got %d", name, cols)
	}
	if len(g.ByName(name)) > 0 {
		return nil, fmt.Errorf("nn: the graph already has a node named %q: give each input another name", name)
	}
	return gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(nominalRows, cols), gorgonia.WithName(name)), nil
}

// Index is a list of row numbers, or of offsets that cut rows into segments. It is a
// gorgonia.Value: bind it to an input made by [NewIndexInput]. Its rows may change between runs.
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

// Uintptr returns 0: nothing outside Go reads the memory.
func (x *Index) Uintptr() uintptr { return 0 }

// MemSize returns the size of the rows in bytes.
func (x *Index) MemSize() uintptr { return uintptr(4 * len(x.Rows)) }

// Format prints the number of rows.
func (x *Index) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "Index(%d rows)", len(x.Rows)) }

// CheckInputs reports the first bound matrix that holds a number that is not finite, with its
// input, row and column, as [ErrNotFinite]. It costs one pass over the inputs but those excepted,
// such as targets, which a loss checks.
func (t *Tape) CheckInputs(except ...*gorgonia.Node) error {
	for i := range t.loads {
		l := &t.loads[i]
		if _, ok := l.bound.(*tensor.Dense); !ok || slices.Contains(except, l.node) {
			continue
		}
		m := mat(l.bound)
		if kernel.Finite(m.Data) {
			continue
		}
		at := slices.IndexFunc(m.Data, notFinite)
		return fmt.Errorf("nn: input %v is %v at row %d, column %d: %w",
			l.node.Name(), m.Data[at], at/m.Cols, at%m.Cols, ErrNotFinite)
	}
	return nil
}
