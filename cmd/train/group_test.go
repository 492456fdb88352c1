package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Without flags, train trains the recommended method and the paper's, on the same tasks.
func TestFirstCommand(t *testing.T) {
	cfgs, err := mecoffloadCommand{}.configs()
	if err != nil || len(cfgs) != 2 {
		t.Fatalf("%d configurations, error %v", len(cfgs), err)
	}
	for i, want := range []struct {
		method agent.Method
		recipe string
	}{{agent.GRLELT, "tuned"}, {agent.GRLE, "paper"}} {
		if c := cfgs[i]; c.Method != want.method || c.Recipe.Name != want.recipe || c.Seed != 1 || c.Slots != 10_000 {
			t.Errorf("run %d: %s, recipe %s, seed %d, %d slots", i, c.Method, c.Recipe.Name, c.Seed, c.Slots)
		}
	}
	if name := groupName(cfgs); name != "GRLE-LT+GRLE-dynamic-m14-seed1" {
		t.Errorf("folder %s", name)
	}
}

// Each of several runs leaves the same files as it would alone, and all of them share one table.
func TestSeveralRuns(t *testing.T) {
	inTemp(t)
	out, messages := must(t, "--config", "tiny.yaml", "--method", "droo,GRLE", "--seeds", "2", "--slots", "70", "--seed", "5")
	const dir = "runs/droo+grle-churn-m3-seed5-6"
	for _, want := range []string{"recipes tiny (DROO), tiny (GRLE), seeds 5 to 6", "| DROO ", "| GRLE ", " [0.", "| random ", "| upper bound ", "averages of slots 54 to 70"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "\n| GRLE "); n != 1 {
		t.Errorf("%d lines of GRLE in\n%s", n, out)
	}
	for _, want := range []string{"4 runs 100%: 280/280 slots", "accuracy: DROO 0.", ", GRLE 0.", "folder: " + dir} {
		if !strings.Contains(messages, want) {
			t.Errorf("no %q in\n%s", want, messages)
		}
	}
	for _, file := range []string{"curve.svg", "curve.png", "curve.pdf", "summary.md", "results.txt", "results.csv", "comparison.yaml"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []mecoffload.Row
	if err := json.Unmarshal(data, &rows); err != nil || len(rows) != 4+4*2+1 || rows[3].Method != "GRLE" || rows[3].Seed != 6 {
		t.Errorf("error %v, rows %+v", err, rows)
	}
	csv, err := os.ReadFile(filepath.Join(dir, "results.csv"))
	lines := strings.Split(strings.TrimSpace(string(csv)), "\n")
	if err != nil || len(lines) != 1+len(rows) || strings.Count(lines[0], ",") != strings.Count(lines[len(lines)-1], ",") {
		t.Errorf("error %v, CSV\n%s", err, csv)
	}

	must(t, "--config", "tiny.yaml", "--method", "GRLE", "--seed", "6", "--slots", "70", "--out", "alone")
	sameRun(t, "alone", dir+"/grle-seed6")
	// Resuming a finished comparison shows the table again.
	if again, _ := must(t, "--resume", dir); learnerLine(again) != learnerLine(out) || learnerLine(out) == "" {
		t.Errorf("resumed at the end:\n%s\n%s", out, again)
	}
	// Lengthening a comparison lengthens its runs.
	must(t, "--resume", dir, "--slots", "90")
	must(t, "--resume", "alone", "--slots", "90")
	sameRun(t, "alone", dir+"/grle-seed6")
}

// sameRun compares the files of two runs, byte for byte.
func sameRun(t *testing.T, a, b string) {
	t.Helper()
	read := func(dir string) map[string]string {
		files := map[string]string{}
		for _, pattern := range []string{"config.yaml", "metrics.jsonl", "checkpoint/*/*"} {
			names, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(names) == 0 {
				t.Fatalf("%s in %s: %v, error %v", pattern, dir, names, err)
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
	if d := cmp.Diff(read(a), read(b)); d != "" {
		t.Errorf("-%s +%s:\n%.2000s", a, b, d)
	}
}

// Ctrl-C stops all runs of a folder, and resuming it finishes each as if it had never stopped.
func TestStoppedGroupResumes(t *testing.T) {
	inTemp(t)
	args := []string{"--config", "tiny.yaml", "--method", "DROO,GRLE-LT", "--slots", "2000"}
	must(t, append(args, "--out", "whole")...)
	cmd, messages := start(t, append(args, "--out", "stopped")...)
	waitFor(t, "stopped/droo-seed1/checkpoint/best/manifest.json")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(messages.String(), "--resume stopped") {
		t.Fatalf("code %d\n%s", code, messages)
	}
	if _, err := os.Stat("stopped/results.txt"); err == nil {
		t.Error("there are results of what is not finished")
	}
	must(t, "--resume", "stopped")
	for _, name := range []string{"droo-seed1", "grle-lt-seed1"} {
		sameRun(t, filepath.Join("whole", name), filepath.Join("stopped", name))
	}
}

// If a run cannot start, nothing is left behind, and errors name the mistakes in the list of runs.
func TestBadGroups(t *testing.T) {
	inTemp(t)
	write(t, "outside/comparison.yaml", "runs: [../droo]\n")
	write(t, "none/comparison.yaml", "runs: []\n")
	write(t, "missing/comparison.yaml", "runs: [droo-seed1]\n")
	before := tree(t)
	for _, c := range []struct{ args, want string }{
		{"--method GRLE,grle", "--method: GRLE appears twice"},
		{"--method GRLE,PPO", `unknown method "PPO"`},
		{"--seeds 0", "--seeds: 0 is not in 1.."},
		{"--seeds -1", "--seeds"},
		{"--method GRLE,DROO --out none", "none exists"},
		{"--resume outside", `comparison.yaml:1: runs[0]: "../droo" is not the name of a folder`},
		{"--resume none", "runs: there is none"},
		{"--resume missing", "no checkpoint in missing/droo-seed1/checkpoint/latest"},
		{"--resume missing --seeds 2", "only --from, --slots and --format"},
	} {
		code, out, messages := train(strings.Fields(c.args)...)
		if code == 0 || !strings.Contains(messages, c.want) || out != "" || strings.Count(messages, "\n") != 1 {
			t.Errorf("%s: code %d, output %q, messages\n%s\nwant %q", c.args, code, out, messages, c.want)
		}
	}
	if d := cmp.Diff(before, tree(t)); d != "" {
		t.Errorf("-before +after:\n%s", d)
	}
}

// Progress of several runs is written by several goroutines.
func TestLockedWriter(t *testing.T) {
	var b bytes.Buffer
	w := &lockedWriter{w: &b}
	done := make(chan bool)
	for range 4 {
		go func() {
			for range 100 {
				w.Write([]byte("line\n"))
			}
			done <- true
		}()
	}
	for range 4 {
		<-done
	}
	if b.String() != strings.Repeat("line\n", 400) {
		t.Error("lines are mixed up")
	}
}
