package wpmec

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
)

func newTraining(t *testing.T, cfg Config) *Training {
	t.Helper()
	training, err := NewTraining(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return training
}

func steps(t *testing.T, training *Training, to int) {
	t.Helper()
	for training.Frame() < to {
		if err := training.Step(); err != nil {
			t.Fatal(err)
		}
	}
}

// tiny is a short run of a method that trains often.
func tiny(m Method) Config {
	c := DefaultConfig(m)
	c.Users, c.Frames, c.BatchSize, c.MemorySize, c.AdaptInterval, c.Hidden, c.GraphHidden = 5, 120, 8, 32, 10, []int{8}, 4
	return c
}

// A training that is saved and restored on the way ends like Run, for every method, with and
// without a schedule.
func TestRestoredTrainingEqualsRun(t *testing.T) {
	for _, m := range Methods() {
		for _, schedule := range ScheduleNames() {
			cfg := tiny(m)
			cfg.Schedule = schedule
			rc, err := cfg.RunConfig()
			if err != nil {
				t.Fatal(err)
			}
			want := run(t, rc)
			training := newTraining(t, cfg)
			for _, at := range []int{0, 1, 37, 80, 120} {
				steps(t, training, at)
				state := checkpoints.NewState()
				if err := training.SaveState(state); err != nil {
					t.Fatal(err)
				}
				training = newTraining(t, cfg)
				if err := training.LoadState(state); err != nil {
					t.Fatalf("%s at %d: %v", m, at, err)
				}
			}
			got := training.Result()
			if !slices.Equal(want.Normalized, got.Normalized) || !slices.Equal(want.K, got.K) || want.Summary != got.Summary || want.Candidates != got.Candidates {
				t.Errorf("%s, %s: the restored training differs from the run", m, schedule)
			}
		}
	}
}

func TestReports(t *testing.T) {
	cfg := tiny(DROO)
	cfg.ReportInterval = 50
	training := newTraining(t, cfg)
	for _, c := range []struct{ at, from int }{{50, 0}, {100, 50}, {120, 100}} {
		steps(t, training, c.at)
		r := training.Report()
		if d := cmp.Diff(Summarize(training.e.normalized[c.from:c.at]), r.Summary); d != "" || r.Frame != int64(c.at) || !(r.Candidates >= 1) {
			t.Errorf("%+v\n%s", r, d)
		}
	}
}

// What was learned decides for frames it has not met as the actor that was saved would, and for
// other numbers of users if the network allows.
func TestLearned(t *testing.T) {
	for _, m := range []Method{DROO, DROOGraph} {
		training := newTraining(t, tiny(m))
		steps(t, training, 120)
		dir := t.TempDir()
		if err := runfolder.Checkpoint(dir, training); err != nil {
			t.Fatal(err)
		}
		saved, err := OpenCheckpoint(filepath.Join(dir, runfolder.Latest))
		if err != nil {
			t.Fatal(err)
		}
		if saved.Frame != 120 {
			t.Errorf("saved after %d frames", saved.Frame)
		}
		rc, err := saved.Config.RunConfig()
		if err != nil {
			t.Fatal(err)
		}
		rc.Seed, rc.Frozen = 9, true
		fresh := run(t, rc)
		if rc.Learned, err = saved.Learned(5); err != nil {
			t.Fatal(err)
		}
		learned := run(t, rc)
		if !slices.Equal(learned.Normalized, run(t, rc).Normalized) {
			t.Errorf("%s: two evaluations differ", m)
		}
		if slices.Equal(fresh.Normalized, learned.Normalized) {
			t.Errorf("%s: what was learned is not used", m)
		}
		_, err = saved.Learned(8)
		switch {
		case m == DROOGraph && err != nil:
			t.Error(err)
		case m == DROO && (err == nil || !strings.Contains(err.Error(), "graph actors fit any number of users")):
			t.Errorf("MLP for 8 users: %v", err)
		}
	}
}

func TestLengthen(t *testing.T) {
	cfg := tiny(DROO)
	if got, err := lengthen(cfg, 500); err != nil || got.Frames != 500 {
		t.Errorf("%d frames, error %v", got.Frames, err)
	}
	for want, change := range map[string]func(*Config){
		"data set": func(c *Config) { c.Data, c.Users = "x.mat", 0 },
		"schedule": func(c *Config) { c.Schedule = "swap-weights" },
		"frames":   func(c *Config) { c.Frames = maxFrames },
	} {
		c := cfg
		change(&c)
		if _, err := lengthen(c, maxFrames+1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
