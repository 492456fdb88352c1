package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/tasks/lydroo"
)

// A run is trained, made longer as if it had had that length from the start, and printed.
func TestLydroo(t *testing.T) {
	t.Chdir(t.TempDir())
	train := func(args string) (int, string, string) {
		var out, messages strings.Builder
		code := command().Execute(t.Context(), strings.Fields(args), cli.Streams{Out: &out, Err: &messages})
		return code, out.String(), messages.String()
	}
	for _, args := range []string{
		"lydroo --users 3 --frames 40 --out short --format json", "lydroo --resume short --frames 80 --format json",
		"lydroo --users 3 --frames 80 --out long --format json",
	} {
		code, out, messages := train(args)
		var rows []lydroo.Result
		if err := json.Unmarshal([]byte(out), &rows); code != 0 || err != nil || len(rows) != 6 || rows[0].Method != lydroo.LyDROOGraph {
			t.Fatalf("%s: exit code %d, %s\n%s (%v)", args, code, messages, out, err)
		}
	}
	a, _ := os.ReadFile(filepath.Join("short", "metrics.jsonl"))
	b, err := os.ReadFile(filepath.Join("long", "metrics.jsonl"))
	if err != nil || string(a) != string(b) || len(a) == 0 {
		t.Errorf("metrics differ: %v\n%s\n%s", err, a, b)
	}
	for args, want := range map[string]string{
		"lydroo --data x.mat --users 3":         "exclude each other",
		"lydroo --data no-such.mat":             "no-such.mat",
		"lydroo --method x":                     "x",
		"lydroo --frames 0":                     "frames",
		"lydroo --resume short --v 3":           "--resume",
		"lydroo --users 3 --out long":           "long exists",
		"lydroo --method exhaustive --users 20": "at most 16",
	} {
		if code, _, messages := train(args); code == 0 || !strings.Contains(messages, want) {
			t.Errorf("%s: exit code %d, %q", args, code, messages)
		}
	}
}
