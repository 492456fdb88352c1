package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// With this variable set the test binary is the command itself, so that tests can kill it.
const asCommand = "GRAPHRL_TEST_TRAIN"

// It then takes no file that is larger than this one says, in bytes: a full disk.
const largestFile = "GRAPHRL_TEST_LARGEST"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		if size, err := strconv.ParseUint(os.Getenv(largestFile), 10, 64); err == nil {
			limit := syscall.Rlimit{Cur: size, Max: size}
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
				panic(err)
			}
		}
		main()
	}
	os.Exit(m.Run())
}

// tiny is a configuration that runs in a moment and takes many checkpoints.
const tiny = `
slots: 400
report_interval: 30
checkpoint_interval: 40
window: 50
scenario: {name: churn, devices: 3}
recipe: {name: tiny, hidden: [8], graph_hidden: 4, batch_size: 4, memory_size: 16, adapt_interval: 5, value_memory: 64,
  quantizer: gumbel, noise: 1, refine_trials: 20}
`

// inTemp moves to a new folder that has tiny.yaml.
func inTemp(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "tiny.yaml", tiny)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// train runs a command line in this process.
func train(args ...string) (code int, out, messages string) {
	var o, m bytes.Buffer
	code = command().Execute(context.Background(), args, cli.Streams{Out: &o, Err: &m})
	return code, o.String(), m.String()
}

// must runs a command line that must succeed.
func must(t *testing.T, args ...string) (out, messages string) {
	t.Helper()
	code, out, messages := train(args...)
	if code != 0 {
		t.Fatalf("%v: code %d\n%s", args, code, messages)
	}
	return out, messages
}

func TestRunFolder(t *testing.T) {
	inTemp(t)
	out, messages := must(t, "--config", "tiny.yaml", "--method", "droo", "--slots", "70", "--seed", "5")
	const dir = "runs/droo-churn-m3-seed5"
	for _, want := range []string{"DROO ", "random", "round-robin", "least-loaded", "best-exit-in-time", "averages of slots 54 to 70"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, want := range []string{"DROO  10%: 7/70 slots", "DROO 100%: 70/70 slots", "reward 0.", "accuracy 0.", "run folder: " + dir} {
		if !strings.Contains(messages, want) {
			t.Errorf("no %q in\n%s", want, messages)
		}
	}
	for _, file := range []string{
		"config.yaml", "metrics.jsonl", "curve.svg", "curve.png", "curve.pdf", "summary.md", "checkpoint/latest/manifest.json", "checkpoint/best/manifest.json",
	} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	reports, err := runfolder.ReadLog[experiment.Report](filepath.Join(dir, "metrics.jsonl"))
	if err != nil || len(reports) != 3 || reports[1].Slot != 60 || reports[2].Slot != 70 || reports[2].Slots != 10 {
		t.Errorf("reports %+v, error %v", reports, err)
	}
	summary, err := os.ReadFile(filepath.Join(dir, "summary.md"))
	if err != nil || !strings.Contains(string(summary), "| random ") || !strings.Contains(string(summary), "--config "+dir+"/config.yaml") {
		t.Errorf("error %v, summary\n%s", err, summary)
	}

	// The saved configuration repeats the run, in a new folder.
	must(t, "--config", dir+"/config.yaml")
	equalRuns(t, dir, dir+"-2")
	// Resuming a finished run shows its table again.
	again, _ := must(t, "--resume", dir)
	if a, b := learnerLine(out), learnerLine(again); a != b {
		t.Errorf("resumed at the end:\n%s\n%s", a, b)
	}
}

// learnerLine returns the line of a table with the learner's figures, including decision times.
func learnerLine(table string) string {
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| DROO ") {
			return line
		}
	}
	return ""
}

