package runfolder

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/graphrl/graphrl/checkpoints"
)

// Run is a training that can be saved after every step.
type Run interface {
	checkpoints.Stateful
	// Position is the run's own Course, which Step advances and the state includes.
	Position() *Course
	// Step does one step and counts it.
	Step() error
	// Line is what the log says of the report interval that has just ended. It returns values of
	// one type.
	Line() any
	// Score is what the best checkpoint has most of.
	Score() float64
	// Manifest is what a checkpoint says of the run, see [Task].
	Manifest() (checkpoints.Manifest, error)
	// Close stops the goroutines of the training.
	Close()
}

// Timed is a Run that measures wall-clock times. They are kept apart from its state.
type Timed interface {
	SaveTimes(*checkpoints.State) error
	LoadTimes(*checkpoints.State) error
}

// Checkpoints of a run, as folders of the one given to [Checkpoint].
const (
	Latest = "latest"
	Best   = "best"
)

// Checkpoint saves a run to dir/latest and, if a checkpoint is due and its score higher than at any
// due one before, to dir/best.
func Checkpoint(dir string, run Run) error {
	if run.Position().better(run.Score()) {
		// First: if only this one gets done, the run goes on from an older latest one and comes by
		// here again.
		if err := Save(filepath.Join(dir, Best), run); err != nil {
			return err
		}
	}
	return Save(filepath.Join(dir, Latest), run)
}

// Save saves a run to dir.
func Save(dir string, run Run) error {
	at := run.Position().Steps()
	state := checkpoints.NewState()
	if err := run.SaveState(state); err != nil {
		return fmt.Errorf("checkpoint after step %d: %w", at, err)
	}
	manifest, err := run.Manifest()
	if err != nil {
		return err
	}
	manifest.Step = at
	return checkpoints.Save(dir, state, manifest)
}

// saveTimes saves the times of a run that has any.
func saveTimes(dir string, run Run) error {
	timed, ok := run.(Timed)
	if !ok {
		return nil
	}
	state := checkpoints.NewState()
	if err := timed.SaveTimes(state); err != nil {
		return err
	}
	return checkpoints.Save(dir, state, checkpoints.Manifest{Step: run.Position().Steps()})
}

// loadTimes restores what saveTimes has saved.
func loadTimes(dir string, run Run) error {
	timed, ok := run.(Timed)
	if !ok {
		return nil
	}
	state, _, err := checkpoints.Load(dir)
	if err != nil {
		return err
	}
	return timed.LoadTimes(state)
}

// Task is a kind of runs: R made from configurations C.
type Task[C any, R Run] struct {
	// Parse reads a configuration from YAML or JSON. Errors name filename.
	Parse func(data []byte, filename string) (C, error)
	// YAML writes one, as a file that Parse reads back to the same value.
	YAML func(C) ([]byte, error)
	// Manifest is what checkpoints of its runs say of them: method, architecture and, as JSON, the
	// configuration. Equal configurations give equal JSON.
	Manifest func(C) (checkpoints.Manifest, error)
	// New is a run at its first step.
	New func(C) (R, error)
	// Length is the number of steps that a configuration asks for.
	Length func(C) int64
	// Lengthen is the configuration of a longer run that begins like one of C, or an error if there
	// is none.
	Lengthen func(c C, length int64) (C, error)
}

// Saved is a checkpoint.
type Saved[C any] struct {
	Dir      string
	Config   C
	Manifest checkpoints.Manifest
	State    *checkpoints.State
}

// Open reads the checkpoint in dir. If there is none the error wraps [io/fs.ErrNotExist], if it is
// damaged [checkpoints.ErrDamaged].
func (t Task[C, R]) Open(dir string) (*Saved[C], error) {
	state, manifest, err := checkpoints.Load(dir)
	if err != nil {
		return nil, err
	}
	cfg, err := t.Parse(manifest.Config, filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, err
	}
	return &Saved[C]{dir, cfg, manifest, state}, nil
}

// Restore returns the run of a checkpoint as it was saved, but with the configuration cfg: that of
// the checkpoint or a longer one.
func (t Task[C, R]) Restore(c *Saved[C], cfg C) (R, error) {
	var none R
	if err := t.fits(c.Manifest, cfg); err != nil {
		return none, fmt.Errorf("checkpoint %s %w", c.Dir, err)
	}
	if err := t.continues(c.Config, cfg); err != nil {
		return none, fmt.Errorf("checkpoint %s %w", c.Dir, err)
	}
	run, err := t.New(cfg)
	if err != nil {
		return none, err
	}
	if err := run.LoadState(c.State); err != nil {
		run.Close()
		return none, fmt.Errorf("checkpoint %s: %w", c.Dir, err)
	}
	return run, nil
}

// fits reports whether the networks of a checkpoint are those of a configuration.
func (t Task[C, R]) fits(saved checkpoints.Manifest, cfg C) error {
	want, err := t.Manifest(cfg)
	if err != nil {
		return err
	}
	if saved.Method != want.Method || saved.Architecture != want.Architecture {
		return fmt.Errorf("is of another architecture: it holds %s with %s, not %s with %s",
			saved.Method, saved.Architecture, want.Method, want.Architecture)
	}
	return nil
}

// ErrOtherConfig is why a run does not go on from a checkpoint.
var ErrOtherConfig = errors.New("was saved with another configuration: a run goes on with the one it was started with; " +
	"start a new run with the new one")

// continues reports why a run of cfg does not begin like one of saved.
func (t Task[C, R]) continues(saved, cfg C) error {
	if from, to := t.Length(saved), t.Length(cfg); to > from {
		var err error
		if saved, err = t.Lengthen(saved, to); err != nil {
			return err
		}
	}
	same, err := t.same(saved, cfg)
	if err == nil && !same {
		err = ErrOtherConfig
	}
	return err
}

// same reports whether two configurations are equal.
func (t Task[C, R]) same(a, b C) (bool, error) {
	ma, errA := t.Manifest(a)
	mb, errB := t.Manifest(b)
	return string(ma.Config) == string(mb.Config), errors.Join(errA, errB)
}
