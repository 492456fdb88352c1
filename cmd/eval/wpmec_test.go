package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/tasks/wpmec"
)

func TestWpmec(t *testing.T) {
	t.Chdir(t.TempDir())
	code, out, messages := eval("wpmec", "--users", "2,13", "--frames", "150", "--seeds", "3", "--seed", "5", "--format", "json")
	if code != 0 || !strings.Contains(messages, "100%: ") {
		t.Fatalf("code %d\n%s", code, messages)
	}
	decoder := json.NewDecoder(strings.NewReader(out))
	var rows []map[string]any
	if err := decoder.Decode(&rows); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if rest := strings.TrimSpace(out[decoder.InputOffset():]); rest != "" {
		t.Errorf("behind the array: %q", rest)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r["method"].(string))
		mean, low, high, worst := r["normalized_rate"].(float64), r["normalized_rate_low"].(float64), r["normalized_rate_high"].(float64), r["normalized_rate_worst"].(float64)
		if !(worst <= low && low <= mean && mean <= high) || r["seed"] != 5.0 || r["seeds"] != 3.0 || r["frames"] != 150.0 {
			t.Errorf("%v", r)
		}
		for _, key := range []string{"users", "share_095", "share_098", "decision_us", "frame_us", "k"} {
			if _, ok := r[key]; !ok {
				t.Errorf("no %s in %v", key, r)
			}
		}
	}
	searches := []string{"coordinate-descent", "greedy", "linear-relaxation", "all-offload", "all-local"}
	want := append([]string{"droo", "droo-graph", "exhaustive"}, searches...)
	want = append(append(want, "droo", "droo-graph"), searches...) // exhaustive search takes too long for 13
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, file := range []string{"curve.svg", "curve.png", "k.svg", "k.png", "summary.md"} {
		if info, err := os.Stat(filepath.Join("runs/wpmec-eval", file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}

	// One seed has no interval, and methods that do not learn have no candidates.
	code, out, messages = eval("wpmec", "--method", "greedy", "--users", "2", "--frames", "20", "--seeds", "1", "--format", "csv", "--out", "one")
	if code != 0 || strings.Count(out, "greedy,2,20,1,") != 1 || !strings.Contains(out, "normalized_rate_low") {
		t.Errorf("code %d, output\n%s\n%s", code, out, messages)
	}
	if files, err := filepath.Glob("one/k.*"); err != nil || files != nil {
		t.Errorf("%v, error %v", files, err)
	}
}

func TestWpmecBadInput(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("bad.mat", []byte("no such thing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"--data bad.mat", "bad.mat: wpmec: data set: "},
		{"--data bad.mat --users 3", "exclude each other"},
		{"--method droo,ppo", `unknown method "ppo"`},
		{"--users 3,0", "users: 0 is not in 1..1000"},
		{"--users 3,x", "--users"},
		{"--seeds 0", "--seeds: 0 is not in 1..10000"},
		{"--seed 18446744073709551615", "--seed: there are no 5 seeds from 18446744073709551615 on"},
		{"--frames 0", "frames: 0"},
		{"--schedule x", `schedule: "x"`},
		{"--out bad.mat", "bad.mat exists, and a run never writes over another"},
	} {
		code, out, messages := eval(append([]string{"wpmec"}, strings.Fields(c.args)...)...)
		if code == 0 || !strings.Contains(messages, c.want) || out != "" || strings.Count(messages, "\n") != 1 {
			t.Errorf("%s: code %d, output %q, messages\n%s\nwant %q", c.args, code, out, messages, c.want)
		}
	}
	if left, _ := filepath.Glob("*"); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// A trained run is evaluated on new frames, next to methods that do not learn.
func TestWpmecRun(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, m := range []wpmec.Method{wpmec.DROO, wpmec.DROOGraph} {
		cfg := wpmec.DefaultConfig(m)
		cfg.Users, cfg.Frames, cfg.BatchSize, cfg.MemorySize, cfg.Hidden = 4, 60, 8, 32, []int{8}
		run, err := wpmec.NewTraining(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for !run.Done() {
			if err := run.Step(); err != nil {
				t.Fatal(err)
			}
		}
		if err := runfolder.Checkpoint(filepath.Join(string(m), runfolder.CheckpointDir), run); err != nil {
			t.Fatal(err)
		}
	}
	code, out, messages := eval("wpmec", "--run", "droo", "--frames", "40", "--seeds", "2")
	if code != 0 || !strings.Contains(out, "generated channels, 40 frames, seeds 2 to 3:") ||
		!strings.Contains(out, "droo trained for 60 frames on generated channels, seed 1,\nand not learning") || !strings.Contains(out, "| droo ") ||
		!strings.Contains(out, "| greedy ") || strings.Contains(out, "droo-graph") {
		t.Errorf("code %d, output\n%s\n%s", code, out, messages)
	}
	if code, out, messages = eval("wpmec", "--checkpoint", "droo-graph/checkpoint/best", "--frames", "20", "--users", "3,9", "--seeds", "1", "--online"); code != 0 ||
		!strings.Contains(out, "and learning on") || strings.Count(out, "| droo-graph ") != 2 {
		t.Errorf("code %d, output\n%s\n%s", code, out, messages)
	}
	if err := os.Remove("droo/checkpoint/latest/manifest.json"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"--run droo", "evaluate it by --checkpoint droo/checkpoint/best"},
		{"--checkpoint droo/checkpoint/best --users 5", "graph actors fit any number of users"},
		{"--run droo --checkpoint x", "name one thing"},
		{"--run droo --method greedy", "--method is for new runs"},
		{"--run droo --run x", "--run is given twice"},
		{"--online", "--online requires --run"},
		{"--run none", "no checkpoint in none"},
		{"--out=", "--out is empty"},
	} {
		code, out, messages := eval(append([]string{"wpmec"}, strings.Fields(c.args)...)...)
		if code == 0 || out != "" || !strings.Contains(messages, c.want) {
			t.Errorf("%s: code %d, output %q, messages %q, want %q", c.args, code, out, messages, c.want)
		}
	}
}
