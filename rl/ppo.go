package rl

import (
	"context"
	"errors"

	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/nn"
)

// PPOConfig holds the hyper-parameters of PPO. [DefaultPPOConfig] returns the defaults that the
// comments name; a zero field means what its comment says, not the default. "Paper" is the paper in
// the documentation of PPO, with its values for control problems (table 3) and for Atari games
// (table 5).
type PPOConfig struct {
	// Steps is the total number of environment steps to train for. Default 500,000. Paper: 1
	// million for control problems.
	Steps int
	// Envs is the number of environments stepped side by side. Default 8, as for Atari games.
	Envs int
	// Goroutines is the number of goroutines that step the environments; it does not change
	// results. Default 1.
	Goroutines int
	// RolloutSteps is the number of steps in each environment from one update to the next. Default
	// 128, as for Atari games. Paper: 2048 in one environment for control problems.
	RolloutSteps int
	// BatchSize is the number of steps in a minibatch; the last one of an epoch may be smaller.
	// Default 256, as for Atari games. Paper: 64 for control problems.
	BatchSize int
	// Epochs is the number of passes over each rollout. Default 4. Paper: 10 for control problems,
	// 3 for Atari games.
	Epochs int
	// Gamma is the discount factor. Default 0.99 (paper).
	Gamma float64
	// Lambda is the parameter of generalised advantage estimation: 0 trusts the critic, 1 the
	// rewards. Default 0.95 (paper).
	Lambda float64
	// LearningRate is the learning rate of Adam. Default 2.5e-4, as for Atari games. Paper: 3e-4
	// for control problems.
	LearningRate float64
	// Anneal lets LearningRate and Clip fall linearly to 0 over Steps. Default true, as for Atari
	// games.
	Anneal bool
	// AdamEpsilon is the epsilon of Adam. Default 1e-5, as in OpenAI's implementation.
	AdamEpsilon float64
	// Clip bounds the ratio of new to old probabilities of an action. Default 0.2. Paper: 0.2 for
	// control problems, 0.1 for Atari games.
	Clip float64
	// ValueClip bounds how far the critic's values move in an update; 0: no bound. Default 0:
	// OpenAI's implementation has 0.2, but it does not help (M. Andrychowicz et al., "What Matters
	// In On-Policy Reinforcement Learning?", ICLR 2021).
	ValueClip float64
	// ValueCoef is the weight of the critic's squared error, halved. Default 0.5, as in OpenAI's
	// implementation. Paper: 1, without the half, for Atari games.
	ValueCoef float64
	// EntropyCoef is the weight of the policy's entropy, which delays premature certainty. Default
	// 0.01, as for Atari games. Paper: 0 for control problems.
	EntropyCoef float64
	// NormalizeAdvantages gives the advantages of each minibatch mean 0 and standard deviation 1.
	// Default true, as in OpenAI's implementation.
	NormalizeAdvantages bool
	// ClipNorm bounds the global norm of a minibatch's gradient; 0: no bound. Default 0.5, as in
	// OpenAI's implementation.
	ClipNorm float64
	// TargetKL ends an update before its last epoch once the policy's KL divergence from the one
	// that acted (in nats, see PolicyStats) exceeds it; 0: never. Default 0. Usual values are 0.01
	// to 0.05.
	TargetKL float64
	// Seed determines the initial weights, episodes, actions and minibatches. Default 0.
	Seed uint64
}

// DefaultPPOConfig returns the defaults listed with the fields.
func DefaultPPOConfig() PPOConfig {
	return PPOConfig{
		Steps:               500_000,
		Envs:                8,
		Goroutines:          1,
		RolloutSteps:        128,
		BatchSize:           256,
		Epochs:              4,
		Gamma:               0.99,
		Lambda:              0.95,
		LearningRate:        2.5e-4,
		Anneal:              true,
		AdamEpsilon:         1e-5,
		Clip:                0.2,
		ValueCoef:           0.5,
		EntropyCoef:         0.01,
		NormalizeAdvantages: true,
		ClipNorm:            0.5,
	}
}

