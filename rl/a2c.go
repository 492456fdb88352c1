package rl

import (
	"context"
	"errors"

	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/nn"
)

// A2CConfig holds the hyper-parameters of A2C. [DefaultA2CConfig] returns the defaults that the
// comments name; a zero field means what its comment says, not the default. "Paper" is the paper in
// the documentation of A2C.
type A2CConfig struct {
	// Steps is the total number of environment steps to train for. Default 500,000.
	Steps int
	// Envs is the number of environments stepped side by side. Default 16, as in OpenAI's
	// implementation. Paper: 16 threads.
	Envs int
	// Goroutines is the number of goroutines that step the environments; it does not change
	// results. Default 1.
	Goroutines int
	// RolloutSteps is the number of steps in each environment from one update to the next. Default
	// 5 (paper).
	RolloutSteps int
	// Gamma is the discount factor. Default 0.99 (paper).
	Gamma float64
	// Lambda is the parameter of generalised advantage estimation. Default 1 (paper): returns of up
	// to RolloutSteps steps.
	Lambda float64
	// LearningRate is the learning rate of RMSProp. Default 7e-4, as in OpenAI's implementation.
	// Paper: drawn from 1e-4 to 1e-2.
	LearningRate float64
	// Anneal lets LearningRate fall linearly to 0 over Steps. Default true (paper).
	Anneal bool
	// RMSPropAlpha and RMSPropEpsilon are parameters of RMSProp. Default 0.99 (paper) and 1e-5, as
	// in OpenAI's implementation.
	RMSPropAlpha, RMSPropEpsilon float64
	// ValueCoef is the weight of the critic's squared error, halved. Default 0.5 (paper).
	ValueCoef float64
	// EntropyCoef is the weight of the policy's entropy, which delays premature certainty. Default
	// 0.01 (paper).
	EntropyCoef float64
	// NormalizeAdvantages gives the advantages of each update mean 0 and standard deviation 1.
	// Default false (paper).
	NormalizeAdvantages bool
	// ClipNorm bounds the global norm of the gradient; 0: no bound. Default 0.5, as in OpenAI's
	// implementation.
	ClipNorm float64
	// Seed determines the initial weights, episodes and actions. Default 0.
	Seed uint64
}

// DefaultA2CConfig returns the defaults listed with the fields.
func DefaultA2CConfig() A2CConfig {
	return A2CConfig{
		Steps:          500_000,
		Envs:           16,
		Goroutines:     1,
		RolloutSteps:   5,
		Gamma:          0.99,
		Lambda:         1,
		LearningRate:   7e-4,
		Anneal:         true,
		RMSPropAlpha:   0.99,
		RMSPropEpsilon: 1e-5,
		ValueCoef:      0.5,
		EntropyCoef:    0.01,
		ClipNorm:       0.5,
	}
}

// Check reports invalid fields.
func (c A2CConfig) Check() error {
	check := validate.Fields{Name: "rl: A2C"}
	check.Want(c.Steps >= 1, "Steps is %d, want at least 1", c.Steps)
	check.Want(c.Envs >= 1, "Envs is %d, want at least 1", c.Envs)
	check.Want(c.Goroutines >= 1, "Goroutines is %d, want at least 1", c.Goroutines)
	check.Want(c.RolloutSteps >= 1, "RolloutSteps is %d, want at least 1", c.RolloutSteps)
	check.Fraction("Gamma", c.Gamma)
	check.Fraction("Lambda", c.Lambda)
	check.Positive("LearningRate", c.LearningRate)
	check.Want(c.RMSPropAlpha > 0 && c.RMSPropAlpha < 1, "RMSPropAlpha is %v, want it between 0 and 1", c.RMSPropAlpha)
	check.Positive("RMSPropEpsilon", c.RMSPropEpsilon)
	check.NotNegative("ValueCoef", c.ValueCoef)
	check.NotNegative("EntropyCoef", c.EntropyCoef)
	check.NotNegative("ClipNorm", c.ClipNorm)
	return check.Err()
}

// A2C is the advantage actor-critic in its synchronous form (V. Mnih et al., "Asynchronous Methods
// for Deep Reinforcement Learning", ICML 2016, arXiv 1602.01783, algorithm S3, with one policy that
// acts in all environments at once instead of threads that overwrite each other). Each update
//
//	1  lets the policy act for RolloutSteps steps in all environments
//	2  estimates the advantage of each action: the rewards that followed plus the value of the last
//	   observation, minus the value of the first
//	3  makes one step along the policy gradient, and one of the critic towards the returns
//
// An A2C is not safe for concurrent use.
type A2C[O any] struct {
	policyLearner[O]
	cfg A2CConfig
	env *onPolicy[O]

	indices   []int
	minibatch Minibatch[O]
}

// NewA2C returns a learner. The problem's model must have a critic.
func NewA2C[O any](problem Problem[O], cfg A2CConfig) (*A2C[O], error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	env, err := newOnPolicy(problem, cfg.RolloutSteps, cfg.Envs, cfg.Goroutines, cfg.Seed)
	if err != nil {
		return nil, err
	}
	model, err := problem.newModel(cfg.Seed)
	if err != nil {
		return nil, err
	}
	rmsprop, err := nn.NewRMSProp(model.Params(), nn.RMSPropConfig{LearningRate: cfg.LearningRate, Alpha: cfg.RMSPropAlpha, Epsilon: cfg.RMSPropEpsilon})
	if err != nil {
		return nil, err
	}
	loss := PolicyLoss{ValueCoef: cfg.ValueCoef, EntropyCoef: cfg.EntropyCoef}
	policy, err := NewActorCritic(model, rmsprop, loss, cfg.ClipNorm, NewRand(cfg.Seed, streamActions))
	if err != nil {
		return nil, err
	}
	if !policy.Critic() {
		return nil, errors.New("rl: A2C: the model has no critic")
	}
	return &A2C[O]{
		policyLearner: newPolicyLearner(policy, &env.counter, Parts{"collector": env}),
		cfg:           cfg,
		env:           env,
	}, nil
}

// Train trains until cfg.Steps steps are made; see the function Train.
func (l *A2C[O]) Train(ctx context.Context, callbacks ...Callback) error {
	return Train(ctx, "A2C", l, l.cfg.Steps, callbacks...)
}

// Update implements Learner: it collects a rollout and learns from it.
func (l *A2C[O]) Update() error {
	if l.cfg.Anneal {
		left := l.counts.left(l.cfg.Steps)
		l.policy.Optimizer().SetLearningRate(l.cfg.LearningRate * left)
	}
	if err := l.env.collect(l.policy, l.cfg.Gamma, l.cfg.Lambda); err != nil {
		return err
	}
	l.indices = l.env.rollout.Executed(l.indices[:0])
	if len(l.indices) == 0 {
		return nil // all environments have only started an episode
	}
	l.minibatch.Gather(l.env.rollout, l.indices)
	if l.cfg.NormalizeAdvantages && len(l.indices) > 1 {
		l.minibatch.NormalizeAdvantages()
	}
	var err error
	if l.stats, err = l.policy.Update(&l.minibatch); err != nil {
		return err
	}
	l.updates++
	return l.policy.Observe(l.env.rollout.Observations)
}
