package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/wpmec"
)

// wpmecCommand is the command eval wpmec. The methods of that task decide and learn from the first
// frame on, so it evaluates whole runs or, with --run or --checkpoint, what one of them has
// learned.
type wpmecCommand struct {
	RunDir     string   `name:"run" placeholder:"DIR" help:"Run folder whose latest checkpoint to evaluate on new frames, instead of new runs."`
	Checkpoint string   `placeholder:"DIR" help:"Checkpoint to evaluate instead, such as runs/X/checkpoint/best."`
	Online     bool     `help:"With --run or --checkpoint: continue to learn."`
	Method     []string `placeholder:"NAME" help:"Methods to compare with policies that do not learn, separated by commas: ${wpmec_methods}. Default: droo,droo-graph."`
	cli.FrameFlags
	Users []int  `placeholder:"N" help:"Numbers of users, separated by commas, with generated channels. Default: 10,20,30."`
	Seeds int    `default:"5" placeholder:"COUNT" help:"Number of runs, with seeds from --seed on. Default: ${default}."`
	Out   string `placeholder:"DIR" help:"New folder for figures and table. Default: runs/wpmec-eval, numbered if it exists."`
	show.FormatFlag
}

// maxSeeds is the largest number of seeds that is not a typing error.
const maxSeeds = 10_000

// Run runs all methods on all numbers of users with all seeds, and prints the table.
func (c wpmecCommand) Run(ctx context.Context, out cli.Streams) error {
	saved, err := c.open()
	if err != nil {
		return err
	}
	cfgs, err := c.configs(saved)
	if err != nil {
		return err
	}
	var runs []cli.FrameRun[wpmec.Result]
	for _, cfg := range cfgs {
		more, err := c.runs(cfg, saved)
		if err != nil {
			return err
		}
		runs = append(runs, more...)
	}
	dir, err := cli.MakeDir(c.Out, "wpmec-eval")
	if err != nil {
		return err
	}
	// fails if the folder is not empty, so only a complete evaluation leaves one
	defer os.Remove(dir)

	results, err := cli.RunFrames(ctx, "eval", 0, runs, out.Err)
	if err != nil {
		return err
	}
	groups := slices.Collect(slices.Chunk(results, c.Seeds))
	rows, err := meanRows(groups)
	if err != nil {
		return err
	}
	caption := fmt.Sprintf("%s, %d frames, seeds %d to %d:\naverages of the last 20 %% of the frames, times of all;\nin brackets the 95 %% interval of the mean over seeds (bootstrap)",
		cli.WpmecFrames(cfgs[0]), cfgs[0].Frames, cfgs[0].Seed, cfgs[0].Seed+uint64(c.Seeds)-1)
	if saved != nil {
		learning := "not learning"
		if c.Online {
			learning = "learning on"
		}
		trained := saved.Config
		caption += fmt.Sprintf(";\n%s trained for %d frames on %s, seed %d,\nand %s", trained.Method, saved.Frame, cli.WpmecFrames(trained), trained.Seed, learning)
	}
	if err := writeWpmecEval(dir, caption, groups, rows); err != nil {
		return err
	}
	if err := show.WriteTable(out.Out, c.Format, caption, meanColumns(), rows); err != nil {
		return err
	}
	fmt.Fprintf(out.Err, "figures: %s\n", dir)
	return nil
}

// open returns the checkpoint to evaluate, or nil.
func (c wpmecCommand) open() (*wpmec.Checkpoint, error) {
	switch {
	case c.RunDir != "" && c.Checkpoint != "":
		return nil, cli.Usage("name one thing to evaluate: a run folder by --run or a checkpoint by --checkpoint")
	case c.RunDir == "" && c.Checkpoint == "":
		if c.Online {
			return nil, cli.Usage("--online requires --run or --checkpoint")
		}
		return nil, nil
	case c.Method != nil:
		return nil, cli.Usage("--method is for new runs: a run or checkpoint has its own method")
	case c.RunDir != "":
		saved, err := wpmec.OpenRun(c.RunDir, runfolder.Latest)
		return saved, cli.OpenError(err)
	}
	return wpmec.OpenCheckpoint(c.Checkpoint)
}

