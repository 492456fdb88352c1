package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/internal/strictyaml"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"github.com/graphrl/graphrl/tasks/earlyexit"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// output is the destination of a profile.
type output struct {
	Name string `placeholder:"NAME" help:"Name of the profile. Default: the file's name without its extension."`
	Out  string `placeholder:"FILE" help:"File to write. Default: standard output."`
}

// csvCommand summarises measured inferences.
type csvCommand struct {
	File string `arg:"" help:"Measured inferences."`
	output
}

// Run implements the command.
func (c *csvCommand) Run(streams cli.Streams) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.spare(f); err != nil {
		return err
	}
	samples, err := mecoffload.ReadSamples(f, c.File)
	if err != nil {
		return err
	}
	m, err := mecoffload.MeasuredSamples(c.name(c.File), samples)
	if err != nil {
		return err
	}
	m.Profile.Measured = &mecoffload.Provenance{Commit: cli.Version(), Date: time.Now().UTC().Format(time.DateOnly)}
	return c.write(m, fmt.Sprintf("Measured: %d inferences of %s.", len(samples), filepath.Base(c.File)), streams)
}

// networkCommand measures a network of tasks/earlyexit.
type networkCommand struct {
	Checkpoint string        `arg:"" help:"Run folder or checkpoint of examples/earlyexit."`
	Images     string        `required:"" placeholder:"PATH" help:"Labelled test images: class folders, in a directory or a zip archive."`
	Runs       int           `help:"Timed inferences of each exit, alone and under load." default:"300"`
	Pause      time.Duration `placeholder:"TIME" help:"Time for which the server waits for an image before each inference. Without one, a server always has work. 20ms is long enough to cool the processor's caches." default:"0s"`
	CPUTime    bool          `name:"cpu-time" help:"Measure alone by the processor time of the thread, not by the wall clock, and not under load: for a machine that does other things meanwhile."`
	output
}

// Run implements the command.
func (c *networkCommand) Run(ctx context.Context, streams cli.Streams) error {
	if c.Runs < 1 || c.Runs > 1e6 {
		return cli.Usage("--runs %d: want from 1 to 1,000,000", c.Runs)
	}
	if c.Pause < 0 || c.Pause > time.Minute {
		return cli.Usage("--pause %v: want from 0s to 1m", c.Pause)
	}
	model, err := earlyexit.LoadModel(c.Checkpoint)
	if err != nil {
		return err
	}
	set, err := imagefolder.Read(c.Images)
	if err != nil {
		return err
	}
	cores := runtime.GOMAXPROCS(0)
	fmt.Fprintf(streams.Err, "accuracy on %d images\n", set.Len())
	accuracy, err := earlyexit.Evaluate(model, set, cores)
	if err != nil {
		return err
	}
	servers, latencies, err := c.times(ctx, model, set, cores, streams)
	if err != nil {
		return err
	}
	exits := make([]mecoffload.MeasuredExit, len(accuracy))
	for e := range exits {
		exits[e].Accuracy = accuracy[e]
		for _, times := range latencies {
			exits[e].Latencies = append(exits[e].Latencies, seconds(times[e]))
		}
	}
	m, err := mecoffload.MeasuredProfile(c.name(c.Checkpoint), servers, exits)
	if err != nil {
		return err
	}
	net := model.Network
	m.Profile.Measured = &mecoffload.Provenance{
		Network: fmt.Sprintf("VGG-16 of width %.4g with %d exits, for %v pixels and %d classes", net.Width, earlyexit.Exits, net.Image, net.Classes),
		Machine: fmt.Sprintf("%s, %s/%s", processor(), runtime.GOOS, runtime.GOARCH),
		Cores:   cores, Threads: 1, Commit: cli.Version(), Date: time.Now().UTC().Format(time.DateOnly),
		Images: set.Len(), Runs: c.Runs, Pause: mecoffload.Seconds(c.Pause.Seconds()),
	}
	how := fmt.Sprintf("A server \"alone\" runs one inference at a time on a machine that does nothing else,\n"+
		"a server \"loaded\" on one with %d more inferences all the time.", cores)
	if c.CPUTime {
		how = "A server \"alone\" runs one inference at a time: the processor time of its thread, measured on a machine that did other things."
	}
	when := "right after the one before"
	if c.Pause > 0 {
		when = fmt.Sprintf("after a pause of %v", c.Pause)
	}
	return c.write(m, fmt.Sprintf("Written by cmd/profile network. %s\nTimes are of one image on one thread, from its bytes to the logits, %s.", how, when), streams)
}

