package rl

import (
	"errors"

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

// Model is a network as all learners use it, those of this package and droo.Learner. From a batch of
// observations it computes a score for each option that each of them offers and, if it has a critic,
// one value per observation. Policies and DROO read scores as logits; DQN reads them as action
// values or, if the model also has values, as advantages.
//
// MLPModel takes vectors, GraphModel graphs, and package hetero graphs of several node types. A Model
// with state other than its weights implements checkpoints.Stateful. One that keeps statistics of
// observations implements Observer.
type Model[O any] interface {
	// Params returns the weights.
	Params() nn.Params
	// Build makes the network in an expression graph of its own, over the weights of the model. It is called several times,
	// for a learner acts and trains with different graphs.
	Build() (*Network[O], error)
}

// Network is a Model in one expression graph.
type Network[O any] struct {
	// Scores has one entry per option, row-major: those of the first observation, then those of the
	// second. Its shape is free: [observations x actions] if their number is fixed, or
	// [edges of all graphs x 1].
	Scores *gorgonia.Node
	// Binary says that every row decides yes or no by a single score, the logit of yes. Learners from
	// rewards take no notice: their action is one of the scores.
	Binary bool
	// Value is [observations x 1]; nil without a critic.
	Value *gorgonia.Node
	// Load computes the inputs for a batch of observations, binds them to the tape, and adds the
	// choices of each observation.
	Load func(tape *nn.Tape, batch []O, choices *Choices) error
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
