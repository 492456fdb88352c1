// Command earlyexit trains a convolutional network with early exits and measures each exit: its
// accuracy, and its latency one image at a time.
//
//	go run ./examples/earlyexit --data train.zip --test test.zip
//	go run ./examples/earlyexit --resume runs/earlyexit-seed1 --test test.zip
//	go run ./examples/earlyexit --eval test.zip --checkpoint runs/earlyexit-seed1 --format json
//
// Images come from class folders (CLASS/NAME.jpg) in a directory or a zip archive. The network and
// its training are package tasks/earlyexit.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"github.com/graphrl/graphrl/tasks/earlyexit"
)

type flags struct {
	Data   string   `placeholder:"PATH" help:"Train on these images: class folders, in a directory or a zip archive."`
	Test   string   `placeholder:"PATH" help:"After training, measure each exit on these images."`
	Config string   `placeholder:"FILE" help:"Configuration in YAML; flags override it."`
	Epochs *int     `help:"Passes over the images. Default 15: on CIFAR-10 some 40 minutes on two cores."`
	Width  *float64 `help:"Channels, relative to VGG-16. Default 0.5."`
	Seed   *uint64  `help:"Of weights, order and augmentation. Default 1."`
	Out    string   `placeholder:"DIR" help:"Run folder. Default runs/earlyexit-seedN."`
	Resume string   `placeholder:"DIR" help:"Continue an interrupted run."`

	Eval       string `placeholder:"PATH" help:"Do not train: measure the network of --checkpoint on these images."`
	Checkpoint string `placeholder:"DIR" help:"Run folder or checkpoint to evaluate."`
	Runs       int    `help:"Timed runs of each exit." default:"300"`
	Format     string `help:"How to print: ascii, markdown or json, which has every digit." enum:"ascii,markdown,json" default:"ascii"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var f flags
	line := kong.Parse(&f, kong.Name("earlyexit"), kong.Description("Train and measure a network with early exits."))
	for _, p := range line.Path {
		if p.Flag != nil && line.FlagValue(p.Flag) == "" {
			line.Fatalf("--%s is empty: give it a value, or leave it out", p.Flag.Name)
		}
	}
	line.FatalIfErrorf(run(ctx, f, os.Stdout, os.Stderr))
}

func run(ctx context.Context, f flags, out, messages io.Writer) error {
	if f.Eval != "" && f.Checkpoint == "" {
		return errors.New("--eval needs the network to evaluate: name a run folder with --checkpoint")
	}
	test, err := f.tests() // before a training that takes hours
	if err != nil {
		return err
	}
	switch {
	case f.Eval != "":
		return measure(f.Checkpoint, test, f, out)
	case f.Checkpoint != "":
		return errors.New("--checkpoint is for --eval; to continue a training use --resume")
	case f.Resume != "":
		if f.Data != "" || f.Config != "" || f.Epochs != nil || f.Width != nil || f.Seed != nil || f.Out != "" {
			return errors.New("--resume continues with the configuration of the run: leave out --data, --config, --epochs, --width, --seed and --out")
		}
		folder, training, err := runfolder.Resume(earlyexit.Task(), f.Resume, runfolder.ResumeOptions{
			Warn: func(m string) { fmt.Fprintln(messages, "warning:", m) },
		})
		if err != nil {
			return err
		}
		return train(ctx, f, folder, training, test, out, messages)
	}
	cfg, err := f.config()
	if err != nil {
		return err
	}
	training, err := earlyexit.NewTraining(cfg)
	if err != nil {
		return err
	}
	folder, err := runfolder.Create(f.Out, fmt.Sprintf("earlyexit-seed%d", cfg.Seed))
	if err != nil {
		training.Close()
		return err
	}
	data, err := cfg.YAML()
	if err == nil {
		err = folder.Start(training, data)
	}
	if err != nil {
		training.Close()
		return errors.Join(err, folder.Close())
	}
	return train(ctx, f, folder, training, test, out, messages)
}

// tests reads the images to measure exits on, nil if there are none.
func (f flags) tests() (*imagefolder.Set, error) {
	if f.Eval != "" {
		f.Test = f.Eval
	}
	if f.Test == "" {
		return nil, nil
	}
	const maxRuns = 1_000_000
	if f.Runs < 1 || f.Runs > maxRuns {
		return nil, fmt.Errorf("--runs: want from 1 to %d timed runs of each exit, got %d", maxRuns, f.Runs)
	}
	return imagefolder.Read(f.Test)
}

// config returns the file's configuration, or the default one, with the changes of the flags.
func (f flags) config() (earlyexit.Config, error) {
	cfg := earlyexit.DefaultConfig()
	if f.Config != "" {
		var err error
		if cfg, err = earlyexit.LoadConfig(f.Config); err != nil {
			return cfg, err
		}
	}
	if f.Data != "" {
		cfg.Data = f.Data
	}
	if cfg.Data == "" {
		return cfg, errors.New("no images to train on: name a folder or a zip archive with --data")
	}
	if f.Epochs != nil {
		cfg.Epochs = *f.Epochs
		cfg.WarmupEpochs = min(cfg.WarmupEpochs, float64(cfg.Epochs))
	}
	if f.Width != nil {
		cfg.Width = *f.Width
	}
	if f.Seed != nil {
		cfg.Seed = *f.Seed
	}
	return cfg, nil
}

// train does the rest of a run, shows its progress, and measures the result.
func train(ctx context.Context, f flags, folder *runfolder.Folder, t *earlyexit.Training, test *imagefolder.Set, out, messages io.Writer) error {
	defer t.Close()
	bar := newBar("training", int(t.Length()), int(t.Steps()))
	progress := func() {
		bar.Add(1)
		if t.ReportDue() {
			r := t.Report()
			fmt.Fprintf(messages, "\nepoch %d: loss %.4f, accuracy of the exits %.3f, learning rate %.4f\n", r.Epoch, r.Loss, r.Accuracy, r.LearningRate)
		}
	}
	err := folder.Train(ctx, t, progress)
	if ctx.Err() != nil {
		err = fmt.Errorf("stopped after minibatch %d of %d; continue with --resume %s", t.Steps(), t.Length(), folder.Path())
	}
	if err = errors.Join(err, folder.Close()); err != nil {
		return err
	}
	fmt.Fprintln(messages, "folder:", folder.Path())
	if test == nil {
		return nil
	}
	return measure(folder.Path(), test, f, out)
}

// measure prints accuracy and latency of each exit of a trained network.
func measure(checkpoint string, set *imagefolder.Set, f flags, out io.Writer) error {
	model, err := earlyexit.LoadModel(checkpoint)
	if err != nil {
		return err
	}
	accuracy, err := earlyexit.Evaluate(model, set, 2)
	if err != nil {
		return err
	}
	latencies, err := earlyexit.Latencies(model, set, earlyexit.Timing{Runs: f.Runs, Clock: earlyexit.WallClock})
	if err != nil {
		return err
	}
	rows := make([]row, len(accuracy))
	for e, l := range latencies {
		rows[e] = row{e + 1, accuracy[e], latency{1000 * l.Mean(), 1000 * l.Quantile(0.5), 1000 * l.Quantile(0.95)}}
	}
	return printRows(out, f.Format, fmt.Sprintf("%d images of %s; latency of one image on one thread, %d runs", set.Len(), cmp.Or(f.Eval, f.Test), f.Runs), columns, rows)
}

// row holds the measurements of an exit.
type row struct {
	Exit      int     `json:"exit"` // counted from 1
	Accuracy  float64 `json:"accuracy"`
	LatencyMS latency `json:"latency_ms"`
}

type latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
}

var columns = []column[row]{
	{"exit", right, func(r row) string { return fmt.Sprint(r.Exit) }},
	{"accuracy", right, func(r row) string { return fmt.Sprintf("%.4f", r.Accuracy) }},
	{"mean ms", right, func(r row) string { return fmt.Sprintf("%.3f", r.LatencyMS.Mean) }},
	{"p50 ms", right, func(r row) string { return fmt.Sprintf("%.3f", r.LatencyMS.P50) }},
	{"p95 ms", right, func(r row) string { return fmt.Sprintf("%.3f", r.LatencyMS.P95) }},
}