// evaluationFrames is the number of frames on which a checkpoint is evaluated.
const evaluationFrames = 2500

// configs returns the configurations with the first seed, one for each number of users.
func (c wpmecCommand) configs(saved *wpmec.Checkpoint) ([]wpmec.Config, error) {
	if err := inRange("seeds", &c.Seeds, maxSeeds); err != nil {
		return nil, err
	}
	base := wpmec.DefaultConfig(wpmec.DROO)
	users := c.Users
	if saved != nil {
		base = saved.Config
		base.Frames = evaluationFrames
		base.Seed++
		if users == nil && c.Data == "" {
			users = []int{base.Users}
		}
	}
	switch {
	case c.Data != "" && c.Users != nil:
		return nil, cli.Usage("--data and --users exclude each other: a data set has its own users")
	case c.Data != "":
		users = []int{0}
	case users == nil:
		users = []int{10, 20, 30}
	}
	var cfgs []wpmec.Config
	for _, n := range users {
		cfg := base
		cfg.Users = n
		if n != 0 {
			cfg.Data = ""
		}
		c.FrameFlags.Apply(&cfg)
		if err := cfg.Validate(); err != nil {
			return nil, cli.FlagError(err)
		}
		if err := cli.CheckSeeds("--seed", cfg.Seed, c.Seeds); err != nil {
			return nil, err
		}
		cfgs = append(cfgs, cfg)
	}
	return cfgs, nil
}

// runs returns the runs of all methods for one number of users, each with all seeds.
func (c wpmecCommand) runs(cfg wpmec.Config, saved *wpmec.Checkpoint) ([]cli.FrameRun[wpmec.Result], error) {
	frames, err := cfg.RunConfig()
	if err != nil {
		return nil, err
	}
	users := cfg.Users
	if frames.Data != nil {
		users = frames.Data.Users
	}
	names := c.Method
	switch {
	case saved != nil:
		names = []string{string(cfg.Method)}
	case names == nil:
		names = []string{string(wpmec.DROO), string(wpmec.DROOGraph)}
	}
	var methods []wpmec.Method
	for _, name := range names {
		m, err := wpmec.ParseMethod(name)
		if err != nil {
			return nil, cli.Usage("--method: %v", err)
		}
		methods = append(methods, m)
	}
	methods = append(methods, wpmec.Baselines(users)...)
	var runs []cli.FrameRun[wpmec.Result]
	for i, m := range methods {
		if slices.Contains(methods[:i], m) {
			continue
		}
		run := wpmec.DefaultRunConfig(m)
		if saved != nil && m == cfg.Method {
			run = frames
			if run.Learned, err = saved.Learned(users); err != nil {
				return nil, err
			}
			run.Frozen = !c.Online
		}
		run.Frames, run.Users, run.Data, run.Schedule = frames.Frames, frames.Users, frames.Data, frames.Schedule
		for k := range c.Seeds {
			run.Seed = cfg.Seed + uint64(k)
			runs = append(runs, cli.WpmecRun(run))
		}
	}
	return runs, nil
}

// meanRow holds a method's means over seeds.
type meanRow struct {
	wpmec.Result
	Seeds int      `json:"seeds"`
	Low   *float64 `json:"normalized_rate_low"` // bounds of the mean's interval; nil for one seed
	High  *float64 `json:"normalized_rate_high"`
	Worst float64  `json:"normalized_rate_worst"` // lowest over the seeds
}