// equalRuns compares the files that equal runs share, byte for byte.
func equalRuns(t *testing.T, a, b string) {
	t.Helper()
	ours := func(dir string) map[string]string {
		files := map[string]string{}
		for _, pattern := range []string{"config.yaml", "metrics.jsonl", "curve.svg", "checkpoint/*/*"} {
			names, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || names == nil {
				t.Fatalf("%s: %v, error %v", pattern, names, err)
			}
			for _, name := range names {
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				files[name[len(dir):]] = string(data)
			}
		}
		return files
	}
	if d := cmp.Diff(ours(a), ours(b)); d != "" {
		t.Errorf("-%s +%s:\n%.2000s", a, b, d)
	}
}

// start runs a command line in a separate process.
func start(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var messages bytes.Buffer
	cmd := itself(t, args...)
	cmd.Stderr = &messages
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, &messages
}

// itself is the command in a process of its own.
func itself(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// waitFor waits until a file is there.
func waitFor(t *testing.T, file string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return
		}
	}
	t.Fatalf("no %s after a minute", file)
}

// A process that is killed repeatedly, at any moment, and resumed each time leaves the same files
// as one that was not.
func TestKilledRunResumes(t *testing.T) {
	inTemp(t)
	write(t, "long.yaml", strings.NewReplacer("slots: 400", "slots: 3000", "interval: 40", "interval: 150").Replace(tiny))
	write(t, "wpmec.yaml", strings.Replace(tinyWpmec, "frames: 120", "frames: 4000\nreport_interval: 30\ncheckpoint_interval: 40", 1))
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	runs, kills := [][]string{{"--config", "long.yaml", "--method", "GRLE-LT"}, {"wpmec", "--config", "wpmec.yaml"}, {"--config", "long.yaml", "--method", "DROOE"}}, 8
	if race.Enabled { // processes take long to start
		runs, kills = runs[:2], 3
	}
	for i, run := range runs {
		var task []string
		if run[0] == "wpmec" {
			task = run[:1]
		}
		whole, killed := fmt.Sprint("whole", i), fmt.Sprint("killed", i)
		must(t, append(slices.Clone(run), "--out", whole)...)
		resume := append(slices.Clone(task), "--resume", killed)
		args := append(slices.Clone(run), "--out", killed)
		for range kills {
			cmd, messages := start(t, args...)
			waitFor(t, filepath.Join(killed, "config.yaml"))
			time.Sleep(time.Duration(rng.IntN(150)) * time.Millisecond)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				break // done before the kill
			} else if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
				t.Fatalf("%v: %v\n%s", args, err, messages)
			}
			args = resume
		}
		must(t, resume...)
		equalRuns(t, whole, killed)
	}
}

