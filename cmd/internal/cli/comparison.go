package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// Outcome is the result of a finished training run of tasks/mecoffload.
type Outcome struct {
	Config  experiment.Config
	Row     mecoffload.Row      // averages of the last quarter
	Reports []experiment.Report // the learning curve

	choice Choice // the checkpoint that Row evaluates, if it is an evaluation
}

// OutcomeOf reads the outcome of a run that is done, in its folder.
func OutcomeOf(run *experiment.Run, dir string) (Outcome, error) {
	reports, err := runfolder.ReadLog[experiment.Report](filepath.Join(dir, runfolder.MetricsFile))
	return Outcome{Config: run.Config(), Row: run.Row(), Reports: reports}, err
}

// Comparison holds the outcomes of runs in one world, policies that do not learn on the same tasks,
// and the upper bound.
type Comparison struct {
	Learners  []Entry
	Baselines []Entry
	// Bound limits the long-run average accuracy of any method.
	Bound float64

	outcomes []Outcome
}

// Entry is a line of a table: the results of one policy for one or more seeds.
type Entry struct {
	Name string
	Rows []mecoffload.Row // one for each seed

	outcomes []Outcome    // of a learner
	bound    *boundRecord // of an upper bound, which has no rows
}

// Sample for the estimate of the bound, as in the tables of docs/results.md.
const (
	boundTasks = 50_000
	boundSeed  = 1
)

// Compare combines runs. They must have the same world and length.
func Compare(ctx context.Context, outcomes []Outcome, messages io.Writer) (*Comparison, error) {
	c := &Comparison{outcomes: outcomes, Learners: learners(outcomes)}
	first := outcomes[0].Config
	var seeds []uint64
	for _, o := range outcomes {
		cfg := o.Config
		if !SameWorld(first, cfg) || first.Slots != cfg.Slots {
			return nil, fmt.Errorf("runs of different worlds or lengths have no table in common: %s trained for %d slots on %s, and %s for %d slots on %s",
				first.Method, first.Slots, World(first.Scenario, first.Profile), cfg.Method, cfg.Slots, World(cfg.Scenario, cfg.Profile))
		}
		if !slices.Contains(seeds, cfg.Seed) {
			seeds = append(seeds, cfg.Seed)
		}
	}
	bound := make(chan error, 1)
	go func() {
		var err error
		c.Bound, err = upperBound(first)
		bound <- err
	}()
	var err error
	for _, seed := range seeds {
		var rows []mecoffload.Row
		rows, err = EvaluateBaselines(ctx, experiment.Evaluation{
			Scenario: first.Scenario,
			Profile:  first.Profile,
			Seed:     seed,
			Slots:    first.Slots,
			From:     experiment.TailStart(first.Slots),
		}, false, messages)
		if err != nil {
			break
		}
		c.Baselines = Gather(c.Baselines, rows)
	}
	return c, errors.Join(err, <-bound)
}

// SameWorld reports whether runs of two configurations meet tasks of the same kind.
func SameWorld(a, b experiment.Config) bool {
	return reflect.DeepEqual(a.Scenario, b.Scenario) && reflect.DeepEqual(a.Profile, b.Profile)
}

func upperBound(cfg experiment.Config) (float64, error) {
	capacity, err := mecoffload.UpperBound(cfg.Scenario, cfg.Profile, false)
	if err != nil {
		return 0, err
	}
	deadline, err := mecoffload.DeadlineBound(cfg.Scenario, cfg.Profile, mecoffload.DeadlineBoundConfig{Tasks: boundTasks, Seed: boundSeed})
	return min(capacity.Accuracy, deadline.Accuracy+3*deadline.StdErr), err
}

// Learners returns the rows of runs by method and recipe, in order of first appearance.
func Learners(cfgs []experiment.Config, rows []mecoffload.Row, choices []Choice) []Entry {
	outcomes := make([]Outcome, len(rows))
	for i, r := range rows {
		outcomes[i] = Outcome{Config: cfgs[i], Row: r, choice: choices[i]}
	}
	return learners(outcomes)
}

