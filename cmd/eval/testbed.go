package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"github.com/graphrl/graphrl/tasks/earlyexit"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
	"github.com/graphrl/graphrl/tasks/mecoffload/testbed"
)

// testbedCommand is the command eval testbed.
type testbedCommand struct {
	Network string   `required:"" placeholder:"DIR" help:"Run folder or checkpoint of examples/earlyexit: the network that the servers run."`
	Images  string   `required:"" placeholder:"PATH" help:"Labelled images that the devices send: class folders, in a directory or a zip archive."`
	Folders []string `name:"run" type:"paths" placeholder:"DIR" help:"Run folder of a policy. May be given several times. Best-exit-in-time and least-loaded always take part."`
	cli.WorldFlags
	Seed        *uint64       `placeholder:"SEED" help:"Seed of the tasks. Default: the first run's seed plus 1."`
	Runs        int           `placeholder:"COUNT" default:"1" help:"Runs of each policy, with consecutive seeds."`
	Seconds     float64       `placeholder:"TIME" default:"20" help:"Length of each run in seconds, by the wall clock."`
	Scale       float64       `default:"25" help:"Seconds that a second of the scenario takes, so that this machine can play several servers."`
	Order       string        `enum:"slot,arrival" default:"slot" help:"Order in which servers take tasks: slot, as the simulator has it, or arrival, which never waits while it has an image."`
	Inference   string        `enum:"stretched,padded" default:"stretched" help:"How long an inference occupies a server: stretched is its measured time times a factor of the server, padded the time in the profile."`
	DecideAt    string        `placeholder:"URL" help:"Address of a decision service that takes part too (docs/serve.md). It must serve the same network and servers."`
	Exits       []int         `placeholder:"LIST" help:"The network's exits that the profile has, counted from 1, such as 1,2,3,5. Default: all."`
	Calibration int           `placeholder:"COUNT" default:"100" help:"Timed inferences of each exit on each server at the beginning."`
	KillAfter   time.Duration `placeholder:"TIME" help:"Kill the last server this long after the first run has begun, to see what happens."`
	Figure      string        `placeholder:"FILE" help:"Draw measured over predicted latency, task by task: FILE.svg, FILE.png and FILE.pdf."`
	show.FormatFlag
}

// contender is a policy that takes part. Each run needs a new one, because policies draw.
type contender struct {
	name string
	make func(experiment.Config) (mecoffload.Policy, error)
}

// Run runs all policies and prints the table.
func (c *testbedCommand) Run(ctx context.Context, out cli.Streams) error {
	cfg, contenders, err := c.open()
	if err != nil {
		return err
	}
	images, err := c.images()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	bed, err := testbed.Start(ctx, c.Network, cfg.Scenario.Servers, testbed.Order(c.Order))
	if err != nil {
		return err
	}
	defer bed.Close()
	for n, p := range bed.Processes() {
		fmt.Fprintf(out.Err, "server %d: process %d at %s\n", n, p.PID(), p.Address)
	}
	if err := c.calibrate(ctx, bed, cfg.Profile, images, out.Err); err != nil {
		return err
	}
	if c.KillAfter > 0 {
		last := bed.Processes()[cfg.Scenario.Servers-1]
		defer time.AfterFunc(c.KillAfter, last.Kill).Stop()
	}
	all, panels, err := c.compareAll(ctx, bed, cfg, contenders, images, out)
	if err != nil {
		return err
	}
	if c.Figure != "" {
		if err := show.SaveFigure(c.Figure, panels...); err != nil {
			return err
		}
	}
	if c.Format == show.JSON || c.Format == show.CSV {
		return show.WriteTable(out.Out, c.Format, "", nil, all)
	}
	return show.WriteTable(out.Out, c.Format, c.caption(cfg), testbedColumns, averages(all))
}

