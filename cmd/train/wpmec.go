package main

import (
	"bytes"
	"context"
	"errors"
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
	"github.com/graphrl/graphrl/tasks/wpmec"
)

// wpmecCommand is the command train wpmec.
type wpmecCommand struct {
	Method string `placeholder:"NAME" help:"Method: ${wpmec_methods}. Default: droo, which is the published one; droo-graph serves any number of users."`
	cli.FrameFlags
	Users  *int     `placeholder:"N" help:"Number of users, with generated channels. Default: 10."`
	Noise  *float64 `placeholder:"SIGMA" help:"Standard deviation of the noise in half of the candidates. Default: 2 for droo, 0 for droo-graph."`
	Config string   `placeholder:"FILE" help:"Configuration in YAML, hyper-parameters included; flags override it. A finished run's config.yaml repeats that run."`
	Out    string   `placeholder:"DIR" help:"New run folder. Default: runs/wpmec-<method>-<channels>-seed<seed>, numbered if it exists."`
	Resume string   `placeholder:"DIR" help:"Folder of an interrupted run to continue as if it had never stopped. With more --frames than it has it becomes that longer run."`
	From   string   `enum:",latest,best" default:"" placeholder:"NAME" help:"With --resume, the checkpoint to continue from: latest or best. Default: latest."`
	cli.LogFlag
	show.FormatFlag
}

// Run trains, compares with methods that do not learn, and prints the table.
func (c wpmecCommand) Run(ctx context.Context, out cli.Streams) error {
	folder, t, err := c.open(out.Err)
	if err != nil {
		return err
	}
	defer folder.Close()
	defer t.Close()
	if t.Frame() > 0 && !t.Done() {
		fmt.Fprintf(out.Err, "continuing %s at frame %d\n", folder.Path(), t.Frame())
	}
	results, err := c.learn(ctx, folder, t, out.Err)
	if err != nil {
		return cli.Resumable(err, folder, "frame", t)
	}
	cfg := t.Config()
	caption := fmt.Sprintf("%s, %d users, %d frames, seed %d:\naverages of the last 20 %% of the frames, times of all",
		cli.Frames(cfg), t.Users(), cfg.Frames, cfg.Seed)
	if err := writeWpmecRun(folder.Path(), cfg, caption, results); err != nil {
		return err
	}
	if err := show.WriteTable(out.Out, c.Format, caption, cli.FrameColumns(), values(results)); err != nil {
		return unprinted(folder.Path(), err)
	}
	fmt.Fprintf(out.Err, "run folder: %s\n", folder.Path())
	return nil
}

func (c wpmecCommand) open(messages io.Writer) (*runfolder.Folder, *wpmec.Training, error) {
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
	t, err := wpmec.NewTraining(cfg)
	if err != nil {
		return nil, nil, err
	}
	folder, err := cli.StartFolder(wpmec.Task(), c.Out, folderName(cfg), cfg, t, exports)
	return folder, t, err
}

// resume opens the folder of a run.
func (c wpmecCommand) resume(messages io.Writer) (*runfolder.Folder, *wpmec.Training, error) {
	flags := cli.ResumeFlags{Resume: c.Resume, From: c.From}
	if c.Frames != nil {
		flags.Length = int64(*c.Frames)
	}
	c.Resume, c.From, c.Frames, c.Format = "", "", nil, ""
	if !reflect.ValueOf(c).IsZero() {
		return nil, nil, cli.Usage("--resume continues with the configuration of the run: of the other flags give only --from, --frames and --format")
	}
	return cli.ResumeFolder(wpmec.Task(), flags, "frames", messages)
}

// learn runs all remaining frames, and the methods that do not learn on the same frames. The first
// result is the method's own.
func (c wpmecCommand) learn(ctx context.Context, folder *runfolder.Folder, t *wpmec.Training, messages io.Writer) ([]*wpmec.Result, error) {
	cfg := t.Config()
	if !t.Done() {
		progress := show.NewProgress(messages, string(cfg.Method), "frames", int64(t.Frame()), int64(cfg.Frames))
		defer progress.End()
		note := func() string { return fmt.Sprintf("normalized rate %.4f", t.Moving()) }
		if err := folder.Train(ctx, t, func() { progress.Set(int64(t.Frame()), note) }); err != nil {
			return nil, err
		}
		progress.End()
	}
	run, err := cfg.RunConfig()
	if err != nil {
		return nil, err
	}
	baselines, err := cli.RunFrames(ctx, "baselines", time.Second, others(run, t.Users()), messages)
	return append([]*wpmec.Result{t.Result()}, baselines...), err
}

// config returns the configuration that the file and the flags request.
func (c wpmecCommand) config() (wpmec.Config, error) {
	method := wpmec.DROO
	var err error
	if c.Method != "" {
		if method, err = wpmec.ParseMethod(c.Method); err != nil {
			return wpmec.Config{}, err
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

// folderName returns a folder name that distinguishes the runs of one method on different channels.
func folderName(cfg wpmec.Config) string {
	channels := fmt.Sprintf("n%d", cfg.Users)
	if cfg.Data != "" {
		base := filepath.Base(cfg.Data)
		channels = strings.TrimSuffix(base, filepath.Ext(base))
	}
	return fmt.Sprintf("wpmec-%s-%s-seed%d", cfg.Method, channels, cfg.Seed)
}

// others returns the runs of the methods that do not learn on the frames of run.
func others(run wpmec.RunConfig, users int) []wpmec.RunConfig {
	var runs []wpmec.RunConfig
	for _, m := range wpmec.Baselines(users) {
		if m != run.Method {
			baseline := run
			baseline.Method = m
			runs = append(runs, baseline)
		}
	}
	return runs
}

func values(results []*wpmec.Result) []wpmec.Result {
	rows := make([]wpmec.Result, len(results))
	for i, r := range results {
		rows[i] = *r
	}
	return rows
}

// writeWpmecRun fills the folder of a run. results holds the method's result, then the baselines'.
func writeWpmecRun(dir string, cfg wpmec.Config, caption string, results []*wpmec.Result) error {
	var methods [][]*wpmec.Result
	for _, r := range results {
		methods = append(methods, []*wpmec.Result{r})
	}
	methods = cli.Shown(methods)
	panels := []show.Panel{cli.RatePanel("", methods), cli.LossPanel("", methods)}
	if p := cli.CandidatesPanel("", methods); len(p.Lines) > 0 {
		panels = append(panels, p)
	}
	if err := show.SaveFigure(filepath.Join(dir, cli.CurveFile), panels...); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s on %s\n\n", cfg.Method, cli.Frames(cfg))
	if err := show.WriteTable(&b, show.Markdown, caption+".", cli.FrameColumns(), values(results)); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n![normalized rate and number of candidates over the frames](%s.svg)\n\n", cli.CurveFile)
	fmt.Fprintf(&b, "Curves are moving averages. %s has the averages of every %d frames as JSON, %s all settings.\n\n",
		runfolder.MetricsFile, cfg.ReportInterval, runfolder.ConfigFile)
	fmt.Fprintf(&b, "    go run ./cmd/train wpmec --config %s   # repeat it\n    go run ./cmd/eval wpmec --run %s   # evaluate what was learned on new frames\n",
		cli.ShellQuote(filepath.Join(dir, runfolder.ConfigFile)), cli.ShellQuote(dir))
	return atomicfile.Write(filepath.Join(dir, cli.SummaryFile), b.Bytes())
}
