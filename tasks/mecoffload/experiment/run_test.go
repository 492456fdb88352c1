package experiment

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// tinyConfig returns a run of a few milliseconds with every kind of event in it.
func tinyConfig(t testing.TB, method agent.Method) Config {
	return parseConfig(t, `
method: `+string(method)+`
slots: 90
report_interval: 7
checkpoint_interval: 10
window: 9
validation_slots: 4
scenario: {name: churn, devices: 4}
recipe: {name: tiny, hidden: [8], graph_hidden: 6, batch_size: 8, memory_size: 16, adapt_interval: 5, value_memory: 64,
  quantizer: gumbel, noise: 1}
profile: `+mecoffload.IllustrativeProfile)
}

func newRun(t testing.TB, cfg Config) *Run {
	t.Helper()
	run, err := NewRun(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run.Close)
	return run
}

// advance runs up to a slot and returns the reports on the way.
func advance(t testing.TB, run *Run, to int64) []Report {
	t.Helper()
	var reports []Report
	for run.Slot() < to {
		if err := run.Step(); err != nil {
			t.Fatal(err)
		}
		if run.ReportDue() {
			reports = append(reports, run.Report())
		}
	}
	return reports
}

// tensors returns everything in a run's state.
func tensors(t testing.TB, run *Run) map[string]any {
	t.Helper()
	s := checkpoints.NewState()
	if err := run.SaveState(s); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	for _, name := range s.Names() {
		all[name] = tensor(t, s, name)
	}
	return all
}