func learners(outcomes []Outcome) []Entry {
	var entries []Entry
	for _, o := range outcomes {
		i := slices.IndexFunc(entries, func(e Entry) bool {
			cfg := e.outcomes[0].Config
			return cfg.Method == o.Config.Method && reflect.DeepEqual(cfg.Recipe, o.Config.Recipe)
		})
		if i < 0 {
			i = len(entries)
			entries = append(entries, Entry{Name: string(o.Config.Method)})
		}
		entries[i].Rows, entries[i].outcomes = append(entries[i].Rows, o.Row), append(entries[i].outcomes, o)
	}
	distinguish(entries, func(e Entry) string { return e.Name + " " + e.outcomes[0].Config.Recipe.Name })
	distinguish(entries, func(e Entry) string { return e.Name })
	return entries
}

// distinguish renames entries that share a name, and numbers them if that does not help.
func distinguish(entries []Entry, name func(Entry) string) {
	count := map[string]int{}
	for _, e := range entries {
		count[e.Name]++
	}
	seen := map[string]int{}
	for i, e := range entries {
		if count[e.Name] < 2 {
			continue
		}
		seen[e.Name]++
		if n := name(e); n != e.Name {
			entries[i].Name = n
		} else if seen[e.Name] > 1 {
			entries[i].Name = fmt.Sprintf("%s (%d)", n, seen[e.Name])
		}
	}
}

// Gather adds the rows of one seed to entries, by their methods.
func Gather(entries []Entry, rows []mecoffload.Row) []Entry {
	for _, r := range rows {
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == r.Method })
		if i < 0 {
			i = len(entries)
			entries = append(entries, Entry{Name: r.Method})
		}
		entries[i].Rows = append(entries[i].Rows, r)
	}
	return entries
}

// Caption describes what the rows have in common.
func (c *Comparison) Caption() string {
	cfg := c.outcomes[0].Config
	var cfgs []experiment.Config
	for _, o := range c.outcomes {
		cfgs = append(cfgs, o.Config)
	}
	var recipes []string
	for _, e := range c.Learners {
		cfg := e.outcomes[0].Config
		recipes = append(recipes, fmt.Sprintf("%s (%s)", cfg.Recipe.Name, cfg.Method))
	}
	recipe := "recipe " + cfg.Recipe.Name
	if len(c.Learners) > 1 {
		recipe = "recipes " + strings.Join(recipes, ", ")
	}
	return fmt.Sprintf("%s, %s, %s:\naverages of slots %d to %d, the last quarter, of the same task stream for all%s",
		World(cfg.Scenario, cfg.Profile), recipe, Seeds(cfgs), experiment.TailStart(cfg.Slots)+1, cfg.Slots, IntervalNote(c.Learners))
}

// Title names the methods and the scenario.
func (c *Comparison) Title() string {
	var names []string
	for _, e := range c.Learners {
		names = append(names, e.Name)
	}
	return strings.Join(names, " and ") + " on " + c.outcomes[0].Config.Scenario.Name
}

// ReportInterval returns the number of slots that a point of a curve averages.
func (c *Comparison) ReportInterval() int64 { return c.outcomes[0].Config.ReportInterval }

// IntervalNote explains the intervals in tables of several seeds.
func IntervalNote(entries []Entry) string {
	for _, e := range entries {
		if len(e.Rows) > 1 {
			return ",\nmeans over the seeds with intervals of 95 %"
		}
	}
	return ""
}

// Seeds names the seeds of configurations.
func Seeds(cfgs []experiment.Config) string {
	var seeds []uint64
	for _, cfg := range cfgs {
		seeds = append(seeds, cfg.Seed)
	}
	slices.Sort(seeds)
	seeds = slices.Compact(seeds)
	texts := make([]string, len(seeds))
	for i, s := range seeds {
		texts[i] = strconv.FormatUint(s, 10)
	}
	switch last := len(seeds) - 1; {
	case last == 0:
		return "seed " + texts[0]
	case seeds[last]-seeds[0] == uint64(last):
		return fmt.Sprintf("seeds %s to %s", texts[0], texts[last])
	}
	return "seeds " + strings.Join(texts, ", ")
}

// WriteTable writes the table. For readers seeds are averaged; CSV and JSON have a row for each.
func (c *Comparison) WriteTable(w io.Writer, f show.Format, end string) error {
	entries := slices.Concat(c.Learners, c.Baselines, []Entry{boundEntry(c.Bound, c.outcomes[0].Row)})
	return WriteEntries(w, f, c.Caption()+end, entries)
}

