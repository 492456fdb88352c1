package main

import (
	"context"
	"fmt"
	"time"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// mecoffloadCommand is eval mecoffload.
type mecoffloadCommand struct {
	RunDir     string `name:"run" placeholder:"DIR" help:"Run folder; its latest checkpoint is evaluated."`
	Checkpoint string `placeholder:"DIR" help:"Checkpoint to evaluate instead, such as runs/X/checkpoint/best."`
	cli.WorldFlags
	Slots   *int64  `placeholder:"COUNT" help:"Number of slots. Default: 2500."`
	Seed    *uint64 `placeholder:"SEED" help:"Seed of the tasks. Default: that of the run plus 1, which are tasks it has not met."`
	Online  bool    `help:"Go on learning."`
	Search  bool    `help:"Compare with local searches too, which take milliseconds per slot."`
	Workers *int    `placeholder:"COUNT" help:"Goroutines that share a training step, with --online."`
	show.FormatFlag
	suiteFlags `embed:""`
}

// Run evaluates and prints the table.
func (c mecoffloadCommand) Run(ctx context.Context, out cli.Streams) error {
	if c.Suite != "" {
		return c.compare(ctx, out)
	}
	if err := c.suiteFlags.absent(); err != nil {
		return err
	}
	checkpoint, err := c.open()
	if err != nil {
		return err
	}
	cfg, err := c.config(checkpoint.Config)
	if err != nil {
		return err
	}
	agent, err := checkpoint.Agent(cfg)
	if err != nil {
		return err
	}
	defer agent.Close()

	evaluation := experiment.Evaluation{Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: cfg.Seed, Slots: cfg.Slots}
	row, err := c.evaluate(ctx, evaluation, agent, out)
	if err != nil {
		return err
	}
	rows, err := cli.EvaluateBaselines(ctx, evaluation, c.Search, out.Err)
	if err != nil {
		return err
	}
	trained := checkpoint.Config
	learning := "not learning"
	if c.Online {
		learning = "learning on"
	}
	caption := fmt.Sprintf("%s, seed %d, %d slots;\n%s trained for %d slots on %s, seed %d,\nand %s",
		cli.World(cfg.Scenario, cfg.Profile), cfg.Seed, cfg.Slots,
		cfg.Method, checkpoint.Slot, cli.World(trained.Scenario, trained.Profile), trained.Seed, learning)
	return show.WriteTable(out.Out, c.Format, caption, cli.RowColumns(), append([]mecoffload.Row{row}, rows...))
}

func (c mecoffloadCommand) open() (*experiment.Checkpoint, error) {
	switch {
	case (c.RunDir == "") == (c.Checkpoint == ""):
		return nil, cli.Usage("name what to evaluate: either a run folder by --run or a checkpoint by --checkpoint")
	case c.RunDir != "":
		checkpoint, err := experiment.OpenRun(c.RunDir, experiment.LatestCheckpoint)
		return checkpoint, cli.OpenError(err)
	}
	return experiment.OpenCheckpoint(c.Checkpoint)
}

// config is the configuration of the evaluation: that of the run with another seed and what the flags change.
func (c mecoffloadCommand) config(cfg experiment.Config) (experiment.Config, error) {
	if err := c.WorldFlags.Apply(&cfg); err != nil {
		return cfg, err
	}
	cfg.Slots = 2500
	if c.Slots != nil {
		cfg.Slots = *c.Slots
	}
	cfg.Seed++
	if c.Seed != nil {
		cfg.Seed = *c.Seed
	}
	if c.Workers != nil {
		cfg.Workers = *c.Workers
	}
	if err := cfg.Validate(); err != nil {
		return cfg, cli.FlagError(fmt.Errorf("configuration: %w", err))
	}
	return cfg, nil
}

func (c mecoffloadCommand) evaluate(ctx context.Context, e experiment.Evaluation, agent *agent.Agent, out cli.Streams) (mecoffload.Row, error) {
	progress := show.NewProgress(out.Err, agent.Name(), "slots", 0, e.Slots)
	progress.Grace = time.Second
	defer progress.End()
	e.Progress = func(slots int64) { progress.Set(slots, nil) }
	if c.Online {
		return e.Online(ctx, agent)
	}
	return e.Policy(ctx, agent)
}
