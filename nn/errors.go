package nn

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
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