// While a process works in a folder, a second one is refused by name and does no harm. After the
// first is killed the next gets in.
func TestSecondProcessIsRefused(t *testing.T) {
	inTemp(t)
	cmd, _ := start(t, "--config", "tiny.yaml", "--method", "DROO", "--slots", "1000000", "--out", "run")
	waitFor(t, "run/config.yaml")
	waitFor(t, "run/.lock.json")
	code, out, messages := train("--resume", "run")
	want := fmt.Sprintf("--resume run: run is in use by process %d on ", cmd.Process.Pid)
	if code != runfolder.ExitHeld || out != "" || !strings.Contains(messages, want) || !strings.Contains(messages, "--method DROO --slots 1000000") {
		t.Errorf("code %d, output %q, messages\n%s\nwant %q", code, out, messages, want)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	// so that the test does not mistake the old one for the next
	if err := os.RemoveAll("run/checkpoint/best"); err != nil {
		t.Fatal(err)
	}
	cmd, _ = start(t, "--resume", "run")
	waitFor(t, "run/checkpoint/best/manifest.json")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 143 {
		t.Errorf("after the kill: code %d", cmd.ProcessState.ExitCode())
	}
}

// Damage next to a healthy checkpoint does not stop a run, and the best one replaces a lost latest.
func TestDamagedFoldersGoOn(t *testing.T) {
	inTemp(t)
	must(t, "--config", "tiny.yaml", "--method", "DROO", "--slots", "80", "--out", "whole")
	for name, c := range map[string]struct {
		damage func(dir string) error
		args   string
		warn   string
	}{
		"log lost":      {func(dir string) error { return os.Remove(dir + "/metrics.jsonl") }, "", "metrics.jsonl: 3 of 3 lines"},
		"log damaged":   {func(dir string) error { return os.WriteFile(dir+"/metrics.jsonl", []byte("{\"slot\":30}\n?\n"), 0o600) }, "", "2 of 3 lines"},
		"log with more": {func(dir string) error { return appendTo(dir+"/metrics.jsonl", "{\"slot\":90}\n{\"sl") }, "", ""},
		"config lost":   {func(dir string) error { return os.Remove(dir + "/config.yaml") }, "", "config.yaml is missing"},
		"times lost":    {func(dir string) error { return os.RemoveAll(dir + "/timing") }, "", "wall-clock times"},
		"latest lost":   {func(dir string) error { return os.RemoveAll(dir + "/checkpoint/latest") }, "--from best", ""},
	} {
		if err := os.CopyFS(name, os.DirFS("whole")); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(name); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"--resume", name}, strings.Fields(c.args)...)
		_, messages := must(t, args...)
		if c.warn != "" && !strings.Contains(messages, c.warn) || (c.warn == "") == strings.Contains(messages, "warning: ") {
			t.Errorf("%s: messages\n%s", name, messages)
		}
		if !strings.HasPrefix(c.warn, "metrics") && !strings.Contains(c.warn, "lines") {
			equalRuns(t, "whole", name)
		}
		// The damage is repaired.
		if _, messages := must(t, "--resume", name); strings.Contains(messages, "config.yaml is missing") {
			t.Errorf("%s: once more:\n%s", name, messages)
		}
	}
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// A lengthened run equals one of that length.
func TestLongerRun(t *testing.T) {
	inTemp(t)
	write(t, "wpmec.yaml", tinyWpmec)
	for name, c := range map[string]struct{ task, flag, first, second string }{
		"mecoffload": {"mecoffload", "--slots", "70", "100"},
		"wpmec":      {"wpmec", "--frames", "130", "250"},
	} {
		config := map[string]string{"mecoffload": "tiny.yaml", "wpmec": "wpmec.yaml"}[name]
		must(t, c.task, "--config", config, c.flag, c.second, "--out", name+"-whole")
		must(t, c.task, "--config", config, c.flag, c.first, "--out", name)
		must(t, c.task, "--resume", name, c.flag, c.second)
		equalRuns(t, name+"-whole", name)
	}
}

func TestSignalsStopCleanly(t *testing.T) {
	inTemp(t)
	for _, c := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}, {syscall.SIGHUP, 129}} {
		if signal.Ignored(c.signal) { // as under nohup: then the commands ignore it too
			continue
		}
		dir := fmt.Sprint("run", c.code)
		cmd, messages := start(t, "--config", "tiny.yaml", "--method", "DROO", "--slots", "1000000", "--out", dir)
		last := int64(0)
		for _, written := range []string{"checkpoint/best", "timing"} { // by a new run, and a resumed one
			waitFor(t, dir+"/"+written+"/manifest.json")
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(messages.String(), "--resume "+dir) {
				t.Fatalf("%v: code %d\n%s", c.signal, got, messages)
			}
			saved, err := experiment.OpenCheckpoint(dir + "/checkpoint/latest")
			if err != nil || saved.Slot <= last {
				t.Fatalf("%v: %+v, error %v", c.signal, saved, err)
			}
			last = saved.Slot
			if err := os.RemoveAll(dir + "/timing"); err != nil {
				t.Fatal(err)
			}
			cmd, messages = start(t, "--resume", dir)
		}
	}
}

