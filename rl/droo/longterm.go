package droo

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
)

// AfterstateModel is a critic that scores decisions for one slot and predicts their afterstates.
// The afterstate of a decision is the part of the next state that it determines before anything
// random happens (R. Sutton, A. Barto, "Reinforcement Learning", 2nd ed., section 6.8): for
// instance, the work left on every server.
type AfterstateModel[O any] interface {
	// AfterstateSize returns the number of features that describe an afterstate for obs.
	AfterstateSize(obs O) int
	// Predict writes the expected reward of each candidate in this slot to rewards [d.K], and the
	// features of the afterstates to afterstates [d.K x AfterstateSize(obs)].
	Predict(obs O, d *Decisions, rewards []float64, afterstates []float32) error
}

// LongTerm is a critic that sees beyond the slot. It scores a decision by the model's prediction
// for this slot plus the value of the resulting state:
//
//	Q(s, x) = r(s, x) + gamma V(y(s, x)),    y(s, x) the afterstate
//
// It learns V by temporal differences, see [AfterstateLearner]. To learn from a slot:
//
//	decision, err := learner.Decide(obs)        // scores candidates with the LongTerm
//	err = longTerm.Executed(obs, decision)      // stores y_t, while obs is valid
//	transition, err := env.Step(decision)
//	loss, trained, err := longTerm.Observe(transition)
//
// To evaluate without learning, call neither Executed nor Observe.
//
// V learns from the afterstates that decisions lead to, and decisions go where V is high. So states
// that V underrates at first are not visited and stay underrated. Start V too high rather than too
// low (see the example), or explore with the candidates.
type LongTerm[O any] struct {
	learner *AfterstateLearner
	model   AfterstateModel[O]

	// Buffers.
	executed    Decisions
	reward      [1]float64
	afterstates []float32
}

// NewLongTerm returns a critic that adds the value of afterstates to the scores of model.
func NewLongTerm[O any](model AfterstateModel[O], value AfterstateValue, cfg LongTermConfig) (*LongTerm[O], error) {
	learner, err := NewAfterstateLearner(value, cfg)
	if err != nil {
		return nil, err
	}
	return &LongTerm[O]{learner: learner, model: model}, nil
}

// Score implements Critic.
func (l *LongTerm[O]) Score(obs O, d *Decisions, dst []float64) error {
	l.afterstates = reuse.Slice(l.afterstates, d.K*l.model.AfterstateSize(obs))
	if err := l.model.Predict(obs, d, dst, l.afterstates); err != nil {
		return err
	}
	if err := l.learner.valuesOf(l.afterstates, d.K); err != nil {
		return err
	}
	for k, v := range l.learner.values {
		dst[k] += l.learner.cfg.Gamma * v
	}
	return nil
}

// Executed stores the afterstate of the decision about to be executed for obs.
func (l *LongTerm[O]) Executed(obs O, decision []int32) error {
	l.executed.Reset(len(decision), 1)
	l.executed.Append(decision)
	l.afterstates = reuse.Slice(l.afterstates, l.model.AfterstateSize(obs))
	if err := l.model.Predict(obs, &l.executed, l.reward[:], l.afterstates); err != nil {
		return fmt.Errorf("droo: long-term critic: afterstate: %w", err)
	}
	return l.learner.Executed(l.afterstates)
}

// Observe learns from the result of the decision passed to Executed. When training is due it trains
// V and returns the mean loss of the training steps.
func (l *LongTerm[O]) Observe(t rl.Transition[O]) (loss float64, trained bool, err error) {
	return l.learner.Observe(t.Reward, t.Terminated, t.Truncated)
}

// SaveState implements checkpoints.Stateful. The state includes those of the value and the model if
// they implement checkpoints.Stateful.
func (l *LongTerm[O]) SaveState(s *checkpoints.State) error {
	return errors.Join(l.learner.SaveState(s), checkpoints.SaveOptional(s, "model", l.model))
}

// LoadState implements checkpoints.Stateful. The critic must have the configuration of the saved
// one.
func (l *LongTerm[O]) LoadState(s *checkpoints.State) error {
	return errors.Join(l.learner.LoadState(s), checkpoints.LoadOptional(s, "model", l.model))
}

// LoadLearned implements Learned: it restores the value, not the memory that the value is learned
// from.
func (l *LongTerm[O]) LoadLearned(s *checkpoints.State) error {
	return errors.Join(
		checkpoints.LoadOptional(s, valueState, l.learner.value),
		checkpoints.LoadOptional(s, "model", l.model),
	)
}