// open returns the world and the policies.
func (c *testbedCommand) open() (experiment.Config, []contender, error) {
	cfg, err := experiment.DefaultConfig()
	if err != nil {
		return cfg, nil, err
	}
	var contenders []contender
	for i, dir := range c.Folders {
		checkpoint, _, err := experiment.OpenLearned(dir, "")
		if err != nil {
			return cfg, nil, cli.OpenError(err)
		}
		if i == 0 {
			cfg = checkpoint.Config
		}
		contenders = append(contenders, contender{string(checkpoint.Config.Method), func(cfg experiment.Config) (mecoffload.Policy, error) {
			return checkpoint.Policy(cfg.Scenario, cfg.Profile)
		}})
	}
	if c.DecideAt != "" {
		contenders = append(contenders, contender{"service", func(experiment.Config) (mecoffload.Policy, error) {
			return newRemote(c.DecideAt), nil
		}})
	}
	contenders = append(contenders,
		contender{"best-exit-in-time", func(cfg experiment.Config) (mecoffload.Policy, error) {
			return mecoffload.NewBestExitInTime(cfg.Profile)
		}},
		contender{"least-loaded", func(cfg experiment.Config) (mecoffload.Policy, error) {
			return mecoffload.NewLeastLoaded(cfg.Profile)
		}})
	if err := c.WorldFlags.Apply(&cfg); err != nil {
		return cfg, nil, err
	}
	cfg.Seed++
	if c.Seed != nil {
		cfg.Seed = *c.Seed
	}
	switch {
	case !(c.Scale > 0 && c.Scale <= 1e4):
		return cfg, nil, cli.Usage("--scale %v: want a scale in (0, 10,000]", c.Scale)
	case c.Runs < 1 || c.Runs > 1000:
		return cfg, nil, cli.Usage("--runs %d: want from 1 to 1,000", c.Runs)
	case c.Calibration < 1 || c.Calibration > 1e6:
		return cfg, nil, cli.Usage("--calibration %d: want from 1 to 1,000,000", c.Calibration)
	case !(c.Seconds > 0 && c.Seconds <= 86400):
		return cfg, nil, cli.Usage("--seconds %v: want more than 0 and at most a day", c.Seconds)
	}
	cfg.Slots = max(int64(math.Round(c.Seconds/(float64(cfg.Scenario.Slot)*c.Scale))), 1)
	return cfg, contenders, cfg.Validate()
}

// images reads the images and checks that their classes are the network's.
func (c *testbedCommand) images() ([]imagefolder.File, error) {
	model, err := earlyexit.LoadModel(c.Network)
	if err != nil {
		return nil, err
	}
	classes, files, err := imagefolder.ReadFiles(c.Images)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(classes, model.Classes) {
		return nil, fmt.Errorf("%s has the classes %v, the network was trained on %v", c.Images, classes, model.Classes)
	}
	return files, nil
}

// calibrate measures the servers, and says what the profile makes of them.
func (c *testbedCommand) calibrate(ctx context.Context, bed *testbed.Bed, p mecoffload.Profile, images []imagefolder.File, messages io.Writer) error {
	progress := show.NewProgress(messages, "calibration", "rounds", 0, int64(c.Calibration))
	err := bed.Calibrate(ctx, images, c.Calibration, func(done int) { progress.Set(int64(done), nil) })
	progress.End()
	if err != nil {
		return err
	}
	kinds, err := bed.Kinds(p, c.exits())
	if err != nil {
		return err
	}
	for n, kind := range kinds {
		var here, there []string
		for _, t := range bed.Times()[n] {
			here = append(here, fmt.Sprintf("%.2f", 1e3*kind*t))
		}
		for l := range p.Exits() {
			there = append(there, fmt.Sprintf("%.2f", 1e3*p.Time(n, l)))
		}
		fmt.Fprintf(messages, "server %d: %.3g times slower than this machine; exits take %s ms, %s ms in the profile\n",
			n, kind, strings.Join(here, " "), strings.Join(there, " "))
	}
	return nil
}