// CurvePanels returns the learning curves in run folders, with the upper bound if all are of one world.
// Seeds of one method are averaged.
func CurvePanels(folders []string) ([]show.Panel, error) {
	c := &Comparison{}
	sameWorld := true
	for _, dir := range folders {
		cfg, err := experiment.LoadConfig(filepath.Join(dir, runfolder.ConfigFile))
		if err != nil {
			return nil, err
		}
		reports, err := runfolder.ReadLog[experiment.Report](filepath.Join(dir, runfolder.MetricsFile))
		if err != nil {
			return nil, err
		}
		if len(reports) == 0 {
			return nil, fmt.Errorf("%s has no learning curve yet: the run was stopped before its first report", dir)
		}
		c.outcomes = append(c.outcomes, Outcome{Config: cfg, Reports: reports})
		sameWorld = sameWorld && SameWorld(c.outcomes[0].Config, cfg)
	}
	c.Learners = learners(c.outcomes)
	var err error
	if sameWorld {
		if c.Bound, err = upperBound(c.outcomes[0].Config); err != nil {
			return nil, err
		}
	}
	panels, err := c.Panels()
	if err == nil && !sameWorld {
		lines := &panels[0].Lines
		*lines = (*lines)[:len(*lines)-1] // the bound
	}
	return panels, err
}

// Panels returns the learning curves of accuracy and reward, with the baselines and the bound as
// levels.
func (c *Comparison) Panels() ([]show.Panel, error) {
	accuracy, err := c.panel("accuracy", func(r mecoffload.Row) float64 { return r.Accuracy })
	if err != nil {
		return nil, err
	}
	accuracy.Lines = append(accuracy.Lines, c.level(boundName, c.Bound))
	reward, err := c.panel("reward", func(r mecoffload.Row) float64 { return r.Reward })
	return []show.Panel{accuracy, reward}, err
}

func (c *Comparison) panel(metric string, value func(mecoffload.Row) float64) (show.Panel, error) {
	p := show.Panel{X: "slot", Y: metric}
	for _, e := range c.Learners {
		line, err := e.curve(value)
		if err != nil {
			return p, err
		}
		p.Lines = append(p.Lines, line)
	}
	for _, e := range c.Baselines {
		p.Lines = append(p.Lines, c.level(e.Name, rl.Mean(e.values(value))))
	}
	return p, nil
}

func (c *Comparison) level(name string, y float64) show.Line {
	return show.Line{Name: name, X: []float64{0, float64(c.outcomes[0].Config.Slots)}, Y: []float64{y, y}, Dashed: true}
}

// curve returns the mean of a learner's curves at the slots that all of them have, with the
// interval of the mean.
func (e Entry) curve(value func(mecoffload.Row) float64) (show.Line, error) {
	at := map[int64][]float64{}
	for _, o := range e.outcomes {
		for _, r := range o.Reports {
			at[r.Slot] = append(at[r.Slot], value(r.Row))
		}
	}
	line := show.Line{Name: e.Name}
	for _, r := range e.outcomes[0].Reports {
		values := at[r.Slot]
		if len(values) < len(e.outcomes) {
			continue
		}
		mean, err := interval(values)
		if err != nil {
			return line, err
		}
		line.X, line.Y = append(line.X, float64(r.Slot)), append(line.Y, mean.Value)
		line.Low, line.High = append(line.Low, mean.Low), append(line.High, mean.High)
	}
	return line, nil
}

// interval returns the mean over seeds, independent of other estimates.
func interval(values []float64) (rl.Estimate, error) {
	return rl.NewBootstrap(rl.NewRand(1, 0)).Estimate(rl.Mean, values)
}

func (e Entry) values(value func(mecoffload.Row) float64) []float64 {
	var values []float64
	for _, r := range e.Rows {
		values = append(values, value(r))
	}
	return values
}

// Jobs returns the number of runs to train side by side, from the number of processors.
func Jobs(runs, workers int) int {
	return max(1, min(runs, runtime.GOMAXPROCS(0)/max(workers, 1)))
}

// number formats the mean of a figure, on request with its interval if there are several seeds.
func (e Entry) number(decimals int, withInterval bool, value func(mecoffload.Row) float64) string {
	if len(e.Rows) == 0 {
		return "-"
	}
	mean, err := interval(e.values(value))
	if err != nil {
		return "-"
	}
	text := strconv.FormatFloat(mean.Value, 'f', decimals, 64)
	if withInterval && !math.IsNaN(mean.Low) {
		text += fmt.Sprintf(" [%.*f, %.*f]", decimals, mean.Low, decimals, mean.High)
	}
	return text
}
