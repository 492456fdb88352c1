package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// Module is a layer on rows, be they samples or a graph's vertices or edges.
//
// Shapes: x [rows x in] -> [rows x out].
type Module interface {
	// Forward adds the layer to x's expression graph.
	Forward(x *gorgonia.Node) (*gorgonia.Node, error)
	// Params returns the trainable parameters, always in the same order.
	Params() Params
}

var _ = []Module{
	(*Linear)(nil), (*MLP)(nil), (*LayerNorm)(nil), (*BatchNorm)(nil), (*Dropout)(nil), Sequential(nil),
}

// Sequential applies modules one after the other. An empty one changes nothing.
type Sequential []Module

// Params returns the parameters of all modules, the first module's first.
func (s Sequential) Params() Params {
	var ps Params
	for _, m := range s {
		if m != nil {
			ps = append(ps, m.Params()...)
		}
	}
	return ps
}

// Forward adds the modules to x's graph.
func (s Sequential) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	if x == nil {
		return nil, fmt.Errorf("nn: sequential: got a nil node")
	}
	for i, m := range s {
		if m == nil {
			return nil, fmt.Errorf("nn: sequential: module %d is nil", i)
		}
		var err error
		if x, err = m.Forward(x); err != nil {
			return nil, fmt.Errorf("module %d: %w", i, err)
		}
	}
	return x, nil
}
