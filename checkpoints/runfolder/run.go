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
	// Line returns the log entry of the report interval that has just ended. All its values have
	// one type.
	Line() any
	// Score returns the score by which the best checkpoint is chosen.
	Score() float64
	// Manifest describes the run in a checkpoint, see [Task].
	Manifest() (checkpoints.Manifest, error)
	// Close stops the goroutines that train.
	Close()
}

// Timed is a Run that measures wall-clock times, which are saved separately from its state.
type Timed interface {
	SaveTimes(*checkpoints.State) error
	LoadTimes(*checkpoints.State) error
}

// Checkpoints of a run, as folders in the one passed to [Checkpoint].
const (
	Latest = "latest"
	Best   = "best"
)

// Checkpoint saves a run to dir/latest. It also saves to dir/best if a checkpoint is due and its
// score is higher than at any due one before.
func Checkpoint(dir string, run Run) error {
	if run.Position().better(run.Score()) {
		// Save the best first: if the process dies in between, the run continues from an older
		// latest one and gets here again.
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

// loadTimes restores what saveTimes saved.
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

// Task describes a kind of run: runs R with configurations C.
type Task[C any, R Run] struct {
	// Parse reads a configuration from YAML or JSON. Errors name filename.
	Parse func(data []byte, filename string) (C, error)
	// YAML encodes a configuration as a file that Parse reads back to the same value.
	YAML func(C) ([]byte, error)
	// Manifest describes a run's checkpoints: method, architecture and, as JSON, the configuration.
	// Equal configurations must give equal JSON.
	Manifest func(C) (checkpoints.Manifest, error)
	// New returns a run at its first step.
	New func(C) (R, error)
	// Length returns the number of steps in a configuration.
	Length func(C) int64
	// Lengthen returns the configuration of a longer run that begins like a run of c, or an error
	// if there is none.
	Lengthen func(c C, length int64) (C, error)
}

// Saved is a checkpoint.
type Saved[C any] struct {
	Dir      string
	Config   C
	Manifest checkpoints.Manifest
	State    *checkpoints.State
}

// Part returns the state of a part of the run, such as its actor, for networks with the given
// architecture.
func (c *Saved[C]) Part(name, architecture string) (*checkpoints.State, error) {
	if has := c.Manifest.Architecture; has != architecture {
		return nil, fmt.Errorf("checkpoint %s holds %s with %s, and %s is needed (graph actors fit any number of users; MLP actors do not)",
			c.Dir, c.Manifest.Method, has, architecture)
	}
	return c.State.Sub(name), nil
}

// Open reads the checkpoint in dir. The error wraps [io/fs.ErrNotExist] if there is none and
// [checkpoints.ErrDamaged] if it is damaged.
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

// Restore returns the run of a checkpoint as it was saved, but with the configuration cfg: the
// checkpoint's or a longer one.
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

// fits reports whether a checkpoint has the networks of a configuration.
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

// ErrOtherConfig means that a run cannot continue from a checkpoint of another configuration.
var ErrOtherConfig = errors.New("was saved with another configuration: a run continues with the one it started with; " +
	"start a new run with the new one")

// continues returns an error unless a run of cfg begins like one of saved.
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
