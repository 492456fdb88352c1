package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"reflect"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// mecoffloadCommand is train mecoffload.
type mecoffloadCommand struct {
	Method string `placeholder:"NAME" help:"Method: ${methods}. Default: GRLE."`
	Recipe string `placeholder:"NAME" help:"Hyper-parameters: ${recipes}. Default: tuned for the -LT methods, paper for the others. Single ones are set in a configuration file."`
	cli.WorldFlags
	Slots   *int64  `placeholder:"COUNT" help:"Number of slots to train for. Default: 10000."`
	Seed    *uint64 `placeholder:"SEED" help:"Seed of everything random. Default: 1."`
	Workers *int    `placeholder:"COUNT" help:"Goroutines that share a training step. Default: 1."`
	Config  string  `placeholder:"FILE" help:"Configuration in YAML; flags override it. That of a finished run repeats the run."`
	Out     string  `placeholder:"DIR" help:"Run folder to make. Default: runs/<method>-<scenario>-m<devices>-seed<seed>, numbered if it exists."`
	Resume  string  `placeholder:"DIR" help:"Run folder of an interrupted run to go on with, as if it had never stopped. With more --slots than the run has it becomes that longer run."`
	From    string  `enum:",latest,best" default:"" placeholder:"NAME" help:"With --resume, the checkpoint to go on from: latest or best. Default: latest."`
	show.FormatFlag
}

// Run trains and prints the table.
func (c mecoffloadCommand) Run(ctx context.Context, out cli.Streams) error {
	t, err := c.open(out.Err)
	if err != nil {
		return err
	}
	defer t.close()
	if t.run.Slot() > 0 && !t.run.Done() {
		fmt.Fprintf(out.Err, "going on with %s at slot %d\n", t.folder.Path(), t.run.Slot())
	}
	if err := t.learn(ctx, out.Err); err != nil {
		return err
	}
	rows, err := t.compare(ctx, out.Err)
	if err != nil {
		return cli.Resumable(err, t.folder, "slot", t.run)
	}
	if err := t.report(rows); err != nil {
		return err
	}
	if err := show.WriteTable(out.Out, c.Format, t.caption(), cli.RowColumns(), rows); err != nil {
		return err
	}
	fmt.Fprintf(out.Err, "run folder: %s\n", t.folder.Path())
	return nil
}

func (c mecoffloadCommand) open(messages io.Writer) (*training, error) {
	if c.Resume != "" || c.From != "" {
		return c.resume(messages)
	}
	return c.start()
}

// start makes a new run and its folder.
func (c mecoffloadCommand) start() (*training, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	// All that can be wrong with the configuration shows here, before there is a folder.
	run, err := experiment.NewRun(cfg)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%s-m%d-seed%d", cfg.Method, cfg.Scenario.Name, cfg.Scenario.Devices, cfg.Seed)
	folder, err := cli.StartFolder(experiment.Task(), c.Out, name, cfg, run)
	if err != nil {
		run.Close()
		return nil, err
	}
	return &training{folder, run}, nil
}

// config is the configuration that the file and the flags ask for.
func (c mecoffloadCommand) config() (experiment.Config, error) {
	cfg, err := experiment.DefaultConfig()
	if c.Config != "" {
		cfg, err = experiment.LoadConfig(c.Config)
	}
	if err != nil {
		return cfg, err
	}
	if c.Method != "" {
		if cfg.Method, err = agent.ParseMethod(c.Method); err != nil {
			return cfg, err
		}
	}
	recipe := c.Recipe
	if recipe == "" && c.Config == "" {
		recipe = cfg.Method.DefaultRecipe()
	}
	if recipe != "" {
		if cfg.Recipe, err = agent.LoadRecipe(recipe); err != nil {
			return cfg, err
		}
	}
	if err := c.WorldFlags.Apply(&cfg); err != nil {
		return cfg, err
	}
	if c.Slots != nil {
		cfg.Slots = *c.Slots
	}
	if c.Seed != nil {
		cfg.Seed = *c.Seed
	}
	if c.Workers != nil {
		cfg.Workers = *c.Workers
	}
	return cfg, cli.FlagError(cfg.Validate())
}

// resume opens the folder of a run.
func (c mecoffloadCommand) resume(messages io.Writer) (*training, error) {
	flags := cli.ResumeFlags{Resume: c.Resume, From: c.From}
	if c.Slots != nil {
		flags.Length = *c.Slots
	}
	c.Resume, c.From, c.Slots, c.Format = "", "", nil, ""
	if !reflect.ValueOf(c).IsZero() {
		return nil, cli.Usage("--resume goes on with the configuration of the run: of the other flags only --from, --slots and --format may be given")
	}
	folder, run, err := cli.ResumeFolder(experiment.Task(), flags, "slots", messages)
	if err != nil {
		return nil, err
	}
	return &training{folder, run}, nil
}

