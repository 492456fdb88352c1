package experiment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// inFolder trains a run of cfg in a new folder to its end and returns the files that equal runs
// must share.
func inFolder(t *testing.T, dir string, cfg Config) map[string]string {
	t.Helper()
	run := newRun(t, cfg)
	text, err := cfg.YAML()
	if err != nil {
		t.Fatal(err)
	}
	f, err := runfolder.Create(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Start(run, text); err != nil {
		t.Fatal(err)
	}
	if err := f.Train(t.Context(), run, func() {}); err != nil {
		t.Fatal(err)
	}
	return contents(t, dir)
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"config.yaml", "metrics.jsonl", "checkpoint/*/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[strings.TrimPrefix(name, dir)] = string(data)
		}
	}
	return files
}

// A lengthened run leaves the same bytes as one with that length from the start, wherever the tail
// of the longer one begins, and whether the first ended at a checkpoint, at a report or at neither.
func TestLongerRunEqualsWhole(t *testing.T) {
	for _, c := range []struct {
		method  agent.Method
		lengths []int64
	}{
		{agent.GRLELT, []int64{90, 93, 110, 200}},
		{agent.DROO, []int64{8, 30, 31}}, // ends before the first checkpoint is due
	} {
		first := tinyConfig(t, c.method)
		first.Slots = c.lengths[0]
		dir := filepath.Join(t.TempDir(), "longer")
		inFolder(t, dir, first)
		for _, slots := range c.lengths[1:] {
			whole := first
			whole.Slots = slots
			want := inFolder(t, filepath.Join(t.TempDir(), "whole"), whole)
			f, run, err := runfolder.Resume(Task(), dir, runfolder.ResumeOptions{Length: slots, Warn: func(text string) { t.Error(text) }})
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Train(t.Context(), run, func() {}); err != nil {
				t.Fatal(err)
			}
			run.Close()
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			got := contents(t, dir)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%s, %d slots: files %v and %v differ (%d bytes of difference)", c.method, slots, names(want), names(got), len(d))
			}
		}
	}
}

func names(files map[string]string) (names []string) {
	for name := range files {
		names = append(names, name)
	}
	return names
}

// The state of a version that did not record its tail loads. Only lengths that need the record are
// refused.
func TestTailWithoutRecord(t *testing.T) {
	cfg := tinyConfig(t, agent.DROO)
	run := newRun(t, cfg)
	advance(t, run, cfg.Slots)
	old, err := newTail(cfg)
	if err != nil {
		t.Fatal(err)
	}
	old.metrics = run.tail.metrics // without a record
	state := checkpoints.NewState()
	if err := old.metrics.SaveState(state); err != nil {
		t.Fatal(err)
	}
	for slots, fails := range map[int64]bool{90: false, 100: true, 120: false, 1000: false} {
		longer := cfg
		longer.Slots = slots
		tail, err := newTail(longer)
		if err != nil {
			t.Fatal(err)
		}
		err = tail.load(state, 90)
		if (err != nil) != fails {
			t.Errorf("%d slots: error %v", slots, err)
		}
		if want := max(90-TailStart(slots), 0); err == nil && tail.metrics.Slots != want {
			t.Errorf("%d slots: %d in the tail, want %d", slots, tail.metrics.Slots, want)
		}
	}
}
