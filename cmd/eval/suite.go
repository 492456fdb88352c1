package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite/report"
)

// suiteFlags are the flags of eval --suite.
type suiteFlags struct {
	Suite   string   `group:"Suites" enum:",quick,paper,churn,trace,transfer,scale,ablation,tune,claims,long,leave-one-out" default:"" placeholder:"NAME" help:"Train and compare many methods in many worlds: quick, paper, churn, trace, transfer, scale, ablation, tune, claims, long or leave-one-out. --scenario, --devices and --slot then choose among its worlds, --slots is the length of each stream, --profile and --trace replace what it uses."`
	Seeds   *int     `group:"Suites" placeholder:"COUNT" help:"Number of seeds. Default: the suite's own."`
	First   *uint64  `group:"Suites" name:"first-seed" placeholder:"SEED" help:"First of the seeds, which are consecutive. Default: the suite's own."`
	Methods []string `group:"Suites" name:"method" placeholder:"NAME" help:"Methods to compare, separated by commas: ${methods}. Default: the suite's own."`
	Recipes []string `group:"Suites" name:"recipe" placeholder:"NAME" help:"Hyper-parameters to compare instead of the suite's own, separated by commas: ${recipes}, or configuration files, whose recipes are used."`
	Jobs    *int     `group:"Suites" placeholder:"COUNT" help:"Number of cells computed side by side. Default: one per processor."`
	Results string   `group:"Suites" placeholder:"DIR" help:"Folder of the results: finished cells, which are never computed twice, and the suites' reports. Default: results."`
	Shard   string   `group:"Suites" placeholder:"I/N" help:"Compute only the I-th of N parts, for N machines that share the results folder or merge it later. The default in a Slurm array, and in a Kubernetes indexed job with GRAPHRL_SHARDS=N."`
	Merge   bool     `group:"Suites" help:"Compute nothing: write the report of the shards' results."`
	Emit    string   `group:"Suites" enum:",slurm,k8s" default:"" placeholder:"FORMAT" help:"Compute nothing: write a Slurm batch script (slurm) or a Kubernetes job (k8s) that computes the suite in --parts shards."`
	Parts   *int     `group:"Suites" placeholder:"COUNT" help:"With --emit, the number of shards. Default: 8."`
	AtOnce  *int     `group:"Suites" placeholder:"COUNT" help:"With --emit, the most shards at a time. Default: 1000."`
	Image   string   `group:"Suites" placeholder:"NAME" help:"With --emit k8s, the image, whose entry point is eval. Default: graphrl."`
}

// absent reports flags that require --suite.
func (f suiteFlags) absent() error {
	for _, g := range []struct {
		name  string
		given bool
	}{
		{"seeds", f.Seeds != nil}, {"first-seed", f.First != nil}, {"method", len(f.Methods) > 0}, {"recipe", len(f.Recipes) > 0}, {"jobs", f.Jobs != nil}, {"shard", f.Shard != ""}, {"merge", f.Merge}, {"emit", f.Emit != ""},
		{"results", f.Results != ""}, {"parts", f.Parts != nil}, {"at-once", f.AtOnce != nil}, {"image", f.Image != ""},
	} {
		if g.given {
			return cli.Usage("--%s requires --suite", g.name)
		}
	}
	return nil
}

// results is the folder of the results.
func (f suiteFlags) results() string { return cmp.Or(f.Results, "results") }

// compare runs a suite.
func (c mecoffloadCommand) compare(ctx context.Context, out cli.Streams) error {
	if c.Emit != "" {
		return c.emit(out.Out)
	}
	s, err := c.suite()
	if err != nil {
		return err
	}
	shard, err := c.shard()
	if err != nil {
		return err
	}
	dir := filepath.Join(c.results(), s.Name)
	lock, err := c.claim(s, dir, shard)
	if err != nil {
		return err
	}
	defer lock.Release()
	store, err := suite.OpenStore(filepath.Join(c.results(), "cells"))
	if err != nil {
		return err
	}
	defer store.Close()
	if !c.Merge {
		cells, err := shard.Of(s.Cells)
		if err != nil {
			return err
		}
		if err := compute(ctx, cells, store, c.suiteFlags, shard, out); err != nil {
			return err
		}
		if shard.IsPart() {
			fmt.Fprintf(out.Err, "shard %v is done: when all are, --merge instead of --shard makes the report\n", shard)
			return nil
		}
	}
	results, err := store.LoadAll(s.Cells)
	if err != nil {
		return err
	}
	if builds := suite.Builds(results); len(builds) > 1 {
		fmt.Fprintf(out.Err, "note: these results come from %d builds of the program; if a method or the simulator has changed between them, name another --results folder\n", len(builds))
	}
	comparison, err := suite.Compare(s, results)
	if err != nil {
		return err
	}
	r, err := report.New(comparison)
	if err != nil {
		return err
	}
	if err := r.Write(dir); err != nil {
		return err
	}
	if err := r.Print(out.Out, report.Format(c.Format)); err != nil {
		return err
	}
	fmt.Fprintf(out.Err, "report: %s\n", filepath.Join(dir, "report.html"))
	return nil
}

// claim locks the folder of a suite's report, where each shard has its own lock, and refuses a
// folder with the report of other settings.
func (c mecoffloadCommand) claim(s suite.Suite, dir string, shard suite.Shard) (*runfolder.Lock, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("suite: %w", err)
	}
	name := runfolder.LockName
	if shard.IsPart() {
		name += "-shard-" + strings.ReplaceAll(shard.String(), "/", "-of-")
	}
	lock, err := runfolder.Acquire(dir, name)
	if err != nil {
		return nil, err
	}
	if err := s.ClaimFolder(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: name another folder by --results, or remove %s", err, dir), lock.Release())
	}
	return lock, nil
}

