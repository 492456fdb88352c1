package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// eval runs a command line.
func eval(args ...string) (code int, out, messages string) {
	var o, m bytes.Buffer
	code = command().Execute(context.Background(), args, cli.Streams{Out: &o, Err: &m})
	return code, o.String(), m.String()
}

// rows runs a command line that must succeed, and returns its JSON.
func rows(t *testing.T, args ...string) []mecoffload.Row {
	t.Helper()
	code, out, messages := eval(append(args, "--format", "json")...)
	var rows []mecoffload.Row
	if err := json.Unmarshal([]byte(out), &rows); code != 0 || err != nil {
		t.Fatalf("%v: code %d, error %v, output %q\n%s", args, code, err, out, messages)
	}
	return rows
}

// runFolder makes the folder of a small run.
func runFolder(t *testing.T, method agent.Method) {
	t.Helper()
	cfg, err := experiment.ParseConfig([]byte(`
slots: 40
checkpoint_interval: 10
window: 5
validation_slots: 10
scenario: {name: dynamic, devices: 6}
recipe: {name: tiny, hidden: [8], graph_hidden: 4, batch_size: 4, memory_size: 16}
profile: `+mecoffload.IllustrativeProfile), "tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Method = method
	run, err := experiment.NewRun(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	for !run.Done() {
		if err := run.Step(); err != nil {
			t.Fatal(err)
		}
		if run.CheckpointDue() {
			if err := run.Checkpoint(filepath.Join(string(method), runfolder.CheckpointDir)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestEval(t *testing.T) {
	t.Chdir(t.TempDir())
	runFolder(t, agent.GRLE)

	got := rows(t, "--run", "GRLE", "--slots", "20")
	var names []string
	for _, r := range got {
		names = append(names, r.Method)
		if r.Devices != 6 || r.Servers != 2 || r.SlotMS != 10 || r.Slots != 20 || r.Seed != 2 || r.Scenario != "dynamic" {
			t.Errorf("%+v", r)
		}
	}
	if d := cmp.Diff([]string{"GRLE", "random", "round-robin", "least-loaded", "best-exit-in-time"}, names); d != "" {
		t.Error(d)
	}
	again := rows(t, "--run", "GRLE", "--slots", "20")
	for i := range got {
		got[i].Decision, again[i].Decision = mecoffload.DecisionTime{}, mecoffload.DecisionTime{}
	}
	if d := cmp.Diff(got, again); d != "" {
		t.Errorf("the second time:\n%s", d)
	}
	if n := len(rows(t, "--run", "GRLE", "--slots", "3", "--search")); n != 7 {
		t.Errorf("%d rows with the searches", n)
	}

	for _, c := range []struct {
		args  string
		check func(mecoffload.Row) bool
	}{
		{"--devices 14", func(r mecoffload.Row) bool { return r.Devices == 14 }},
		{"--devices 1000 --slots 2", func(r mecoffload.Row) bool { return r.Devices == 1000 && r.Slots == 2 }},
		{"--devices 2000 --servers 280 --reach 8 --slots 2", func(r mecoffload.Row) bool { return r.Devices == 2000 && r.Accuracy > 0.3 }},
		{"--servers 3 --slot 30ms", func(r mecoffload.Row) bool { return r.Servers == 3 && r.SlotMS == 30 }},
		{"--scenario static --seed 1", func(r mecoffload.Row) bool { return r.Scenario == "static" && r.Devices == 6 && r.Seed == 1 }},
		{"--scenario churn --online", func(r mecoffload.Row) bool { return r.Scenario == "churn" }},
		{"--checkpoint GRLE/checkpoint/best", func(r mecoffload.Row) bool { return r.Method == "GRLE" }},
	} {
		args := strings.Fields(c.args)
		if !slices.Contains(args, "--slots") {
			args = append(args, "--slots", "20")
		}
		if !strings.HasPrefix(c.args, "--checkpoint") {
			args = append(args, "--run", "GRLE")
		}
		for _, r := range rows(t, args...)[:1] {
			if !c.check(r) || r.Accuracy <= 0 {
				t.Errorf("%s: %+v", c.args, r)
			}
		}
	}

	code, out, _ := eval("--run", "GRLE", "--slots", "20", "--devices", "14", "--checkpoint", "latest")
	want := "scenario dynamic, 14 devices, 2 servers, 5 exits, slot 10ms, seed 2, 20 slots;\n" +
		"GRLE trained for 40 slots on scenario dynamic, 6 devices, 2 servers, 5 exits, slot 10ms, seed 1,\nand not learning\n"
	if code != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("code %d\n%s", code, out)
	}
}

// Eval takes the best checkpoint unless another is requested; messages, JSON and CSV say which one
// and why.
func TestEvalSaysWhichCheckpoint(t *testing.T) {
	t.Chdir(t.TempDir())
	runFolder(t, agent.GRLE)
	for _, c := range []struct{ flag, name, why string }{
		{"", "best", "highest reward in validation, 0."},
		{"--checkpoint=best", "best", "asked for"},
		{"--checkpoint=latest", "latest", "asked for"},
	} {
		args := []string{"--run", "GRLE", "--slots", "5", "--format", "json"}
		if c.flag != "" {
			args = append(args, c.flag)
		}
		code, out, messages := eval(args...)
		var rows []struct {
			Method     string
			Checkpoint struct {
				Name, Why *string
				Slot      *int64
			}
		}
		if err := json.Unmarshal([]byte(out), &rows); code != 0 || err != nil {
			t.Fatalf("%v: code %d, error %v\n%s", args, code, err, messages)
		}
		got := rows[0].Checkpoint
		if *got.Name != c.name || !strings.HasPrefix(*got.Why, c.why) || *got.Slot < 10 || rows[1].Checkpoint.Name != nil {
			t.Errorf("%s: %s, of slot %d (%s)", c.flag, *got.Name, *got.Slot, *got.Why)
		}
		if want := "GRLE trained with seed 1: checkpoint " + c.name + ", of slot "; !strings.HasPrefix(messages, want) {
			t.Errorf("%s: messages %s, want %s", c.flag, messages, want)
		}
	}
	_, out, _ := eval("--run", "GRLE", "--slots", "5", "--format", "csv")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if !strings.HasSuffix(lines[0], ",checkpoint.name,checkpoint.slot,checkpoint.why") || !strings.HasSuffix(lines[2], ",,,") {
		t.Errorf("CSV:\n%s", out)
	}
}

// Several runs, and the folders of several, share one table: seeds of one method are averaged.
func TestEvalSeveral(t *testing.T) {
	t.Chdir(t.TempDir())
	runFolder(t, agent.GRLE)
	runFolder(t, agent.GRL)
	if err := cli.WriteMembers(".", []string{"GRL", "GRLE"}); err != nil {
		t.Fatal(err)
	}
	names := func(rows []mecoffload.Row) string {
		var names []string
		for _, r := range rows[:2] {
			names = append(names, r.Method)
		}
		return strings.Join(names, " ")
	}
	if got := rows(t, "--run", ".", "--slots", "20"); names(got) != "GRL GRLE" || len(got) != 6 {
		t.Errorf("the folder of both: %+v", got)
	}
	if got := rows(t, "--run", "GRLE", "--run", "GRL", "--slots", "20"); names(got) != "GRLE GRL" || len(got) != 6 {
		t.Errorf("both by name: %+v", got)
	}
	code, out, messages := eval("--run", "GRLE,GRLE", "--slots", "20")
	if code != 0 || strings.Count(out, "| GRLE ") != 1 || !strings.Contains(out, "means over the seeds") || !strings.Contains(out, " [0.") {
		t.Errorf("twice the same: code %d, messages\n%s\n%s", code, messages, out)
	}
}

// All runs are in one figure.
func TestEvalCurves(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, method := range []string{"GRLE", "DROO"} {
		cfg, err := experiment.ParseConfig([]byte(`
method: `+method+`
slots: 40
report_interval: 10
validation_slots: 0
scenario: {name: dynamic, devices: 6}
recipe: {name: tiny, hidden: [8], graph_hidden: 4, batch_size: 4, memory_size: 16}
`), "tiny.yaml")
		if err != nil {
			t.Fatal(err)
		}
		run, err := experiment.NewRun(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		folder, err := cli.StartFolder(experiment.Task(), method, "", cfg, run, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := folder.Train(t.Context(), run, func() {}); err != nil {
			t.Fatal(err)
		}
		folder.Close()
	}
	if code, _, messages := eval("--run", "GRLE", "--run", "DROO", "--slots", "5", "--curves", "both"); code != 0 {
		t.Fatal(messages)
	}
	svg, err := os.ReadFile("both.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"GRLE", "DROO", "upper bound", "<title>accuracy by slot, at the end: GRLE 0."} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the figure has no %q", want)
		}
	}
	for _, name := range []string{"both.png", "both.pdf"} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	code, _, messages := eval("--checkpoint", "GRLE/checkpoint/latest", "--slots", "5", "--curves", "both")
	if code == 0 || !strings.Contains(messages, "--curves goes with --run") {
		t.Errorf("without --run: code %d, %s", code, messages)
	}
}

// Evaluating changes nothing in the run folder.
func TestEvalOnlyReads(t *testing.T) {
	t.Chdir(t.TempDir())
	runFolder(t, agent.DROOE)
	read := func() map[string]string {
		files := map[string]string{}
		names, _ := filepath.Glob("*/*/*/*")
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = string(data)
		}
		return files
	}
	before := read()
	rows(t, "--run", "DROOE", "--slots", "30", "--online")
	if d := cmp.Diff(before, read()); d != "" || len(before) != 4 {
		t.Errorf("%d files: %s", len(before), d)
	}
	if entries, _ := os.ReadDir("."); len(entries) != 1 {
		t.Errorf("here are now %v", entries)
	}
}

func TestBadInput(t *testing.T) {
	t.Chdir(t.TempDir())
	runFolder(t, agent.DROOE)
	for _, c := range []struct{ args, want string }{
		{"", "nothing to evaluate"},
		{"--run DROOE --checkpoint b", "--checkpoint b: with --run it is best or latest"},
		{"--run no-such", "no checkpoint in no-such/checkpoint/latest"},
		{"--run DROOE --devices 14", "another architecture: it holds DROOE with MLP actor: devices 6,"},
		{"--run DROOE --servers 4", "another architecture"},
		{"--run DROOE --reach 3", "reach: 3 is not in 0..2"},
		{"--run DROOE --servers 1", `profile "illustrative" lists 2 servers and scenario "dynamic" has 1`},
		{"--run DROOE --scenario dynamics", "is not known"},
		{"--run DROOE --slots 0", "slots: 0 is not in 1.."},
		{"--run DROOE --trace none.csv", "none.csv"},
		{"--run DROOE --format html", "--format must be one of"},
		{"--run DROOE --devices 010", "--devices: 010 starts with 0"},
		{"--run DROOE --parts 2", "--parts requires --suite"},
		{"--run DROOE --results x", "--results requires --suite"},
		{"--suite quick --parts 2", "--parts, --at-once and --image go with --emit"},
		{"--suite quick --decisions x", "--decisions concerns a trained run"},
		{"--suite quick --onnx x", "--onnx concerns a trained run"},
		{"--suite quick --curves x", "--curves concerns a trained run"},
		{"--suite quick --first-seed 18446744073709551615", "seeds from 18446744073709551615 on"},
		{"--suite quick --seeds 9999999999", "--seeds: 9999999999 is not in 1..1000"},
		{"--suite quick --jobs 9999999999", "--jobs: 9999999999 is not in 1..1024"},
		{"--suite quick --slots 9223372036854775807", "--slots: 9223372036854775807 is not in 1.."},
		{"--suite quick --emit slurm --parts 99999999999", "--parts: 99999999999 is not in 1..100000"},
		{"--suite quick --emit slurm --at-once 0", "--at-once: 0 is not in 1..100000"},
		{"--suite quick --emit slurm --image x", `--image "x": want the name of an image, with --emit k8s`},
		{"--run DROOE --sloth 3", "unknown flag --sloth"},
	} {
		code, out, messages := eval(strings.Fields(c.args)...)
		if code == 0 || !strings.Contains(messages, c.want) || out != "" || strings.Count(messages, "\n") != 1 {
			t.Errorf("%s: code %d, output %q, messages\n%s\nwant %q", c.args, code, out, messages, c.want)
		}
	}
}