// exits returns --exits counted from 0.
func (c *testbedCommand) exits() []int {
	var exits []int
	for _, e := range c.Exits {
		exits = append(exits, e-1)
	}
	return exits
}

// busySlots is the length of the calibration before each run.
const busySlots = 40

// compareAll runs every policy with every seed, the policies in turn, so that a busy moment of the
// machine does not meet only one of them.
func (c *testbedCommand) compareAll(ctx context.Context, bed *testbed.Bed, cfg experiment.Config, contenders []contender, images []imagefolder.File, out cli.Streams) ([]testbed.Comparison, []show.Panel, error) {
	progress := show.NewProgress(out.Err, "testbed", "slots", 0, cfg.Slots*int64(c.Runs*len(contenders)))
	defer progress.End()
	var all []testbed.Comparison
	var panels []show.Panel
	for i := range c.Runs * len(contenders) {
		who, world := contenders[i%len(contenders)], cfg
		world.Seed += uint64(i / len(contenders))
		run := testbed.Config{
			Scenario: world.Scenario, Profile: world.Profile, Exits: c.exits(), Seed: world.Seed, Slots: world.Slots,
			Scale: c.Scale, Service: testbed.Service(c.Inference), Images: images,
			Progress: func(slots int64) {
				progress.Set(int64(i)*cfg.Slots+slots, func() string { return who.name })
			},
		}
		if c.KillAfter == 0 {
			busy := run
			busy.Seed, busy.Slots, busy.Progress = ^run.Seed, busySlots, nil
			if err := bed.CalibrateBusy(ctx, busy); err != nil {
				return nil, nil, err
			}
		}
		comparison, tasks, err := compare(ctx, bed, who, world, run)
		if err != nil {
			return nil, nil, err
		}
		if comparison.Lost > 0 {
			fmt.Fprintf(out.Err, "\n%s: %d tasks have no answer: %s\n", who.name, comparison.Lost, comparison.Failed)
		}
		all = append(all, comparison)
		if i < len(contenders) {
			panels = append(panels, latencyPanel(who.name, tasks, testbed.Order(c.Order)))
		}
	}
	return all, panels, nil
}

// compare predicts and runs a policy.
func compare(ctx context.Context, bed *testbed.Bed, who contender, world experiment.Config, run testbed.Config) (testbed.Comparison, []testbed.Task, error) {
	policy, err := who.make(world)
	if err != nil {
		return testbed.Comparison{}, nil, err
	}
	predicted, err := testbed.Predict(ctx, policy, run)
	if err != nil {
		return testbed.Comparison{}, nil, err
	}
	if policy, err = who.make(world); err != nil {
		return testbed.Comparison{}, nil, err
	}
	result, err := bed.Run(ctx, policy, run)
	if err != nil {
		return testbed.Comparison{}, nil, err
	}
	comparison, err := bed.Compare(result, predicted, run)
	return comparison, result.Tasks, err
}

// latencyPanel draws the latencies of a run over those that the replay of its decisions expects.
func latencyPanel(name string, tasks []testbed.Task, order testbed.Order) show.Panel {
	const most = 700 // points of a panel
	fates := testbed.Replay(tasks, order)
	var x, y []float64
	highest := 0.0
	for i := 0; i < len(tasks); i += max(len(tasks)/most, 1) {
		if a, b := fates[i].Latency, tasks[i].Latency; !math.IsInf(a, 1) && !math.IsInf(b, 1) {
			x, y = append(x, 1e3*a), append(y, 1e3*b)
			highest = max(highest, x[len(x)-1], y[len(y)-1])
		}
	}
	return show.Panel{Title: name, X: "predicted latency [ms]", Y: "measured [ms]", Lines: []show.Line{
		{Name: "a task", X: x, Y: y, Dots: true},
		{Name: "as predicted", X: []float64{0, highest}, Y: []float64{0, highest}, Dashed: true},
	}}
}