// Check reports invalid fields.
func (c PPOConfig) Check() error {
	check := validate.Fields{Name: "rl: PPO"}
	check.Want(c.Steps >= 1, "Steps is %d, want at least 1", c.Steps)
	check.Want(c.Envs >= 1, "Envs is %d, want at least 1", c.Envs)
	check.Want(c.Goroutines >= 1, "Goroutines is %d, want at least 1", c.Goroutines)
	check.Want(c.RolloutSteps >= 1, "RolloutSteps is %d, want at least 1", c.RolloutSteps)
	check.Want(c.BatchSize >= 1, "BatchSize is %d, want at least 1", c.BatchSize)
	check.Want(c.Epochs >= 1, "Epochs is %d, want at least 1", c.Epochs)
	check.Fraction("Gamma", c.Gamma)
	check.Fraction("Lambda", c.Lambda)
	check.Positive("LearningRate", c.LearningRate)
	check.Positive("AdamEpsilon", c.AdamEpsilon)
	check.Positive("Clip", c.Clip)
	check.NotNegative("ValueClip", c.ValueClip)
	check.NotNegative("ValueCoef", c.ValueCoef)
	check.NotNegative("EntropyCoef", c.EntropyCoef)
	check.NotNegative("ClipNorm", c.ClipNorm)
	check.NotNegative("TargetKL", c.TargetKL)
	return check.Err()
}

// PPO is proximal policy optimisation (J. Schulman, F. Wolski, P. Dhariwal, A. Radford, O. Klimov,
// "Proximal Policy Optimization Algorithms", 2017, arXiv 1707.06347), with the details of OpenAI's
// implementation (S. Huang et al., "The 37 Implementation Details of Proximal Policy Optimization",
// ICLR Blog Track 2022). Each update
//
//	1  lets the policy act for RolloutSteps steps in all environments
//	2  estimates the advantage of each action by generalised advantage estimation
//	3  for several epochs, in random minibatches, makes actions with a positive advantage more probable
//	   and others less, but stops where the probability has changed by more than a factor of
//	   1 +- Clip, because the estimates hold only near the policy that acted
//
// A PPO is not safe for concurrent use.
type PPO[O any] struct {
	policyLearner[O]
	cfg  PPOConfig
	env  *onPolicy[O]
	rand *Rand // for minibatches

	indices   []int
	minibatch Minibatch[O]
}

// NewPPO returns a learner. The problem's model must have a critic.
func NewPPO[O any](problem Problem[O], cfg PPOConfig) (*PPO[O], error) {
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
	adam, err := nn.NewAdam(model.Params(), nn.AdamConfig{LearningRate: cfg.LearningRate, Epsilon: cfg.AdamEpsilon})
	if err != nil {
		return nil, err
	}
	loss := PolicyLoss{Clip: cfg.Clip, ValueClip: cfg.ValueClip, ValueCoef: cfg.ValueCoef, EntropyCoef: cfg.EntropyCoef}
	policy, err := NewActorCritic(model, adam, loss, cfg.ClipNorm, NewRand(cfg.Seed, streamActions))
	if err != nil {
		return nil, err
	}
	if !policy.Critic() {
		return nil, errors.New("rl: PPO: the model has no critic")
	}
	l := &PPO[O]{cfg: cfg, env: env, rand: NewRand(cfg.Seed, streamMinibatches)}
	l.policyLearner = newPolicyLearner(policy, &env.counter, Parts{"collector": env, "minibatches": l.rand})
	return l, nil
}

// Train trains until cfg.Steps steps are made; see the function Train.
func (l *PPO[O]) Train(ctx context.Context, callbacks ...Callback) error {
	return Train(ctx, "PPO", l, l.cfg.Steps, callbacks...)
}

// Update implements Learner: it collects a rollout and learns from it.
func (l *PPO[O]) Update() error {
	if l.cfg.Anneal {
		left := l.counts.left(l.cfg.Steps)
		l.policy.Optimizer().SetLearningRate(l.cfg.LearningRate * left)
		l.policy.SetClip(l.cfg.Clip * left)
	}
	if err := l.env.collect(l.policy, l.cfg.Gamma, l.cfg.Lambda); err != nil {
		return err
	}
	l.stats = PolicyStats{}
	minibatches := 0
	for range l.cfg.Epochs {
		l.indices = l.env.rollout.Shuffled(l.rand, l.indices[:0])
		divergence := 0.0
		for first := 0; first < len(l.indices); first += l.cfg.BatchSize {
			last := min(first+l.cfg.BatchSize, len(l.indices))
			l.minibatch.Gather(l.env.rollout, l.indices[first:last])
			if l.cfg.NormalizeAdvantages && last-first > 1 {
				l.minibatch.NormalizeAdvantages()
			}
			stats, err := l.policy.Update(&l.minibatch)
			if err != nil {
				return err
			}
			l.stats.add(stats)
			minibatches++
			divergence += stats.KL * float64(last-first) / float64(len(l.indices))
		}
		if l.cfg.TargetKL > 0 && divergence > l.cfg.TargetKL {
			break
		}
	}
	l.stats.scale(1 / float64(max(minibatches, 1)))
	l.updates++
	return l.policy.Observe(l.env.rollout.Observations)
}