// training is a run in its folder.
type training struct {
	folder *runfolder.Folder
	run    *experiment.Run
}

func (t *training) close() {
	t.run.Close()
	t.folder.Close()
}

// learn runs all slots that are left. If ctx ends it saves a checkpoint and returns the cause.
func (t *training) learn(ctx context.Context, messages io.Writer) error {
	cfg := t.run.Config()
	if t.run.Done() {
		return nil
	}
	progress := show.NewProgress(messages, string(cfg.Method), "slots", t.run.Slot(), cfg.Slots)
	defer progress.End()
	note := func() string {
		reward, accuracy := t.run.Moving()
		return fmt.Sprintf("reward %.3f, accuracy %.3f", reward, accuracy)
	}
	err := t.folder.Train(ctx, t.run, func() { progress.Set(t.run.Slot(), note) })
	return cli.Resumable(err, t.folder, "slot", t.run)
}

// compare returns the method's row and those of the baselines on the same tasks.
func (t *training) compare(ctx context.Context, messages io.Writer) ([]mecoffload.Row, error) {
	cfg := t.run.Config()
	evaluation := experiment.Evaluation{
		Scenario: cfg.Scenario,
		Profile:  cfg.Profile,
		Seed:     cfg.Seed,
		Slots:    cfg.Slots,
		From:     experiment.TailStart(cfg.Slots),
	}
	rows, err := cli.EvaluateBaselines(ctx, evaluation, false, messages)
	return append([]mecoffload.Row{t.run.Row()}, rows...), err
}

func (t *training) caption() string {
	cfg := t.run.Config()
	from := experiment.TailStart(cfg.Slots)
	return fmt.Sprintf("%s, recipe %s, seed %d:\naverages of slots %d to %d, the last quarter, of the same task stream for all",
		cli.World(cfg.Scenario, cfg.Profile), cfg.Recipe.Name, cfg.Seed, from+1, cfg.Slots)
}

// report writes the figure and the summary.
func (t *training) report(rows []mecoffload.Row) error {
	reports, err := runfolder.ReadLog[experiment.Report](t.folder.Path(runfolder.MetricsFile))
	if err != nil {
		return err
	}
	if err := show.SaveFigure(t.folder.Path(cli.CurveFile),
		panel("accuracy", reports, rows, func(r mecoffload.Row) float64 { return r.Accuracy }),
		panel("reward", reports, rows, func(r mecoffload.Row) float64 { return r.Reward }),
	); err != nil {
		return err
	}
	return t.summarize(rows)
}

// panel is the learning curve in one metric, over the slots, with the baselines as levels.
func panel(metric string, reports []experiment.Report, rows []mecoffload.Row, value func(mecoffload.Row) float64) show.Panel {
	learner := show.Line{Name: rows[0].Method}
	for _, r := range reports {
		learner.X, learner.Y = append(learner.X, float64(r.Slot)), append(learner.Y, value(r.Row))
	}
	lines := []show.Line{learner}
	last := 0.0
	if n := len(learner.X); n > 0 { // none are left of a log that was lost
		last = learner.X[n-1]
	}
	for _, r := range rows[1:] {
		lines = append(lines, show.Line{Name: r.Method, X: []float64{0, last}, Y: []float64{value(r), value(r)}, Dashed: true})
	}
	return show.Panel{X: "slot", Y: metric, Lines: lines}
}

func (t *training) summarize(rows []mecoffload.Row) error {
	cfg := t.run.Config()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s on %s\n\n", cfg.Method, cfg.Scenario.Name)
	if err := show.WriteTable(&b, show.Markdown, t.caption()+".", cli.RowColumns(), rows); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n![accuracy and reward over the slots](%s.svg)\n\n", cli.CurveFile)
	fmt.Fprintf(&b, "Each point of the curve averages %d slots. %s has them as JSON, %s all settings.\n\n",
		cfg.ReportInterval, runfolder.MetricsFile, runfolder.ConfigFile)
	dir := cli.ShellQuote(t.folder.Path())
	fmt.Fprintf(&b, "    go run ./cmd/train --config %s/%s   # repeat it\n    go run ./cmd/eval --run %s   # evaluate what was learned on new tasks\n",
		dir, runfolder.ConfigFile, dir)
	return atomicfile.Write(t.folder.Path(cli.SummaryFile), b.Bytes())
}