// times measures the kinds of server: each has the latencies of all exits.
func (c *networkCommand) times(ctx context.Context, m *earlyexit.Model, set *imagefolder.Set, cores int, streams cli.Streams) ([]string, [][]earlyexit.Latency, error) {
	clock := earlyexit.WallClock
	if c.CPUTime {
		if clock = earlyexit.ThreadClock(); clock == nil {
			return nil, nil, cli.Usage("--cpu-time: this system has no clock of a thread's processor time")
		}
	}
	fmt.Fprintf(streams.Err, "latency of one image, alone\n")
	timing := earlyexit.Timing{Runs: c.Runs, Clock: clock, Pause: c.Pause}
	alone, err := earlyexit.Latencies(m, set, timing)
	if err != nil || c.CPUTime {
		return []string{"alone"}, [][]earlyexit.Latency{alone}, err
	}
	fmt.Fprintf(streams.Err, "latency of one image, %d more at the same time\n", cores)
	loaded, err := underLoad(ctx, m, set, cores, timing)
	return []string{"alone", "loaded"}, [][]earlyexit.Latency{alone, loaded}, err
}

func seconds(l earlyexit.Latency) []mecoffload.Seconds {
	all := make([]mecoffload.Seconds, len(l.Seconds))
	for i, s := range l.Seconds {
		all[i] = mecoffload.Seconds(s)
	}
	return all
}

// underLoad measures latencies while other goroutines classify images too.
func underLoad(ctx context.Context, m *earlyexit.Model, set *imagefolder.Set, others int, timing earlyexit.Timing) ([]earlyexit.Latency, error) {
	ctx, stop := context.WithCancel(ctx)
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	for range others {
		c, err := m.NewClassifier()
		if err != nil {
			return nil, err
		}
		load.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := c.Classify(earlyexit.Exits-1, set.Image(i%set.Len())); err != nil {
					return // the measurement meets the same error
				}
			}
		})
	}
	return earlyexit.Latencies(m, set, timing)
}

// name returns the profile's name: from the flag, the output file or the input file.
func (o output) name(input string) string {
	if o.Name != "" {
		return o.Name
	}
	if o.Out != "" {
		input = o.Out
	}
	base := filepath.Base(input)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// spare refuses to write over the measurements.
func (o output) spare(input *os.File) error {
	in, err := input.Stat()
	if err != nil {
		return err
	}
	if out, err := os.Stat(o.Out); err == nil && out.Mode().IsRegular() && os.SameFile(in, out) {
		return cli.Usage("--out %s is the file of the measurements: name another", o.Out)
	}
	return nil
}

// write writes a profile with a comment on its origin.
func (o output) write(m mecoffload.Measured, origin string, streams cli.Streams) error {
	data, err := strictyaml.Marshal(m.Profile)
	if err != nil {
		return err
	}
	var b strings.Builder
	for line := range strings.Lines(origin + fmt.Sprintf("\n95 %% of the latencies are within %.0f %% of their mean. A simulator draws from the samples where a scenario's jitter is above 0.\n", 100*m.Jitter)) {
		b.WriteString("# " + line)
	}
	b.Write(data)
	if _, err := mecoffload.ParseProfile([]byte(b.String()), "profile"); err != nil {
		return err
	}
	for _, note := range m.Notes {
		fmt.Fprintln(streams.Err, "note:", note)
	}
	if o.Out == "" {
		_, err := fmt.Fprint(streams.Out, b.String())
		return err
	}
	if err := atomicfile.Write(o.Out, []byte(b.String())); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	fmt.Fprintf(streams.Err, "wrote %s; use it with: train --profile %s\n", o.Out, cli.ShellQuote(o.Out))
	return nil
}

// processor returns the name of the machine's processor if the system reports it.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "an unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unknown processor"
}
