package rl

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Problem is what a learner is told about the task: the environment, the network to learn with, and how to keep
// observations. Actions are numbers, counted from 0 among those the observation offers.
type Problem[O any] struct {
	// NewEnv makes an environment. It is called once for each of those a learner steps side by side.
	NewEnv func() Env[O, int]
	// NewModel makes a network whose initial weights are drawn from rand.
	NewModel func(rand *Rand) (Model[O], error)
	// Codec keeps observations.
	Codec Codec[O]
}

func (p Problem[O]) check() error {
	if p.NewEnv == nil || p.NewModel == nil || p.Codec == nil {
		return errors.New("rl: a problem needs NewEnv, NewModel and Codec")
	}
	return nil
}

// Model is a network as learners use it. From a batch of observations it computes a score for each action that each of
// them offers, and, if it has a critic, one value per observation. To a policy scores are logits; to DQN they are action
// values or, with a value beside them, advantages.
//
// MLPModel is one for vectors, GraphModel one for graphs. A Model that has a state beside its weights implements
// checkpoints.Stateful, and one that keeps statistics of observations Observer.
type Model[O any] interface {
	// Params returns the weights.
	Params() nn.Params
	// Build makes the network in an expression graph of its own, over the weights of the model. It is called several times,
	// for a learner acts and trains with different graphs.
	Build() (*Network[O], error)
}

// Network is a Model in one expression graph.
type Network[O any] struct {
	// Scores has one entry per action, row-major: those of the first observation, then those of the second, and so on. For
	// a fixed number of actions that is [observations x actions], otherwise for instance [nodes of all graphs x 1].
	Scores *gorgonia.Node
	// Value is [observations x 1]; nil without a critic.
	Value *gorgonia.Node
	// Load computes the inputs for a batch of observations, binds them to the tape, and appends the actions of each
	// observation to actions.
	Load func(tape *nn.Tape, batch []O, actions *ActionSets) error
}

// Observer is a Model that keeps statistics of observations, for instance to normalise them. Learners show it every
// observation of training once, after they have learned from it.
type Observer[O any] interface {
	// Observe takes observations into the statistics. It keeps none of them.
	Observe(batch []O) error
}

func observe[O any](model Model[O], batch []O) error {
	if observer, ok := model.(Observer[O]); ok {
		return observer.Observe(batch)
	}
	return nil
}

// ActionSets are the actions that each observation of a batch offers. Their number may differ from one to the next, and
// some may be forbidden (masked).
type ActionSets struct {
	ends    []int
	allowed []bool // of all actions, once one was forbidden
}

// Reset forgets all sets.
func (a *ActionSets) Reset() { a.ends, a.allowed = a.ends[:0], a.allowed[:0] }

// Append adds the set of the next observation: n actions, of which those are allowed that the mask says; a nil mask
// allows all.
func (a *ActionSets) Append(n int, allowed []bool) error {
	if n < 0 || allowed != nil && len(allowed) != n {
		return fmt.Errorf("rl: action set of %d actions with a mask of %d", n, len(allowed))
	}
	total := a.Actions()
	a.ends = append(a.ends, total+n)
	if allowed == nil && len(a.allowed) == 0 {
		return nil
	}
	for len(a.allowed) < total {
		a.allowed = append(a.allowed, true)
	}
	a.allowed = append(a.allowed, allowed...)
	for len(a.allowed) < total+n {
		a.allowed = append(a.allowed, true)
	}
	return nil
}

// Len returns the number of sets.
func (a *ActionSets) Len() int { return len(a.ends) }

// Actions returns the number of actions of all sets together, forbidden ones included.
func (a *ActionSets) Actions() int {
	if len(a.ends) == 0 {
		return 0
	}
	return a.ends[len(a.ends)-1]
}

// Begin returns how many actions the sets before the given one have: where its scores begin.
func (a *ActionSets) Begin(set int) int {
	if set == 0 {
		return 0
	}
	return a.ends[set-1]
}

// Of returns those of scores [Actions] that belong to a set, and its mask, nil if all of them are allowed.
func (a *ActionSets) Of(set int, scores []float32) (own []float32, allowed []bool) {
	begin, end := a.Begin(set), a.ends[set]
	if len(a.allowed) > 0 {
		allowed = a.allowed[begin:end]
	}
	return scores[begin:end], allowed
}

// argmax returns the allowed action of the highest score, the first of several, or -1 if there is none.
func argmax(scores []float32, allowed []bool) int {
	best := -1
	for i, z := range scores {
		if (allowed == nil || allowed[i]) && (best < 0 || z > scores[best]) {
			best = i
		}
	}
	return best
}

// compiled is a network with the tape that runs it.
type compiled[O any] struct {
	net  *Network[O]
	tape *nn.Tape
	sets ActionSets
}

// load binds a batch to the tape.
func (c *compiled[O]) load(batch []O) error {
	c.sets.Reset()
	if err := c.net.Load(c.tape, batch, &c.sets); err != nil {
		return err
	}
	if c.sets.Len() != len(batch) {
		return fmt.Errorf("rl: the model has announced the actions of %d observations, of %d", c.sets.Len(), len(batch))
	}
	return nil
}

// run computes the scores of the given output and, with a critic, the values of a batch. They are valid until the next
// run.
func (c *compiled[O]) run(batch []O, output *gorgonia.Node) (scores, values []float32, err error) {
	if err := c.load(batch); err != nil {
		return nil, nil, err
	}
	if err := c.tape.Run(); err != nil {
		return nil, nil, err
	}
	scores = c.tape.Matrix(output).Data
	if len(scores) != c.sets.Actions() {
		return nil, nil, fmt.Errorf("rl: the model has %d scores for %d actions", len(scores), c.sets.Actions())
	}
	if c.net.Value != nil {
		values = c.tape.Matrix(c.net.Value).Data
		if len(values) != len(batch) {
			return nil, nil, fmt.Errorf("rl: the model has %d values for %d observations", len(values), len(batch))
		}
	}
	return scores, values, nil
}
