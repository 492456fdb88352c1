package gnn

import (
	"fmt"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// NewGraphInput adds an input to the expression graph to which a *Graph is bound
// with nn.Tape.Bind before each run, any graph of any size.
func NewGraphInput(eg *gorgonia.ExprGraph, name string) (*gorgonia.Node, error) {
	n, err := nn.NewInput(eg, name, 2)
	if err != nil {
		return nil, fmt.Errorf("gnn: input of a graph: %w", err)
	}
	return n, nil
}

// NewSparseInput adds an input [any rows x cols] to the expression graph to
// which a *Sparse matrix is bound with nn.Tape.Bind before each run. The
// operations that take one say so.
func NewSparseInput(eg *gorgonia.ExprGraph, name string, cols int) (*gorgonia.Node, error) {
	n, err := nn.NewInput(eg, name, cols)
	if err != nil {
		return nil, fmt.Errorf("gnn: sparse input: %w", err)
	}
	return n, nil
}
