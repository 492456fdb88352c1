package suite

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// Suite is a comparison to run.
type Suite struct {
	Name  string
	Title string
	// About describes the comparison.
	About string
	Cells []Cell
	// Slots is the length of each stream, Seeds are the seeds of the streams.
	Slots int64
	Seeds []uint64
}

// MaxSeeds is the largest number of seeds that is not a typing error.
const MaxSeeds = 1000

// Options change a suite. The zero value changes nothing.
type Options struct {
	// Seeds is the number of seeds, FirstSeed the first of them, Slots the length of each stream of
	// tasks.
	Seeds     int
	FirstSeed uint64
	Slots     int64
	// Scenario, Devices and Slot restrict the suite to a part of its worlds.
	Scenario string
	Devices  int
	Slot     mecoffload.Seconds
	// Methods restricts it to a part of its methods.
	Methods []agent.Method
	// Recipes replace the suite's own.
	Recipes []agent.Recipe
	// Profile is that of all cells; nil: the default one.
	Profile *mecoffload.Profile
	// Traces replace the files of recorded rates, in a suite that has any.
	Traces []string
}

// plan is a suite before its cells are written out: every method with every recipe in every world
// with every seed.
type plan struct {
	title, about string

	worlds    []World
	methods   []agent.Method
	recipes   []agent.Recipe
	own       bool // every method with only its default recipe, unless Options name recipes
	seeds     int
	firstSeed uint64
	slots     int64

	baselines bool
	streams   bool // say what can be reached in the course of each stream
	// leaveOneOut makes a world of every recording, in which methods trained on the others decide.
	leaveOneOut bool
	trainedIn   *World                               // where methods learn, to decide in all worlds; nil: in each
	tests       func(p plan, c Cell) ([]Test, error) // may be nil
}

// names are the suites in the order of help texts.
var names = []string{"quick", "paper", "churn", "trace", "transfer", "scale", "ablation", "tune", "claims", "long", "leave-one-out"}

// Names returns the names of the suites.
func Names() []string { return slices.Clone(names) }

// New returns the suite with a name.
func New(name string, o Options) (Suite, error) {
	var p plan
	switch name {
	case "quick":
		p = quickPlan()
	case "paper":
		p = paperPlan()
	case "churn":
		p = churnPlan()
	case "trace":
		p = tracePlan()
	case "transfer":
		p = transferPlan()
	case "scale":
		p = scalePlan()
	case "ablation":
		p = ablationPlan()
	case "tune":
		p = tunePlan()
	case "claims":
		p = claimsPlan()
	case "long":
		p = longPlan()
	case "leave-one-out":
		p = leaveOneOutPlan()
	default:
		return Suite{}, fmt.Errorf("suite: %q is not known: choose one of %s", name,
			strings.Join(names, ", "))
	}
	if err := p.change(o); err != nil {
		return Suite{}, fmt.Errorf("suite %s: %w", name, err)
	}
	cells, seeds, err := p.cells(o)
	if err != nil {
		return Suite{}, fmt.Errorf("suite %s: %w", name, err)
	}
	return Suite{Name: name, Title: p.title, About: p.about, Cells: cells, Slots: p.slots, Seeds: seeds}, nil
}

// change applies the options that do not concern single cells.
func (p *plan) change(o Options) error {
	if o.Seeds < 0 || o.Slots < 0 {
		return errors.New("want numbers of seeds and slots above 0")
	}
	if o.Seeds > MaxSeeds {
		return fmt.Errorf("%d seeds are more than %d", o.Seeds, MaxSeeds)
	}
	if o.Seeds > 0 {
		p.seeds = o.Seeds
	}
	if o.FirstSeed > 0 {
		p.firstSeed = o.FirstSeed
	}
	if p.firstSeed > math.MaxUint64-uint64(p.seeds) {
		return fmt.Errorf("there are no %d seeds from %d on", p.seeds, p.firstSeed)
	}
	if o.Slots > 0 {
		p.slots = o.Slots
	}
	if len(o.Recipes) > 0 {
		p.recipes, p.own = o.Recipes, false
	}
	for i, r := range p.recipes {
		if slices.ContainsFunc(p.recipes[:i], func(s agent.Recipe) bool { return s.Name == r.Name }) {
			return fmt.Errorf("two recipes are named %q", r.Name)
		}
	}
	if len(o.Methods) > 0 {
		p.methods = slices.DeleteFunc(p.methods, func(m agent.Method) bool { return !slices.Contains(o.Methods, m) })
		if len(p.methods) == 0 {
			return fmt.Errorf("has none of the methods %v", o.Methods)
		}
	}
	all := p.worlds
	p.worlds = nil
	for _, w := range all {
		if (o.Scenario == "" || o.Scenario == w.Scenario) && (o.Devices == 0 || o.Devices == w.Devices) && (o.Slot == 0 || o.Slot == w.Slot) {
			p.worlds = append(p.worlds, w)
		}
	}
	if len(p.worlds) == 0 {
		return fmt.Errorf("nothing is left: it has the worlds %v", all)
	}
	return nil
}