// suite returns the suite that the flags request.
func (c mecoffloadCommand) suite() (suite.Suite, error) {
	if err := c.checkSuiteFlags(); err != nil {
		return suite.Suite{}, err
	}
	o := suite.Options{Scenario: c.Scenario, Traces: c.Trace}
	for _, name := range c.Methods {
		m, err := agent.ParseMethod(name)
		if err != nil {
			return suite.Suite{}, cli.Usage("--method: %v", err)
		}
		o.Methods = append(o.Methods, m)
	}
	for _, name := range c.Recipes {
		r, err := recipe(name)
		if err != nil {
			return suite.Suite{}, err
		}
		o.Recipes = append(o.Recipes, r)
	}
	if c.WorldFlags.Profile != "" {
		p, err := mecoffload.LoadProfile(c.WorldFlags.Profile)
		if err != nil {
			return suite.Suite{}, err
		}
		o.Profile = &p
	}
	if c.Seeds != nil {
		o.Seeds = *c.Seeds
	}
	if c.First != nil {
		o.FirstSeed = *c.First
	}
	if c.Slots != nil {
		o.Slots = *c.Slots
	}
	if c.Devices != nil {
		o.Devices = *c.Devices
	}
	if c.Slot != nil {
		o.Slot = mecoffload.Seconds(c.Slot.Seconds())
	}
	s, err := suite.New(c.Suite, o)
	if err != nil && len(c.Trace) > 0 {
		err = cli.TraceError(err)
	}
	return s, err
}

// checkSuiteFlags reports flags that conflict with --suite, and values out of range.
func (c mecoffloadCommand) checkSuiteFlags() error {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"run", len(c.Runs) > 0}, {"checkpoint", c.Checkpoint != ""}, {"seed", c.Seed != nil}, {"online", c.Online},
		{"search", c.Search}, {"curves", c.Curves != ""}, {"decisions", c.Decisions != ""}, {"onnx", c.ONNX != ""}, {"workers", c.Workers != nil}, {"servers", c.Servers != nil}, {"reach", c.Reach != nil},
	} {
		if f.given {
			return cli.Usage("--%s concerns a trained run and conflicts with --suite", f.name)
		}
	}
	if c.Emit == "" && (c.Parts != nil || c.AtOnce != nil || c.Image != "") {
		return cli.Usage("--parts, --at-once and --image go with --emit")
	}
	if c.First != nil && *c.First == 0 {
		return cli.Usage("--first-seed: 0 is not above 0")
	}
	if c.Slots != nil && (*c.Slots < 1 || *c.Slots > experiment.MaxSlots) {
		return cli.Usage("--slots: %d is not in 1..%d", *c.Slots, experiment.MaxSlots)
	}
	if c.Slot != nil && *c.Slot <= 0 {
		return cli.Usage("--slot: %v is not above 0", *c.Slot)
	}
	return errors.Join(inRange("seeds", c.Seeds, suite.MaxSeeds), inRange("jobs", c.Jobs, maxJobs), inRange("devices", c.Devices, mecoffload.MaxDevices))
}

// What is more is a typing error, or does not fit into any memory.
const (
	maxJobs  = 1024
	maxParts = 100_000 // of a Kubernetes job
)

// inRange refuses the value of a flag, if it is given, that is not in 1..most.
func inRange(name string, value *int, most int) error {
	if value != nil && (*value < 1 || *value > most) {
		return cli.Usage("--%s: %d is not in 1..%d", name, *value, most)
	}
	return nil
}

// recipe returns a built-in recipe or the one of a configuration file.
func recipe(name string) (agent.Recipe, error) {
	if slices.Contains(agent.RecipeNames(), name) {
		return agent.LoadRecipe(name)
	}
	cfg, err := experiment.LoadConfig(name)
	if errors.Is(err, os.ErrNotExist) {
		return agent.Recipe{}, fmt.Errorf("recipe %q is none of %s, and there is no configuration file of that name", name, strings.Join(agent.RecipeNames(), ", "))
	}
	return cfg.Recipe, err
}

func (c mecoffloadCommand) shard() (suite.Shard, error) {
	switch {
	case c.Merge && c.Shard != "":
		return suite.Shard{}, errors.New("give either --shard or --merge, which combines shards")
	case c.Merge:
		return suite.Shard{}, nil
	case c.Shard != "":
		return suite.ParseShard(c.Shard)
	}
	return suite.ShardFromEnv(os.LookupEnv)
}

// compute computes cells and shows the progress.
func compute(ctx context.Context, cells []suite.Cell, store *suite.Store, f suiteFlags, shard suite.Shard, out cli.Streams) error {
	title := "suite " + f.Suite
	if shard.IsPart() {
		title += ", shard " + shard.String()
	}
	var progress *show.Progress
	start, jobs := time.Now(), runtime.GOMAXPROCS(0)
	if f.Jobs != nil {
		jobs = *f.Jobs
	}
	err := suite.Compute(ctx, cells, store, suite.ComputeOptions{Jobs: jobs, Progress: func(done int, last *suite.Cell) {
		if progress == nil {
			progress = show.NewProgress(out.Err, title, "cells", int64(done), int64(len(cells)))
			return
		}
		progress.Set(int64(done), last.String)
	}})
	if progress != nil {
		progress.End()
	}
	if shard.IsPart() {
		fmt.Fprintf(out.Err, "%s: %d cells, %s\n", title, len(cells), cli.Efficiency(start, jobs))
	}
	var signal cli.Interrupted
	if errors.As(err, &signal) {
		return fmt.Errorf("%w; finished cells are kept in %s; the same command continues from there", err, f.results())
	}
	return err
}
