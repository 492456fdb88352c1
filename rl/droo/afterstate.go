package droo

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/rl"
)

// AfterstateValue is a trainable function V of afterstates.
type AfterstateValue interface {
	// Values writes V of k afterstates [k x size] to dst [k].
	Values(features []float32, k int, dst []float64) error
	// TrainTD makes one optimiser step that moves V of k afterstates [k x size] towards targets
	// [k], and returns the mean squared difference before the step. It keeps neither slice.
	TrainTD(features []float32, k int, targets []float64) (loss float64, err error)
}

// LongTermConfig holds the hyper-parameters of LongTerm. DefaultLongTermConfig returns this
// project's own choices.
type LongTermConfig struct {
	// Gamma is the discount factor, in [0, 1): the value now of a reward of 1 one slot later.
	// Default 0.9.
	Gamma float64
	// TrainInterval is the number of slots between trainings. Default 1.
	TrainInterval int
	// StepsPerTrain is the number of minibatches per training. Default 1.
	StepsPerTrain int
	// BatchSize is the number of temporal differences in a minibatch; training starts once that
	// many are stored. 0 trains on all stored ones, for values fitted by least squares. Default 64.
	BatchSize int
	// MemorySize is the number of temporal differences kept. They come from past policies, so a
	// long memory learns V of a mixture of them. Default 1024.
	MemorySize int
	// Seed determines the draws of minibatches. Default 0.
	Seed uint64
}

// DefaultLongTermConfig returns the defaults listed with the fields.
func DefaultLongTermConfig() LongTermConfig {
	return LongTermConfig{Gamma: 0.9, TrainInterval: 1, StepsPerTrain: 1, BatchSize: 64, MemorySize: 1024}
}

// Check reports invalid fields.
func (c LongTermConfig) Check() error {
	check := validate.Fields{Name: "droo: LongTerm"}
	check.Want(c.Gamma >= 0 && c.Gamma < 1, "Gamma is %v, want it in [0, 1)", c.Gamma)
	check.Want(c.TrainInterval >= 1, "TrainInterval is %d, want at least 1", c.TrainInterval)
	check.Want(c.StepsPerTrain >= 1, "StepsPerTrain is %d, want at least 1", c.StepsPerTrain)
	check.Want(c.BatchSize >= 0, "BatchSize is %d, want at least 0", c.BatchSize)
	check.Want(c.MemorySize >= max(c.BatchSize, 1), "MemorySize is %d, want at least BatchSize, %d", c.MemorySize, max(c.BatchSize, 1))
	return check.Err()
}

// AfterstateLearner learns V from real outcomes. With y_t the afterstate of the decision executed
// in slot t, and r_t the environment's reward for it, V is the fixed point of
//
//	V(y_t) = E[ r_t+1 + gamma V(y_t+1) ]
//
// Temporal differences approach it: V(y_t) moves towards r_t+1 + gamma V(y_t+1). The expectation is
// over everything that a model does not know, including the error of its predicted afterstate. When
// an episode terminates after slot t, V(y_t) moves towards 0; when it is truncated, nothing is
// learned about y_t.
//
// Call Executed before the environment's step and Observe after it. To evaluate without learning,
// call neither.
type AfterstateLearner struct {
	cfg    LongTermConfig
	value  AfterstateValue
	memory *rl.ReplayBuffer[tdStep]
	rand   *rl.Rand
	slots  int // observed

	// Executed fills current; Observe uses it and makes it previous. Empty means none.
	previous, current []float32
	pending           bool // between Executed and Observe

	// Buffers.
	features []float32
	next     []float32
	values   []float64
	targets  []float64
	batch    []tdStep
}

// NewAfterstateLearner returns a learner of value.
func NewAfterstateLearner(value AfterstateValue, cfg LongTermConfig) (*AfterstateLearner, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	memory, err := rl.NewReplayBuffer[tdStep](cfg.MemorySize, tdCodec{})
	if err != nil {
		return nil, err
	}
	return &AfterstateLearner{cfg: cfg, value: value, memory: memory, rand: rl.NewRand(cfg.Seed, 0)}, nil
}

