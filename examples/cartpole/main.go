// Command cartpole teaches the learners of package rl two classic control problems, CartPole-v1 and
// Acrobot-v1.
//
//	go run ./examples/cartpole --algo ppo
//	go run ./examples/cartpole --algo ppo --algo dqn --algo a2c --seeds 5 --format markdown
//	go run ./examples/cartpole --algo ppo --env acrobot --summary --curves acrobot
//
// recipe.go has the hyper-parameters, train.go watches and judges a training, summary.go averages
// several, curves.go draws their learning curves.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"

	"github.com/alecthomas/kong"
	"github.com/graphrl/graphrl/rl"
	"golang.org/x/sync/errgroup"
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
	Format    string   `help:"How to print: ascii, markdown or json, which has every digit." enum:"ascii,markdown,json" default:"ascii"`
}

// row is the printed result of a training. Returns are means over episodes that the policy plays
// without exploring.
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

var columns = []column[row]{
	{"environment", left, func(r row) string { return r.Env }},
	{"algorithm", left, func(r row) string { return r.Algo }},
	{"seed", right, func(r row) string { return fmt.Sprint(r.Seed) }},
	{"steps", right, func(r row) string { return fmt.Sprint(r.Steps) }},
	{"best return", right, func(r row) string { return fmt.Sprintf("%.1f", r.Return) }},
	{"final return", right, func(r row) string { return fmt.Sprintf("%.1f", r.FinalReturn) }},
	{"solved at", right, func(r row) string { return optional(r.SolvedAt) }},
	{"steps/s", right, func(r row) string { return thousands(r.StepsPerSecond) }},
}

func main() {
	var f flags
	line := kong.Parse(&f, kong.Name("cartpole"), kong.Description("Train learners from rewards on classic control problems."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	line.FatalIfErrorf(run(ctx, f, os.Stdout))
}

// What is more is a typing error.
const (
	maxSeeds = 10_000
	maxSteps = 1_000_000_000
)

func run(ctx context.Context, f flags, out io.Writer) error {
	if f.Seeds < 1 || f.Seeds > maxSeeds || f.Steps < 0 || f.Steps > maxSteps || f.Episodes < 1 || f.Episodes > maxSteps {
		return fmt.Errorf("want from 1 to %d seeds, from 0 to %d steps and from 1 to %d episodes", maxSeeds, maxSteps, maxSteps)
	}
	if len(f.Algo) == 0 {
		return errors.New("--algo is empty: name an algorithm")
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
		of, err := trainSeeds(ctx, task, algo, steps, f)
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

// trainSeeds trains with every seed, as many at a time as there are processors.
func trainSeeds(ctx context.Context, t task, algo string, steps int, f flags) ([]row, error) {
	rows := make([]row, f.Seeds)
	bar := newBar(algo, f.Seeds*steps)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range f.Seeds {
		group.Go(func() error {
			shown := 0
			var err error
			rows[i], err = train(ctx, t, algo, f.FirstSeed+uint64(i), steps, f, func(done int) {
				bar.Add(done - shown)
				shown = done
			})
			return err
		})
	}
	return rows, group.Wait()
}

// printTable writes a row per training or, with --summary, per algorithm.
func printTable(out io.Writer, f flags, t task, rows []row) error {
	caption := fmt.Sprintf("Mean returns of %d episodes. Solved: %v.", f.Episodes, t.target)
	if !f.Summary {
		return printRows(out, f.Format, caption, columns, rows)
	}
	summaries, err := summarize(rows)
	if err != nil {
		return err
	}
	return printRows(out, f.Format, caption, summaryColumns, summaries)
}

// thousands returns a number of steps in a second for readers.
func thousands(perSecond float64) string {
	if perSecond < 100_000 {
		return fmt.Sprintf("%.1fk", perSecond/1000)
	}
	return fmt.Sprintf("%.0fk", perSecond/1000)
}
