package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/graphrl/graphrl/internal/kernel"
)

// CheckInputs reports the first bound matrix that holds a number that is not finite, with its
// input, row and column, as [ErrNotFinite]. It costs one pass over the inputs.
func (t *Tape) CheckInputs() error {
	for i := range t.loads {
		l := &t.loads[i]
		if _, ok := l.bound.(*tensor.Dense); !ok {
			continue
		}
		m := mat(l.bound)
		if sum := kernel.SumSquares(m.Data); sum-sum == 0 {
			continue
		}
		at := slices.IndexFunc(m.Data, func(x float32) bool { return x-x != 0 })
		if at < 0 {
			continue // finite numbers whose squares overflow
		}
		return fmt.Errorf("nn: input %v is %v at row %d, column %d: %w",
			l.node.Name(), m.Data[at], at/m.Cols, at%m.Cols, ErrNotFinite)
	}
	return nil
}