// A full disk ends a run with the file and the way on; with room again, it ends like one that never
// met it.
func TestFullDisk(t *testing.T) {
	inTemp(t)
	write(t, "chatty.yaml", strings.Replace(tiny, "report_interval: 30", "report_interval: 1", 1))
	args := []string{"--config", "chatty.yaml", "--method", "GRLE", "--slots", "1000", "--out"}
	must(t, append(args, "whole")...)
	t.Setenv(largestFile, "200000") // of about 370,000 that metrics.jsonl becomes
	cmd, messages := start(t, append(args, "full")...)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(messages.String(), "full/metrics.jsonl: file too large; ") ||
		!strings.Contains(messages.String(), "--resume full") {
		t.Fatalf("code %d\n%s", code, messages)
	}
	must(t, "--resume", "full")
	equalRuns(t, "whole", "full")
}

// When nobody reads the messages any more, as after | head -1, the run is saved before it ends; when
// nobody reads the table, the run is complete.
func TestClosedPipe(t *testing.T) {
	inTemp(t)
	args := []string{"--config", "tiny.yaml", "--method", "DROO", "--out"}
	must(t, append(args, "whole")...)

	cmd := itself(t, append(args, "messages")...)
	messages, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	if _, err := messages.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	messages.Close()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 141 {
		t.Errorf("messages: code %d", code)
	}
	must(t, "--resume", "messages")
	equalRuns(t, "whole", "messages")

	var said bytes.Buffer
	cmd = itself(t, append(args, "table")...)
	cmd.Stderr = &said
	table, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	table.Close()
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 141 || !strings.Contains(said.String(), "the run in table is complete, but") {
		t.Errorf("table: code %d\n%s", code, &said)
	}
	equalRuns(t, "whole", "table")
}

// JSON on standard output is one array of rows with the promised keys and nothing else; the other
// formats have the same rows.
func TestFormats(t *testing.T) {
	inTemp(t)
	out, _ := must(t, "--config", "tiny.yaml", "--method", "DROOE", "--slots", "40", "--format", "json")
	decoder := json.NewDecoder(strings.NewReader(out))
	var rows []map[string]any
	if err := decoder.Decode(&rows); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if rest := strings.TrimSpace(out[decoder.InputOffset():]); rest != "" {
		t.Errorf("behind the array: %q", rest)
	}
	keys := []string{
		"method", "scenario", "devices", "servers", "slot_ms", "slots", "seed", "accuracy", "ssp", "throughput", "reward", "accuracy_served",
		"latency_ms", "utilisation", "exits", "decision_us",
	}
	for _, row := range rows {
		for _, key := range keys {
			if _, ok := row[key]; !ok {
				t.Errorf("no %s in %v", key, row)
			}
		}
		if len(row) != len(keys) {
			t.Errorf("%d keys in %v", len(row), row)
		}
	}
	if len(rows) != 6 || rows[0]["method"] != "DROOE" || rows[0]["slots"] != 10.0 || rows[1]["method"] != "random" ||
		rows[5]["method"] != "upper bound" || rows[5]["ssp"] != nil || !(rows[5]["accuracy"].(float64) > 0.5) {
		t.Errorf("rows %v", rows)
	}
	for format, want := range map[string]string{"csv": "method,scenario,", "markdown": "| random ", "ascii": "+----"} {
		if out, _ := must(t, "--config", "tiny.yaml", "--method", "DROOE", "--slots", "40", "--format", format); !strings.Contains(out, want) {
			t.Errorf("%s:\n%s", format, out)
		}
	}
}

