package nn

import (
	"errors"
	"math"

	"github.com/graphrl/graphrl/internal/cores"
	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// SGD is stochastic gradient descent with momentum, in PyTorch's form: v = Momentum v + g; p -=
// rate v, or with Nesterov p -= rate (g + Momentum v).
type SGD struct {
	base
	cfg      SGDConfig
	velocity Params
	update   sgdUpdate // of the present parameter
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
	u := &s.update
	u.mu, u.rate, u.decay, u.nesterov = float32(s.cfg.Momentum), float32(s.rate), float32(s.cfg.WeightDecay), s.cfg.Nesterov
	return s.gradients(model, func(i int, p, g []float32) {
		u.p, u.g, u.v = p, g, s.velocity[i].Data()
		const perValue = 4 // nanoseconds
		u.parts = cores.Parts(perValue*len(p), len(p)/blockValues)
		cores.Run(u.parts, u)
	})
}

// sgdUpdate is the update of a parameter, in parts.
type sgdUpdate struct {
	p, g, v         []float32
	mu, rate, decay float32
	nesterov        bool
	parts           int
}

// Part implements cores.Task.
func (u *sgdUpdate) Part(i int) {
	eachBlock(len(u.p), i, u.parts, func(from, to int) { u.block(u.p[from:to], u.g[from:to], u.v[from:to]) })
}

func (u *sgdUpdate) block(p, g, v []float32) {
	kernel.Scale(u.mu, v)
	kernel.Axpy(1, g, v)
	if u.decay != 0 {
		kernel.Axpy(u.decay, p, v)
	}
	if !u.nesterov {
		kernel.Axpy(-u.rate, v, p)
		return
	}
	for j := range p {
		p[j] -= u.rate * (g[j] + u.decay*p[j] + u.mu*v[j])
	}
}
