package rl

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Problem describes a task to a learner: the environment, the network, and how to store
// observations. Actions are numbered from 0 among those the observation offers.
type Problem[O any] struct {
	// NewEnv returns an environment. A learner calls it once for each environment it steps.
	NewEnv func() Env[O, int]
	// NewModel returns a network with initial weights drawn from rand.
	NewModel func(rand *Rand) (Model[O], error)
	// Codec stores observations.
	Codec Codec[O]
}

func (p Problem[O]) check() error {
	if p.NewEnv == nil || p.NewModel == nil || p.Codec == nil {
		return errors.New("rl: a problem needs NewEnv, NewModel and Codec")
	}
	return nil
}

// newEnvs returns n environments.
func (p Problem[O]) newEnvs(n int) ([]Env[O, int], error) {
	all := make([]Env[O, int], n)
	for i := range all {
		if all[i] = p.NewEnv(); all[i] == nil {
			return nil, errors.New("rl: the problem's NewEnv returns nil")
		}
	}
	return all, nil
}

// newModel returns a model with the initial weights of a seed.
func (p Problem[O]) newModel(seed uint64) (Model[O], error) {
	model, err := p.NewModel(NewRand(seed, streamWeights))
	if err == nil && model == nil {
		err = errors.New("rl: the problem's NewModel returns nil")
	}
	return model, err
}

// Model is a network for all learners of this package and for droo.Learner. From a batch of
// observations it computes a score for each option that they offer and, if it has a critic, one
// value per observation. Policies and DROO use scores as logits. DQN uses them as action values or,
// with Dueling, as advantages.
//
// MLPModel takes vectors, hetero.Model graphs with nodes of one or several types. A Model with state other than its weights implements checkpoints.Stateful. One that keeps
// statistics of observations implements Observer.
type Model[O any] interface {
	// Params returns the weights.
	Params() nn.Params
	// Build creates the network in a new expression graph that shares the model's weights. It is
	// called several times, because a learner acts and trains with different graphs.
	Build() (*Network[O], error)
}

// Network is a Model in one expression graph.
type Network[O any] struct {
	// Scores has one entry per option, row-major: first those of the first observation, then those
	// of the second. Its shape is free: [observations x actions] if the number is fixed, or [edges
	// of all graphs x 1].
	Scores *gorgonia.Node
	// Binary means that every row decides yes or no by a single score, the logit of yes. Learners
	// from rewards ignore it: their action is one of the scores.
	Binary bool
	// Value is [observations x 1]; nil without a critic.
	Value *gorgonia.Node
	// Load computes the inputs for a batch of observations, binds them to the tape, and adds each
	// observation's choices.
	Load func(tape *nn.Tape, batch []O, choices *Choices) error
}

// Observer is a Model that keeps statistics of observations, for instance to normalise them.
// Learners pass it every observation of training once, after learning from it.
type Observer[O any] interface {
	// Observe updates the statistics. It keeps no reference to batch.
	Observe(batch []O) error
}

func observe[O any](model Model[O], batch []O) error {
	if observer, ok := model.(Observer[O]); ok {
		return observer.Observe(batch)
	}
	return nil
}

// argmax returns the allowed action with the highest score, the first of equals, or -1 if none is
// allowed. A NaN score of an allowed action or an infinite highest score is an error.
func argmax(scores []float32, allowed []bool) (int, error) {
	best := -1
	for i, z := range scores {
		if allowed != nil && !allowed[i] {
			continue
		}
		if z != z {
			return -1, fmt.Errorf("the score of action %d is %v: %w", i, z, nn.ErrNotFinite)
		}
		if best < 0 || z > scores[best] {
			best = i
		}
	}
	if best >= 0 && math.IsInf(float64(scores[best]), 0) {
		return -1, fmt.Errorf("the highest score, of action %d, is %v: %w", best, scores[best], nn.ErrNotFinite)
	}
	return best, nil
}

// Compiled is a network and the tape that runs it, for acting or for training.
type Compiled[O any] struct {
	Net     *Network[O]
	Tape    *nn.Tape
	Choices Choices        // of the batch loaded last
	Output  *gorgonia.Node // result of Run, with one entry per option: the scores, unless changed
	Target  *gorgonia.Node // input of a loss, if it has one, that Load does not bind
}

// Compile combines a network with a tape that computes its scores, or a loss of them.
func Compile[O any](net *Network[O], tape *nn.Tape) *Compiled[O] {
	return &Compiled[O]{Net: net, Tape: tape, Output: net.Scores}
}

// Load binds a batch to the tape. Inputs that are not finite are an error that wraps
// nn.ErrNotFinite and names the observation they come from.
func (c *Compiled[O]) Load(batch []O) error {
	err := c.load(batch)
	if !errors.Is(err, nn.ErrNotFinite) {
		return err
	}
	for i := range batch {
		if err := c.load(batch[i : i+1]); err != nil {
			return &observationError{i, err}
		}
	}
	return err
}

func (c *Compiled[O]) load(batch []O) error {
	c.Choices.Reset()
	if err := c.Net.Load(c.Tape, batch, &c.Choices); err != nil {
		return err
	}
	if c.Choices.Len() != len(batch) {
		return fmt.Errorf("rl: the model added the choices of %d observations, the batch has %d",
			c.Choices.Len(), len(batch))
	}
	return c.Tape.CheckInputs(c.Target)
}

// observationError is an error about one observation of a batch.
type observationError struct {
	index int
	err   error
}

func (e *observationError) Error() string { return fmt.Sprintf("observation %d: %v", e.index, e.err) }
func (e *observationError) Unwrap() error { return e.err }

// Run computes the output of the loaded batch. It is valid until the next Run.
func (c *Compiled[O]) Run() ([]float32, error) {
	if err := c.Tape.Run(); err != nil {
		return nil, err
	}
	scores := c.Tape.Matrix(c.Output).Data
	if len(scores) != c.Choices.Scores() {
		return nil, fmt.Errorf("rl: the model has %d scores for %d options", len(scores), c.Choices.Scores())
	}
	return scores, nil
}

// Values returns the critic's value of each observation of the batch that Run has computed, nil
// without a critic. A value that is not finite is an error that wraps nn.ErrNotFinite.
func (c *Compiled[O]) Values() ([]float32, error) {
	if c.Net.Value == nil {
		return nil, nil
	}
	values := c.Tape.Matrix(c.Net.Value).Data
	if len(values) != c.Choices.Len() {
		return nil, fmt.Errorf("rl: the model has %d values for %d observations", len(values), c.Choices.Len())
	}
	for i, v := range values {
		if v-v != 0 {
			return nil, fmt.Errorf("the value of observation %d is %v: %w", i, v, nn.ErrNotFinite)
		}
	}
	return values, nil
}

// decide writes the best allowed action of each observation, or -1 where none is allowed.
func (c *Compiled[O]) decide(obs []O, actions []int) error {
	scores, err := c.predict(obs)
	if err != nil {
		return err
	}
	for b := range obs {
		if actions[b], err = argmax(c.Choices.Of(b, scores)); err != nil {
			return fmt.Errorf("observation %d: %w", b, err)
		}
	}
	return nil
}

// predict loads and runs a batch.
func (c *Compiled[O]) predict(batch []O) ([]float32, error) {
	if err := c.Load(batch); err != nil {
		return nil, err
	}
	return c.Run()
}