// cells writes the plan out: world by world, subject by subject, seed by seed.
func (p plan) cells(o Options) ([]Cell, []uint64, error) {
	cfg, err := experiment.DefaultConfig()
	if err != nil {
		return nil, nil, err
	}
	if o.Profile != nil {
		cfg.Profile = *o.Profile
	}
	var seeds []uint64
	for i := range p.seeds {
		seeds = append(seeds, p.firstSeed+uint64(i))
	}
	var cells []Cell
	traces := ""
	for _, w := range p.worlds {
		sc, err := w.scenario()
		if err != nil {
			return nil, nil, err
		}
		if len(sc.Trace.Files) > 0 {
			if len(o.Traces) > 0 {
				sc.Trace.Files = o.Traces
			}
			if traces == "" { // they are the same for all worlds
				if traces, err = digestTraces(sc); err != nil {
					return nil, nil, err
				}
			}
		}
		// Invalid values show here, before anything is computed.
		cfg.Scenario = sc
		for _, cfg.Recipe = range p.recipes {
			if err := cfg.Validate(); err != nil {
				return nil, nil, fmt.Errorf("%v, recipe %s: %w", w, cfg.Recipe.Name, err)
			}
		}
		bases, err := p.bases(w, Cell{Scenario: sc, Profile: cfg.Profile, Slots: p.slots})
		if err != nil {
			return nil, nil, err
		}
		for _, base := range bases {
			if len(sc.Trace.Files) > 0 {
				base.Traces = traces
			}
			some, err := p.world(base, seeds)
			if err != nil {
				return nil, nil, err
			}
			cells = append(cells, some...)
		}
	}
	return cells, seeds, nil
}

// bases are the cells of a world without a method: one, or one per recording that is left out.
func (p plan) bases(w World, base Cell) ([]Cell, error) {
	if p.leaveOneOut {
		return folds(base)
	}
	if p.trainedIn != nil && w != *p.trainedIn {
		train, err := p.trainedIn.scenario()
		if err != nil {
			return nil, err
		}
		base.Train, base.Window = &train, largeWindow(w.Devices)
	}
	return []Cell{base}, nil
}

// world returns the cells of one world, otherwise like base: subject by subject, seed by seed.
func (p plan) world(base Cell, seeds []uint64) (cells []Cell, err error) {
	for _, m := range p.methods {
		for i := range p.recipes {
			if p.own && p.recipes[i].Name != m.DefaultRecipe() {
				continue
			}
			for _, seed := range seeds {
				c := base
				c.Subject = Subject{string(m), p.recipes[i].Name}
				c.Recipe, c.Seed = &p.recipes[i], seed
				if p.tests != nil {
					if c.Tests, err = p.tests(p, c); err != nil {
						return nil, err
					}
				}
				cells = append(cells, c)
			}
		}
	}
	base.Train = nil
	for _, name := range p.references() {
		for _, seed := range seeds {
			c := base
			c.Subject, c.Seed = Subject{Name: name}, seed
			cells = append(cells, c)
		}
	}
	base.Subject, base.Slots, base.Window = Subject{Name: Bounds}, 0, 0
	return append(cells, base), nil
}

// largeWindow is the number of slots that are measured with so many devices: 0 for the last quarter
// or, where that would take long, so many that the tasks are those of a thousand devices in 25 slots.
func largeWindow(devices int) int64 {
	if devices <= 200 {
		return 0
	}
	return max(25_000/int64(devices), 5)
}

// references are the subjects beside the methods that depend on the seed.
func (p plan) references() (names []string) {
	if p.baselines {
		names = append(names, Baselines)
	}
	if p.streams {
		names = append(names, Stream)
	}
	return names
}

// folds returns cells like base that each leave out one of its recordings: they learn from the
// others and are measured on that one.
func folds(base Cell) ([]Cell, error) {
	files, err := base.Scenario.TraceFiles()
	if err != nil {
		return nil, err
	}
	if len(files) < 2 {
		return nil, fmt.Errorf("leaving one recording out needs at least two, and there are %d",
			len(files))
	}
	var all []Cell
	for i, file := range files {
		c, train := base, base.Scenario
		name := fmt.Sprintf("%s fold %d", base.Scenario.Name, i+1)
		c.Scenario.Name, c.Scenario.Trace.Files = name, []string{file}
		c.Scenario.Description = "Decides with " + filepath.Base(file) + ", after learning from " +
			"the other recordings."
		train.Name, train.Trace.Files = name, slices.Concat(files[:i], files[i+1:])
		train.Description = "All recordings but " + filepath.Base(file) + "."
		c.Train = &train
		all = append(all, c)
	}
	return all, nil
}

// scenario returns the built-in scenario with the world's name and sizes.
func (w World) scenario() (mecoffload.Scenario, error) {
	sc, err := mecoffload.LoadScenario(w.Scenario)
	sc.Devices, sc.Servers, sc.Reach, sc.Slot = w.Devices, w.Servers, w.Reach, w.Slot
	return sc, err
}
