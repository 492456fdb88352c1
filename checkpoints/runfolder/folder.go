package runfolder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/graphrl/graphrl/internal/atomicfile"
)

// Files of a run folder.
const (
	ConfigFile    = "config.yaml"
	MetricsFile   = "metrics.jsonl"
	CheckpointDir = "checkpoint"
	timingDir     = "timing"
)

// RunsDir is the default place of run folders.
const RunsDir = "runs"

// ErrExists means that Create refuses an existing folder.
var ErrExists = errors.New("a run never writes over another")

// Folder is a run folder that this process has locked.
type Folder struct {
	dir  string
	lock *Lock
	log  *Log
	made bool // created by this process

	exports []exportFile
}

// Create creates a folder and locks it: out or, if that is empty, runs/<name>, with -2, -3, ...
// appended if necessary. It never touches an existing folder.
func Create(out, name string) (*Folder, error) {
	dir, err := MakeDir(out, name)
	if err != nil {
		return nil, err
	}
	lock, err := Acquire(dir, LockName)
	if err != nil {
		os.Remove(dir)
		return nil, err
	}
	return &Folder{dir: dir, lock: lock, made: true}, nil
}

// MakeDir is like [Create] for anything other than a run: it does not lock.
func MakeDir(out, name string) (string, error) {
	const most = 10_000
	dir, exact := out, out != ""
	if !exact {
		dir = filepath.Join(RunsDir, fileName(name))
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return "", fmt.Errorf("run folder: %w", err)
	}
	for i := 1; i <= most; i++ {
		attempt := dir
		if i > 1 {
			attempt = fmt.Sprintf("%s-%d", dir, i)
		}
		err := os.Mkdir(attempt, 0o777)
		if err == nil {
			return attempt, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("run folder: %w", err)
		}
		if exact {
			return "", fmt.Errorf("%s exists, and %w", out, ErrExists)
		}
	}
	return "", fmt.Errorf("run folder: %s-2 to -%d all exist", dir, most)
}

// fileName returns name in lower case without characters that are special in some file system.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune("._+-", r):
			return r
		}
		return '_'
	}, strings.ToLower(name))
}

// Path returns the path of a file in the folder.
func (f *Folder) Path(elements ...string) string {
	return filepath.Join(append([]string{f.dir}, elements...)...)
}

// Close unlocks the folder and removes it if it has no checkpoint yet.
func (f *Folder) Close() error {
	var err error
	if f.log != nil {
		err = f.log.Close()
	}
	err = errors.Join(err, f.closeExports(), f.lock.Release())
	if _, statErr := os.Stat(f.Path(CheckpointDir, Latest, "manifest.json")); f.made && errors.Is(statErr, fs.ErrNotExist) {
		os.RemoveAll(f.dir)
	}
	return err
}

// Start writes the first checkpoint of a new run, and then its configuration. A folder with a
// configuration can be resumed.
func (f *Folder) Start(run Run, config []byte) error {
	var err error
	if f.log, _, err = OpenLog(f.Path(MetricsFile), run.Position(), run.Line()); err != nil {
		return err
	}
	if err := f.Checkpoint(run); err != nil {
		return err
	}
	return atomicfile.Write(f.Path(ConfigFile), config)
}

// Checkpoint saves the run, after syncing the log of the steps so far to disk.
func (f *Folder) Checkpoint(run Run) error {
	if err := f.log.Sync(); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if err := Checkpoint(f.Path(CheckpointDir), run); err != nil {
		return err
	}
	return saveTimes(f.Path(timingDir), run)
}

// Train does all remaining steps, logs and saves when due, and calls progress after each step. If
// ctx ends it saves a checkpoint and returns the cause.
func (f *Folder) Train(ctx context.Context, run Run, progress func()) error {
	course := run.Position()
	for !course.Done() {
		if ctx.Err() != nil {
			return errors.Join(f.Checkpoint(run), context.Cause(ctx))
		}
		if err := run.Step(); err != nil {
			return err
		}
		if course.ReportDue() {
			if err := f.report(run); err != nil {
				return err
			}
		}
		if course.CheckpointDue() {
			if err := f.Checkpoint(run); err != nil {
				return err
			}
		}
		progress()
	}
	return nil
}

// report adds a line to the log and its exports.
func (f *Folder) report(run Run) error {
	line := run.Line()
	if err := f.log.Append(line); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return f.appendExports(run.Position().Steps(), line)
}
