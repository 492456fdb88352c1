package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/tasks/lydroo"
)

// lydrooCommand is train lydroo.
type lydrooCommand struct {
	Method string `placeholder:"NAME" help:"Method: ${lydroo_methods}. Default: lydroo-graph, which serves any number of users; lydroo has the published network and settings."`
	cli.QueueFlags
	Users  *int   `placeholder:"N" help:"Number of users, with random frames. Default: 10."`
	Config string `placeholder:"FILE" help:"Configuration in YAML, hyper-parameters included; flags override it. That of a finished run repeats the run."`
	Out    string `placeholder:"DIR" help:"Run folder to make. Default: runs/<method>-<frames>-seed<seed>, numbered if it exists."`
	Resume string `placeholder:"DIR" help:"Run folder of an interrupted run to continue as if it had never stopped. With more --frames than the run has it becomes that longer run."`
	From   string `enum:",latest,best" default:"" placeholder:"NAME" help:"With --resume, the checkpoint to continue from: latest or best. Default: latest."`
	cli.LogFlag
	show.FormatFlag
}

// Run trains, compares with methods that do not learn on the same frames, and prints the table.
func (c lydrooCommand) Run(ctx context.Context, out cli.Streams) error {
	folder, t, err := c.open(out.Err)
	if err != nil {
		return err
	}
	defer folder.Close()
	defer t.Close()
	cfg, course := t.Config(), t.Position()
	if !course.Done() {
		progress := show.NewProgress(out.Err, string(cfg.Method), "frames", course.Steps(), course.Length())
		defer progress.End()
		note := func() string { return fmt.Sprintf("queue %.1f Mbit", t.Report().QueueMbit) }
		if err := folder.Train(ctx, t, func() { progress.Set(course.Steps(), note) }); err != nil {
			return cli.Resumable(err, folder, "frame", t)
		}
		progress.End()
	}
	baselines, err := cli.RunQueues(ctx, "baselines", time.Second, otherQueues(cfg, t.Users()), nil, out.Err)
	if err != nil {
		return cli.Resumable(err, folder, "frame", t)
	}
	results := append([]*lydroo.Result{t.Result()}, baselines...)
	caption := fmt.Sprintf("%s, %d users, %d frames, seed %d: means over the frames", cli.QueueFrames(cfg), t.Users(), cfg.Frames, cfg.Seed)
	if err := writeQueues(folder.Path(), cfg, caption, results); err != nil {
		return err
	}
	if err := show.WriteTable(out.Out, c.Format, caption, cli.QueueColumns(), queueRows(results)); err != nil {
		return err
	}
	fmt.Fprintf(out.Err, "run folder: %s\n", folder.Path())
	return nil
}

func (c lydrooCommand) open(messages io.Writer) (*runfolder.Folder, *lydroo.Training, error) {
	if c.Resume != "" || c.From != "" {
		return c.resume(messages)
	}
	cfg, err := c.config()
	if err != nil {
		return nil, nil, err
	}
	exports, err := c.Exports()
	if err != nil {
		return nil, nil, err
	}
	t, err := lydroo.NewTraining(cfg)
	if err != nil {
		return nil, nil, err
	}
	folder, err := cli.StartFolder(lydroo.Task(), c.Out, queueFolder(cfg), cfg, t, exports)
	return folder, t, err
}

// resume opens the folder of a run.
func (c lydrooCommand) resume(messages io.Writer) (*runfolder.Folder, *lydroo.Training, error) {
	flags := cli.ResumeFlags{Resume: c.Resume, From: c.From}
	if c.Frames != nil {
		flags.Length = int64(*c.Frames)
	}
	c.Resume, c.From, c.Frames, c.Format = "", "", nil, ""
	if !reflect.ValueOf(c).IsZero() {
		return nil, nil, cli.Usage("--resume continues with the configuration of the run: of the other flags only --from, --frames and --format may be given")
	}
	return cli.ResumeFolder(lydroo.Task(), flags, "frames", messages)
}

// config is the configuration that the file and the flags ask for.
func (c lydrooCommand) config() (lydroo.Config, error) {
	method := lydroo.LyDROOGraph
	var err error
	if c.Method != "" {
		if method, err = lydroo.ParseMethod(c.Method); err != nil {
			return lydroo.Config{}, err
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

// queueFolder tells the runs of one method on different frames apart.
func queueFolder(cfg lydroo.Config) string {
	frames := fmt.Sprintf("n%d", cfg.Users)
	if cfg.Data != "" {
		base := filepath.Base(cfg.Data)
		frames = strings.TrimSuffix(base, filepath.Ext(base))
	}
	return fmt.Sprintf("%s-%s-seed%d", cfg.Method, frames, cfg.Seed)
}

// otherQueues are the runs of the methods that do not learn on the frames of cfg. The exhaustive
// search takes a hundred times as long as the others, so it is for eval.
func otherQueues(cfg lydroo.Config, users int) []lydroo.Config {
	var cfgs []lydroo.Config
	for _, m := range lydroo.Baselines(users) {
		if m != cfg.Method && m != lydroo.Exhaustive {
			baseline := cfg
			baseline.Method = m
			cfgs = append(cfgs, baseline)
		}
	}
	return cfgs
}

func queueRows(results []*lydroo.Result) []lydroo.Result {
	rows := make([]lydroo.Result, len(results))
	for i, r := range results {
		rows[i] = *r
	}
	return rows
}

// writeQueues fills the folder of a run, of which results are the method's and the baselines'.
func writeQueues(dir string, cfg lydroo.Config, caption string, results []*lydroo.Result) error {
	var methods [][]*lydroo.Result
	for _, r := range results {
		methods = append(methods, []*lydroo.Result{r})
	}
	if err := show.SaveFigure(filepath.Join(dir, cli.CurveFile), cli.QueuePanels(methods)...); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s on %s\n\n", cfg.Method, cli.QueueFrames(cfg))
	if err := show.WriteTable(&b, show.Markdown, caption+".", cli.QueueColumns(), queueRows(results)); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n![data queues and power over the frames](%s.svg)\n\n", cli.CurveFile)
	fmt.Fprintf(&b, "Curves are moving averages. %s has the averages of every %d frames as JSON, %s all settings.\n\n",
		runfolder.MetricsFile, cfg.ReportInterval, runfolder.ConfigFile)
	fmt.Fprintf(&b, "    go run ./cmd/train lydroo --config %s   # repeat it\n    go run ./cmd/eval lydroo --run %s   # evaluate what was learned on new frames\n",
		cli.ShellQuote(filepath.Join(dir, runfolder.ConfigFile)), cli.ShellQuote(dir))
	return atomicfile.Write(filepath.Join(dir, cli.SummaryFile), b.Bytes())
}
