package nn

import (
	"errors"
	"math"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// SGD is stochastic gradient descent with momentum, in PyTorch's form: v = Momentum v + g; p -=
// rate v, or with Nesterov p -= rate (g + Momentum v).
type SGD struct {
	base
	cfg      SGDConfig
	velocity Params
}

// SGDConfig holds the hyper-parameters of [SGD].
type SGDConfig struct {
	LearningRate float64 // 0: 0.01
	Momentum     float64 // 0: none
	Nesterov     bool
	WeightDecay  float64 // added to the gradient as WeightDecay * p
}

// NewSGD makes an optimiser of params.
func NewSGD(params Params, cfg SGDConfig) (*SGD, error) {
	b, err := newBase(params, cfg.LearningRate, 0.01)
	err = errors.Join(err, inRange("a momentum", cfg.Momentum, 1), inRange("a weight decay", cfg.WeightDecay, math.Inf(1)))
	if err != nil {
		return nil, err
	}
	s := &SGD{base: b, cfg: cfg}
	s.velocity = s.slots("sgd.velocity")
	return s, nil
}

// State returns the velocities.
func (s *SGD) State() OptimizerState { return OptimizerState{s.step, s.velocity} }

// Step updates every parameter once.
func (s *SGD) Step(model []gorgonia.ValueGrad) error {
	mu, rate, decay := float32(s.cfg.Momentum), float32(s.rate), float32(s.cfg.WeightDecay)
	return s.gradients(model, func(i int, p, g []float32) {
		v := s.velocity[i].Data()
		kernel.Scale(mu, v)
		kernel.Axpy(1, g, v)
		if decay != 0 {
			kernel.Axpy(decay, p, v)
		}
		if !s.cfg.Nesterov {
			kernel.Axpy(-rate, v, p)
			return
		}
		for j := range p {
			p[j] -= rate * (g[j] + decay*p[j] + mu*v[j])
		}
	})
}
