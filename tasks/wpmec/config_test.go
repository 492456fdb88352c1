package wpmec

import (
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parseConfig(t *testing.T, text string) Config {
	t.Helper()
	c, err := ParseConfig([]byte(text), "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A written configuration reads back, and the defaults are those of DefaultRunConfig.
func TestConfigRoundTrip(t *testing.T) {
	for _, m := range Methods() {
		c := DefaultConfig(m)
		text, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c, parseConfig(t, string(text))); d != "" {
			t.Errorf("%s: -written +read:\n%s", m, d)
		}
		run, err := c.RunConfig()
		if err != nil {
			t.Fatal(err)
		}
		want := DefaultRunConfig(m)
		want.Seed = 1
		if d := cmp.Diff(want, run); d != "" {
			t.Errorf("%s: -DefaultRunConfig +DefaultConfig:\n%s", m, d)
		}
	}
	// Every field, none of it at its default.
	c := Config{
		Method: DROOGraph, Data: "a: 'b'.mat", Frames: 7, Seed: math.MaxUint64, Schedule: "swap-weights", Noise: 1.5, Candidates: 4,
		AdaptInterval: 5, TrainInterval: 6, StepsPerTrain: 2, BatchSize: 8, MemorySize: 9, LearningRate: 1e-7, Beta1: 0.25,
		Hidden: []int{3, 2, 1}, GraphHidden: 11, GraphRounds: 2, ReportInterval: 13, CheckpointInterval: 14,
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, parseConfig(t, string(text))); d != "" {
		t.Errorf("-written +read:\n%s\n%s", d, text)
	}
}

func TestConfigDefaults(t *testing.T) {
	if d := cmp.Diff(DefaultConfig(DROO), parseConfig(t, "")); d != "" {
		t.Errorf("-default +empty file:\n%s", d)
	}
	if c := parseConfig(t, "method: DROO-graph\nusers: 3"); c.Noise != 0 || c.Method != DROOGraph || c.Users != 3 || c.Frames != 10_000 {
		t.Errorf("%+v", c)
	}
	if c := parseConfig(t, "\ufeffframes: &n 64\r\nbatch_size: *n\r\n"); c.Frames != 64 || c.BatchSize != 64 {
		t.Errorf("byte order mark, CRLF and alias: %+v", c)
	}
	if c := parseConfig(t, "data: x.mat\nhidden: [7]"); c.Users != 0 || c.Noise != 2 || len(c.Hidden) != 1 || c.Hidden[0] != 7 {
		t.Errorf("%+v", c)
	}
}

func TestConfigRejects(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"method: ppo", `test.yaml:1: method: unknown method "ppo": want one of droo,`},
		{"users: 5\nlearning_rte: 1", `test.yaml:2: learning_rte: unknown key: did you mean learning_rate?`},
		{"users: [", "test.yaml:1: "},
		{"frames: many", `test.yaml:1: frames: want a whole number, not "many"`},
		{"frames: 5\nframes: 6", "test.yaml:2: frames: duplicate key"},
		{"frames: 0", "test.yaml:1: frames: 0 is not in 1..10000000"},
		{"frames: 99999999", "frames: 99999999 is not in 1.."},
		{"users: 0", "users: 0 is not in 1..1000"},
		{"users: 100000", "users: 100000 is not in 1..1000"},
		{"users: 5\ndata: x.mat", "name one of the two"},
		{"schedule: sometimes", `test.yaml:1: schedule: "sometimes" is not one of none, swap-weights, switch-users`},
		{"noise: -1", "noise: -1"},
		{"noise: .inf", "noise: .inf is not a finite number"},
		{"learning_rate: 0", "learning_rate: 0"},
		{"learning_rate: .nan", "learning_rate: NaN"},
		{"beta1: 1", "beta1: 1"},
		{"batch_size: 0", "batch_size: 0"},
		{"memory_size: 100", "memory_size: 100 is not in 128.."},
		{"candidates: -1", "candidates: -1"},
		{"train_interval: 0", "train_interval: 0"},
		{"hidden: [4, 0]", "hidden[1]: 0 is not in 1.."},
		{"graph_rounds: 0", "graph_rounds: 0"},
		{"seed: -1", "test.yaml:1: seed: -1 is not in 0..2^64-1"},
		{"- a\n- b", "test.yaml:1: "},
		{"frames: 30.7\nhidden: [16.9, 8]", "test.yaml:1: frames: 30.7 is not a whole number"},
		{"hidden: [16.9, 8]", "test.yaml:1: hidden[0]: 16.9 is not a whole number"},
		{"frames: \"7\"", "test.yaml:1: frames: want a whole number, not the text"},
		{"frames: &f 7.5\nbatch_size: *f", "test.yaml:1: frames: 7.5 is not a whole number"},
		{"\ufeffframe: 3", "test.yaml:1: frame: unknown key: did you mean frames?"},
	} {
		if _, err := ParseConfig([]byte(c.text), "test.yaml"); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := LoadConfig(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	c := DefaultConfig(DROO)
	c.Frames = -1
	if _, err := c.RunConfig(); err == nil || err.Error() != "wpmec: configuration: frames: -1 is not in 1..10000000" {
		t.Errorf("%v", err)
	}
	c = DefaultConfig(DROO)
	c.Users, c.Data = 0, filepath.Join(t.TempDir(), "none.mat")
	if _, err := c.RunConfig(); err == nil || !strings.Contains(err.Error(), "none.mat") {
		t.Errorf("%v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	text, err := DefaultConfig(DROOGraph).YAML()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("data: x.mat\nhidden: [1]\n"))
	f.Add([]byte("!!x [&a *a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data, "fuzz.yaml")
		if err != nil {
			return
		}
		text, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseConfig(text, "again.yaml")
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if d := cmp.Diff(c, again); d != "" {
			t.Errorf("-once +twice:\n%s", d)
		}
	})
}
