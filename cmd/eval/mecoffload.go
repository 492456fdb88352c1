package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// mecoffloadCommand is the command eval mecoffload.
type mecoffloadCommand struct {
	Runs       []string `name:"run" type:"paths" placeholder:"DIR" help:"Run folder, or folder of several runs as train makes it. May be given several times: all are evaluated on tasks of the same kind, and seeds of one method are averaged."`
	Checkpoint string   `placeholder:"NAME|DIR" help:"With --run, the checkpoint to evaluate: best or latest. Default: best, the one with the highest reward in validation; latest if none was validated. Without --run, the folder of a checkpoint."`
	cli.WorldFlags
	Slots     *int64  `placeholder:"COUNT" help:"Number of slots. Default: 2500."`
	Seed      *uint64 `placeholder:"SEED" help:"Seed of the tasks. Default: each run's seed plus 1, so its tasks are new."`
	Online    bool    `help:"Continue to learn during the evaluation."`
	Search    bool    `help:"Compare with local searches too, which take milliseconds per slot."`
	Workers   *int    `placeholder:"COUNT" help:"Goroutines that share a training step, with --online."`
	Curves    string  `placeholder:"FILE" help:"With --run, also draw the learning curves of all runs into one figure: FILE.svg, FILE.png and FILE.pdf."`
	Decisions string  `placeholder:"FILE" help:"With one run, also write what it sees and decides in each slot, a JSON object a line, as the decision service takes it (docs/serve.md)."`
	ONNX      string  `name:"onnx" placeholder:"FILE" help:"With one run, write its actor as an ONNX file (docs/onnx.md) and evaluate nothing."`
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
	checkpoints, choices, err := c.open()
	if err != nil {
		return err
	}
	cfgs := make([]experiment.Config, len(checkpoints))
	for i, checkpoint := range checkpoints {
		if cfgs[i], err = c.config(checkpoint.Config); err != nil {
			return err
		}
		if !cli.SameWorld(cfgs[0], cfgs[i]) {
			return cli.Usage("the runs are of different worlds, %s and %s: choose one by --scenario, --devices, --servers, --slot and --profile, or evaluate them one by one",
				cli.World(cfgs[0].Scenario, cfgs[0].Profile), cli.World(cfgs[i].Scenario, cfgs[i].Profile))
		}
	}
	if c.ONNX != "" {
		return c.export(checkpoints, cfgs, choices, out)
	}
	if c.Curves != "" {
		if err := c.drawCurves(); err != nil {
			return err
		}
	}
	entries, err := c.evaluateAll(ctx, checkpoints, cfgs, choices, out)
	if err != nil {
		return err
	}
	return cli.WriteEntries(out.Out, c.Format, c.caption(checkpoints, cfgs)+cli.IntervalNote(entries), entries)
}

// open opens the checkpoints to evaluate.
func (c mecoffloadCommand) open() ([]*experiment.Checkpoint, []cli.Choice, error) {
	if len(c.Runs) == 0 {
		if c.Checkpoint == "" {
			return nil, nil, cli.Usage("nothing to evaluate: give either run folders by --run or " +
				"a checkpoint by --checkpoint")
		}
		checkpoint, err := experiment.OpenCheckpoint(c.Checkpoint)
		if err != nil {
			return nil, nil, err
		}
		return []*experiment.Checkpoint{checkpoint}, []cli.Choice{cli.NewChoice(checkpoint, "asked for")}, nil
	}
	if name := c.Checkpoint; name != "" && name != experiment.LatestCheckpoint && name != experiment.BestCheckpoint {
		return nil, nil, cli.Usage("--checkpoint %s: with --run it is %s or %s; name the folder of a checkpoint without --run",
			name, experiment.BestCheckpoint, experiment.LatestCheckpoint)
	}
	folders, err := c.folders()
	if err != nil {
		return nil, nil, err
	}
	var opened []*experiment.Checkpoint
	var choices []cli.Choice
	for _, folder := range folders {
		checkpoint, why, err := experiment.OpenLearned(folder, c.Checkpoint)
		if err != nil {
			return nil, nil, cli.OpenError(err)
		}
		opened, choices = append(opened, checkpoint), append(choices, cli.NewChoice(checkpoint, why))
	}
	return opened, choices, nil
}

// folders are the run folders that --run names, one by one or by the folder of several.
func (c mecoffloadCommand) folders() ([]string, error) {
	var all []string
	for _, dir := range c.Runs {
		folders, several, err := cli.RunFolders(dir)
		if err != nil {
			return nil, err
		}
		if !several {
			folders = []string{dir}
		}
		all = append(all, folders...)
	}
	return all, nil
}

// drawCurves draws how the runs learned.
func (c mecoffloadCommand) drawCurves() error {
	folders, err := c.folders()
	if err != nil {
		return err
	}
	if len(folders) == 0 {
		return cli.Usage("--curves goes with --run: only run folders have learning curves")
	}
	panels, err := cli.CurvePanels(folders)
	if err != nil {
		return err
	}
	return show.SaveFigure(c.Curves, panels...)
}

// evaluateAll evaluates the checkpoints, run by run, and the baselines on the tasks of each seed.
func (c mecoffloadCommand) evaluateAll(ctx context.Context, checkpoints []*experiment.Checkpoint, cfgs []experiment.Config, choices []cli.Choice, out cli.Streams) ([]cli.Entry, error) {
	var rows []mecoffload.Row
	var seeds []uint64
	decisions, err := c.openDecisions(len(cfgs))
	if err != nil {
		return nil, err
	}
	for i, cfg := range cfgs {
		agent, err := checkpoints[i].Agent(cfg)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(out.Err, "%s trained with seed %d: %s\n", cfg.Method, checkpoints[i].Config.Seed, choices[i])
		e := evaluation(cfg)
		if decisions != nil {
			e.Decision = decisions.add
		}
		row, err := c.evaluate(ctx, e, agent, out)
		agent.Close()
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	if err := decisions.close(); err != nil {
		return nil, fmt.Errorf("--decisions: %w", err)
	}
	entries := cli.Learners(cfgs, rows, choices)
	for _, cfg := range cfgs {
		if slices.Contains(seeds, cfg.Seed) {
			continue
		}
		seeds = append(seeds, cfg.Seed)
		rows, err := cli.EvaluateBaselines(ctx, evaluation(cfg), c.Search, out.Err)
		if err != nil {
			return nil, err
		}
		entries = cli.Gather(entries, rows)
	}
	return entries, nil
}

func evaluation(cfg experiment.Config) experiment.Evaluation {
	return experiment.Evaluation{Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: cfg.Seed, Slots: cfg.Slots}
}

// caption describes the evaluation and the training of the checkpoints.
func (c mecoffloadCommand) caption(checkpoints []*experiment.Checkpoint, cfgs []experiment.Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %d slots;\n", cli.World(cfgs[0].Scenario, cfgs[0].Profile), cli.Seeds(cfgs), cfgs[0].Slots)
	for i, checkpoint := range checkpoints {
		trained := checkpoint.Config
		fmt.Fprintf(&b, "%s trained for %d slots on %s, seed %d,\n", cfgs[i].Method, checkpoint.Slot, cli.World(trained.Scenario, trained.Profile), trained.Seed)
	}
	if c.Online {
		return b.String() + "and learning on"
	}
	return b.String() + "and not learning"
}

// config returns the configuration of the evaluation: the run's with another seed and the changes
// of the flags.
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
