package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/graphrl/graphrl/internal/memory"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// Result is the result of a cell.
type Result struct {
	Format int  `json:"format"`
	Cell   Cell `json:"cell"`
	// Rows are the averages over the last quarter: one row for a method, one per policy for
	// Baselines. Decision times differ from run to run, so they are in Timing.
	Rows []mecoffload.Row `json:"rows,omitempty"`
	// Tests are the averages of the cell's tests.
	Tests []mecoffload.Row `json:"tests,omitempty"`
	// Curve is the method's learning curve.
	Curve []Point `json:"curve,omitempty"`
	// Bounds is the result of Bounds.
	Bounds *BoundValues `json:"bounds,omitempty"`
	// Stream is the result of Stream, besides the row and the curve of a search: an upper bound for
	// each tenth of the stream, see mecoffload.StreamBound.
	Stream []float64 `json:"stream,omitempty"`
	Timing Timing    `json:"timing"`
}

// Point of a learning curve is an average over the slots since the point before.
type Point struct {
	Slot     int64   `json:"slot"`
	Accuracy float64 `json:"accuracy"`
	Reward   float64 `json:"reward"`
}

// BoundValues are upper bounds on the long-run average accuracy of any policy in a scenario:
// mecoffload.UpperBound and mecoffload.DeadlineBound.
type BoundValues struct {
	AllExits Bound `json:"all_exits"`
	LastExit Bound `json:"last_exit"` // for methods without early exits
}

// Bound is an upper bound in two strengths.
type Bound struct {
	Capacity       float64 `json:"capacity"` // certain
	Deadline       float64 `json:"deadline"` // estimated from a sample
	DeadlineStdErr float64 `json:"deadline_std_err"`
}

// Value returns the lower of two bounds: Capacity, and the level that the true bound with deadlines
// stays below with a probability of 99.9 %.
func (b Bound) Value() float64 { return min(b.Capacity, b.Deadline+3*b.DeadlineStdErr) }

// Timing differs between machines and from run to run.
type Timing struct {
	// Build identifies the program, see build.
	Build string `json:"build"`
	// Seconds is the time that the cell took.
	Seconds float64 `json:"seconds"`
	// Rows are the decision times of the result's rows.
	Rows []mecoffload.DecisionTime `json:"decision_us,omitempty"`
	// PeakBytes is the most memory that the process had at once while it computed the cell; 0: not
	// known, as where cells were computed side by side.
	PeakBytes int64 `json:"peak_bytes,omitempty"`
}

const (
	// settle is the number of slots before the measured ones in which a policy that does not learn
	// already decides, so that the backlogs become its own. Deadlines of a few slots make queues
	// forget soon.
	settle = 50
	// settleLarge is the same for cells with a Window, whose slots take long: servers start idle, and
	// deadlines are two to four slots.
	settleLarge = 12
	// curvePoints is the number of points of a learning curve.
	curvePoints = 40
	// boundTasks and boundSeed define the sample of mecoffload.DeadlineBound.
	boundTasks = 50_000
	boundSeed  = 1
)

// run computes the cell.
func (c Cell) run(ctx context.Context) (*Result, error) {
	start := time.Now()
	r := &Result{Format: resultFormat, Cell: c}
	var err error
	switch {
	case c.Recipe != nil:
		err = r.learn(ctx)
	case c.Subject.Name == Baselines:
		err = r.baselines(ctx)
	case c.Subject.Name == Bounds:
		err = r.bounds()
	case c.Subject.Name == Stream:
		err = r.stream(ctx)
	default:
		err = errors.New("neither a method with a recipe nor baselines, bounds or a stream")
	}
	if err != nil {
		return nil, fmt.Errorf("suite: %v: %w", c, err)
	}
	for i := range r.Rows {
		r.Timing.Rows = append(r.Timing.Rows, r.Rows[i].Decision)
		r.Rows[i].Decision = mecoffload.DecisionTime{}
	}
	for i := range r.Tests {
		r.Tests[i].Decision = mecoffload.DecisionTime{}
	}
	r.Timing.Seconds = time.Since(start).Seconds()
	return r, nil
}

