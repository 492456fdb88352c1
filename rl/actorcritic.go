package rl

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// ActorCritic is a categorical policy over the actions that each observation offers, with a critic
// if its model has values. REINFORCE, A2C and PPO train one; so can your own algorithm.
//
// An ActorCritic is not safe for concurrent use.
type ActorCritic[O any] struct {
	model     Model[O]
	optimizer nn.Optimizer
	rand      *Rand

	act     *Compiled[O]
	train   *Compiled[O]
	trainer *nn.Trainer
	policy  *policyLoss
	value   *valueLoss // nil without a critic
	taken   Taken      // rest of the minibatch of an Update

	valueNode    *gorgonia.Node
	distribution categorical
}

// NewActorCritic returns a policy of model. optimizer minimises loss; actions are drawn from rand.
// The global norm of gradients is clipped to clipNorm, unless it is 0.
func NewActorCritic[O any](model Model[O], optimizer nn.Optimizer, loss PolicyLoss, clipNorm float64, rand *Rand) (*ActorCritic[O], error) {
	p := &ActorCritic[O]{model: model, optimizer: optimizer, rand: rand}
	acting, err := model.Build()
	if err != nil {
		return nil, err
	}
	outputs := gorgonia.Nodes{acting.Scores}
	if acting.Value != nil {
		outputs = append(outputs, acting.Value)
	}
	tape, err := nn.NewTape(outputs...)
	if err != nil {
		return nil, err
	}
	p.act = Compile(acting, tape)

	training, err := model.Build()
	if err != nil {
		return nil, err
	}
	p.train = Compile(training, nil)
	p.policy = &policyLoss{PolicyLoss: loss, choices: &p.train.Choices, batch: &p.taken}
	total, err := nn.Apply("policy_loss", p.policy, nn.Shape{}, training.Scores)
	if err != nil {
		return nil, err
	}
	if training.Value != nil {
		p.value = &valueLoss{clip: loss.ValueClip, batch: &p.taken}
		if p.valueNode, err = nn.Apply("value_loss", p.value, nn.Shape{}, training.Value); err != nil {
			return nil, err
		}
		if total, err = nn.WeightedSum([]*gorgonia.Node{total, p.valueNode}, []float64{1, loss.ValueCoef}); err != nil {
			return nil, err
		}
	}
	if p.trainer, err = nn.NewTrainer(total, model.Params(), optimizer); err != nil {
		return nil, err
	}
	p.trainer.ClipNorm = clipNorm
	p.train.Tape = p.trainer.Tape
	return p, nil
}

// Params returns the weights.
func (p *ActorCritic[O]) Params() nn.Params { return p.model.Params() }

// Optimizer returns the optimiser, for instance to change its learning rate.
func (p *ActorCritic[O]) Optimizer() nn.Optimizer { return p.optimizer }

// SetClip changes PolicyLoss.Clip.
func (p *ActorCritic[O]) SetClip(clip float64) { p.policy.Clip = clip }

// Critic reports whether the policy comes with a critic.
func (p *ActorCritic[O]) Critic() bool { return p.value != nil }

// Act draws an action for each observation and writes it, its log-probability and the critic's
// value (0 without one) to the other slices, all of the length of obs. An observation without an
// allowed action, such as one at the end of an episode, gets action -1.
func (p *ActorCritic[O]) Act(obs []O, actions []int, logProbs, values []float32) error {
	scores, err := p.act.predict(obs)
	if err != nil {
		return p.failed(err)
	}
	v, err := p.act.Values()
	if err != nil {
		return p.failed(err)
	}
	for b := range obs {
		actions[b], logProbs[b], values[b] = -1, 0, 0
		if v != nil {
			values[b] = v[b]
		}
		logits, allowed := p.act.Choices.Of(b, scores)
		if countAllowed(len(logits), allowed) == 0 {
			continue
		}
		if err := p.distribution.set(logits, allowed); err != nil {
			return p.failed(fmt.Errorf("observation %d: %w", b, err))
		}
		actions[b] = p.distribution.sample(p.rand)
		logProbs[b] = float32(p.distribution.logProb(actions[b]))
	}
	return nil
}

// Decide implements Policy: it writes the most probable action for each observation, or -1 where
// none is allowed.
func (p *ActorCritic[O]) Decide(obs []O, actions []int) error {
	if err := p.act.decide(obs, actions); err != nil {
		return p.failed(err)
	}
	return nil
}

// failed explains errors, with the returns of the current minibatch if there is one.
func (p *ActorCritic[O]) failed(err error) error {
	return fmt.Errorf("rl: policy: %w", diverged(err, p.optimizer, p.taken.Returns))
}

// Values writes the critic's value of each observation, or 0 without a critic.
func (p *ActorCritic[O]) Values(obs []O, values []float32) error {
	if _, err := p.act.predict(obs); err != nil {
		return p.failed(fmt.Errorf("critic: %w", err))
	}
	v, err := p.act.Values()
	if err != nil {
		return p.failed(fmt.Errorf("critic: %w", err))
	}
	clear(values)
	copy(values, v)
	return nil
}

// Update makes one optimiser step on a minibatch. It keeps no reference to m.
func (p *ActorCritic[O]) Update(m *Minibatch[O]) (PolicyStats, error) {
	if err := m.check(p.value != nil, p.value != nil && p.value.clip > 0); err != nil {
		return PolicyStats{}, fmt.Errorf("rl: policy: update: %w", err)
	}
	if err := p.train.Load(m.Observations); err != nil {
		return PolicyStats{}, fmt.Errorf("rl: policy: update: %w", err)
	}
	p.taken = m.Taken
	defer func() { p.taken = Taken{} }()
	loss, err := p.trainer.Step()
	if err != nil {
		return PolicyStats{}, p.failed(fmt.Errorf("update: %w", err))
	}
	stats := p.policy.stats
	stats.Loss = loss
	if p.value != nil {
		stats.ValueError = p.trainer.Tape.Scalar(p.valueNode)
	}
	return stats, nil
}

// Observe passes observations of training to the model if it is an Observer.
func (p *ActorCritic[O]) Observe(obs []O) error { return observe(p.model, obs) }

// SaveState implements checkpoints.Stateful.
func (p *ActorCritic[O]) SaveState(s *checkpoints.State) error {
	checkpoints.SaveParams(s.Sub("weights"), p.Params())
	checkpoints.SaveOptimizer(s.Sub("optimizer"), p.optimizer)
	return errors.Join(p.rand.SaveState(s.Sub("rand")), checkpoints.SaveOptional(s, "model", p.model))
}

// LoadState implements checkpoints.Stateful.
func (p *ActorCritic[O]) LoadState(s *checkpoints.State) error {
	return errors.Join(
		checkpoints.LoadParams(s.Sub("weights"), p.Params()),
		checkpoints.LoadOptimizer(s.Sub("optimizer"), p.optimizer),
		p.rand.LoadState(s.Sub("rand")),
		checkpoints.LoadOptional(s, "model", p.model),
	)
}
