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

// RunsDir is where run folders are made unless the user names another place.
const RunsDir = "runs"

// ErrExists is why Create refuses a folder.
var ErrExists = errors.New("a run never writes over another")

// Folder is a run folder in which this process works, and no other.
type Folder struct {
	dir  string
	lock *Lock
	log  *Log
	made bool // by this process
}

// Create makes a folder and locks it: out or, where that is empty, runs/<name>, with -2, -3, ...
// behind it if need be. It never touches one that exists.
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

// MakeDir is [Create] for what is not a run: it does not lock.
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

// fileName is name in lower case without characters that are special in some file system.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune("._+-", r):
			return r
		}
		return '_'
	}, strings.ToLower(name))
}

// Path is that of a file in the folder.
func (f *Folder) Path(elements ...string) string {
	return filepath.Join(append([]string{f.dir}, elements...)...)
}

// Close lets other processes work in the folder. A folder in which there is no checkpoint yet is
// removed.
func (f *Folder) Close() error {
	var err error
	if f.log != nil {
		err = f.log.Close()
	}
	err = errors.Join(err, f.lock.Release())
	if _, statErr := os.Stat(f.Path(CheckpointDir, Latest, "manifest.json")); f.made && errors.Is(statErr, fs.ErrNotExist) {
		os.RemoveAll(f.dir)
	}
	return err
}

// Start writes the first checkpoint of a new run, and then its configuration: a folder with a
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

// Checkpoint saves the run. What the log says of the steps so far is on disk before.
func (f *Folder) Checkpoint(run Run) error {
	if err := f.log.Sync(); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if err := Checkpoint(f.Path(CheckpointDir), run); err != nil {
		return err
	}
	return saveTimes(f.Path(timingDir), run)
}

// Train does all steps that are left, and logs and saves what is due. After each step it calls
// progress. If ctx ends it saves a checkpoint and returns the cause.
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
			if err := f.log.Append(run.Line()); err != nil {
				return fmt.Errorf("metrics: %w", err)
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