func tensor(t testing.TB, s *checkpoints.State, name string) any {
	t.Helper()
	n, err := s.Len(name)
	if err != nil {
		t.Fatal(err)
	}
	f32, f64, i32, i64 := make([]float32, n), make([]float64, n), make([]int32, n), make([]int64, n)
	switch {
	case s.Float32(name, f32) == nil:
		return f32
	case s.Float64(name, f64) == nil:
		return f64
	case s.Int32(name, i32) == nil:
		return i32
	case s.Int64(name, i64) == nil:
		return i64
	}
	b, err := s.Bytes(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

// A run that is stopped at random slots, and each time continues from its checkpoint in a new
// simulator and a new agent, ends with the same weights, memories, moments, figures and reports as
// one that never stopped, to the last bit.
func TestResumedRunEqualsUninterrupted(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, method := range agent.Methods() {
		t.Run(string(method), func(t *testing.T) {
			cfg := tinyConfig(t, method)
			whole := newRun(t, cfg)
			want := advance(t, whole, cfg.Slots)
			if len(want) != 13 || want[12].Slot != 90 || want[12].Slots != 6 || want[0].Slots != 7 {
				t.Fatalf("reports %+v", want)
			}
			for i := range 6 {
				run := newRun(t, cfg)
				var got []Report
				for !run.Done() {
					got = append(got, advance(t, run, min(run.Slot()+rng.Int64N(30), cfg.Slots))...)
					next := reborn
					if i == 0 {
						next = rebornFromDisk
					}
					run = next(t, run)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("reports: -whole +resumed:\n%s", d)
				}
				if d := cmp.Diff(tensors(t, whole), tensors(t, run)); d != "" {
					t.Fatalf("state: -whole +resumed:\n%s", d)
				}
			}
		})
	}
}

// reborn returns a new run in the state of another.
func reborn(t *testing.T, run *Run) *Run {
	t.Helper()
	state := checkpoints.NewState()
	if err := run.SaveState(state); err != nil {
		t.Fatal(err)
	}
	next := newRun(t, run.Config())
	if err := next.LoadState(state); err != nil {
		t.Fatal(err)
	}
	return next
}

// rebornFromDisk does the same through a checkpoint.
func rebornFromDisk(t *testing.T, run *Run) *Run {
	t.Helper()
	dir := t.TempDir()
	if err := run.save(dir); err != nil {
		t.Fatal(err)
	}
	saved, err := OpenCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	if saved.Slot != run.Slot() {
		t.Fatalf("saved at slot %d, the manifest says %d", run.Slot(), saved.Slot)
	}
	next, err := saved.Resume(run.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	return next
}

// The comparison above can fail: another seed gives another run.
func TestSeedsDiffer(t *testing.T) {
	cfg := tinyConfig(t, agent.GRLELT)
	a := newRun(t, cfg)
	advance(t, a, cfg.Slots)
	cfg.Seed++
	b := newRun(t, cfg)
	advance(t, b, cfg.Slots)
	same := tensors(t, b)
	for name, v := range tensors(t, a) {
		if strings.HasPrefix(name, "agent/actor/weights/") && cmp.Equal(v, same[name]) {
			t.Errorf("%s is the same for two seeds", name)
		}
	}
}

// Run and Evaluation give the same figures.
func TestRunEqualsOnlineEvaluation(t *testing.T) {
	cfg := tinyConfig(t, agent.GRLE)
	run := newRun(t, cfg)
	advance(t, run, cfg.Slots)
	agent := newRun(t, cfg).Agent()
	var told []int64
	e := Evaluation{
		Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: cfg.Seed, Slots: cfg.Slots, From: TailStart(cfg.Slots),
		Progress: func(n int64) { told = append(told, n) },
	}
	row, err := e.Online(context.Background(), agent)
	if err != nil {
		t.Fatal(err)
	}
	want := run.Row()
	want.Decision, row.Decision = mecoffload.DecisionTime{}, mecoffload.DecisionTime{}
	if d := cmp.Diff(want, row); d != "" {
		t.Errorf("-run +evaluation:\n%s", d)
	}
	if row.Slots != 22 {
		t.Errorf("the last quarter of 90 slots has %d", row.Slots)
	}
	if len(told) != 90 || told[0] != 1 || told[89] != 90 {
		t.Errorf("progress %v", told)
	}
}

func TestTailStart(t *testing.T) {
	for slots, want := range map[int64]int64{1: 0, 3: 2, 4: 3, 8: 6, 10_000: 7500} {
		if got := TailStart(slots); got != want {
			t.Errorf("of %d slots the last quarter starts at %d, want %d", slots, got, want)
		}
	}
}

// Moving averages weight all tasks equally.
func TestMovingAverage(t *testing.T) {
	cfg := tinyConfig(t, agent.DROOE)
	run := newRun(t, cfg)
	if reward, accuracy := run.Moving(); reward != 0 || accuracy != 0 {
		t.Errorf("before the first slot: %v, %v", reward, accuracy)
	}
	last, err := mecoffload.NewMetrics(cfg.Scenario, cfg.Profile) // metrics of the window's slots
	if err != nil {
		t.Fatal(err)
	}
	for slot := range int64(40) {
		if slot == 40-int64(cfg.Window) {
			last.Reset()
		}
		advance(t, run, slot+1)
		last.Add(run.sim.Outcome(), 0)
	}
	want := last.Row("", 0)
	reward, accuracy := run.Moving()
	if math.Abs(reward-want.Reward) > 1e-12 || math.Abs(accuracy-want.Accuracy) > 1e-12 {
		t.Errorf("%v and %v, want %v and %v", reward, accuracy, want.Reward, want.Accuracy)
	}
}

// Without learning an agent stays as it is; online it changes. All policies meet the same tasks.
func TestEvaluation(t *testing.T) {
	cfg := tinyConfig(t, agent.GRLELT)
	run := newRun(t, cfg)
	e := Evaluation{Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: 7, Slots: 50}
	before := tensors(t, run)
	row, err := e.Policy(context.Background(), run.Agent())
	if err != nil {
		t.Fatal(err)
	}
	weights := func(all map[string]any) map[string]any {
		kept := map[string]any{}
		for name, v := range all {
			if strings.Contains(name, "weights") || strings.Contains(name, "optimizer") || strings.Contains(name, "memory") {
				kept[name] = v
			}
		}
		if len(kept) < 10 {
			t.Fatalf("only %d tensors: the names have changed", len(kept))
		}
		return kept
	}
	if d := cmp.Diff(weights(before), weights(tensors(t, run))); d != "" {
		t.Errorf("evaluating changed the agent:\n%s", d)
	}
	policies, err := mecoffload.Baselines(cfg.Scenario, cfg.Profile, e.Seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range policies {
		other, err := e.Policy(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		// The numbers of tasks are equal, so the shares have the same denominator.
		if n := other.SSP * float64(tasksOf(t, e)); math.Abs(n-math.Round(n)) > 1e-9 {
			t.Errorf("%s met other tasks", p.Name())
		}
		if other.Slots != row.Slots || other.Seed != 7 || other.Scenario != row.Scenario {
			t.Errorf("%+v", other)
		}
	}
	if _, err := e.Online(context.Background(), run.Agent()); err != nil {
		t.Fatal(err)
	}
	if cmp.Equal(weights(before), weights(tensors(t, run))) {
		t.Error("nothing was learned online")
	}

	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(context.Background())
	e.Progress = func(n int64) {
		if n == 3 {
			cancel(stopped)
		}
		if n > 3 {
			t.Error("went on after the context had ended")
		}
	}
	if _, err := e.Policy(ctx, run.Agent()); !errors.Is(err, stopped) {
		t.Errorf("error %v", err)
	}
}

// tasksOf returns the number of tasks in an evaluation.
func tasksOf(t *testing.T, e Evaluation) (tasks int) {
	sim, err := mecoffload.NewSimulator(e.Scenario, e.Profile)
	if err != nil {
		t.Fatal(err)
	}
	obs, err := sim.Reset(e.Seed)
	if err != nil {
		t.Fatal(err)
	}
	for range e.Slots {
		tasks += obs.Devices
		tr, err := sim.Step(make(mecoffload.Action, obs.Devices))
		if err != nil {
			t.Fatal(err)
		}
		obs = tr.Observation
	}
	return tasks
}

// trained saves a run of a few slots and opens its checkpoint.
func trained(t *testing.T, cfg Config) (*Checkpoint, string) {
	t.Helper()
	run := newRun(t, cfg)
	advance(t, run, 30)
	dir := t.TempDir()
	if err := run.Checkpoint(dir); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, LatestCheckpoint)
	c, err := OpenCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c, dir
}

// Graph actors trained with 6 devices decide for 14 and for 1000, and for other numbers of servers
// and exits.
func TestGraphActorsFitAnyNumber(t *testing.T) {
	wide := mecoffload.Profile{Name: "wide", Accuracy: []float64{0.2, 0.4, 0.6}, Servers: []mecoffload.ServerProfile{{Times: []mecoffload.Seconds{0.001, 0.002, 0.003}}}}
	for _, method := range []agent.Method{agent.GRL, agent.GRLE, agent.GRLELT} {
		cfg := tinyConfig(t, method)
		cfg.Scenario.Devices = 6
		saved, _ := trained(t, cfg)
		for _, change := range []func(*Config){
			func(c *Config) { c.Scenario.Devices = 14 },
			func(c *Config) { c.Scenario.Devices = 1000 },
			func(c *Config) { c.Scenario.Devices = 1 },
			func(c *Config) { c.Profile = wide },
			func(c *Config) { c.Scenario.Servers = 5 },
			func(c *Config) { c.Scenario.Slot, c.Scenario.Jitter = 0.03, 0 },
		} {
			other := cfg
			change(&other)
			a, err := saved.Agent(other)
			if err != nil {
				t.Fatal(err)
			}
			e := Evaluation{Scenario: other.Scenario, Profile: other.Profile, Seed: 5, Slots: 3}
			row, err := e.Policy(context.Background(), a)
			if err != nil || row.Devices != other.Scenario.Devices || row.Accuracy <= 0 {
				t.Errorf("%s: %+v, error %v", method, row, err)
			}
			a.Close()
		}
	}
}

// A run with measured times: its configuration keeps them, and its checkpoint decides in their world.
func TestMeasuredProfile(t *testing.T) {
	p, err := mecoffload.LoadProfile(mecoffload.VGG16Profile)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range agent.Methods() {
		cfg := tinyConfig(t, method)
		cfg.Profile = p
		text, err := cfg.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(cfg, parseConfig(t, string(text))); d != "" {
			t.Errorf("%s: -written +read:\n%s", method, d)
		}
		saved, _ := trained(t, cfg)
		a, err := saved.Agent(cfg)
		if err != nil {
			t.Fatal(err)
		}
		row, err := Evaluation{Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: 5, Slots: 30}.Policy(context.Background(), a)
		if err != nil || !(row.Accuracy > 0 && row.Accuracy < p.Accuracy[p.Exits()-1]+1e-9) {
			t.Errorf("%s: %+v, error %v", method, row, err)
		}
		a.Close()
	}
}

// An agent from a checkpoint decides like the saved one.
func TestCheckpointAgent(t *testing.T) {
	for _, method := range agent.Methods() {
		cfg := tinyConfig(t, method)
		// No random numbers and no K that differ.
		cfg.Recipe.Quantizer, cfg.Recipe.RandomCandidates, cfg.Recipe.AdaptInterval = "order", 0, 0
		run := newRun(t, cfg)
		advance(t, run, 30)
		dir := t.TempDir()
		if err := run.save(dir); err != nil {
			t.Fatal(err)
		}
		saved, err := OpenCheckpoint(dir)
		if err != nil {
			t.Fatal(err)
		}
		a, err := saved.Agent(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		e := Evaluation{Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: 5, Slots: 30}
		want, err := e.Policy(context.Background(), run.Agent())
		if err != nil {
			t.Fatal(err)
		}
		policy, err := saved.Policy(cfg.Scenario, cfg.Profile)
		if err != nil {
			t.Fatal(err)
		}
		want.Decision = mecoffload.DecisionTime{}
		for _, loaded := range []mecoffload.Policy{a, policy} {
			got, err := e.Policy(context.Background(), loaded)
			if err != nil {
				t.Fatal(err)
			}
			got.Decision = mecoffload.DecisionTime{}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, %T: -saved +loaded:\n%s", method, loaded, d)
			}
		}
	}
}

func TestOtherArchitecturesAreRefused(t *testing.T) {
	type change = func(*Config)
	for _, c := range []struct {
		method agent.Method
		change change
		want   string
	}{
		{agent.DROOE, func(c *Config) { c.Scenario.Devices = 3 }, "MLP actor: devices 4, servers 2, exits 5, hidden [8], and DROOE with MLP actor: devices 3,"},
		{agent.DROO, func(c *Config) { c.Scenario.Devices = 14 }, "graph actors fit any number of devices"},
		{agent.DROOE, func(c *Config) { c.Scenario.Servers = 4 }, "another architecture"},
		{agent.DROOE, func(c *Config) { c.Recipe.Hidden = []int{8, 8} }, "hidden [8 8]"},
		{agent.GRLE, func(c *Config) { c.Recipe.GraphHidden = 7 }, "hidden 7"},
		{agent.GRLE, func(c *Config) { c.Recipe.GraphLayers = 3 }, "layers 3"},
		{agent.GRLE, func(c *Config) { c.Method = agent.GRL }, "it holds GRLE with"},
		{agent.GRLE, func(c *Config) { c.Method = agent.GRLELT }, "GRLE-LT with"},
	} {
		cfg := tinyConfig(t, c.method)
		saved, dir := trained(t, cfg)
		c.change(&cfg)
		_, agentErr := saved.Agent(cfg)
		_, resumeErr := saved.Resume(cfg)
		refusals := []error{agentErr, resumeErr}
		if saved.Config.Method == cfg.Method && cmp.Equal(saved.Config.Recipe, cfg.Recipe) { // another world
			_, policyErr := saved.Policy(cfg.Scenario, cfg.Profile)
			refusals = append(refusals, policyErr)
		}
		for _, err := range refusals {
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: %v\nwant something with %q", c.method, err, c.want)
			}
		}
	}

	// The same networks, another run.
	cfg := tinyConfig(t, agent.GRLE)
	saved, _ := trained(t, cfg)
	cfg.Recipe.LearningRate *= 2
	if _, err := saved.Resume(cfg); err == nil || !strings.Contains(err.Error(), "another configuration") {
		t.Errorf("another learning rate: %v", err)
	}
}

func TestDamagedCheckpointsAreRefused(t *testing.T) {
	_, dir := trained(t, tinyConfig(t, agent.DROOE))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Fatalf("files %v", entries)
	}
	for _, entry := range entries {
		file := filepath.Join(dir, entry.Name())
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		flipped := append([]byte{}, good...)
		flipped[len(good)/2] ^= 1
		for name, bad := range map[string][]byte{"empty": {}, "truncated": good[:len(good)-1], "garbled": flipped} {
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenCheckpoint(dir); !errors.Is(err, checkpoints.ErrDamaged) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s %s: %v", name, entry.Name(), err)
			}
		}
		if err := os.WriteFile(file, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenCheckpoint(dir); err != nil {
		t.Error(err)
	}
	if _, err := OpenCheckpoint(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no checkpoint: %v", err)
	}
}

// Without validation best is the checkpoint with the highest moving reward among the due ones.
func TestBestCheckpoint(t *testing.T) {
	cfg := tinyConfig(t, agent.DROOE)
	cfg.ValidationSlots = 0
	run := newRun(t, cfg)
	dir := t.TempDir()
	if err := run.Checkpoint(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCheckpoint(filepath.Join(dir, BestCheckpoint)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("best before the first slot: %v", err)
	}
	best, at := 0.0, int64(0)
	for !run.Done() {
		advance(t, run, run.Slot()+5)
		if run.CheckpointDue() != (run.Slot()%10 == 0) {
			t.Errorf("checkpoint due at %d: %v", run.Slot(), run.CheckpointDue())
		}
		if reward, _ := run.Moving(); run.CheckpointDue() && reward > best {
			best, at = reward, run.Slot()
		}
		if err := run.Checkpoint(dir); err != nil {
			t.Fatal(err)
		}
		latest, err := OpenCheckpoint(filepath.Join(dir, LatestCheckpoint))
		if err != nil || latest.Slot != run.Slot() {
			t.Fatalf("latest %+v, error %v", latest, err)
		}
	}
	got, err := OpenCheckpoint(filepath.Join(dir, BestCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	if got.Slot != at || at == run.Slot() {
		t.Errorf("best is of slot %d, want %d, which should not be the last, %d", got.Slot, at, run.Slot())
	}
}

func TestRunRefuses(t *testing.T) {
	cfg := tinyConfig(t, agent.GRLE)
	cfg.Slots = 0
	if _, err := NewRun(cfg); err == nil || !strings.Contains(err.Error(), "slots: 0 is not in") {
		t.Errorf("no slots: %v", err)
	}
	cfg = tinyConfig(t, agent.GRLE)
	cfg.Scenario.Trace = mecoffload.TraceSource{Files: []string{"/no/such"}, FloorMbit: 1}
	if _, err := NewRun(cfg); err == nil || !strings.Contains(err.Error(), "/no/such") {
		t.Errorf("no traces: %v", err)
	}
	cfg = tinyConfig(t, agent.DROO)
	run := newRun(t, cfg)
	advance(t, run, cfg.Slots)
	if err := run.Step(); err == nil {
		t.Error("a step beyond the end")
	}
	// A state of another run.
	for name, change := range map[string]func(*checkpoints.State){
		"slot":                func(s *checkpoints.State) { s.PutInt("slot", 91) },
		"metrics/recent":      func(s *checkpoints.State) { s.PutInt("slot", 0); s.PutFloat("best", 0) },
		"negative slot count": func(s *checkpoints.State) { s.PutInt("slot", -1) },
	} {
		s := checkpoints.NewState()
		change(s)
		if err := newRun(t, cfg).LoadState(s); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}
