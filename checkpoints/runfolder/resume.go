package runfolder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/atomicfile"
)

// CheckpointError means that [Resume] or [OpenIn] cannot read a checkpoint of a run folder.
type CheckpointError struct {
	Dir  string // run folder
	Name string // Latest or Best
	// Other is the checkpoint that is whole, if there is one, and Step its number of steps.
	Other string
	Step  int64
	Err   error
}

// Error describes the fault and the alternative.
func (e *CheckpointError) Error() string {
	text := e.Err.Error()
	if e.Other != "" {
		return fmt.Sprintf("%s; the run's %s checkpoint, of step %d, is whole", text, e.Other, e.Step)
	}
	return text + "; the run has no other checkpoint that is whole"
}

// Unwrap returns Err.
func (e *CheckpointError) Unwrap() error { return e.Err }

// ResumeOptions define how to resume a run.
type ResumeOptions struct {
	// From is the checkpoint to resume, Latest or Best. "" is Latest.
	From string
	// Length, if not 0, lengthens the run.
	Length int64
	// Warn is called with messages about repaired damage.
	Warn func(message string)
}

// Resume opens the folder of a run to continue it. The error is a [HeldError] if another process
// works in it, and a [CheckpointError] if there is no readable checkpoint.
func Resume[C any, R Run](t Task[C, R], dir string, o ResumeOptions) (*Folder, R, error) {
	var none R
	if _, err := os.Stat(dir); err != nil {
		return nil, none, fmt.Errorf("not a run folder: %w", err)
	}
	if !isRun(dir) {
		return nil, none, fmt.Errorf("%s is not a run folder, or its run stopped before the first checkpoint: there is nothing to resume", dir)
	}
	lock, err := Acquire(dir, LockName)
	if err != nil {
		return nil, none, err
	}
	f := &Folder{dir: dir, lock: lock}
	run, err := resume(t, f, o)
	if err != nil {
		f.Close()
		return nil, none, err
	}
	return f, run, nil
}

// ErrShorter means that Resume refuses a length.
var ErrShorter = errors.New("a run can be made longer, not shorter")

// isRun reports whether a folder contains any part of a run.
func isRun(dir string) bool {
	for _, name := range []string{ConfigFile, CheckpointDir} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func resume[C any, R Run](t Task[C, R], f *Folder, o ResumeOptions) (R, error) {
	var none R
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.From == "" {
		o.From = Latest
	}
	saved, err := OpenIn(t, f.dir, o.From)
	if err != nil {
		return none, err
	}
	cfg, err := goOnWith(t, f, saved, o)
	if err != nil {
		return none, err
	}
	run, err := t.Restore(saved, cfg)
	if err != nil {
		return none, err
	}
	if err := rewrite(t, f, saved, run, cfg, o); err != nil {
		run.Close()
		return none, err
	}
	return run, nil
}

// OpenIn opens a checkpoint of a run folder, Latest or Best. If it cannot, the error is a
// [CheckpointError].
func OpenIn[C any, R Run](t Task[C, R], dir, name string) (*Saved[C], error) {
	saved, err := t.Open(filepath.Join(dir, CheckpointDir, name))
	if err == nil {
		return saved, nil
	}
	failure := &CheckpointError{Dir: dir, Name: name, Err: err}
	other := Best
	if name == Best {
		other = Latest
	}
	if o, err := t.Open(filepath.Join(dir, CheckpointDir, other)); err == nil {
		failure.Other, failure.Step = other, o.Manifest.Step
	}
	return nil, failure
}

// goOnWith returns the configuration to continue with: the checkpoint's, which the folder's must
// match, or a longer one.
func goOnWith[C any, R Run](t Task[C, R], f *Folder, saved *Saved[C], o ResumeOptions) (C, error) {
	cfg := saved.Config
	if data, err := os.ReadFile(f.Path(ConfigFile)); err == nil {
		written, err := t.Parse(data, f.Path(ConfigFile))
		if err != nil {
			return cfg, err
		}
		// The folder's is the shorter one if the run was killed while being lengthened, before the
		// new length was written.
		short, long := written, cfg
		if t.Length(written) > t.Length(cfg) && o.From == Best {
			short, long = cfg, written
			cfg = written
		}
		if err := t.fits(saved.Manifest, written); err != nil {
			return cfg, fmt.Errorf("%s: checkpoint %s %w", f.Path(ConfigFile), saved.Dir, err)
		}
		if err := t.continues(short, long); err != nil {
			return cfg, fmt.Errorf("%s: checkpoint %s %w", f.Path(ConfigFile), saved.Dir, err)
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		o.Warn(f.Path(ConfigFile) + " is missing: restored from the checkpoint")
	} else {
		return cfg, err
	}
	switch length := t.Length(cfg); {
	case o.Length == 0 || o.Length == length:
		return cfg, nil
	case o.Length < length:
		return cfg, fmt.Errorf("%d is less than the %d of the run in %s: %w", o.Length, length, f.dir, ErrShorter)
	}
	return t.Lengthen(cfg, o.Length)
}

// rewrite makes the folder that of run: all checkpoints have its length, and the log ends at its
// position.
func rewrite[C any, R Run](t Task[C, R], f *Folder, saved *Saved[C], run R, cfg C, o ResumeOptions) error {
	if err := loadTimes(f.Path(timingDir), run); err != nil && run.Position().Steps() > 0 {
		o.Warn("wall-clock times before this start are lost: " + err.Error())
	}
	var lost int64
	var err error
	if f.log, lost, err = OpenLog(f.Path(MetricsFile), run.Position(), run.Line()); err != nil {
		return err
	}
	if lost > 0 {
		o.Warn(fmt.Sprintf("%s: %d of %d lines before the checkpoint are missing or damaged: the learning curve has a gap there, the run has none",
			f.Path(MetricsFile), lost, run.Position().Reports()))
	}
	if err := f.resumeExports(run); err != nil {
		return err
	}
	if o.From != Latest || t.Length(saved.Config) != t.Length(cfg) {
		if err := Save(f.Path(CheckpointDir, Latest), run); err != nil {
			return err
		}
	}
	if err := relength(t, f, cfg); err != nil {
		return err
	}
	f.sweep()
	text, err := t.YAML(cfg)
	if err != nil {
		return err
	}
	if data, err := os.ReadFile(f.Path(ConfigFile)); err == nil {
		if old, err := t.Parse(data, f.Path(ConfigFile)); err == nil {
			if same, err := t.same(old, cfg); err != nil || same {
				return err // keep the user's own notes about it
			}
		}
	}
	return atomicfile.Write(f.Path(ConfigFile), text)
}

// sweep removes the leftovers of killed processes. Failure is harmless.
func (f *Folder) sweep() {
	for _, name := range []string{Latest, Best} {
		checkpoints.Sweep(f.Path(CheckpointDir, name))
	}
	checkpoints.Sweep(f.Path(timingDir))
	if left, err := filepath.Glob(f.Path("*.tmp")); err == nil {
		for _, name := range left {
			os.Remove(name)
		}
	}
}

// relength saves the best checkpoint, if it belongs to a shorter run, as a run of cfg would have.
func relength[C any, R Run](t Task[C, R], f *Folder, cfg C) error {
	best, err := t.Open(f.Path(CheckpointDir, Best))
	if err != nil || t.Length(best.Config) == t.Length(cfg) {
		return nil // there is none, or it is damaged: the run continues without
	}
	run, err := t.Restore(best, cfg)
	if err != nil {
		return err
	}
	defer run.Close()
	return Save(best.Dir, run)
}
