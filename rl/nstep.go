package rl

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
)

// Experience is an action and its result over one or more steps, as value-based learners such as
// DQN keep it for replay. It estimates the action's value as
//
//	Return + Discount * max_a Q(Next, a)
type Experience[O any] struct {
	Observation O       // before the action
	Action      int     // action taken
	Return      float64 // discounted sum of the rewards of the steps
	Next        O       // after the steps
	Discount    float64 // gamma to the number of the steps, or 0 if the episode terminated
}

// ExperienceCodec is the Codec of experiences with observations of the given codec.
type ExperienceCodec[O any] struct {
	Observation Codec[O] // of both observations
}

// Copy implements Codec.
func (c ExperienceCodec[O]) Copy(dst *Experience[O], src Experience[O]) {
	c.Observation.Copy(&dst.Observation, src.Observation)
	c.Observation.Copy(&dst.Next, src.Next)
	dst.Action, dst.Return, dst.Discount = src.Action, src.Return, src.Discount
}

// Encode implements Codec: action, return, discount, the size of the first observation, and both
// observations.
func (c ExperienceCodec[O]) Encode(dst []float64, e Experience[O]) []float64 {
	dst = append(dst, float64(e.Action), e.Return, e.Discount, 0)
	begin := len(dst)
	dst = c.Observation.Encode(dst, e.Observation)
	dst[begin-1] = float64(len(dst) - begin)
	return c.Observation.Encode(dst, e.Next)
}

// Decode implements Codec.
func (c ExperienceCodec[O]) Decode(e *Experience[O], src []float64) error {
	if len(src) < 4 || !(0 <= src[3] && src[3] <= float64(len(src)-4)) {
		return fmt.Errorf("%d numbers do not encode an experience", len(src))
	}
	action, observations, size := int(src[0]), src[4:], int(src[3])
	if float64(action) != src[0] || action < 0 {
		return fmt.Errorf("the action of an experience is %v", src[0])
	}
	e.Action, e.Return, e.Discount = action, src[1], src[2]
	if err := c.Observation.Decode(&e.Observation, observations[:size]); err != nil {
		return err
	}
	return c.Observation.Decode(&e.Next, observations[size:])
}

// NStep combines the steps of one environment into experiences of n steps each, which propagate
// rewards n times as fast as single steps do (R. Sutton, A. Barto, "Reinforcement Learning", 2nd
// ed., chapter 7). The last experiences of an episode have fewer steps.
//
//	nstep.Act(obs, action)                    // before the environment's Step, while obs is valid
//	transition, err := env.Step(action)
//	nstep.Observe(transition, replay.Add)
type NStep[O any] struct {
	n     int
	gamma float64
	codec Codec[O]
	// pending are the incomplete experiences, oldest first. Each has one step more than the next.
	pending []Experience[O]
	acted   bool
}

// NewNStep returns an empty NStep with the discount factor gamma.
func NewNStep[O any](n int, gamma float64, codec Codec[O]) (*NStep[O], error) {
	if n < 1 || !(0 <= gamma && gamma <= 1) {
		return nil, fmt.Errorf("rl: %d-step returns with gamma %v; want at least 1 step and gamma in [0, 1]", n, gamma)
	}
	if codec == nil {
		return nil, errors.New("rl: n-step returns: want a codec, got nil")
	}
	return &NStep[O]{n: n, gamma: gamma, codec: codec, pending: make([]Experience[O], 0, n)}, nil
}

// Act stores the action about to be taken for obs.
func (s *NStep[O]) Act(obs O, action int) error {
	if s.acted {
		return errors.New("rl: n-step returns: Act twice without Observe in between")
	}
	s.acted = true
	s.pending = s.pending[:len(s.pending)+1] // reuses the memory of an emitted one
	e := &s.pending[len(s.pending)-1]
	s.codec.Copy(&e.Observation, obs)
	e.Action, e.Return, e.Discount = action, 0, 1
	return nil
}

// Observe adds the result of the action, and calls emit with each experience it completes. These
// share memory with s and the transition and are valid during the call.
func (s *NStep[O]) Observe(t Transition[O], emit func(Experience[O])) error {
	if !s.acted {
		return errors.New("rl: n-step returns: Observe without Act before it")
	}
	s.acted = false
	for i := range s.pending {
		e := &s.pending[i]
		e.Return += e.Discount * t.Reward
		e.Discount *= s.gamma
	}
	complete := 0
	if t.Done() {
		complete = len(s.pending)
	} else if len(s.pending) == s.n {
		complete = 1
	}
	for _, e := range s.pending[:complete] {
		e.Next = t.Observation
		if t.Terminated {
			e.Discount = 0
		}
		emit(e)
	}
	// Move the remaining ones to the front, and the memory of the others behind them.
	rest := len(s.pending) - complete
	for i := range rest {
		s.pending[i], s.pending[i+complete] = s.pending[i+complete], s.pending[i]
	}
	s.pending = s.pending[:rest]
	return nil
}

// SaveState implements checkpoints.Stateful. Save between Observe and Act.
func (s *NStep[O]) SaveState(state *checkpoints.State) error {
	if s.acted {
		return errors.New("rl: n-step returns: cannot be saved between Act and Observe")
	}
	// The end of pending experiences is still unknown.
	for i := range s.pending {
		s.pending[i].Next = s.pending[i].Observation
	}
	saveItems(state, ExperienceCodec[O]{s.codec}, s.pending)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (s *NStep[O]) LoadState(state *checkpoints.State) error {
	s.acted = false
	items := make([]Experience[O], s.n)
	n, err := loadItems(state, ExperienceCodec[O]{s.codec}, items)
	if err == nil && n == s.n {
		err = fmt.Errorf("%d experiences are pending of at most %d", n, s.n-1)
	}
	if err != nil {
		return fmt.Errorf("rl: n-step returns: %w", err)
	}
	s.pending = items[:n]
	return nil
}

// Reset forgets the steps of an interrupted episode.
func (s *NStep[O]) Reset() { s.pending, s.acted = s.pending[:0], false }