func TestFlagsOverrideConfig(t *testing.T) {
	inTemp(t)
	write(t, "eight.yaml", strings.Replace(tiny, "slots: 400", "slots: 8", 1))
	write(t, "logs/a.csv", "DL_bitrate\n40000\n50000\n")
	write(t, "a,b.csv", "DL_bitrate\n40000\n")
	write(t, "logs/b.csv", "DL_bitrate\n30000\n-\n20000\n")
	write(t, "one.yaml", "name: one\naccuracy: [0.5, 0.7]\nservers: [{name: only, times: [1ms, 2ms]}]\n")
	for _, c := range []struct {
		args  []string
		check func(experiment.Config) bool
	}{
		{nil, func(c experiment.Config) bool {
			return c.Method == agent.GRLE && c.Recipe.Name == "tiny" && c.Scenario.Name == "churn"
		}},
		{[]string{"--method", "grl", "--recipe", "paper", "--workers", "2"}, func(c experiment.Config) bool {
			return c.Method == agent.GRL && c.Recipe.Name == "paper" && c.Recipe.TrainInterval == 10 && c.Workers == 2
		}},
		{[]string{"--scenario", "static"}, func(c experiment.Config) bool {
			return c.Scenario.Name == "static" && c.Scenario.Devices == 3 && c.Scenario.Jitter == 0
		}},
		{[]string{"--devices", "5", "--servers", "4", "--slot", "30ms", "--seed", "9", "--slots", "12"}, func(c experiment.Config) bool {
			return c.Scenario.Devices == 5 && c.Scenario.Servers == 4 && c.Scenario.Slot == 0.03 && c.Seed == 9 && c.Slots == 12
		}},
		{[]string{"--profile", "one.yaml", "--servers", "1"}, func(c experiment.Config) bool {
			return c.Profile.Exits() == 2 && c.Scenario.Servers == 1
		}},
		{[]string{"--trace", "logs/*.csv"}, func(c experiment.Config) bool {
			return c.Scenario.Name == "churn+trace" && c.Scenario.Trace.FloorMbit == 0.1 && len(c.Scenario.Trace.Files) == 1
		}},
		{[]string{"--scenario", "dynamic", "--trace", "logs/a.csv,logs/b.csv", "--trace", "logs"}, func(c experiment.Config) bool {
			return c.Scenario.Name == "trace" && c.Scenario.Devices == 3 && cmp.Equal(c.Scenario.Trace.Files, []string{"logs/a.csv", "logs/b.csv", "logs"})
		}},
		{[]string{"--trace", "a,b.csv"}, func(c experiment.Config) bool { // one file, as it is there
			return cmp.Equal(c.Scenario.Trace.Files, []string{"a,b.csv"})
		}},
		{[]string{"--scenario", "trace", "--trace", "logs"}, func(c experiment.Config) bool {
			return c.Scenario.Name == "trace" && cmp.Equal(c.Scenario.Trace.Files, []string{"logs"})
		}},
	} {
		if err := os.RemoveAll("run"); err != nil {
			t.Fatal(err)
		}
		must(t, append([]string{"--config", "eight.yaml", "--out", "run"}, c.args...)...)
		cfg, err := experiment.LoadConfig("run/config.yaml")
		if err != nil || !c.check(cfg) {
			t.Errorf("%v: error %v, %+v", c.args, err, cfg)
		}
	}
}

