package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// planets is a grammar of two tasks.
type planets struct {
	Mars struct {
		say
		Moons int `default:"2" help:"Number of moons."`
	} `cmd:"" help:"The red one."`
	Venus struct {
		say
		Clouds bool
	} `cmd:"" help:"The bright one."`
}

type say struct{ Fail string }

func (s say) Run(ctx context.Context, out Streams) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("landing: %w", context.Cause(ctx))
	case s.Fail != "":
		return errors.New(s.Fail)
	}
	fmt.Fprint(out.Out, "landed")
	return nil
}

func TestExecute(t *testing.T) {
	interrupted := func(s syscall.Signal) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(Interrupted{s})
		return ctx
	}
	for _, c := range []struct {
		ctx      context.Context
		args     string
		code     int
		out, err string
	}{
		{args: "", out: "landed"},
		{args: "mars --moons 3", out: "landed"},
		{args: "--moons 3", out: "landed"},
		{args: "venus --clouds", out: "landed"},
		{args: "--clouds", code: 2, err: "sky: unknown flag --clouds"},
		{args: "venus --moons 3", code: 2, err: "sky: unknown flag --moons"},
		{args: "--moons x", code: 2, err: "sky: "},
		{args: "pluto", code: 2, err: "sky: unexpected argument pluto"},
		{args: "--help", out: "Number of moons."},
		{args: "venus --help", out: "The bright one."},
		{args: "--fail crash", code: 1, err: "sky: crash\n"},
		{ctx: interrupted(syscall.SIGINT), code: 130, err: "sky: landing: stopped by signal: interrupt"},
		{ctx: interrupted(syscall.SIGTERM), code: 143, err: "sky: landing: stopped by signal: terminated"},
	} {
		if c.ctx == nil {
			c.ctx = context.Background()
		}
		var out, messages bytes.Buffer
		command := Command{Name: "sky", Description: "Fly.", Tasks: &planets{}, Default: "mars"}
		code := command.Execute(c.ctx, strings.Fields(c.args), Streams{&out, &messages})
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(messages.String(), c.err) {
			t.Errorf("%q: code %d, output %q, messages %q; want %+v", c.args, code, out.String(), messages.String(), c)
		}
		if c.code != 0 && out.Len() > 0 {
			t.Errorf("%q failed and wrote %q to standard output", c.args, out.String())
		}
	}
}

func TestCreateFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, want := range []string{"runs/grle-dyn_amic-m14", "runs/grle-dyn_amic-m14-2", "runs/grle-dyn_amic-m14-3"} {
		got, err := CreateFolder("", "GRLE-dyn/amic-m14")
		if err != nil || got != filepath.FromSlash(want) {
			t.Errorf("folder %q, error %v, want %s", got, err, want)
		}
	}
	if got, err := CreateFolder("a/b", "x"); err != nil || got != "a/b" {
		t.Errorf("folder %q, error %v", got, err)
	}
	if err := os.WriteFile("a/b/file", []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateFolder("a/b", "x"); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "a/b") {
		t.Errorf("a folder that exists: %v", err)
	}
	if data, err := os.ReadFile("a/b/file"); string(data) != "kept" {
		t.Errorf("what was in it: %q, error %v", data, err)
	}
	if _, err := CreateFolder("a/b/file/c", "x"); err == nil || !strings.Contains(err.Error(), "run folder: ") {
		t.Errorf("a folder in a file: %v", err)
	}
}

func TestLog(t *testing.T) {
	type line struct{ N int }
	name := filepath.Join(t.TempDir(), "log")
	open := func(keep int64) *Log {
		t.Helper()
		l, err := OpenLog(name, keep)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	read := func() []line {
		t.Helper()
		lines, err := ReadLog[line](name)
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	l := open(0)
	if got := read(); got != nil {
		t.Errorf("a new log has %v", got)
	}
	for n := range 5 {
		if err := l.Append(line{n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(unwritable{}); err == nil {
		t.Error("appended what is no JSON")
	}
	if d := cmp.Diff([]line{{0}, {1}, {2}, {3}, {4}}, read()); d != "" {
		t.Error(d)
	}
	// Killed in the middle of a line.
	if _, err := l.f.WriteString(`{"N": 7`); err != nil {
		t.Fatal(err)
	}
	l = open(3)
	if err := l.Append(line{30}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]line{{0}, {1}, {2}, {30}}, read()); d != "" {
		t.Error(d)
	}
	if _, err := OpenLog(name, 5); err == nil || !strings.Contains(err.Error(), "5 lines, the file has 4") {
		t.Errorf("more lines than there are: %v", err)
	}
	if len(read()) != 4 {
		t.Error("the refused log was cut")
	}
	if err := os.WriteFile(name, []byte("{}\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadLog[line](name); err == nil || !strings.Contains(err.Error(), "log:2: ") {
		t.Errorf("a garbled line: %v", err)
	}
}

// unwritable is what JSON has no form for.
type unwritable struct{ F func() }
