package nn

import (
	"fmt"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
)

// MLP is a stack of [Linear] layers: every hidden one followed by the activation it was made with,
// the last by none, so that its outputs are logits or values.
type MLP struct {
	Layers []*Linear
}

// NewMLP makes a network of the given widths, input first: NewMLP("actor", []int{10, 120, 80, 10},
// ReLU, nil, rng) has three layers. Layers are named name.0, name.1 and so on. A nil init means
// [HeUniform] for the hidden layers of a ReLU network and [GlorotUniform] otherwise.
func NewMLP(name string, widths []int, hidden Activation, init Init, rng *rand.Rand) (*MLP, error) {
	if len(widths) < 2 {
		return nil, fmt.Errorf("nn: MLP %q: want at least an input and an output width, got %v", name, widths)
	}
	for _, w := range widths {
		if w < 1 {
			return nil, fmt.Errorf("nn: MLP %q: widths must be positive, got %v", name, widths)
		}
	}
	m := &MLP{}
	last := len(widths) - 2
	for i := 0; i <= last; i++ {
		act, layerInit := hidden, init
		if i == last {
			act = None
		}
		if init == nil {
			layerInit = GlorotUniform
			if act == ReLU || act == LeakyReLU {
				layerInit = HeUniform
			}
		}
		cfg := LinearConfig{In: widths[i], Out: widths[i+1], Act: act, Init: layerInit}
		l, err := NewLinear(fmt.Sprintf("%s.%d", name, i), cfg, rng)
		if err != nil {
			return nil, err
		}
		m.Layers = append(m.Layers, l)
	}
	return m, nil
}

// Params returns the parameters of all layers, first layer first.
func (m *MLP) Params() Params {
	var ps Params
	for _, l := range m.Layers {
		ps = append(ps, l.Params()...)
	}
	return ps
}

// Forward adds the network to x's graph, [rows x first width] -> [rows x last width].
func (m *MLP) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	var err error
	for i, l := range m.Layers {
		if l == nil {
			return nil, fmt.Errorf("nn: MLP: layer %d is nil", i)
		}
		if x, err = l.Forward(x); err != nil {
			return nil, err
		}
	}
	return x, nil
}
