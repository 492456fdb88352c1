package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/tasks/wpmec"
)

// wpmecCommand is the command train wpmec.
type wpmecCommand struct {
	Method string `placeholder:"NAME" help:"Method: ${wpmec_methods}. Default: droo, which is the published one; droo-graph serves any number of users."`
	cli.FrameFlags
	Users    *int     `placeholder:"N" help:"Number of users, with generated channels. Default: 10."`
	Noise    *float64 `placeholder:"SIGMA" help:"Standard deviation of the noise in half of the candidates. Default: 2 for droo, 0 for droo-graph."`
	RunFlags `set:"run_name=wpmec-<method>-<channels>-seed<seed>"`
}

// Run trains, compares with methods that do not learn, and prints the table.
func (c wpmecCommand) Run(ctx context.Context, out cli.Streams) error {
	return frameTask[wpmec.Config, *wpmec.Training, wpmec.Result]{
		name: "wpmec", task: wpmec.Task(), flags: c, run: c.RunFlags, frames: c.Frames, config: c.config,
		folder: func(cfg wpmec.Config) string {
			return fmt.Sprintf("wpmec-%s-%s-seed%d", cfg.Method, sourceName(cfg.Data, cfg.Users), cfg.Seed)
		},
		title: func(cfg wpmec.Config) string { return fmt.Sprintf("%s on %s", cfg.Method, cli.WpmecFrames(cfg)) },
		caption: func(cfg wpmec.Config, t *wpmec.Training) string {
			return fmt.Sprintf("%s, %d users, %d frames, seed %d:\naverages of the last 20 %% of the frames, times of all",
				cli.WpmecFrames(cfg), t.Users(), cfg.Frames, cfg.Seed)
		},
		note:    func(t *wpmec.Training) string { return cli.RateNote(t.Moving()) },
		others:  wpmecBaselines,
		columns: cli.FrameColumns(),
		panels:  wpmecPanels,
		figure:  "normalized rate and number of candidates over the frames",
		report:  func(cfg wpmec.Config) int { return cfg.ReportInterval },
	}.train(ctx, out)
}

// config returns the configuration that the file and the flags request.
func (c wpmecCommand) config() (wpmec.Config, error) {
	method := wpmec.DROO
	var err error
	if c.Method != "" {
		if method, err = wpmec.ParseMethod(c.Method); err != nil {
			return wpmec.Config{}, cli.Usage("--method: %v", err)
		}
	}
	cfg := wpmec.DefaultConfig(method)
	if c.Config != "" {
		if cfg, err = wpmec.LoadConfig(c.Config); err != nil {
			return cfg, err
		}
		if c.Method != "" {
			cfg.Method = method
		}
	}
	if c.Data != "" && c.Users != nil {
		return cfg, errors.New("--data and --users exclude each other: a data set has its own users")
	}
	c.FrameFlags.Apply(&cfg)
	if c.Users != nil {
		cfg.Data, cfg.Users = "", *c.Users
	}
	if c.Noise != nil {
		cfg.Noise = *c.Noise
	}
	return cfg, cli.FlagError(cfg.Validate())
}

// wpmecBaselines returns the runs of the methods that do not learn on the frames of a run.
func wpmecBaselines(cfg wpmec.Config, t *wpmec.Training) ([]cli.FrameRun[wpmec.Result], error) {
	run, err := cfg.RunConfig()
	if err != nil {
		return nil, err
	}
	var runs []cli.FrameRun[wpmec.Result]
	for _, m := range wpmec.Baselines(t.Users()) {
		if m != cfg.Method {
			run.Method = m
			runs = append(runs, cli.WpmecRun(run))
		}
	}
	return runs, nil
}

func wpmecPanels(methods [][]*wpmec.Result) []show.Panel {
	methods = cli.Shown(methods)
	panels := []show.Panel{cli.RatePanel("", methods), cli.LossPanel("", methods)}
	if p := cli.CandidatesPanel("", methods); len(p.Lines) > 0 {
		panels = append(panels, p)
	}
	return panels
}
