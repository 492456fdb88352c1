package main

import (
	"context"
	"fmt"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/tasks/lydroo"
)

// lydrooCommand is train lydroo.
type lydrooCommand struct {
	Method string `placeholder:"NAME" help:"Method: ${lydroo_methods}. Default: lydroo-graph, which serves any number of users; lydroo has the published network and settings."`
	cli.QueueFlags
	Users    *int `placeholder:"N" help:"Number of users, with random frames. Default: 10."`
	RunFlags `set:"run_name=<method>-<frames>-seed<seed>"`
}

// Run trains, compares with methods that do not learn on the same frames, and prints the table.
func (c lydrooCommand) Run(ctx context.Context, out cli.Streams) error {
	return frameTask[lydroo.Config, *lydroo.Training, lydroo.Result]{
		name: "lydroo", task: lydroo.Task(), flags: c, run: c.RunFlags, frames: c.Frames, config: c.config,
		folder: func(cfg lydroo.Config) string {
			return fmt.Sprintf("%s-%s-seed%d", cfg.Method, sourceName(cfg.Data, cfg.Users), cfg.Seed)
		},
		title: func(cfg lydroo.Config) string { return fmt.Sprintf("%s on %s", cfg.Method, cli.QueueFrames(cfg)) },
		caption: func(cfg lydroo.Config, t *lydroo.Training) string {
			return fmt.Sprintf("%s, %d users, %d frames, seed %d: means over the frames",
				cli.QueueFrames(cfg), t.Users(), cfg.Frames, cfg.Seed)
		},
		note:    func(t *lydroo.Training) string { return cli.QueueNote(t.Report().QueueMbit) },
		others:  lydrooBaselines,
		columns: cli.QueueColumns(),
		panels:  cli.QueuePanels,
		figure:  "data queues and power over the frames",
		report:  func(cfg lydroo.Config) int { return cfg.ReportInterval },
	}.train(ctx, out)
}

// config is the configuration that the file and the flags ask for.
func (c lydrooCommand) config() (lydroo.Config, error) {
	method := lydroo.LyDROOGraph
	var err error
	if c.Method != "" {
		if method, err = lydroo.ParseMethod(c.Method); err != nil {
			return lydroo.Config{}, cli.Usage("--method: %v", err)
		}
	}
	cfg := lydroo.DefaultConfig(method)
	if c.Config != "" {
		if cfg, err = lydroo.LoadConfig(c.Config); err != nil {
			return cfg, err
		}
		if c.Method != "" {
			cfg.Method = method
		}
	}
	if c.Data != "" && c.Users != nil {
		return cfg, cli.Usage("--data and --users exclude each other: a data set has its own users")
	}
	if err := c.QueueFlags.Apply(&cfg); err != nil {
		return cfg, err
	}
	if c.Users != nil {
		if cfg.Users = *c.Users; cfg.Data != "" {
			cfg.Data, cfg.Arrivals = "", lydroo.DefaultConfig(method).Arrivals
		}
	}
	return cfg, cli.FlagError(cfg.Validate())
}

// lydrooBaselines returns the runs of the methods that do not learn on the frames of cfg. The
// exhaustive search takes a hundred times as long as the others, so it is for eval.
func lydrooBaselines(cfg lydroo.Config, t *lydroo.Training) ([]cli.FrameRun[lydroo.Result], error) {
	method := cfg.Method
	var runs []cli.FrameRun[lydroo.Result]
	for _, m := range lydroo.Baselines(t.Users()) {
		if m != method && m != lydroo.Exhaustive {
			cfg.Method = m
			runs = append(runs, cli.LydrooRun(cfg, nil))
		}
	}
	return runs, nil
}
