package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/internal/show"
	"github.com/graphrl/graphrl/tasks/wpmec"
)

// wpmecCommand is train wpmec.
type wpmecCommand struct {
	Method string `placeholder:"NAME" help:"Method: ${wpmec_methods}. Default: droo, which is the published one; droo-graph serves any number of users."`
	cli.FrameFlags
	Users  *int     `placeholder:"N" help:"Number of users, with generated channels. Default: 10."`
	Noise  *float64 `placeholder:"SIGMA" help:"Standard deviation of the noise that half of the candidates are made with. Default: 2 for droo, 0 for droo-graph."`
	Config string   `placeholder:"FILE" help:"Configuration in YAML, hyper-parameters included; flags override it. That of a finished run repeats the run."`
	Out    string   `placeholder:"DIR" help:"Run folder to make. Default: runs/wpmec-<method>-<channels>-seed<seed>, numbered if it exists."`
	show.FormatFlag
}

// Run trains, compares with methods that do not learn, and prints the table.
func (c wpmecCommand) Run(ctx context.Context, out cli.Streams) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	run, err := cfg.RunConfig()
	if err != nil {
		return err
	}
	dir, err := cli.CreateFolder(c.Out, folderName(cfg))
	if err != nil {
		return err
	}
	defer os.Remove(dir) // fails if there is something in it: only a run that has come to its end leaves a folder

	results, err := cli.RunFrames(ctx, string(cfg.Method), 0, []wpmec.RunConfig{run}, out.Err)
	if err != nil {
		return err
	}
	baselines, err := cli.RunFrames(ctx, "baselines", time.Second, others(run, results[0].Users), out.Err)
	if err != nil {
		return err
	}
	results = append(results, baselines...)
	caption := fmt.Sprintf("%s, %d users, %d frames, seed %d:\naverages of the last 20 %% of the frames, times of all",
		cli.Frames(cfg), results[0].Users, cfg.Frames, cfg.Seed)
	if err := writeWpmecRun(dir, cfg, caption, results); err != nil {
		return err
	}
	if err := show.WriteTable(out.Out, c.Format, caption, cli.FrameColumns(), values(results)); err != nil {
		return err
	}
	fmt.Fprintf(out.Err, "run folder: %s\n", dir)
	return nil
}

// config is the configuration that the file and the flags ask for.
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
	return cfg, cfg.Validate()
}

// folderName tells the runs of one method on different channels apart.
func folderName(cfg wpmec.Config) string {
	channels := fmt.Sprintf("n%d", cfg.Users)
	if cfg.Data != "" {
		base := filepath.Base(cfg.Data)
		channels = strings.TrimSuffix(base, filepath.Ext(base))
	}
	return fmt.Sprintf("wpmec-%s-%s-seed%d", cfg.Method, channels, cfg.Seed)
}

// others are the runs of the methods that do not learn on the frames of run.
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

// writeWpmecRun fills the folder of a run, of which results are the method's and the baselines'.
func writeWpmecRun(dir string, cfg wpmec.Config, caption string, results []*wpmec.Result) error {
	text, err := cfg.YAML()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, cli.ConfigFile), text); err != nil {
		return err
	}
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
	fmt.Fprintf(&b, "Curves are moving averages. %s has all settings.\n\n    go run ./cmd/train wpmec --config %s   # repeat it\n",
		cli.ConfigFile, cli.ShellQuote(filepath.Join(dir, cli.ConfigFile)))
	return atomicfile.Write(filepath.Join(dir, cli.SummaryFile), b.Bytes())
}
