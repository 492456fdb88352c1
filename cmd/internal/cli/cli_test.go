package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
)

// planets is a grammar of two tasks.
type planets struct {
	Mars struct {
		say
		Moons moons `default:"2" help:"Number of moons."`
	} `cmd:"" help:"The red one."`
	Venus struct {
		say
		Clouds bool
	} `cmd:"" help:"The bright one."`
}

// moons are refused if there are fewer than none.
type moons int

func (m moons) AfterApply() error {
	if m < 0 {
		return fmt.Errorf("%d moons", m)
	}
	return nil
}

type say struct {
	Fail  string
	Names []string
	Light float64
	Seed  *uint64
}

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
		{args: "--moons 2 --moons 3", code: 2, err: "sky: --moons is given twice"},
		{args: "--fail=", code: 2, err: "sky: --fail is empty"},
		{args: "--names a --names b,c", out: "landed"},
		{args: "--names=", code: 2, err: "sky: --names is empty"},
		{args: "--help", out: "  venus       The bright one."},
		{args: "--help", out: "3  another process works in the folder"},
		{args: "--version", out: "sky "},
		{args: "venus --version", out: "sky "},
		{args: "help", out: "Number of moons."},
		{args: "help venus", out: "--clouds"},
		{args: "--moons -5", code: 2, err: "sky: -5 moons"},
		{args: "--moons=-5", code: 2, err: "sky: -5 moons"},
		{args: "--moons -5.5", code: 2, err: "sky: --moons: -5.5 is not a whole number in digits"},
		{args: "--moons 010", code: 2, err: "sky: --moons: 010 starts with 0"},
		{args: "--moons 1_0", code: 2, err: "sky: --moons: 1_0 is read differently"},
		{args: "--moons 1e1", code: 2, err: "sky: --moons: 1e1 is not a whole number"},
		{args: "--moons ٣", code: 2, err: "sky: --moons: want a whole number"},
		{args: "--light NaN", code: 2, err: "sky: --light: want a number"},
		{args: "--light 1e999", code: 2, err: "sky: --light: 1e999 is out of range"},
		{args: "--light .5", out: "landed"},
		{args: "--seed -1", code: 2, err: "sky: --seed: -1 is not in 0..2^64-1"},
		{args: "--seed 18446744073709551615", out: "landed"},
		{args: "-5", code: 2, err: "sky: unknown flag -5"},
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

func TestVersion(t *testing.T) {
	for want, info := range map[string]*debug.BuildInfo{
		"(devel) (go1.26)":       {GoVersion: "go1.26"},
		"v1.2.3 (go1.26)":        {GoVersion: "go1.26", Main: debug.Module{Version: "v1.2.3"}},
		"v1 (go2, revision abc)": {GoVersion: "go2", Main: debug.Module{Version: "v1"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}},
		"v1 (g, revision a, with changes)": {GoVersion: "g", Main: debug.Module{Version: "v1"},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "a"}, {Key: "vcs.modified", Value: "true"}}},
	} {
		if got := versionOf(info); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
