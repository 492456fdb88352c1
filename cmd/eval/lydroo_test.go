package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/cmd/internal/cli"
)

func TestLydroo(t *testing.T) {
	t.Chdir(t.TempDir())
	eval := func(args string) (int, string, string) {
		var out, messages strings.Builder
		code := command().Execute(t.Context(), strings.Fields(args), cli.Streams{Out: &out, Err: &messages})
		return code, out.String(), messages.String()
	}
	code, out, messages := eval("lydroo --method lydroo-graph --users 3,4 --frames 30 --seeds 2 --sweep v=5,50 --out swept --format json")
	var rows []queueRow
	if err := json.Unmarshal([]byte(out), &rows); code != 0 || err != nil || len(rows) != 2*2*7 {
		t.Fatalf("exit code %d, %s\n%s (%v)", code, messages, out, err)
	}
	if rows[0].Value != 5 || rows[1].Value != 50 || rows[0].Users != 3 || rows[27].Users != 4 {
		t.Errorf("%+v", rows)
	}
	for _, name := range []string{"swept/results.md", "swept/v-n3.svg", "swept/v-n4.png"} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	for args, want := range map[string]string{
		"lydroo --seeds 0":               "--seeds",
		"lydroo --sweep w=1":             "--sweep",
		"lydroo --sweep v=a":             "not a number",
		"lydroo --run none":              "none",
		"lydroo --run a --method lydroo": "--method",
		"lydroo --data a.mat --users 3":  "exclude",
		"lydroo --users 0":               "users",
	} {
		if code, _, messages := eval(args); code == 0 || !strings.Contains(messages, want) {
			t.Errorf("%s: exit code %d, %q", args, code, messages)
		}
	}
}
