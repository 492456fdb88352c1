package rl

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// ValueHead selects a model's critic.
type ValueHead uint8

// The critics of MLPModel.
const (
	NoValue       ValueHead = iota // no critic
	SeparateValue                  // a separate network
	SharedValue                    // a second head on the network of the scores
)

// MLPConfig describes an MLPModel. DefaultMLPConfig returns the defaults that the comments name.
type MLPConfig struct {
	// Features is the length of an observation's feature vector. No default.
	Features int
	// Actions is the number of actions. No default.
	Actions int
	// Hidden are the widths of the hidden layers. Default 64, 64, as in PPO's paper.
	Hidden []int
	// Activation follows every hidden layer. Default nn.Tanh, as in PPO's paper.
	Activation nn.Activation
	// ScoreGain scales the initial weights of the last layer of the scores. The weights are
	// orthogonal; hidden layers are scaled by sqrt(2) and the value by 1. Default 0.01, as in
	// OpenAI's implementation of PPO: a policy starts close to uniform. Use 1 for action values.
	ScoreGain float64
	// Value selects the critic. Default SeparateValue, as in OpenAI's implementation of PPO for
	// control problems.
	Value ValueHead
	// Normalize standardises the features by their running mean and variance (see Normalizer).
	// Default false.
	Normalize bool
}

// DefaultMLPConfig returns the defaults for the given numbers of features and actions.
func DefaultMLPConfig(features, actions int) MLPConfig {
	return MLPConfig{
		Features:   features,
		Actions:    actions,
		Hidden:     []int{64, 64},
		Activation: nn.Tanh,
		ScoreGain:  0.01,
		Value:      SeparateValue,
	}
}

// Check reports invalid fields.
func (c MLPConfig) Check() error {
	check := validate.Fields{Name: "rl: MLP"}
	check.Want(c.Features >= 1, "Features is %d, want at least 1", c.Features)
	check.Want(c.Actions >= 1, "Actions is %d, want at least 1", c.Actions)
	check.Want(c.ScoreGain > 0, "ScoreGain is %v, want it positive", c.ScoreGain)
	check.Want(c.Value <= SharedValue, "Value is %d, want NoValue, SeparateValue or SharedValue",
		c.Value)
	for _, width := range c.Hidden {
		check.Want(width >= 1, "Hidden is %v, want widths of at least 1", c.Hidden)
	}
	return check.Err()
}

// MLPModel is a perceptron for observations with a feature vector and a fixed number of actions.
type MLPModel[O any] struct {
	cfg      MLPConfig
	features func(O) []float32
	allowed  func(O) []bool

	body      []*nn.Linear
	score     *nn.Linear
	valueBody []*nn.Linear
	value     *nn.Linear
	normalize *Normalizer
	row       []float32
}