// measured computes the cell and, where no other is computed at the same time, measures its memory.
func (c Cell) measured(ctx context.Context, alone bool) (*Result, error) {
	if !alone {
		return c.run(ctx)
	}
	memory.ResetPeak()
	r, err := c.run(ctx)
	if err == nil {
		r.Timing.PeakBytes = memory.Peak()
	}
	return r, err
}

// learn trains the method and runs the tests.
func (r *Result) learn(ctx context.Context) error {
	c := r.Cell
	cfg, err := experiment.DefaultConfig()
	if err != nil {
		return err
	}
	cfg.Method = agent.Method(c.Subject.Name)
	cfg.Scenario, cfg.Profile, cfg.Recipe = c.Scenario, c.Profile, *c.Recipe
	if c.Train != nil {
		cfg.Scenario = *c.Train
	}
	cfg.Slots, cfg.Seed = c.Slots, c.Seed
	cfg.ReportInterval = max(c.Slots/curvePoints, 1)
	cfg.CheckpointInterval, cfg.ValidationSlots = c.Slots, 0
	run, err := experiment.NewRun(cfg)
	if err != nil {
		return err
	}
	defer run.Close()
	for !run.Done() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := run.Step(); err != nil {
			return err
		}
		if run.ReportDue() {
			report := run.Report()
			r.Curve = append(r.Curve, Point{report.Slot, report.Accuracy, report.Reward})
		}
	}
	r.Rows = []mecoffload.Row{run.Row()}
	if len(c.Tests) == 0 && c.Train == nil {
		return nil
	}
	learned, err := saved(run)
	if err != nil {
		return err
	}
	if c.Train != nil {
		if r.Rows[0], err = elsewhere(ctx, learned, cfg, c); err != nil {
			return err
		}
	}
	for _, t := range c.Tests {
		row, err := t.run(ctx, learned, cfg)
		if err != nil {
			return fmt.Errorf("test %s in %v: %w", t.Kind, worldOf(t.Scenario), err)
		}
		r.Tests = append(r.Tests, row)
	}
	return nil
}

// saved returns a checkpoint of a finished run.
func saved(run *experiment.Run) (*experiment.Checkpoint, error) {
	dir, err := os.MkdirTemp("", "suite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := run.Checkpoint(dir); err != nil {
		return nil, err
	}
	return experiment.OpenCheckpoint(filepath.Join(dir, experiment.LatestCheckpoint))
}

// elsewhere evaluates what a run of cfg learned in the cell's scenario. The agent's knowledge,
// including the price of server time, is about the scenario it was trained in, except for its size.
func elsewhere(ctx context.Context, learned *experiment.Checkpoint, cfg experiment.Config, c Cell) (mecoffload.Row, error) {
	cfg.Scenario.Devices, cfg.Scenario.Servers, cfg.Scenario.Reach = c.Scenario.Devices, c.Scenario.Servers, c.Scenario.Reach
	agent, err := learned.Agent(cfg)
	if err != nil {
		return mecoffload.Row{}, err
	}
	defer agent.Close()
	return c.evaluation().Policy(ctx, agent)
}

// evaluation covers what the cell measures: the last quarter of its stream, or Window slots from
// near the beginning, for the slots before are as long as those.
func (c Cell) evaluation() experiment.Evaluation {
	if c.Window == 0 {
		return evaluation(c.Scenario, c.Profile, c.Slots, c.Slots-experiment.TailStart(c.Slots), c.Seed)
	}
	return experiment.Evaluation{Scenario: c.Scenario, Profile: c.Profile, Seed: c.Seed, Slots: settleLarge + c.Window, From: settleLarge}
}

