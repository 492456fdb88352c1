package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

func execute(t *testing.T, args ...string) (code int, out, messages string) {
	t.Helper()
	var o, m bytes.Buffer
	code = command().Execute(context.Background(), args, cli.Streams{Out: &o, Err: &m})
	return code, o.String(), m.String()
}

// train reads a profile made from a CSV file, and the profile names its origin.
func TestCSV(t *testing.T) {
	dir := t.TempDir()
	file, out := filepath.Join(dir, "samples.csv"), filepath.Join(dir, "mine.yaml")
	text := "exit,correct,latency_ms\n1,1,1\n1,0,1.1\n2,1,2\n2,1,2.2\n3,0,3\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	code, _, messages := execute(t, file, "--out", out)
	if code != 0 || !strings.Contains(messages, "exit 3 is left out") {
		t.Fatalf("exit code %d, %s", code, messages)
	}
	p, err := mecoffload.LoadProfile(out)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "mine" || p.Exits() != 2 || p.Servers[0].Times[0] != 1.05e-3 {
		t.Errorf("%+v", p)
	}
	code, printed, _ := execute(t, "csv", file)
	if code != 0 || !strings.HasPrefix(printed, "# Measured: 5 inferences of samples.csv.") || !strings.Contains(printed, "jitter to 0.05") {
		t.Errorf("exit code %d:\n%s", code, printed)
	}
}

func TestWrongUse(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"no-such.csv", "no-such.csv"},
		{"network no-such-run --images x.zip", "no-such-run"},
		{"network no-such-run --images x.zip --runs 0", "--runs"},
		{"network no-such-run", "--images"},
	} {
		code, _, messages := execute(t, strings.Fields(c.args)...)
		if code == 0 || !strings.Contains(messages, c.want) {
			t.Errorf("%s: exit code %d, %q", c.args, code, messages)
		}
	}
}
