package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/internal/atomicfile"
)

// RunFlags are the flags of commands that train one method frame by frame, next to those that
// describe the frames.
type RunFlags struct {
	Config string `placeholder:"FILE" help:"Configuration in YAML, hyper-parameters included; flags override it. A finished run's config.yaml repeats that run."`
	Out    string `placeholder:"DIR" help:"New run folder. Default: runs/${run_name}, numbered if it exists."`
	Resume string `placeholder:"DIR" help:"Folder of an interrupted run to continue as if it had never stopped. With more --frames than it has it becomes that longer run."`
	From   string `enum:",latest,best" default:"" placeholder:"NAME" help:"With --resume, the checkpoint to continue from: latest or best. Default: latest."`
	cli.LogFlag
	show.FormatFlag
}

// frameTask is a task whose methods decide one frame after the other and learn from each: C is the
// configuration of a run, T the run and R its result.
type frameTask[C any, T frameTraining[C, R], R any] struct {
	name   string // of the command
	task   runfolder.Task[C, T]
	flags  any               // the command, and in it
	run    RunFlags          // these flags
	frames *int              // and --frames
	config func() (C, error) // what the file and the flags request

	folder  func(C) string                        // a folder name that distinguishes runs on different frames
	title   func(C) string                        // names method and frames
	caption func(C, T) string                     // of the table
	note    func(T) string                        // how well it goes
	others  func(C, T) ([]cli.FrameRun[R], error) // methods that do not learn, on the same frames
	columns []show.Column[R]
	panels  func(methods [][]*R) []show.Panel
	figure  string      // what the panels show
	report  func(C) int // frames of a line of metrics.jsonl
}

// frameTraining is a run of a frameTask.
type frameTraining[C, R any] interface {
	runfolder.Run
	Config() C
	Result() *R
}

// train runs all remaining frames, compares with methods that do not learn, and prints the table.
func (f frameTask[C, T, R]) train(ctx context.Context, out cli.Streams) error {
	folder, t, err := f.open(out.Err)
	if err != nil {
		return err
	}
	defer folder.Close()
	defer t.Close()
	results, err := f.learn(ctx, folder, t, out.Err)
	if err != nil {
		return cli.Resumable(err, folder, "frame", t)
	}
	caption := f.caption(t.Config(), t)
	if err := f.write(folder.Path(), t.Config(), caption, results); err != nil {
		return err
	}
	if err := show.WriteTable(out.Out, f.run.Format, caption, f.columns, values(results)); err != nil {
		return unprinted(folder.Path(), err)
	}
	fmt.Fprintf(out.Err, "run folder: %s\n", folder.Path())
	return nil
}

// open starts a new run, or opens the folder of one to continue.
func (f frameTask[C, T, R]) open(messages io.Writer) (folder *runfolder.Folder, t T, err error) {
	if f.run.Resume != "" || f.run.From != "" {
		return f.resume(messages)
	}
	cfg, err := f.config()
	if err != nil {
		return nil, t, err
	}
	exports, err := f.run.Exports()
	if err != nil {
		return nil, t, err
	}
	if t, err = f.task.New(cfg); err != nil {
		return nil, t, err
	}
	folder, err = cli.StartFolder(f.task, f.run.Out, f.folder(cfg), cfg, t, exports)
	return folder, t, err
}

func (f frameTask[C, T, R]) resume(messages io.Writer) (folder *runfolder.Folder, t T, err error) {
	if !only(f.flags, "Resume", "From", "Frames", "Format") {
		return nil, t, cli.Usage("--resume continues with the configuration of the run: of the other flags give only --from, --frames and --format")
	}
	flags := cli.ResumeFlags{Resume: f.run.Resume, From: f.run.From}
	if f.frames != nil {
		if flags.Length = int64(*f.frames); flags.Length < 1 {
			return nil, t, cli.Usage("--frames: %d is not above 0", flags.Length)
		}
	}
	folder, t, err = cli.ResumeFolder(f.task, flags, "frames", messages)
	if err != nil {
		return nil, t, err
	}
	if at := t.Position(); at.Steps() > 0 && !at.Done() {
		fmt.Fprintf(messages, "continuing %s at frame %d\n", folder.Path(), at.Steps())
	}
	return folder, t, nil
}

// only reports whether no fields of a command are set but the named ones.
func only(command any, fields ...string) bool {
	v := reflect.New(reflect.TypeOf(command)).Elem()
	v.Set(reflect.ValueOf(command))
	for _, name := range fields {
		v.FieldByName(name).SetZero()
	}
	return v.IsZero()
}

// learn returns the result of the run, then those of the methods that do not learn.
func (f frameTask[C, T, R]) learn(ctx context.Context, folder *runfolder.Folder, t T, messages io.Writer) ([]*R, error) {
	if course := t.Position(); !course.Done() {
		manifest, err := t.Manifest()
		if err != nil {
			return nil, err
		}
		progress := show.NewProgress(messages, manifest.Method, "frames", course.Steps(), course.Length())
		defer progress.End()
		note := func() string { return f.note(t) }
		if err := folder.Train(ctx, t, func() { progress.Set(course.Steps(), note) }); err != nil {
			return nil, err
		}
		progress.End()
	}
	others, err := f.others(t.Config(), t)
	if err != nil {
		return nil, err
	}
	results, err := cli.RunFrames(ctx, "baselines", cli.Grace, others, messages)
	return append([]*R{t.Result()}, results...), err
}

// write fills the folder of a run with its figure and its summary.
func (f frameTask[C, T, R]) write(dir string, cfg C, caption string, results []*R) error {
	methods := make([][]*R, len(results))
	for i, r := range results {
		methods[i] = []*R{r}
	}
	if err := show.SaveFigure(filepath.Join(dir, cli.CurveFile), f.panels(methods)...); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n", f.title(cfg))
	if err := show.WriteTable(&b, show.Markdown, caption+".", f.columns, values(results)); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n![%s](%s.svg)\n\n", f.figure, cli.CurveFile)
	fmt.Fprintf(&b, "Curves are moving averages. %s has the averages of every %d frames as JSON, %s all settings.\n\n",
		runfolder.MetricsFile, f.report(cfg), runfolder.ConfigFile)
	fmt.Fprintf(&b, "    go run ./cmd/train %s --config %s   # repeat it\n    go run ./cmd/eval %[1]s --run %s   # evaluate what was learned on new frames\n",
		f.name, cli.ShellQuote(filepath.Join(dir, runfolder.ConfigFile)), cli.ShellQuote(dir))
	return atomicfile.Write(filepath.Join(dir, cli.SummaryFile), b.Bytes())
}

func values[R any](results []*R) []R {
	rows := make([]R, len(results))
	for i, r := range results {
		rows[i] = *r
	}
	return rows
}

// sourceName names the frames of a run: n and the number of users, or the data set's file.
func sourceName(data string, users int) string {
	if data == "" {
		return fmt.Sprintf("n%d", users)
	}
	base := filepath.Base(data)
	return strings.TrimSuffix(base, filepath.Ext(base))
}
