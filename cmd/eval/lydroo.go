package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/tasks/lydroo"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// lydrooCommand is eval lydroo. Its methods decide and learn from the first frame on, so it
// evaluates whole runs, or with --run what one of them has learned.
type lydrooCommand struct {
	RunDir string   `name:"run" placeholder:"DIR" help:"Run folder whose latest checkpoint is evaluated, without learning, on frames it has not met."`
	Method []string `placeholder:"NAME" help:"Methods, separated by commas, to compare with those that do not learn: ${lydroo_methods}. Default: lydroo,lydroo-graph."`
	cli.QueueFlags
	Without []string `placeholder:"NAME" help:"Methods that do not learn to leave out, separated by commas, such as exhaustive and myopic, which take long with many users."`
	Users   []int    `placeholder:"N" help:"Numbers of users, separated by commas, with random frames. Default: 10."`
	Sweep   string   `placeholder:"KEY=VALUES" help:"Compare several values of v, energy_weight or arrivals, such as v=5,20,80: a row and a point in the figure for each."`
	Seeds   int      `default:"5" placeholder:"COUNT" help:"Number of runs, with seeds from --seed on. Default: ${default}."`
	Out     string   `placeholder:"DIR" help:"Folder to make, for figures and table. Default: runs/lydroo-eval, numbered if it exists."`
	show.FormatFlag
}

// Run runs all methods for all numbers of users with all seeds, and prints the table of the means.
func (c lydrooCommand) Run(ctx context.Context, out cli.Streams) error {
	saved, err := c.open()
	if err != nil {
		return err
	}
	sweep, err := parseSweep(c.Sweep)
	if err != nil {
		return err
	}
	cfgs, err := c.configs(saved, sweep)
	if err != nil {
		return err
	}
	runs, err := runsOf(cfgs, saved)
	if err != nil {
		return err
	}
	dir, err := cli.MakeDir(c.Out, "lydroo-eval")
	if err != nil {
		return err
	}
	defer os.Remove(dir) // fails unless the evaluation was stopped before it wrote anything
	results, err := cli.RunFrames(ctx, "eval", 0, runs, out.Err)
	if err != nil {
		return err
	}
	groups := slices.Collect(slices.Chunk(results, c.Seeds))
	rows := make([]queueRow, len(groups))
	for i, g := range groups {
		rows[i] = queueRow{Result: meanQueues(g), Grows: grows(g)}
		if sweep.key != "" {
			rows[i].Value = *sweep.of(&cfgs[i*c.Seeds])
		}
	}
	caption := fmt.Sprintf("%s, %d frames, means over seeds %d to %d", cli.QueueFrames(cfgs[0]), cfgs[0].Frames, cfgs[0].Seed, cfgs[0].Seed+uint64(c.Seeds)-1)
	if saved != nil {
		caption += fmt.Sprintf(";\n%s trained for %d frames, seed %d, and not learning", saved.Config.Method, saved.Frame, saved.Config.Seed)
	}
	if err := c.write(dir, caption, sweep, groups, rows); err != nil {
		return err
	}
	if err := show.WriteTable(out.Out, c.Format, caption, queueColumns(sweep), rows); err != nil {
		return err
	}
	fmt.Fprintf(out.Err, "figures: %s\n", dir)
	return nil
}

// open checks the flags and returns the checkpoint to evaluate, or nil.
func (c lydrooCommand) open() (*lydroo.Checkpoint, error) {
	if err := inRange("seeds", &c.Seeds, maxSeeds); err != nil {
		return nil, err
	}
	if c.Seed != nil {
		if err := cli.CheckSeeds("--seed", *c.Seed, c.Seeds); err != nil {
			return nil, err
		}
	}
	if c.RunDir != "" && c.Method != nil {
		return nil, cli.Usage("--method is about new runs: the run that --run names has its own")
	}
	if c.Data != "" && c.Users != nil {
		return nil, cli.Usage("--data and --users exclude each other: a data set has its own users")
	}
	if c.RunDir == "" {
		return nil, nil
	}
	saved, err := lydroo.OpenRun(c.RunDir, runfolder.Latest)
	return saved, cli.OpenError(err)
}

