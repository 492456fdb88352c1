package gnn

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Module is a layer on rows, be they vertices, edges or graphs: nn.MLP, what
// [NewLinear] returns, [LayerNorm], [BatchNorm], [Dropout], [Sequential].
//
// Shapes: x [rows x in] -> [rows x out].
type Module interface {
	Forward(x *gorgonia.Node) (*gorgonia.Node, error)
	Params() nn.Params
}

var _ = []Module{(*nn.MLP)(nil), (*LayerNorm)(nil), (*BatchNorm)(nil), (*Dropout)(nil), Sequential(nil)}

// Sequential applies modules one after the other.
type Sequential []Module

// Params returns the parameters of all modules.
func (s Sequential) Params() nn.Params {
	var ps nn.Params
	for _, m := range s {
		ps = append(ps, m.Params()...)
	}
	return ps
}

// Forward adds the modules to x's graph.
func (s Sequential) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	var err error
	for i, m := range s {
		if x, err = m.Forward(x); err != nil {
			return nil, fmt.Errorf("module %d: %w", i, err)
		}
	}
	return x, nil
}

// NewLinear returns a new nn.Linear as a Module.
func NewLinear(name string, in, out int, act nn.Activation, init nn.Init, rng *rand.Rand) Module {
	return linear{nn.NewLinear(name, in, out, act, init, rng)}
}

// linear narrows nn.Linear, which takes any number of inputs, to one.
type linear struct{ *nn.Linear }

func (l linear) Forward(x *gorgonia.Node) (*gorgonia.Node, error) { return l.Linear.Forward(x) }