// Errors name the mistake, and nothing is created or changed.
func TestBadInput(t *testing.T) {
	inTemp(t)
	must(t, "--config", "tiny.yaml", "--method", "DROO", "--slots", "40", "--out", "droo")
	must(t, "--config", "tiny.yaml", "--method", "DROOE", "--slots", "40", "--out", "drooe")
	write(t, "unknown.yaml", "slots: 5\nrecipe:\n  name: tiny\n  learning_rte: 1\n")
	write(t, "profiles/slower.yaml", "name: a\naccuracy: [0.5, 0.6]\nservers:\n- name: s\n  times: [2ms, 1ms]\n")
	write(t, "profiles/percent.yaml", "name: a\naccuracy: [50, 60]\nservers:\n- name: s\n  times: [1ms, 2ms]\n")
	write(t, "profiles/ragged.yaml", "name: a\naccuracy: [0.5, 0.6]\nservers:\n- name: s\n  times: [1ms, 2ms, 3ms]\n")
	write(t, "profiles/three.yaml", "name: three\naccuracy: [0.5]\nservers: [{times: [1ms]}, {times: [1ms]}, {times: [1ms]}]\n")
	write(t, "traces/empty.csv", "")
	write(t, "traces/garbled.csv", "DL_bitrate\n12\nfast\n")
	write(t, "traces/other.csv", "a,b\n1,2\n")
	write(t, "file", "")
	damage := func(dir, pattern string, change func([]byte) []byte) {
		t.Helper()
		if err := os.CopyFS(dir, os.DirFS("droo")); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, error %v", files, err)
		}
		data, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		write(t, files[0], string(change(data)))
	}
	damage("truncated", "checkpoint/latest/state-*", func(b []byte) []byte { return b[:len(b)/2] })
	damage("corrupted", "checkpoint/latest/state-*", func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	damage("manifest", "checkpoint/latest/manifest.json", func(b []byte) []byte { return b[:len(b)-3] })
	damage("edited", "config.yaml", func(b []byte) []byte { return bytes.Replace(b, []byte("slots: 40"), []byte("slots: 50"), 1) })
	damage("swapped", "config.yaml", func([]byte) []byte {
		b, err := os.ReadFile("drooe/config.yaml")
		if err != nil {
			t.Fatal(err)
		}
		return b
	})

	if err := os.CopyFS("unsaved", os.DirFS("droo")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove("unsaved/checkpoint/latest/manifest.json"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("empty", 0o777); err != nil {
		t.Fatal(err)
	}

	before := tree(t)
	for _, c := range []struct{ args, want string }{
		{"--method PPO", `unknown method "PPO": want one of`},
		{"--scenario dynamics", `scenario "dynamics" is not known: choose one of`},
		{"--scenario no/such.yaml", "no/such.yaml: no such file"},
		{"--recipe fast", `recipe "fast" is not known`},
		{"--config unknown.yaml", `unknown.yaml:4: recipe.learning_rte: unknown key`},
		{"--config no-such.yaml", "no-such.yaml: no such file"},
		{"--profile profiles/slower.yaml", "profiles/slower.yaml:5: servers[0].times[1]: exit times must be positive and increase"},
		{"--profile profiles/percent.yaml", "profiles/percent.yaml:2: accuracy[0]: the accuracy 50 of exit 1 is not in (0, 1]"},
		{"--profile profiles/ragged.yaml", "profiles/ragged.yaml:5: servers[0].times: 3 times for 2 exits"},
		{"--profile profiles/three.yaml", `profile "three" lists 3 servers and scenario "dynamic" has 2`},
		{"--profile illustrative --servers 1", `profile "illustrative" lists 2 servers and scenario "dynamic" has 1`},
		{"--trace traces/empty.csv", "traces/empty.csv: the file is empty"},
		{"--trace traces/garbled.csv", `traces/garbled.csv:3: DL_bitrate is "fast"`},
		{"--trace traces/other.csv", "traces/other.csv: 0 columns DL_bitrate"},
		{"--trace traces/none*.csv", `no trace at "traces/none*.csv"`},
		{"--devices 0", "--devices: 0 is not in 1.."},
		{"--slots 0", "--slots: 0 is not in 1.."},
		{"--slots -5", "--slots: -5 is not in 1.."},
		{"--seeds 0", "--seeds: 0 is not in 1.."},
		{"--out=", "--out is empty"},
		{"--jobs 0", "unknown flag --jobs"},
		{"--scenario trace", "and name their folder by --trace"},
		{"--trace none.csv", "and name their folder by --trace"},
		{"--slots many", "--slots"},
		{"--slot 10", "--slot"},
		{"--slot -5ms", "--slot: the interval [-5ms, -5ms]"},
		{"--seed -1", "--seed"},
		{"--workers 0", "--workers: 0 is not in 1.."},
		{"--format html", "--format must be one of"},
		{"--sluts 3", "unknown flag --sluts"},
		{"stray", "unexpected argument stray"},
		{"--config tiny.yaml --out droo", "droo exists, and a run never writes over another: name a new folder by --out, or continue this one by --resume droo"},
		{"--config tiny.yaml --out file", "file exists"},
		{"--config tiny.yaml --out file/run", "run folder: "},
		{"--config tiny.yaml --out /dev/null/run", "run folder: "},
		{"--resume no-such", "--resume no-such: not a run folder"},
		{"--resume truncated", "checkpoint damaged"},
		{"--resume corrupted", "SHA-256"},
		{"--resume manifest", "manifest.json: "},
		{"--resume unsaved", "the run's best checkpoint, of step 40, is whole: continue from it by --resume unsaved --from best"},
		{"--resume empty", "empty is not a run folder, or its run stopped before the first checkpoint"},
		{"--resume edited", "another configuration"},
		{"--resume swapped", "of another architecture: it holds DROO with"},
		{"--resume droo --seed 50", "only --from, --slots and --format"},
		{"--resume droo --slots 39", "--slots: 39 is less than the 40 of the run in droo: a run can be made longer, not shorter"},
		{"--resume droo --slots=-5", "--slots: -5 is not above 0"},
		{"--resume droo --slots 0", "--slots: 0 is not above 0"},
		{"lydroo --v -1", "--v: -1 is not a number of at least 0"},
		{"lydroo --energy-weight 0", "--energy-weight: 0 is not a number above 0"},
		{"lydroo --arrivals 1e39", "--arrivals: 1e+39 is +Inf in 32-bit floating point"},
		{"--devices 010", "--devices: 010 starts with 0"},
		{"--slots 1_000", "--slots: 1_000 is read differently"},
		{"--seed 18446744073709551615 --seeds 3", "--seeds: there are no 3 seeds from 18446744073709551615 on"},
		{"--resume droo --from worst", "--from must be one of"},
		{"--from best", "--from requires --resume"},
	} {
		code, out, messages := train(strings.Fields(c.args)...)
		if code == 0 || !strings.Contains(messages, c.want) || out != "" {
			t.Errorf("%s: code %d, output %q, messages\n%s\nwant %q", c.args, code, out, messages, c.want)
		}
		if strings.Count(messages, "\n") != 1 {
			t.Errorf("%s: not one line:\n%s", c.args, messages)
		}
	}
	if d := cmp.Diff(before, tree(t)); d != "" {
		t.Errorf("-before +after:\n%s", d)
	}
}

// tree returns all files and folders here with their contents.
func tree(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(".", func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			files[name] = "folder"
			return err
		}
		data, err := os.ReadFile(name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A disk error in the middle of a run ends it with an error, and what was saved stays.
func TestDiskRefusesLater(t *testing.T) {
	inTemp(t)
	cfgs, err := mecoffloadCommand{Config: "tiny.yaml", Method: []string{"DROO"}}.configs()
	if err != nil {
		t.Fatal(err)
	}
	for name, refuse := range map[string]func(*training) error{
		"checkpoint": func(*training) error {
			return errors.Join(os.RemoveAll("run/checkpoint/best"), os.WriteFile("run/checkpoint/best", nil, 0o600))
		},
		"log": func(tr *training) error { return tr.folder.Close() },
	} {
		if err := os.RemoveAll("run"); err != nil {
			t.Fatal(err)
		}
		tr, err := startRun("run", cfgs[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := refuse(tr); err != nil {
			t.Fatal(err)
		}
		if err := tr.learn(context.Background(), &bytes.Buffer{}); err == nil {
			t.Errorf("%s: no error", name)
		}
		tr.close()
		if saved, err := experiment.OpenCheckpoint("run/checkpoint/latest"); err != nil || saved.Slot != 0 {
			t.Errorf("%s: %+v, error %v", name, saved, err)
		}
	}
}