// run evaluates what a run of cfg learned.
func (t Test) run(ctx context.Context, learned *experiment.Checkpoint, cfg experiment.Config) (mecoffload.Row, error) {
	cfg.Scenario = t.Scenario
	agent, err := learned.Agent(cfg)
	if err != nil {
		return mecoffload.Row{}, err
	}
	defer agent.Close()
	e := evaluation(t.Scenario, cfg.Profile, cfg.Slots, t.Window, cfg.Seed)
	switch t.Kind {
	case Frozen:
		return e.Policy(ctx, agent)
	case Online:
		return e.Online(ctx, agent)
	case ValueSearch:
		search, err := mecoffload.NewSearch(t.Scenario, cfg.Profile, mecoffload.SearchConfig{
			Objective: agent.Objective(), Seed: cfg.Seed, Restarts: t.Restarts,
		})
		if err != nil {
			return mecoffload.Row{}, err
		}
		return e.Policy(ctx, search)
	}
	return mecoffload.Row{}, fmt.Errorf("unknown kind of test %q", t.Kind)
}

// evaluation covers the last window slots of a stream.
func evaluation(sc mecoffload.Scenario, p mecoffload.Profile, slots, window int64, seed uint64) experiment.Evaluation {
	from := max(slots-window, 0)
	return experiment.Evaluation{Scenario: sc, Profile: p, Seed: seed, Slots: slots, From: from, Start: max(from-settle, 0)}
}

func (r *Result) baselines(ctx context.Context) error {
	c := r.Cell
	policies, err := mecoffload.Baselines(c.Scenario, c.Profile, c.Seed)
	if err != nil {
		return err
	}
	e := c.evaluation()
	for _, p := range policies {
		row, err := e.Policy(ctx, p)
		if err != nil {
			return err
		}
		r.Rows = append(r.Rows, row)
	}
	return nil
}

func (r *Result) bounds() error {
	sc, p := r.Cell.Scenario, r.Cell.Profile
	r.Bounds = &BoundValues{}
	for _, b := range []struct {
		to       *Bound
		lastExit bool
	}{{&r.Bounds.AllExits, false}, {&r.Bounds.LastExit, true}} {
		capacity, err := mecoffload.UpperBound(sc, p, b.lastExit)
		if err != nil {
			return err
		}
		deadline, err := mecoffload.DeadlineBound(sc, p, mecoffload.DeadlineBoundConfig{
			LastExitOnly: b.lastExit, Tasks: boundTasks, Seed: boundSeed,
		})
		if err != nil {
			return err
		}
		b.to.Capacity, b.to.Deadline, b.to.DeadlineStdErr = capacity.Accuracy, deadline.Accuracy, deadline.StdErr
	}
	return nil
}

// ComputeOptions control how Compute works, not what it computes.
type ComputeOptions struct {
	// Jobs is the number of cells computed at a time. 0: GOMAXPROCS. With 1, results have the
	// memory that the process took.
	Jobs int
	// Progress, if not nil, is called with the number of cells done and the last of them, first
	// with the number that the store already has and a nil cell. Calls do not overlap.
	Progress func(done int, last *Cell)
}

// Compute computes the cells that store lacks, several at a time, and saves each when it is done.
// It stops at the first error, or when ctx ends; saved cells remain.
func Compute(ctx context.Context, cells []Cell, store *Store, o ComputeOptions) error {
	if o.Progress == nil {
		o.Progress = func(int, *Cell) {}
	}
	todo, err := store.missing(cells)
	if err != nil {
		return err
	}
	done := len(cells) - len(todo)
	o.Progress(done, nil)
	build, err := build()
	if err != nil {
		return err
	}
	jobs := o.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var lock sync.Mutex
	finish := func(c *Cell, err error) {
		lock.Lock()
		defer lock.Unlock()
		if err != nil {
			stop(err) // only the first cause counts
			return
		}
		done++
		o.Progress(done, c)
	}
	queue := make(chan *Cell)
	var workers sync.WaitGroup
	for range min(jobs, len(todo)) {
		workers.Go(func() {
			for c := range queue {
				r, err := c.measured(ctx, jobs == 1)
				if err == nil {
					r.Timing.Build = build
					err = store.save(r)
				}
				finish(c, err)
			}
		})
	}
	for i := range todo {
		if ctx.Err() != nil {
			break
		}
		select {
		case queue <- &todo[i]:
		case <-ctx.Done():
		}
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}