// valuesOf computes l.values [k].
func (l *AfterstateLearner) valuesOf(features []float32, k int) error {
	l.values = reuse.Slice(l.values, k)
	if err := l.value.Values(features, k, l.values); err != nil {
		return fmt.Errorf("droo: long-term critic: value of afterstates: %w", err)
	}
	for i, v := range l.values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			size := len(features) / k
			return fmt.Errorf("droo: long-term critic: the value of afterstate %d of %d is %v, of features %v", i, k, v, features[i*size:(i+1)*size])
		}
	}
	return nil
}

// Executed stores the afterstate [size] of the decision about to be executed.
func (l *AfterstateLearner) Executed(afterstate []float32) error {
	if l.pending {
		return errors.New("droo: long-term critic: Executed twice without Observe in between")
	}
	size := len(afterstate)
	if size < 1 {
		return errors.New("droo: long-term critic: an afterstate without features")
	}
	if len(l.previous) > 0 && len(l.previous) != size {
		return fmt.Errorf("droo: long-term critic: an afterstate of %d features follows one of %d; V can be learned for one size only", size, len(l.previous))
	}
	l.current = append(l.current[:0], afterstate...)
	l.pending = true
	return nil
}

// Observe learns from the reward of the decision passed to Executed, and from whether the episode
// terminated or was truncated after it. When training is due it trains V and returns the mean loss
// of the training steps.
func (l *AfterstateLearner) Observe(reward float64, terminated, truncated bool) (loss float64, trained bool, err error) {
	if !l.pending {
		return 0, false, errors.New("droo: long-term critic: Observe without Executed before it")
	}
	if math.IsNaN(reward) || math.IsInf(reward, 0) {
		return 0, false, fmt.Errorf("droo: long-term critic: the environment gave the reward %v", reward)
	}
	l.pending = false
	if len(l.previous) > 0 {
		l.memory.Add(tdStep{state: l.previous, reward: reward, next: l.current})
	}
	if terminated {
		l.memory.Add(tdStep{state: l.current})
	}
	l.previous, l.current = l.current, l.previous
	if terminated || truncated {
		l.previous = l.previous[:0]
	}

	l.slots++
	if l.slots%l.cfg.TrainInterval != 0 || l.memory.Len() < max(l.cfg.BatchSize, 1) {
		return 0, false, nil
	}
	for range l.cfg.StepsPerTrain {
		stepLoss, err := l.train()
		if err != nil {
			return 0, false, err
		}
		loss += stepLoss / float64(l.cfg.StepsPerTrain)
	}
	return loss, true, nil
}

// draw fills l.batch with a minibatch, or with all stored differences.
func (l *AfterstateLearner) draw() error {
	if l.cfg.BatchSize > 0 {
		l.batch = reuse.Slice(l.batch, l.cfg.BatchSize)
		return l.memory.Draw(l.rand, 0, l.batch)
	}
	l.batch = reuse.Slice(l.batch, l.memory.Len())
	for i := range l.batch {
		l.batch[i] = l.memory.At(i)
	}
	return nil
}

// train makes one step of TD(0) on a minibatch.
func (l *AfterstateLearner) train() (float64, error) {
	if err := l.draw(); err != nil {
		return 0, err
	}
	l.targets = reuse.Slice(l.targets, len(l.batch))
	size := len(l.batch[0].state)
	l.features, l.next = l.features[:0], l.next[:0]
	for _, step := range l.batch {
		if len(step.state) != size {
			return 0, fmt.Errorf("droo: long-term critic: the memory holds afterstates of %d and of %d features; V can be learned for one size only", size, len(step.state))
		}
		l.features = append(l.features, step.state...)
		if step.terminal() {
			l.next = append(l.next, step.state...) // any value: it is not used
		} else {
			l.next = append(l.next, step.next...)
		}
	}
	if err := l.valuesOf(l.next, len(l.batch)); err != nil {
		return 0, err
	}
	for i, step := range l.batch {
		l.targets[i] = step.reward
		if !step.terminal() {
			l.targets[i] += l.cfg.Gamma * l.values[i]
		}
	}
	loss, err := l.value.TrainTD(l.features, len(l.batch), l.targets)
	if err != nil {
		return 0, fmt.Errorf("droo: long-term critic: train value: %w", err)
	}
	return loss, nil
}