// runsOf returns the runs of configurations. Those of the method of a checkpoint decide by its
// policy.
func runsOf(cfgs []lydroo.Config, saved *lydroo.Checkpoint) ([]cli.FrameRun[lydroo.Result], error) {
	runs := make([]cli.FrameRun[lydroo.Result], len(cfgs))
	for i, cfg := range cfgs {
		var learned *checkpoints.State
		if saved != nil && cfg.Method == saved.Config.Method {
			users := cfg.Users
			if cfg.Data != "" {
				d, err := lydroo.OpenDataset(cfg.Data)
				if err != nil {
					return nil, err
				}
				users = d.Users
			}
			var err error
			if learned, err = saved.Learned(users); err != nil {
				return nil, err
			}
		}
		runs[i] = cli.LydrooRun(cfg, learned)
	}
	return runs, nil
}

// configs are all runs: for each number of users, for each method, all seeds.
func (c lydrooCommand) configs(saved *lydroo.Checkpoint, sweep sweptKey) ([]lydroo.Config, error) {
	names := c.Method
	if names == nil {
		names = []string{string(lydroo.LyDROO), string(lydroo.LyDROOGraph)}
	}
	if saved != nil {
		names = []string{string(saved.Config.Method)}
	}
	numbers := c.Users
	if numbers == nil {
		numbers = []int{10}
		if saved != nil && saved.Config.Users > 0 {
			numbers = []int{saved.Config.Users}
		}
	}
	methods, err := parseMethods("--method", names)
	if err != nil {
		return nil, err
	}
	without, err := parseMethods("--without", c.Without)
	if err != nil {
		return nil, err
	}
	var cfgs []lydroo.Config
	for _, users := range numbers {
		for i, m := range slices.Concat(methods, lydroo.Baselines(users)) {
			if slices.Contains(methods[:min(i, len(methods))], m) || i >= len(methods) && slices.Contains(without, m) {
				continue
			}
			cfg := lydroo.DefaultConfig(m)
			if saved != nil && m == saved.Config.Method {
				cfg = saved.Config
				cfg.Data, cfg.Arrivals = "", lydroo.DefaultConfig(m).Arrivals
			}
			cfg.Users = users
			if saved != nil {
				cfg.Seed = saved.Config.Seed + 1
				cfg.Frames = evaluationFrames
			}
			if err := c.QueueFlags.Apply(&cfg); err != nil {
				return nil, err
			}
			for _, value := range sweep.values {
				cfg := cfg
				if swept := sweep.of(&cfg); swept != nil {
					*swept = value
				}
				for range c.Seeds {
					if err := cfg.Validate(); err != nil {
						return nil, cli.FlagError(err)
					}
					cfgs = append(cfgs, cfg)
					cfg.Seed++
				}
			}
		}
	}
	return cfgs, nil
}

// parseMethods returns the methods that a flag names.
func parseMethods(flag string, names []string) ([]lydroo.Method, error) {
	var methods []lydroo.Method
	for _, name := range names {
		m, err := lydroo.ParseMethod(name)
		if err != nil {
			return nil, cli.Usage("%s: %v", flag, err)
		}
		methods = append(methods, m)
	}
	return methods, nil
}

// meanQueues is the mean of the results of one method over seeds.
func meanQueues(seeds []*lydroo.Result) lydroo.Result {
	row := lydroo.Result{PowerLimit: seeds[0].PowerLimit, Method: seeds[0].Method, Users: seeds[0].Users, Frames: seeds[0].Frames, Seed: seeds[0].Seed}
	n := float64(len(seeds))
	for _, r := range seeds {
		row.QueueMbit.Mean += r.QueueMbit.Mean / n
		row.QueueMbit.MiddleThird += r.QueueMbit.MiddleThird / n
		row.QueueMbit.LastThird += r.QueueMbit.LastThird / n
		row.EnergyJ.Mean += r.EnergyJ.Mean / n
		row.EnergyJ.MaxUser = max(row.EnergyJ.MaxUser, r.EnergyJ.MaxUser)
		row.WeightedRate += r.WeightedRate / n
		row.FrameUS += r.FrameUS / n
	}
	return row
}

// grows reports whether queues are longer in the last third of the runs than in the middle third, by
// more than the 95 % interval of that over the seeds.
func grows(seeds []*lydroo.Result) bool {
	middle, last := make([]float64, len(seeds)), make([]float64, len(seeds))
	for i, r := range seeds {
		middle[i], last[i] = r.QueueMbit.MiddleThird, r.QueueMbit.LastThird
	}
	mean, deviation := stat.MeanStdDev(middle, nil)
	interval := 0.0
	if n := float64(len(seeds)); n > 1 {
		interval = distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * deviation / math.Sqrt(n)
	}
	return stat.Mean(last, nil) > mean+interval
}

