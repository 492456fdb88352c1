package main

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// mecoffloadCommand is the command train mecoffload.
type mecoffloadCommand struct {
	Method []string `placeholder:"NAME" help:"Methods, separated by commas: ${methods}. Default: GRLE-LT,GRLE. Several are trained on the same tasks and compared."`
	Recipe string   `placeholder:"NAME" help:"Hyper-parameters: ${recipes}. Default: tuned for the -LT methods, paper for the others. Single ones are set in a configuration file."`
	cli.WorldFlags
	Slots   *int64  `placeholder:"COUNT" help:"Number of slots to train for. Default: 10000."`
	Seed    *uint64 `placeholder:"SEED" help:"Seed of everything random. Default: 1."`
	Seeds   *int    `placeholder:"COUNT" help:"Number of seeds: --seed and those after it. Each method is trained with each of them. Default: 1."`
	Workers *int    `placeholder:"COUNT" help:"Goroutines that share a training step. Default: 1."`
	Config  string  `placeholder:"FILE" help:"Configuration in YAML; flags override it. A finished run's config.yaml repeats that run."`
	Out     string  `placeholder:"DIR" help:"New folder. Default: runs/<methods>-<scenario>-m<devices>-seed<seed>, numbered if it exists. With several methods or seeds it holds a run folder for each."`
	Resume  string  `placeholder:"DIR" help:"Folder of an interrupted run, or of several, to continue as if it had never stopped. With more --slots than it has it becomes that longer run."`
	From    string  `enum:",latest,best" default:"" placeholder:"NAME" help:"With --resume, the checkpoint to continue from: latest or best. Default: latest."`
	cli.LogFlag
	show.FormatFlag
}

// Run trains and prints the table.
func (c mecoffloadCommand) Run(ctx context.Context, out cli.Streams) error {
	if c.Resume != "" || c.From != "" {
		return c.resume(ctx, out)
	}
	cfgs, err := c.configs()
	if err != nil {
		return err
	}
	exports, err := c.Exports()
	if err != nil {
		return err
	}
	if len(cfgs) > 1 {
		group, err := startGroup(c.Out, cfgs, exports)
		if err != nil {
			return err
		}
		return group.run(ctx, c.Format, out)
	}
	t, err := startRun(c.Out, cfgs[0], exports)
	if err != nil {
		return err
	}
	defer t.close()
	return t.finish(ctx, c.Format, out)
}