// Previous returns the afterstate of the last decision that was observed, empty if an episode
// starts. The learner owns it.
func (l *AfterstateLearner) Previous() []float32 { return l.previous }

// SetPrevious makes the next decision follow one with another afterstate, or start an episode if it
// is empty. So one learner can learn from several environments in turn.
func (l *AfterstateLearner) SetPrevious(afterstate []float32) {
	l.previous = append(l.previous[:0], afterstate...)
}

// valueState is the name of the value's state.
const valueState = "value"

// SaveState implements checkpoints.Stateful. The state includes the value's if it implements
// checkpoints.Stateful.
func (l *AfterstateLearner) SaveState(s *checkpoints.State) error {
	if l.pending {
		return errors.New("droo: long-term critic: cannot be saved between Executed and Observe")
	}
	s.PutInt("slots", int64(l.slots))
	s.PutFloat32("previous", nil, l.previous)
	return errors.Join(
		l.memory.SaveState(s.Sub("memory")),
		l.rand.SaveState(s.Sub("rand")),
		checkpoints.SaveOptional(s, valueState, l.value),
	)
}

// LoadState implements checkpoints.Stateful. The learner must have the configuration of the saved
// one.
func (l *AfterstateLearner) LoadState(s *checkpoints.State) error {
	l.pending = false
	size, err := s.Len("previous")
	if err != nil {
		return err
	}
	l.previous = reuse.Slice(l.previous, size)
	return errors.Join(
		s.Float32("previous", l.previous),
		checkpoints.LoadInt(s, "slots", &l.slots, 0, math.MaxInt),
		l.memory.LoadState(s.Sub("memory")),
		l.rand.LoadState(s.Sub("rand")),
		checkpoints.LoadOptional(s, valueState, l.value),
	)
}

// tdStep is one temporal difference: the target of V(state) is reward + gamma V(next), or 0 for a
// terminal state.
type tdStep struct {
	state, next []float32 // next is empty if the episode terminated
	reward      float64
}

func (s *tdStep) terminal() bool { return len(s.next) == 0 }

// tdCodec encodes a step as its reward, state and next state. The states have equal sizes, or next
// is empty.
type tdCodec struct{}

func (tdCodec) Copy(dst *tdStep, src tdStep) {
	dst.state = append(dst.state[:0], src.state...)
	dst.next = append(dst.next[:0], src.next...)
	dst.reward = src.reward
}

func (tdCodec) Encode(dst []float64, s tdStep) []float64 {
	var c rl.VectorCodec[float32]
	terminal := 0.0
	if s.terminal() {
		terminal = 1
	}
	return c.Encode(c.Encode(append(dst, terminal, s.reward), s.state), s.next)
}

func (tdCodec) Decode(s *tdStep, src []float64) error {
	for i, v := range src {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("number %d of a temporal difference is %v", i, v)
		}
	}
	if len(src) < 3 || src[0] != 0 && src[0] != 1 {
		return fmt.Errorf("%d numbers do not encode a temporal difference: %v",
			len(src), src[:min(3, len(src))])
	}
	terminal, states := src[0] == 1, src[2:]
	size := len(states)
	if !terminal {
		if size%2 != 0 {
			return fmt.Errorf("%d numbers are not two afterstates", size)
		}
		size /= 2
	}
	s.reward = src[1]
	var c rl.VectorCodec[float32]
	return errors.Join(c.Decode(&s.state, states[:size]), c.Decode(&s.next, states[size:]))
}