// meanRows returns the rows of groups, each with the results of one method for several seeds.
func meanRows(groups [][]*wpmec.Result) ([]meanRow, error) {
	const stream = 0x6576 // stream of the bootstrap's resamples
	bootstrap := rl.NewBootstrap(rl.NewRand(1, stream))
	var rows []meanRow
	for _, seeds := range groups {
		first := seeds[0]
		row := meanRow{
			Result: wpmec.Result{Method: first.Method, Users: first.Users, Frames: first.Frames, Seed: first.Seed},
			Seeds:  len(seeds),
			Worst:  math.Inf(1),
		}
		mean := func(value func(*wpmec.Result) float64) float64 {
			sum := 0.0
			for _, r := range seeds {
				sum += value(r)
			}
			return sum / float64(len(seeds))
		}
		row.Share095 = mean(func(r *wpmec.Result) float64 { return r.Share095 })
		row.Share098 = mean(func(r *wpmec.Result) float64 { return r.Share098 })
		row.Decision.Mean = mean(func(r *wpmec.Result) float64 { return r.Decision.Mean })
		row.Decision.P99 = mean(func(r *wpmec.Result) float64 { return r.Decision.P99 })
		row.Frame.Mean = mean(func(r *wpmec.Result) float64 { return r.Frame.Mean })
		row.Frame.P99 = mean(func(r *wpmec.Result) float64 { return r.Frame.P99 })
		row.Candidates = mean(func(r *wpmec.Result) float64 { return r.Candidates })
		var rates []float64
		for _, r := range seeds {
			rates = append(rates, r.NormalizedRate)
			row.Worst = min(row.Worst, r.NormalizedRate)
		}
		rate, err := bootstrap.Estimate(rl.Mean, rates)
		if err != nil {
			return nil, err
		}
		row.NormalizedRate = rate.Value
		if len(seeds) > 1 {
			row.Low, row.High = &rate.Low, &rate.High
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// meanColumns returns the columns of one run and the figures over several.
func meanColumns() []show.Column[meanRow] {
	columns := []show.Column[meanRow]{{Header: "users", Cell: func(r meanRow) string { return fmt.Sprint(r.Users) }}}
	for _, c := range cli.FrameColumns() {
		column := show.Column[meanRow]{Header: c.Header, Left: c.Left, Cell: func(r meanRow) string { return c.Cell(r.Result) }}
		if c.Header == cli.RateHeader {
			column.Cell = func(r meanRow) string {
				if r.Low == nil {
					return c.Cell(r.Result)
				}
				return fmt.Sprintf("%.5f [%.5f, %.5f]", r.NormalizedRate, *r.Low, *r.High)
			}
		}
		columns = append(columns, column)
	}
	return columns
}

// Files of an evaluation, besides the curve and the summary.
const candidatesFile = "k" // .svg and .png

// writeWpmecEval fills the folder of an evaluation.
func writeWpmecEval(dir, caption string, groups [][]*wpmec.Result, rows []meanRow) error {
	var losses, candidates []show.Panel
	for len(groups) > 0 {
		users := groups[0][0].Users
		n := slices.IndexFunc(groups, func(seeds []*wpmec.Result) bool { return seeds[0].Users != users })
		if n < 0 {
			n = len(groups)
		}
		prefix := fmt.Sprintf("%d users: ", users)
		methods := cli.Shown(groups[:n])
		losses = append(losses, cli.LossPanel(prefix, methods))
		if p := cli.CandidatesPanel(prefix, methods); len(p.Lines) > 0 {
			candidates = append(candidates, p)
		}
		groups = groups[n:]
	}
	if err := show.SaveFigure(filepath.Join(dir, cli.CurveFile), losses...); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Methods of tasks/wpmec\n\n")
	if err := show.WriteTable(&b, show.Markdown, caption+".", meanColumns(), rows); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n![what normalized rates lack to 1, over the frames](%s.svg)\n", cli.CurveFile)
	if candidates != nil {
		if err := show.SaveFigure(filepath.Join(dir, candidatesFile), candidates...); err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n![number of candidates over the frames](%s.svg)\n", candidatesFile)
	}
	fmt.Fprintf(&b, "\nCurves are means over the seeds, rates moving averages. Levels (dashed) are means of methods that do not learn.\n")
	return atomicfile.Write(filepath.Join(dir, cli.SummaryFile), b.Bytes())
}
