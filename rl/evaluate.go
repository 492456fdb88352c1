package rl

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/graphrl/graphrl/checkpoints"
)

// evaluationWidth is the most environments that Evaluate steps side by side.
const evaluationWidth = 100

// EpisodeSeed returns the seed with which [Evaluate] resets the environment of its k-th episode.
// With it, a method that is not a Policy can play the same episodes, for
// [Bootstrap.PairedDifference].
func EpisodeSeed(seed uint64, k int) uint64 {
	return NewRand(seed, streamEvaluation+uint64(k)).Uint64()
}

// Evaluate returns the return (the undiscounted sum of rewards) of a policy in each of a number of
// episodes. seed and k determine the k-th episode.
func Evaluate[O any](policy Policy[O], newEnv func() Env[O, int], episodes int, seed uint64) ([]float64, error) {
	if episodes < 1 {
		return nil, fmt.Errorf("rl: evaluation of %d episodes, want at least 1", episodes)
	}
	if policy == nil || newEnv == nil {
		return nil, errors.New("rl: evaluation: want a policy and environments, got nil")
	}
	e := evaluation[O]{seed: seed, returns: make([]float64, episodes)}
	for range min(episodes, evaluationWidth) {
		if err := e.begin(newEnv()); err != nil {
			return nil, err
		}
	}
	actions := make([]int, len(e.running))
	for len(e.running) > 0 {
		if err := policy.Decide(e.obs, actions[:len(e.running)]); err != nil {
			return nil, fmt.Errorf("rl: evaluation: %w", e.name(err))
		}
		running := e.running
		e.running, e.obs = running[:0], e.obs[:0] // running environments move to the front
		for i, r := range running {
			if err := e.step(r, actions[i]); err != nil {
				return nil, err
			}
		}
	}
	return e.returns, nil
}

// evaluation is the state of Evaluate.
type evaluation[O any] struct {
	seed    uint64
	returns []float64      // [episodes]
	begun   int            // episodes
	running []evaluated[O] // side by side
	obs     []O            // [running]
}

// evaluated is an episode that runs.
type evaluated[O any] struct {
	env          Env[O, int]
	number, step int
}

// begin starts the next episode.
func (e *evaluation[O]) begin(env Env[O, int]) error {
	obs, err := env.Reset(EpisodeSeed(e.seed, e.begun))
	if err != nil {
		return fmt.Errorf("rl: evaluation: episode %d: %w", e.begun, err)
	}
	e.running, e.obs = append(e.running, evaluated[O]{env, e.begun, 0}), append(e.obs, obs)
	e.begun++
	return nil
}

// step takes an action. The environment continues its episode or, after the end, starts the next
// one if there is one left.
func (e *evaluation[O]) step(r evaluated[O], action int) error {
	t, err := step(r.env, action)
	if err == nil {
		r.step++
		err = checkReward(t.Reward)
	}
	if err != nil {
		return fmt.Errorf("rl: evaluation: episode %d, after step %d: %w", r.number, r.step, err)
	}
	e.returns[r.number] += t.Reward
	if !t.Done() {
		e.running, e.obs = append(e.running, r), append(e.obs, t.Observation)
	} else if e.begun < len(e.returns) {
		return e.begin(r.env)
	}
	return nil
}

// name adds the episode to an error about an observation.
func (e *evaluation[O]) name(err error) error {
	var bad *observationError
	if errors.As(err, &bad) && bad.index < len(e.running) {
		r := e.running[bad.index]
		return fmt.Errorf("episode %d, after step %d: %w", r.number, r.step, bad.err)
	}
	return err
}

// Evaluator evaluates a policy during its training, without exploration and in separate
// environments. Its method Evaluate is a Callback.
type Evaluator[O any] struct {
	// Every is the number of training steps between evaluations. Default 0: after every update.
	Every int
	// Episodes is the number of episodes of an evaluation, the same ones every time. NewEvaluator
	// sets 100.
	Episodes int
	// Seed determines the episodes.
	Seed uint64
	// Best, if not nil, is called after an evaluation with the best mean return so far, for
	// instance to save the policy.
	Best func(EvaluationPoint) error
	// Until, if not nil, is called after every evaluation with all points so far and reports
	// whether to stop training. See [ReturnReaches] and [NoBetterFor].
	Until func([]EvaluationPoint) bool

	policy Policy[O]
	newEnv func() Env[O, int]
	points []EvaluationPoint
}

// EvaluationPoint is the result of an evaluation.
type EvaluationPoint struct {
	Steps  int     // of training before it
	Mean   float64 // return
	StdDev float64 // of the returns, over the episodes
}

// NewEvaluator returns an Evaluator of a policy that evaluates every given number of steps, in
// environments from newEnv.
func NewEvaluator[O any](policy Policy[O], newEnv func() Env[O, int], every int) *Evaluator[O] {
	return &Evaluator[O]{Every: every, Episodes: 100, policy: policy, newEnv: newEnv}
}

// Points returns the results so far, oldest first.
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

// ReturnReaches returns a condition that stops training when an evaluation's mean return is at
// least mean.
func ReturnReaches(mean float64) func([]EvaluationPoint) bool {
	return func(points []EvaluationPoint) bool { return points[len(points)-1].Mean >= mean }
}

// NoBetterFor returns a condition that stops training when the best evaluation is the given number
// of evaluations ago.
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
