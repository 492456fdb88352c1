package main

import (
	"context"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

// learner is the common interface of PPO, A2C, DQN and REINFORCE.
type learner interface {
	rl.Policy[[]float32]
	checkpoints.Stateful
	Train(ctx context.Context, callbacks ...rl.Callback) error
	Progress() rl.Progress
}

// Seeds of the episodes of evaluations. The best policy is chosen by some and judged by others.
const (
	seedOfChoice = 1001
	seedOfTest   = 1002
)

// evaluations is their number in the course of a training.
const evaluations = 20

// train trains once.
func train(ctx context.Context, t task, algo string, seed uint64, steps int, f flags, show func(steps int)) (row, error) {
	problem, l, err := t.learner(algo, seed, steps)
	if err != nil {
		return row{}, err
	}
	evaluator := rl.NewEvaluator(l, problem.NewEnv, max(1, steps/evaluations))
	evaluator.Episodes, evaluator.Seed = f.Episodes, seedOfChoice
	if f.Until != 0 {
		evaluator.Until = rl.ReturnReaches(f.Until)
	}
	var best *checkpoints.State
	evaluator.Best = func(rl.EvaluationPoint) error {
		best = checkpoints.NewState()
		return l.SaveState(best)
	}
	var evaluating time.Duration
	evaluate := func(p rl.Progress) error {
		show(min(p.Steps, steps))
		start := time.Now()
		defer func() { evaluating += time.Since(start) }()
		return evaluator.Evaluate(p)
	}

	start := time.Now()
	if err := l.Train(ctx, evaluate); err != nil {
		return row{}, err
	}
	show(steps)
	r := row{Env: t.name, Algo: algo, Seed: seed, Steps: l.Progress().Steps}
	r.StepsPerSecond = float64(r.Steps) / (time.Since(start) - evaluating).Seconds()
	r.curve = evaluator.Points()
	for _, p := range r.curve {
		if p.Mean >= t.target {
			r.SolvedAt = &p.Steps
			break
		}
	}
	test := func() (float64, error) {
		returns, err := rl.Evaluate(l, problem.NewEnv, f.Episodes, seedOfTest)
		return rl.Mean(returns), err
	}
	if r.FinalReturn, err = test(); err != nil {
		return row{}, err
	}
	r.Return = r.FinalReturn
	if best != nil {
		if err := l.LoadState(best); err != nil {
			return row{}, err
		}
		r.Return, err = test()
	}
	return r, err
}
