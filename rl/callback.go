package rl

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/graphrl/graphrl/checkpoints"
)

// Progress is how far a learner is.
type Progress struct {
	Steps    int         // of the environments, all together
	Updates  int         // of the network: for PPO and DQN of several minibatches each
	Episodes int         // that have ended
	Return   float64     // mean return of the last 100 episodes of training; NaN before the first has ended
	Loss     float64     // of the last update, mean over its minibatches
	Policy   PolicyStats // of the last update, mean over its minibatches; nothing with DQN
}

// Callback is called by a learner's Train after every update, when the learner can be evaluated, saved or changed. The
// error ErrStop ends the training as if it were complete; any other makes Train fail.
type Callback func(Progress) error

// ErrStop is what a Callback returns to end the training.
var ErrStop = errors.New("stop training")

// notify calls callbacks and reports whether training is to stop.
func notify(callbacks []Callback, p Progress) (stop bool, err error) {
	for _, call := range callbacks {
		switch err := call(p); {
		case errors.Is(err, ErrStop):
			stop = true
		case err != nil:
			return true, err
		}
	}
	return stop, nil
}

// Evaluator evaluates a policy in the course of its training, without exploration and in environments of its own. Its
// method Evaluate is a Callback.
type Evaluator[O any] struct {
	// Every is the number of steps of training from one evaluation to the next. Default 0: one after every update.
	Every int
	// Episodes is the number of episodes of an evaluation, the same ones every time. NewEvaluator sets 100.
	Episodes int
	// Seed determines the episodes.
	Seed uint64
	// Best is called after an evaluation whose mean return is the best so far, for instance to save the policy; may be nil.
	Best func(EvaluationPoint) error
	// Until is called after every evaluation with all of them, and says whether training is to stop; nil: never. See
	// ReturnReaches and NoBetterFor.
	Until func([]EvaluationPoint) bool

	policy Policy[O]
	newEnv func() Env[O, int]
	points []EvaluationPoint
}

// EvaluationPoint is the outcome of an evaluation.
type EvaluationPoint struct {
	Steps  int     // of training before it
	Mean   float64 // return
	StdDev float64 // of the returns, over the episodes
}

// NewEvaluator returns an Evaluator of a policy, every given number of steps, in environments that newEnv makes.
func NewEvaluator[O any](policy Policy[O], newEnv func() Env[O, int], every int) *Evaluator[O] {
	return &Evaluator[O]{Every: every, Episodes: 100, policy: policy, newEnv: newEnv}
}

// Points returns the outcomes so far, the oldest first.
func (e *Evaluator[O]) Points() []EvaluationPoint { return e.points }

// Evaluate is a Callback.
func (e *Evaluator[O]) Evaluate(p Progress) error {
	last := 0
	best := math.Inf(-1)
	for _, point := range e.points {
		last, best = point.Steps, max(best, point.Mean)
	}
	if e.Every > 0 && p.Steps/e.Every == last/e.Every {
		return nil
	}
	returns, err := Evaluate(e.policy, e.newEnv, e.Episodes, e.Seed)
	if err != nil {
		return err
	}
	point := EvaluationPoint{Steps: p.Steps, Mean: Mean(returns), StdDev: stat.StdDev(returns, nil)}
	e.points = append(e.points, point)
	if e.Best != nil && point.Mean > best {
		if err := e.Best(point); err != nil {
			return err
		}
	}
	if e.Until != nil && e.Until(e.points) {
		return ErrStop
	}
	return nil
}

// ReturnReaches stops training when an evaluation's mean return is at least the given one.
func ReturnReaches(mean float64) func([]EvaluationPoint) bool {
	return func(points []EvaluationPoint) bool { return points[len(points)-1].Mean >= mean }
}

// NoBetterFor stops training when the best evaluation is the given number of evaluations ago.
func NoBetterFor(evaluations int) func([]EvaluationPoint) bool {
	return func(points []EvaluationPoint) bool {
		best := 0
		for i, p := range points {
			if p.Mean > points[best].Mean {
				best = i
			}
		}
		return len(points)-1-best >= evaluations
	}
}

// SaveState implements checkpoints.Stateful.
func (e *Evaluator[O]) SaveState(s *checkpoints.State) error {
	var numbers []float64
	for _, p := range e.points {
		numbers = append(numbers, float64(p.Steps), p.Mean, p.StdDev)
	}
	s.PutFloat64("points", []int{len(e.points), 3}, numbers)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (e *Evaluator[O]) LoadState(s *checkpoints.State) error {
	n, err := s.Len("points")
	if err != nil {
		return err
	}
	numbers := make([]float64, n)
	if err := s.Float64("points", numbers); err != nil {
		return err
	}
	if n%3 != 0 {
		return fmt.Errorf("rl: evaluator: %d saved numbers are no points", n)
	}
	e.points = e.points[:0]
	for ; len(numbers) > 0; numbers = numbers[3:] {
		e.points = append(e.points, EvaluationPoint{Steps: int(numbers[0]), Mean: numbers[1], StdDev: numbers[2]})
	}
	return nil
}

// Checkpoint returns a Callback that saves state in the directory dir (see checkpoints.Save) once in the given number of
// steps. The manifest's Step is set to that of the learner. Where several callbacks have a state, save them together by
// Parts, and make the checkpoint the last callback.
func Checkpoint(dir string, every int, state checkpoints.Stateful, manifest checkpoints.Manifest) Callback {
	last := -1
	return func(p Progress) error {
		if last < 0 {
			last = p.Steps - 1 // the first call of a training, which may be a resumed one
		}
		if every > 0 && p.Steps/every == last/every {
			return nil
		}
		last = p.Steps
		s := checkpoints.NewState()
		if err := state.SaveState(s); err != nil {
			return err
		}
		manifest.Step = int64(p.Steps)
		return checkpoints.Save(dir, s, manifest)
	}
}
