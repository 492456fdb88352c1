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

const defaultSGDRate = 0.01

// check reports what is wrong with all but the learning rate, which newBase checks.
func (c SGDConfig) check() error {
	return errors.Join(inRange("a momentum", c.Momentum, 1), inRange("a weight decay", c.WeightDecay, math.Inf(1)))
}

// NewSGD makes an optimiser of params.
func NewSGD(params Params, cfg SGDConfig) (*SGD, error) {
	b, err := newBase(params, cfg.LearningRate, defaultSGDRate)
	if err = errors.Join(err, cfg.check()); err != nil {
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
	s.update.configure(s.cfg, s.rate)
	return s.gradients(model, func(i int, p, g []float32) { s.update.apply(p, g, s.velocity[i].Data()) })
}

// sgdUpdate is the update of a parameter, in parts.
type sgdUpdate struct {
	p, g, v         []float32
	mu, rate, decay float32
	nesterov        bool
	parts           int
}

func (u *sgdUpdate) configure(cfg SGDConfig, rate float64) {
	u.mu, u.rate, u.decay, u.nesterov = float32(cfg.Momentum), float32(rate), float32(cfg.WeightDecay), cfg.Nesterov
}

func (u *sgdUpdate) apply(p, g, v []float32) {
	u.p, u.g, u.v = p, g, v
	const perValue = 4 // nanoseconds
	u.parts = blockParts(len(p), perValue)
	cores.Run(u.parts, u)
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
