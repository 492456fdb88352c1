package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/tasks/lydroo"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
	"github.com/graphrl/graphrl/tasks/wpmec"
)

// Files that commands add to a run folder.
const (
	CurveFile   = "curve" // .svg and .png
	SummaryFile = "summary.md"
)

// StartFolder creates the folder of a new run, with exports of its log: out or, if that is empty,
// runs/<name>.
func StartFolder[C any, R runfolder.Run](t runfolder.Task[C, R], out, name string, cfg C, run R, exports []runfolder.Export) (*runfolder.Folder, error) {
	text, err := t.YAML(cfg)
	if err != nil {
		return nil, err
	}
	folder, err := runfolder.Create(out, name)
	if errors.Is(err, runfolder.ErrExists) {
		return nil, fmt.Errorf("%w: name a new folder by --out, or continue this one by --resume %s", err, ShellQuote(out))
	}
	if err != nil {
		return nil, err
	}
	err = folder.Start(run, text)
	if err == nil {
		err = folder.Export(run, exports...)
	}
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return folder, nil
}

// MakeDir creates a new folder for anything other than a run.
func MakeDir(out, name string) (string, error) {
	dir, err := runfolder.MakeDir(out, name)
	if errors.Is(err, runfolder.ErrExists) {
		err = fmt.Errorf("%w: name a new folder by --out", err)
	}
	return dir, err
}

// ResumeFlags define how to continue a run.
type ResumeFlags struct {
	Resume, From string
	Length       int64 // 0: the run's length
}

// ResumeFolder opens the folder of a run. steps is the flag that sets its length.
func ResumeFolder[C any, R runfolder.Run](t runfolder.Task[C, R], f ResumeFlags, steps string, messages io.Writer) (*runfolder.Folder, R, error) {
	if f.Resume == "" {
		var none R
		return nil, none, Usage("--from requires --resume")
	}
	folder, run, err := runfolder.Resume(t, f.Resume, runfolder.ResumeOptions{
		From: f.From, Length: f.Length, Warn: func(text string) { fmt.Fprintln(messages, "warning: "+text) },
	})
	if err == nil {
		return folder, run, nil
	}
	var lost *runfolder.CheckpointError
	task := ""
	if errors.As(err, &lost) && lost.Other == "" {
		task = taskOf(lost.Dir)
	}
	switch {
	case task != "":
		err = fmt.Errorf("--resume %s: a run of another task: continue it by `train %s --resume %s`", f.Resume, task, ShellQuote(f.Resume))
	case lost != nil && lost.Other != "":
		err = fmt.Errorf("%w: continue from it by --resume %s --from %s", err, ShellQuote(f.Resume), lost.Other)
	case errors.Is(err, runfolder.ErrShorter):
		err = fmt.Errorf("--%s: %w", steps, err)
	default:
		err = fmt.Errorf("--resume %s: %w", f.Resume, err)
	}
	return nil, run, err
}

// Resumable adds to the error of a signal or a disk that stopped a run how to continue it. step is the task's
// word for a step.
func Resumable(err error, folder *runfolder.Folder, step string, run runfolder.Run) error {
	at := run.Position()
	var signal Interrupted
	if errors.As(err, &signal) {
		return fmt.Errorf("%w after %s %d of %d; continue with --resume %s", err, step, at.Steps(), at.Length(), folder.Path())
	}
	var refused *fs.PathError
	if errors.As(err, &refused) {
		return fmt.Errorf("%w; when the disk has room again, continue with --resume %s", err, folder.Path())
	}
	return err
}

// OpenError adds to the error of a run's checkpoint which other one can be evaluated, or replaces it
// by the command that reads runs of its task.
func OpenError(err error) error {
	var lost *runfolder.CheckpointError
	if !errors.As(err, &lost) {
		return err
	}
	if lost.Other != "" {
		dir := filepath.Join(lost.Dir, runfolder.CheckpointDir, lost.Other)
		return fmt.Errorf("%w: evaluate it by --checkpoint %s", err, ShellQuote(dir))
	}
	if task := taskOf(lost.Dir); task != "" {
		return fmt.Errorf("%s: a run of another task: evaluate it by `eval %s --run %s`", lost.Dir, task, ShellQuote(lost.Dir))
	}
	return err
}

// taskOf returns the command of train and eval for the task of a run folder, and "" if no task can
// read it.
func taskOf(dir string) string {
	latest := filepath.Join(dir, runfolder.CheckpointDir, runfolder.Latest)
	if _, err := experiment.Task().Open(latest); err == nil {
		return "mecoffload"
	}
	if _, err := wpmec.Task().Open(latest); err == nil {
		return "wpmec"
	}
	if _, err := lydroo.Task().Open(latest); err == nil {
		return "lydroo"
	}
	return ""
}
