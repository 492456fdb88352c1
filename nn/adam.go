package nn

import (
	"errors"
	"math"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// Adam is the optimiser of Kingma and Ba (ICLR 2015) and, with a weight decay, AdamW (Loshchilov
// and Hutter, ICLR 2019): the decay is decoupled from the gradient. Rounding and bias correction
// follow PyTorch's.
type Adam struct {
	base
	cfg  AdamConfig
	m, v Params
}

// AdamConfig holds the hyper-parameters of [Adam].
type AdamConfig struct {
	LearningRate float64 // 0: 0.001
	Beta1        float64 // decay of the mean; 0: 0.9
	Beta2        float64 // decay of the second moment; 0: 0.999
	Epsilon      float64 // 0: 1e-8
	WeightDecay  float64 // AdamW's; 0: none
}

// NewAdam makes an optimiser of params.
func NewAdam(params Params, cfg AdamConfig) (*Adam, error) {
	b, err := newBase(params, cfg.LearningRate, 0.001)
	err = errors.Join(err, inRange("a beta1", cfg.Beta1, 1), inRange("a beta2", cfg.Beta2, 1),
		inRange("an epsilon", cfg.Epsilon, math.Inf(1)), inRange("a weight decay", cfg.WeightDecay, math.Inf(1)))
	if err != nil {
		return nil, err
	}
	cfg.Beta1, cfg.Beta2, cfg.Epsilon = orDefault(cfg.Beta1, 0.9), orDefault(cfg.Beta2, 0.999), orDefault(cfg.Epsilon, 1e-8)
	a := &Adam{base: b, cfg: cfg}
	a.m, a.v = a.slots("adam.m"), a.slots("adam.v")
	return a, nil
}

// State returns the first and second moments.
func (a *Adam) State() OptimizerState {
	return OptimizerState{a.step, append(append(Params(nil), a.m...), a.v...)}
}

// Step updates every parameter once.
func (a *Adam) Step(model []gorgonia.ValueGrad) error {
	c := a.cfg
	return a.gradients(model, func(i int, p, g []float32) {
		kernel.Adam(p, g, a.m[i].Data(), a.v[i].Data(),
			float32(a.rate), float32(c.Beta1), float32(c.Beta2), float32(c.Epsilon), float32(c.WeightDecay), a.step)
	})
}