// configs returns the requested configurations, one for each method and seed.
func (c mecoffloadCommand) configs() ([]experiment.Config, error) {
	names := c.Method
	switch {
	case len(names) == 0 && c.Config == "":
		names = []string{string(agent.GRLELT), string(agent.GRLE)}
	case len(names) == 0:
		names = []string{""} // the file's method
	}
	seeds := 1
	if c.Seeds != nil {
		if seeds = *c.Seeds; seeds < 1 || seeds > maxSeeds {
			return nil, cli.Usage("--seeds: %d is not in 1..%d", seeds, maxSeeds)
		}
	}
	var cfgs []experiment.Config
	var methods []agent.Method
	for _, name := range names {
		if name == "" && len(c.Method) > 0 {
			return nil, cli.Usage("--method is empty: name a method, or leave the flag out for the default")
		}
		cfg, err := c.config(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(methods, cfg.Method) {
			return nil, cli.Usage("--method: %s appears twice", cfg.Method)
		}
		methods = append(methods, cfg.Method)
		if err := cli.CheckSeeds("--seeds", cfg.Seed, seeds); err != nil {
			return nil, err
		}
		for range seeds {
			cfgs = append(cfgs, cfg)
			cfg.Seed++
		}
	}
	return cfgs, nil
}

// maxSeeds is the largest number of seeds that is not a typing error.
const maxSeeds = 1000

// config returns the configuration of the file and the flags with the given method or, if it is
// empty, the file's.
func (c mecoffloadCommand) config(method string) (experiment.Config, error) {
	cfg, err := experiment.DefaultConfig()
	if c.Config != "" {
		cfg, err = experiment.LoadConfig(c.Config)
	}
	if err != nil {
		return cfg, err
	}
	if method != "" {
		if cfg.Method, err = agent.ParseMethod(method); err != nil {
			return cfg, cli.Usage("--method: %v", err)
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

// resume continues a run or, in the folder of several, all unfinished ones.
func (c mecoffloadCommand) resume(ctx context.Context, out cli.Streams) error {
	flags, format := cli.ResumeFlags{Resume: c.Resume, From: c.From}, c.Format
	if c.Slots != nil {
		if flags.Length = *c.Slots; flags.Length < 1 {
			return cli.Usage("--slots: %d is not above 0", flags.Length)
		}
	}
	c.Resume, c.From, c.Slots, c.Format = "", "", nil, ""
	if !reflect.ValueOf(c).IsZero() {
		return cli.Usage("--resume continues with the configuration of the run: of the other flags give only --from, --slots and --format")
	}
	folders, several, err := cli.RunFolders(flags.Resume)
	if err != nil {
		return err
	}
	if several {
		g := group{dir: flags.Resume, members: folders, flags: flags}
		return g.run(ctx, format, out)
	}
	t, err := resumeRun(flags, out.Err)
	if err != nil {
		return err
	}
	defer t.close()
	if t.run.Slot() > 0 && !t.run.Done() {
		fmt.Fprintf(out.Err, "continuing %s at slot %d\n", t.folder.Path(), t.run.Slot())
	}
	return t.finish(ctx, format, out)
}

// training is a run in its folder.
type training struct {
	folder *runfolder.Folder
	run    *experiment.Run
}

// startRun creates a run and its folder: out or, if that is empty, one in runs.
func startRun(out string, cfg experiment.Config, exports []runfolder.Export) (*training, error) {
	// All mistakes in the configuration show here, before there is a folder.
	run, err := experiment.NewRun(cfg)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%s", cfg.Method, worldName(cfg))
	folder, err := cli.StartFolder(experiment.Task(), out, name, cfg, run, exports)
	if err != nil {
		run.Close()
		return nil, err
	}
	return &training{folder, run}, nil
}

// worldName is the end of the names of folders.
func worldName(cfg experiment.Config) string {
	return fmt.Sprintf("%s-m%d-seed%d", cfg.Scenario.Name, cfg.Scenario.Devices, cfg.Seed)
}

// resumeRun opens the folder of a run.
func resumeRun(flags cli.ResumeFlags, messages io.Writer) (*training, error) {
	folder, run, err := cli.ResumeFolder(experiment.Task(), flags, "slots", messages)
	if err != nil {
		return nil, err
	}
	return &training{folder, run}, nil
}

func (t *training) close() {
	t.run.Close()
	t.folder.Close()
}

// unprinted is why the table of a complete run was not shown.
func unprinted(dir string, err error) error {
	return fmt.Errorf("the run in %s is complete, but its table could not be printed: %w", dir, err)
}

// finish trains, fills the run folder and prints the table.
func (t *training) finish(ctx context.Context, format show.Format, out cli.Streams) error {
	if err := t.learn(ctx, out.Err); err != nil {
		return err
	}
	outcome, err := cli.OutcomeOf(t.run, t.folder.Path())
	if err != nil {
		return err
	}
	comparison, err := cli.Compare(ctx, []cli.Outcome{outcome}, out.Err)
	if err != nil {
		return cli.Resumable(err, t.folder, "slot", t.run)
	}
	dir := t.folder.Path()
	if err := report(dir, dir, comparison); err != nil {
		return err
	}
	if err := comparison.WriteTable(out.Out, format, ""); err != nil {
		return unprinted(dir, err)
	}
	fmt.Fprintf(out.Err, "run folder: %s\n", dir)
	return nil
}

// learn runs all remaining slots. If ctx ends it saves a checkpoint and returns the cause.
func (t *training) learn(ctx context.Context, messages io.Writer) error {
	if t.run.Done() {
		return nil
	}
	cfg := t.run.Config()
	progress := show.NewProgress(messages, string(cfg.Method), "slots", t.run.Slot(), cfg.Slots)
	defer progress.End()
	note := func() string {
		reward, accuracy := t.run.Moving()
		return fmt.Sprintf("reward %.3f, accuracy %.3f", reward, accuracy)
	}
	err := t.folder.Train(ctx, t.run, func() { progress.Set(t.run.Slot(), note) })
	return cli.Resumable(err, t.folder, "slot", t.run)
}
