package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// tinySuite holds the flags of a suite that takes a moment.
var tinySuite = []string{"--suite", "quick", "--slots", "16", "--seeds", "2", "--devices", "6", "--slot", "10ms", "--method", "grle,DROO"}

func TestSuite(t *testing.T) {
	t.Chdir(t.TempDir())
	code, first, messages := eval(tinySuite...)
	if code != 0 || !strings.Contains(first, "GRLE (tuned)") || strings.Contains(first, "GRLE-LT (tuned)") {
		t.Fatalf("code %d\n%s\n%s", code, first, messages)
	}
	for _, name := range []string{"report.html", "tables.md", "tables.tex", "runs.csv", "summary.csv", "results.json", "timing.md", "figures/exits-dynamic.svg"} {
		if _, err := os.Stat(filepath.Join("results", "quick", name)); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(messages, "11/11 cells") {
		t.Errorf("no progress: %s", messages)
	}

	// Nothing is computed again, and the result is the same.
	code, second, messages := eval(tinySuite...)
	if d := cmp.Diff(first, second); code != 0 || d != "" || strings.Contains(messages, "cells") {
		t.Errorf("code %d, %s -first +second\n%s", code, messages, d)
	}

	// In shards, one of them in an apparent Slurm array, and merged.
	shards := slices.Concat(tinySuite, []string{"--results", "elsewhere"})
	merge := slices.Concat(shards, []string{"--merge"})
	for i, shard := range []string{"2/3", "3/3"} {
		code, out, messages := eval(slices.Concat(shards, []string{"--shard", shard})...)
		if code != 0 || out != "" || !strings.Contains(messages, "shard "+shard+" is done") {
			t.Errorf("shard %d: code %d\n%s\n%s", i, code, out, messages)
		}
		if code, _, messages := eval(merge...); code == 0 || !strings.Contains(messages, "have not been computed") {
			t.Errorf("merged too early: %d %s", code, messages)
		}
	}
	t.Setenv("SLURM_ARRAY_TASK_ID", "0")
	t.Setenv("SLURM_ARRAY_TASK_COUNT", "3")
	if code, out, messages := eval(shards...); code != 0 || out != "" {
		t.Errorf("code %d\n%s\n%s", code, out, messages)
	}
	code, merged, messages := eval(merge...)
	if d := cmp.Diff(first, merged); code != 0 || d != "" {
		t.Errorf("code %d, %s -whole +merged\n%s", code, messages, d)
	}

	code, out, messages := eval(slices.Concat(merge, []string{"--format", "json"})...)
	var rows []mecoffload.Row
	if err := json.Unmarshal([]byte(out), &rows); code != 0 || err != nil || len(rows) != (2*2+6)*2 {
		t.Errorf("code %d, %v, %d rows\n%s", code, err, len(rows), messages)
	}
}

func TestSuiteOwnRecipe(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("mine.yaml", []byte("recipe: {name: mine, hidden: [4], batch_size: 4, memory_size: 8}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, messages := eval(slices.Concat(tinySuite, []string{"--recipe", "paper,mine.yaml"})...)
	if code != 0 || !strings.Contains(out, "DROO (mine)") || !strings.Contains(out, "DROO (paper)") || strings.Contains(out, "DROO (tuned)") {
		t.Errorf("code %d\n%s\n%s", code, out, messages)
	}
}

func TestSuiteErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--suite", "papre"}, "papre"},
		{[]string{"--suite", "quick", "--run", "x"}, "--run"},
		{[]string{"--suite", "quick", "--servers", "3"}, "--servers"},
		{[]string{"--suite", "quick", "--shard", "3/2"}, "3/2"},
		{[]string{"--suite", "quick", "--shard", "1/2", "--merge"}, "--merge"},
		{[]string{"--suite", "quick", "--method", "DQN"}, "DQN"},
		{[]string{"--suite", "quick", "--recipe", "none.yaml"}, "none.yaml"},
		{[]string{"--suite", "quick", "--devices", "7"}, "nothing is left"},
		{[]string{"--suite", "trace"}, "no trace"},
		{[]string{"--suite", "quick", "--merge"}, "have not been computed"},
		{[]string{"--run", "x", "--seeds", "3"}, "--seeds"},
		{[]string{"--run", "x", "--first-seed", "3"}, "--first-seed"},
		{[]string{"--suite", "quick", "--first-seed", "0"}, "--first-seed"},
		{[]string{"--run", "x", "--merge"}, "--merge"},
	} {
		code, out, messages := eval(c.args...)
		if code == 0 || out != "" || !strings.Contains(messages, c.want) {
			t.Errorf("%v: code %d, %q, %s", c.args, code, out, messages)
		}
	}
}

// A second process on a suite is refused, and a report of other settings is never overwritten.
func TestSuiteFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	args := []string{"--suite", "quick", "--seeds", "1", "--slots", "20", "--method", "DROO", "--scenario", "dynamic"}
	if err := os.MkdirAll("results/quick", 0o777); err != nil {
		t.Fatal(err)
	}
	lock, err := runfolder.Acquire("results/quick", runfolder.LockName)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, messages := eval(args...); code != runfolder.ExitHeld || !strings.Contains(messages, "results/quick is in use by process") {
		t.Errorf("code %d, messages %q", code, messages)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if code, _, messages := eval(args...); code != 0 {
		t.Fatal(messages)
	}
	before, err := os.ReadFile("results/quick/results.json")
	if err != nil {
		t.Fatal(err)
	}
	other := slices.Concat(args, []string{"--results", "results"})
	other[5] = "24"
	if code, _, messages := eval(other...); code != 1 || !strings.Contains(messages, "report of other settings, which is never overwritten: ") ||
		!strings.Contains(messages, "name another folder by --results") {
		t.Errorf("code %d, messages %q", code, messages)
	}
	if after, err := os.ReadFile("results/quick/results.json"); err != nil || string(after) != string(before) {
		t.Errorf("the report has changed (error %v)", err)
	}
	for _, c := range []struct{ args, want string }{
		{"--suite quick --jobs 0", "--jobs: 0 is not in 1..1024"}, {"--suite quick --seeds 0", "--seeds: 0 is not in 1..1000"}, {"--suite quick --slots=-5", "--slots: -5 is not in 1.."},
		{"--jobs 0", "--jobs requires --suite"}, {"--suite quick --results=", "--results is empty"},
		{"--suite trace --trace nosuch", "by --trace"},
	} {
		if code, _, messages := eval(strings.Fields(c.args)...); code == 0 || !strings.Contains(messages, c.want) || strings.Contains(messages, "trace.files") {
			t.Errorf("%s: code %d, messages %q", c.args, code, messages)
		}
	}
}