// NewMLPModel returns a model. The function features returns an observation's feature vector. The
// function allowed returns the mask of its actions [Actions], or nil for all of them; allowed may
// be nil too. Initial weights are drawn from rand.
func NewMLPModel[O any](features func(O) []float32, allowed func(O) []bool, cfg MLPConfig, rand *Rand) (*MLPModel[O], error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if features == nil {
		return nil, errors.New("rl: MLP: want a function that returns features, got nil")
	}
	m := &MLPModel[O]{cfg: cfg, features: features, allowed: allowed, row: make([]float32, cfg.Features)}
	body := func(name string) (layers []*nn.Linear, width int, err error) {
		width = cfg.Features
		for i, w := range cfg.Hidden {
			l, err := newLinear(fmt.Sprintf("%s.%d", name, i), width, w, cfg.Activation, hiddenGain, rand)
			if err != nil {
				return nil, 0, err
			}
			layers, width = append(layers, l), w
		}
		return layers, width, nil
	}
	var width int
	var err error
	if m.body, width, err = body("policy"); err != nil {
		return nil, err
	}
	if m.score, err = newLinear("policy.score", width, cfg.Actions, nn.None, cfg.ScoreGain, rand); err != nil {
		return nil, err
	}
	if cfg.Value == SeparateValue {
		if m.valueBody, width, err = body("value"); err != nil {
			return nil, err
		}
	}
	if cfg.Value != NoValue {
		if m.value, err = newLinear("value.out", width, 1, nn.None, 1, rand); err != nil {
			return nil, err
		}
	}
	if cfg.Normalize {
		if m.normalize, err = NewNormalizer(cfg.Features); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// hiddenGain is the scale of initial weights of hidden layers, sqrt(2).
const hiddenGain = 1.4142135623730951

// newLinear returns a layer with orthogonal weights, as in OpenAI's implementation of PPO.
func newLinear(name string, in, out int, act nn.Activation, gain float64, rand *Rand) (*nn.Linear, error) {
	return nn.NewLinear(name, nn.LinearConfig{In: in, Out: out, Act: act, Init: nn.Orthogonal(gain)}, rand.Rand)
}

// Params implements Model.
func (m *MLPModel[O]) Params() nn.Params {
	var ps nn.Params
	for _, l := range append(append(append([]*nn.Linear{}, m.body...), m.score), m.valueBody...) {
		ps = append(ps, l.Params()...)
	}
	if m.value != nil {
		ps = append(ps, m.value.Params()...)
	}
	return ps
}

// Build implements Model.
func (m *MLPModel[O]) Build() (*Network[O], error) {
	x, err := nn.NewInput(gorgonia.NewGraph(), "observation", m.cfg.Features)
	if err != nil {
		return nil, err
	}
	h, err := forward(x, m.body)
	if err != nil {
		return nil, err
	}
	net := new(Network[O])
	if net.Scores, err = m.score.Forward(h); err != nil {
		return nil, err
	}
	if m.cfg.Value == SeparateValue {
		if h, err = forward(x, m.valueBody); err != nil {
			return nil, err
		}
	}
	if m.value != nil {
		if net.Value, err = m.value.Forward(h); err != nil {
			return nil, err
		}
	}
	var input nn.Buffer
	net.Load = func(tape *nn.Tape, batch []O, choices *Choices) error {
		rows := input.Resize(len(batch), m.cfg.Features)
		for i, obs := range batch {
			if err := m.describe(rows[i*m.cfg.Features:(i+1)*m.cfg.Features], obs); err != nil {
				return err
			}
			var allowed []bool
			if m.allowed != nil {
				allowed = m.allowed(obs)
			}
			if err := choices.Append(m.cfg.Actions, allowed); err != nil {
				return err
			}
		}
		return tape.Bind(x, input.Value())
	}
	return net, nil
}

// describe writes the network's input for an observation [Features].
func (m *MLPModel[O]) describe(dst []float32, obs O) error {
	features := m.features(obs)
	if len(features) != len(dst) {
		return fmt.Errorf("rl: MLP: an observation of %d features, want %d", len(features), len(dst))
	}
	if m.normalize != nil {
		return m.normalize.Normalize(dst, features)
	}
	copy(dst, features)
	return nil
}

// Observe implements Observer.
func (m *MLPModel[O]) Observe(batch []O) error {
	if m.normalize == nil {
		return nil
	}
	for i, obs := range batch {
		if err := m.normalize.Update(m.features(obs)); err != nil {
			return &observationError{i, err}
		}
	}
	return nil
}

// SaveState implements checkpoints.Stateful. It saves everything except the weights.
func (m *MLPModel[O]) SaveState(s *checkpoints.State) error {
	if m.normalize == nil {
		return nil
	}
	return m.normalize.SaveState(s.Sub("normalizer"))
}

// LoadState implements checkpoints.Stateful.
func (m *MLPModel[O]) LoadState(s *checkpoints.State) error {
	if m.normalize == nil {
		return nil
	}
	return m.normalize.LoadState(s.Sub("normalizer"))
}

// forward adds layers to the expression graph one after the other.
func forward(x *gorgonia.Node, layers []*nn.Linear) (*gorgonia.Node, error) {
	var err error
	for _, l := range layers {
		if x, err = l.Forward(x); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// DiscreteEnv is an environment with vector observations and a fixed number of actions, such as
// those of package rl/envs.
type DiscreteEnv interface {
	Env[[]float32, int]
	ObservationSize() int // number of features of an observation
	Actions() int         // number of actions
}

// VectorProblem returns the Problem of learning in a DiscreteEnv with a perceptron. It sets
// Features and Actions of cfg from the environment.
func VectorProblem(newEnv func() DiscreteEnv, cfg MLPConfig) Problem[[]float32] {
	if newEnv == nil {
		return Problem[[]float32]{} // every learner rejects it
	}
	if env := newEnv(); env != nil { // else every learner rejects NewEnv
		cfg.Features, cfg.Actions = env.ObservationSize(), env.Actions()
	}
	return Problem[[]float32]{
		NewEnv: func() Env[[]float32, int] { return newEnv() },
		NewModel: func(rand *Rand) (Model[[]float32], error) {
			return NewMLPModel(func(obs []float32) []float32 { return obs }, nil, cfg, rand)
		},
		Codec: VectorCodec[float32]{},
	}
}
