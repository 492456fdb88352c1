// Command cartpole teaches the learners of package rl two classic control problems, CartPole-v1 and Acrobot-v1.
//
//	go run ./examples/cartpole --algo ppo
//	go run ./examples/cartpole --algo ppo --algo dqn --algo a2c --seeds 5 --format markdown
//	go run ./examples/cartpole --algo ppo --env acrobot --summary --curves acrobot
//
// recipe.go has the hyper-parameters, train.go how a training is watched and judged, summary.go what several of them have
// in common, curves.go their learning curves.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/alecthomas/kong"
	"github.com/graphrl/graphrl/examples/internal/parallel"
	"github.com/graphrl/graphrl/internal/show"
	"github.com/graphrl/graphrl/rl"
)

type flags struct {
	Algo      []string `help:"ppo, a2c, dqn or reinforce; may be repeated." enum:"ppo,a2c,dqn,reinforce" default:"ppo"`
	Env       string   `help:"cartpole or acrobot." enum:"cartpole,acrobot" default:"cartpole"`
	Seeds     int      `help:"How often to train, each time with the next seed. They run at the same time, as many as there are processors." default:"5"`
	FirstSeed uint64   `help:"The first of these seeds." default:"1"`
	Steps     int      `help:"Steps of the environments to train for; 0: as in the recipe."`
	Episodes  int      `help:"Episodes of an evaluation." default:"100"`
	Until     float64  `help:"Stop when an evaluation's mean return is at least this; 0: never." placeholder:"RETURN"`
	Summary   bool     `help:"Print one row per algorithm, over its seeds, instead of one per training."`
	Curves    string   `help:"Draw the learning curves to BASE.svg and BASE.png." placeholder:"BASE"`
	show.FormatFlag
}

// row is what is printed of a training. Returns are means over episodes that the policy plays without exploring.
type row struct {
	Env            string  `json:"env"`
	Algo           string  `json:"algo"`
	Seed           uint64  `json:"seed"`
	Steps          int     `json:"steps"`
	Return         float64 `json:"return"`       // of the policy whose evaluation was best, in other episodes
	FinalReturn    float64 `json:"final_return"` // of the policy at the end of training, in the same
	SolvedAt       *int    `json:"solved_at"`    // steps before the first evaluation of at least the target; null: none
	StepsPerSecond float64 `json:"steps_per_second"`

	curve []rl.EvaluationPoint // in the course of the training
}

var columns = []show.Column[row]{
	{Header: "environment", Cell: func(r row) string { return r.Env }, Left: true},
	{Header: "algorithm", Cell: func(r row) string { return r.Algo }, Left: true},
	{Header: "seed", Cell: func(r row) string { return fmt.Sprint(r.Seed) }},
	{Header: "steps", Cell: func(r row) string { return fmt.Sprint(r.Steps) }},
	{Header: "best return", Cell: func(r row) string { return fmt.Sprintf("%.1f", r.Return) }},
	{Header: "final return", Cell: func(r row) string { return fmt.Sprintf("%.1f", r.FinalReturn) }},
	{Header: "solved at", Cell: func(r row) string { return optional(r.SolvedAt) }},
	{Header: "steps/s", Cell: func(r row) string { return thousands(r.StepsPerSecond) }},
}

func main() {
	var f flags
	line := kong.Parse(&f, kong.Name("cartpole"), kong.Description("Train learners from rewards on classic control problems."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	line.FatalIfErrorf(run(ctx, f, os.Stdout, os.Stderr))
}

func run(ctx context.Context, f flags, out, messages io.Writer) error {
	if f.Seeds < 1 || f.Steps < 0 || f.Episodes < 1 {
		return errors.New("want at least one seed and one episode, and no negative number of steps")
	}
	task := tasks[f.Env]
	var rows []row
	for _, algo := range f.Algo {
		steps := f.Steps
		if steps == 0 {
			steps = task.steps[algo]
		}
		if steps == 0 {
			return fmt.Errorf("there is no recipe of %s for %s: name the number of steps by --steps", algo, f.Env)
		}
		progress := parallel.NewProgress(messages, algo, "steps", f.Seeds, steps)
		of := make([]row, f.Seeds)
		err := parallel.For(f.Seeds, func(i int) error {
			var err error
			of[i], err = train(ctx, task, algo, f.FirstSeed+uint64(i), steps, f, progress.Of(i))
			return err
		})
		progress.End()
		if err != nil {
			return fmt.Errorf("%s: %w", algo, err)
		}
		rows = append(rows, of...)
	}
	if err := printTable(out, f, task, rows); err != nil || f.Curves == "" {
		return err
	}
	return drawCurves(f.Curves, task, rows)
}

// printTable writes a row per training or, with --summary, per algorithm.
func printTable(out io.Writer, f flags, t task, rows []row) error {
	caption := fmt.Sprintf("Mean returns of %d episodes. Solved: %v.", f.Episodes, t.target)
	if !f.Summary {
		return show.WriteTable(out, f.Format, caption, columns, rows)
	}
	summaries, err := summarize(rows)
	if err != nil {
		return err
	}
	return show.WriteTable(out, f.Format, caption, summaryColumns, summaries)
}

// thousands returns a number of steps in a second for readers.
func thousands(perSecond float64) string {
	if perSecond < 100_000 {
		return fmt.Sprintf("%.1fk", perSecond/1000)
	}
	return fmt.Sprintf("%.0fk", perSecond/1000)
}