// queueRow is a mean over seeds, with the value that was swept.
type queueRow struct {
	lydroo.Result
	Grows bool    `json:"-"` // the queues
	Value float64 `json:"value,omitempty"`
}

// queueColumns are those of the results and the swept value. Queues that grow are marked.
func queueColumns(s sweptKey) []show.Column[queueRow] {
	var columns []show.Column[queueRow]
	for i, c := range cli.QueueColumns() {
		cell := c.Cell
		columns = append(columns, show.Column[queueRow]{Header: c.Header, Left: c.Left, Cell: func(r queueRow) string {
			if c.Header == cli.LastThird && r.Grows {
				return cell(r.Result) + " grows"
			}
			return cell(r.Result)
		}})
		if i == 1 && s.key != "" {
			columns = append(columns, show.Column[queueRow]{Header: s.key, Cell: func(r queueRow) string { return strconv.FormatFloat(r.Value, 'g', -1, 64) }})
		}
	}
	return columns
}

// sweptKey is a key of the configuration with the values to compare; the zero key stands for one run
// with its own value.
type sweptKey struct {
	key    string
	values []float64
}

func parseSweep(text string) (sweptKey, error) {
	if text == "" {
		return sweptKey{values: []float64{0}}, nil
	}
	key, list, _ := strings.Cut(text, "=")
	s := sweptKey{key: key}
	if s.of(&lydroo.Config{}) == nil {
		return s, cli.Usage("--sweep %s: want v=VALUES, energy_weight=VALUES or arrivals=VALUES", text)
	}
	for _, field := range strings.Split(list, ",") {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return s, cli.Usage("--sweep %s: %q is not a number", text, field)
		}
		s.values = append(s.values, v)
	}
	return s, nil
}

// of returns the value of the key in a configuration; nil: there is no such key.
func (s sweptKey) of(c *lydroo.Config) *float64 {
	switch s.key {
	case "v":
		return &c.V
	case "energy_weight":
		return &c.EnergyWeight
	case "arrivals":
		return &c.Arrivals
	}
	return nil
}

// sweepPanels show the queue at the end and the power of each method over the swept values.
func sweepPanels(s sweptKey, rows []queueRow) []show.Panel {
	least := slices.Min(s.values)
	wide := least > 0 && slices.Max(s.values) >= 10*least
	queue := show.Panel{Title: "data queue, last third", X: s.key, Y: "Mbit", LogX: wide, LogY: true}
	power := show.Panel{Title: "energy of a user", X: s.key, Y: "J a frame", LogX: wide}
	for at := 0; at < len(rows); at += len(s.values) {
		q, p := show.Line{Name: string(rows[at].Method)}, show.Line{Name: string(rows[at].Method)}
		for _, r := range rows[at : at+len(s.values)] {
			q.X, q.Y = append(q.X, r.Value), append(q.Y, max(r.QueueMbit.LastThird, 1e-3))
			p.X, p.Y = append(p.X, r.Value), append(p.Y, r.EnergyJ.Mean)
		}
		queue.Lines, power.Lines = append(queue.Lines, q), append(power.Lines, p)
	}
	return []show.Panel{queue, power}
}

// write saves the table and the figures: one over the frames for each number of users, and one over
// the swept values.
func (c lydrooCommand) write(dir, caption string, s sweptKey, groups [][]*lydroo.Result, rows []queueRow) error {
	if len(s.values) > 1 {
		perUsers := map[int][]queueRow{}
		for _, r := range rows {
			perUsers[r.Users] = append(perUsers[r.Users], r)
		}
		for users, r := range perUsers {
			if err := show.SaveFigure(filepath.Join(dir, fmt.Sprintf("%s-n%d", s.key, users)), sweepPanels(s, r)...); err != nil {
				return err
			}
		}
		groups = nil
	}
	byUsers := map[int][][]*lydroo.Result{}
	for _, g := range groups {
		byUsers[g[0].Users] = append(byUsers[g[0].Users], g)
	}
	for users, g := range byUsers {
		if err := show.SaveFigure(filepath.Join(dir, fmt.Sprintf("queues-n%d", users)), cli.QueuePanels(g)...); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(dir, "results.md"))
	if err != nil {
		return err
	}
	defer f.Close()
	return show.WriteTable(f, show.Markdown, caption+".", queueColumns(s), rows)
}