func (c *testbedCommand) caption(cfg experiment.Config) string {
	return fmt.Sprintf("%s, profile %s, from %s,\nruns of each policy: %d, slots in each: %d, scale %v, order by %s, %s inferences.\n"+
		"Predicted: the policy in the simulator. Replayed: the decisions made here, with the times in the profile.\n"+
		"Measured: labels that were right and in time. Latencies in ms of the scenario.",
		cli.World(cfg.Scenario, cfg.Profile), cfg.Profile.Name, cli.Seeds([]experiment.Config{cfg}), c.Runs, cfg.Slots, c.Scale, c.Order, c.Inference)
}

// averages averages the runs of each policy.
func averages(all []testbed.Comparison) []testbed.Comparison {
	var means []testbed.Comparison
	count := map[string]float64{}
	for _, r := range all {
		i := slices.IndexFunc(means, func(m testbed.Comparison) bool { return m.Policy == r.Policy })
		if i < 0 {
			i, means = len(means), append(means, testbed.Comparison{Policy: r.Policy})
		}
		m := &means[i]
		count[r.Policy]++
		n := count[r.Policy]
		m.Lost += r.Lost
		for _, v := range []struct {
			to   *mecoffload.Row
			from mecoffload.Row
		}{{&m.Predicted, r.Predicted}, {&m.Replayed, r.Replayed}, {&m.Measured, r.Measured}} {
			v.to.Accuracy += (v.from.Accuracy - v.to.Accuracy) / n
			v.to.SSP += (v.from.SSP - v.to.SSP) / n
			v.to.Latency.Mean += (v.from.Latency.Mean - v.to.Latency.Mean) / n
			v.to.Decision.Mean += (v.from.Decision.Mean - v.to.Decision.Mean) / n
		}
	}
	return means
}

var testbedColumns = []show.Column[testbed.Comparison]{
	{Header: "policy", Cell: func(c testbed.Comparison) string { return c.Policy }, Left: true},
	{Header: "accuracy predicted", Cell: func(c testbed.Comparison) string { return fmt.Sprintf("%.3f", c.Predicted.Accuracy) }},
	{Header: "accuracy replayed", Cell: func(c testbed.Comparison) string { return fmt.Sprintf("%.3f", c.Replayed.Accuracy) }},
	{Header: "accuracy measured", Cell: func(c testbed.Comparison) string { return fmt.Sprintf("%.3f", c.Measured.Accuracy) }},
	{Header: "accuracy difference", Cell: func(c testbed.Comparison) string {
		return fmt.Sprintf("%+.1f pp", 100*(c.Measured.Accuracy-c.Predicted.Accuracy))
	}},
	{Header: "in-time predicted", Cell: func(c testbed.Comparison) string { return fmt.Sprintf("%.1f %%", 100*c.Predicted.SSP) }},
	{Header: "in-time measured", Cell: func(c testbed.Comparison) string { return fmt.Sprintf("%.1f %%", 100*c.Measured.SSP) }},
	{Header: "latency predicted", Cell: func(c testbed.Comparison) string { return fmt.Sprintf("%.2f", c.Predicted.Latency.Mean) }},
	{Header: "latency replayed", Cell: func(c testbed.Comparison) string { return fmt.Sprintf("%.2f", c.Replayed.Latency.Mean) }},
	{Header: "latency measured", Cell: func(c testbed.Comparison) string { return fmt.Sprintf("%.2f", c.Measured.Latency.Mean) }},
	{Header: "latency difference", Cell: func(c testbed.Comparison) string {
		return fmt.Sprintf("%+.1f %%", 100*(c.Measured.Latency.Mean/c.Predicted.Latency.Mean-1))
	}},
	{Header: "lost", Cell: func(c testbed.Comparison) string { return fmt.Sprint(c.Lost) }},
	{Header: "decision [ms]", Cell: func(c testbed.Comparison) string { return fmt.Sprintf("%.2f", c.Measured.Decision.Mean/1e3) }},
}
