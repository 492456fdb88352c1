// Command cartpole teaches the learners of package rl two classic control problems, CartPole-v1 and Acrobot-v1.
//
//	go run ./examples/cartpole --algo ppo
//	go run ./examples/cartpole --algo ppo --algo dqn --algo a2c --seeds 5 --format markdown
//	go run ./examples/cartpole --algo ppo --env acrobot
//
// recipe.go has the hyper-parameters, train.go how a training is watched and judged.
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
	"github.com/graphrl/graphrl/internal/cli"
)

type flags struct {
	Algo     []string `help:"ppo, a2c, dqn or reinforce; may be repeated." enum:"ppo,a2c,dqn,reinforce" default:"ppo"`
	Env      string   `help:"cartpole or acrobot." enum:"cartpole,acrobot" default:"cartpole"`
	Seeds    int      `help:"How often to train, with seeds from 1 on. They run at the same time, as many as there are processors." default:"5"`
	Steps    int      `help:"Steps of the environments to train for; 0: as in the recipe."`
	Episodes int      `help:"Episodes of an evaluation." default:"100"`
	Until    float64  `help:"Stop when an evaluation's mean return is at least this; 0: never." placeholder:"RETURN"`
	cli.FormatFlag
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
}

var columns = []cli.Column[row]{
	{Header: "environment", Cell: func(r row) string { return r.Env }, Left: true},
	{Header: "algorithm", Cell: func(r row) string { return r.Algo }, Left: true},
	{Header: "seed", Cell: func(r row) string { return fmt.Sprint(r.Seed) }},
	{Header: "steps", Cell: func(r row) string { return fmt.Sprint(r.Steps) }},
	{Header: "best return", Cell: func(r row) string { return fmt.Sprintf("%.1f", r.Return) }},
	{Header: "final return", Cell: func(r row) string { return fmt.Sprintf("%.1f", r.FinalReturn) }},
	{Header: "solved at", Cell: func(r row) string {
		if r.SolvedAt == nil {
			return "-"
		}
		return fmt.Sprint(*r.SolvedAt)
	}},
	{Header: "steps/s", Cell: func(r row) string { return fmt.Sprintf("%.0f", r.StepsPerSecond) }},
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
			of[i], err = train(ctx, task, algo, uint64(i+1), steps, f, progress.Of(i))
			return err
		})
		progress.End()
		if err != nil {
			return fmt.Errorf("%s: %w", algo, err)
		}
		rows = append(rows, of...)
	}
	caption := fmt.Sprintf("Mean returns of %d episodes. Solved: %v.", f.Episodes, task.target)
	return cli.WriteTable(out, f.Format, caption, columns, rows)
}
