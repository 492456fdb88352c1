package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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

type reading struct {
	Name  string `json:"name"`
	Sizes struct {
		Width float64   `json:"width"`
		Tags  []float64 `json:"tags"`
	} `json:"sizes"`
	Good bool `json:"good"`
}

func readings() []reading {
	rows := make([]reading, 2)
	rows[0].Name, rows[0].Good = "first, of two", true
	rows[0].Sizes.Width, rows[0].Sizes.Tags = 1.0/3, []float64{1, 1e21}
	rows[1].Name = "second"
	rows[1].Sizes.Tags = []float64{2, 3}
	return rows
}

var readingColumns = []Column[reading]{
	{Header: "name", Left: true, Cell: func(r reading) string { return r.Name }},
	{Header: "width m (outer)", Cell: func(r reading) string { return fmt.Sprintf("%.1f", r.Sizes.Width) }},
}

func TestWriteTable(t *testing.T) {
	for format, want := range map[Format]string{
		ASCII: `Two readings

+---------------+-----------+
| name          |     width |
|               | m (outer) |
+---------------+-----------+
| first, of two |       0.3 |
| second        |       0.0 |
+---------------+-----------+
`,
		Markdown: `Two readings

| name          | width m (outer) |
|:--------------|----------------:|
| first, of two |             0.3 |
| second        |             0.0 |
`,
		CSV: `name,sizes.width,sizes.tags.1,sizes.tags.2,good
"first, of two",0.3333333333333333,1,1e+21,true
second,0,2,3,false
`,
	} {
		var b bytes.Buffer
		if err := WriteTable(&b, format, "Two readings", readingColumns, readings()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, b.String()); d != "" {
			t.Errorf("%s: -want +got:\n%s", format, d)
		}
	}
	for _, rows := range [][]reading{readings(), {}, nil} {
		var b bytes.Buffer
		if err := WriteTable(&b, JSON, "Two readings", readingColumns, rows); err != nil {
			t.Fatal(err)
		}
		var back []reading
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back) != len(rows) || len(rows) > 0 && !cmp.Equal(rows, back) {
			t.Errorf("%v comes back as %v, error %v, from\n%s", rows, back, err, b.String())
		}
	}
	if err := WriteTable(&bytes.Buffer{}, "html", "", readingColumns, nil); err == nil {
		t.Error("an unknown format")
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

func TestWriteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	for _, text := range []string{"long long", "short"} {
		if err := WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); string(got) != text || err != nil {
			t.Errorf("%q, error %v", got, err)
		}
	}
	if err := os.Mkdir(name+".d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(name+".d", nil); err == nil {
		t.Error("written over a folder")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*.tmp")); left != nil {
		t.Errorf("left behind: %v", left)
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

func TestProgressLines(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, "GRLE", "slots", 0, 200)
	for done := int64(1); done <= 200; done++ {
		p.Set(done, func() string { return fmt.Sprintf("reward %d", done) })
	}
	p.End()
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 10 || !strings.HasPrefix(lines[0], "GRLE  10%: 20/200 slots, ") || !strings.HasSuffix(lines[9], "/s, reward 200") ||
		!strings.Contains(lines[4], ", ETA ") || strings.Contains(lines[9], "ETA") {
		t.Errorf("lines:\n%s", b.String())
	}
}

// What a run had done before it was resumed does not count as done in no time.
func TestProgressOfResumed(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, "GRLE", "slots", 900, 1000)
	p.begin = time.Now().Add(-10 * time.Second)
	p.Set(950, nil)
	if b.Len() > 0 {
		t.Errorf("too early: %q", b.String())
	}
	p.shown = p.begin
	p.Set(951, nil)
	if got := b.String(); got != "GRLE  95%: 951/1000 slots, 5/s, ETA 10s\n" {
		t.Errorf("%q", got)
	}
}

func TestProgressGrace(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, "GRLE", "slots", 0, 3)
	p.Grace = time.Hour
	for done := range int64(4) {
		p.Set(done, nil)
	}
	p.End()
	if b.Len() > 0 {
		t.Errorf("%q", b.String())
	}
}

func TestSaveFigure(t *testing.T) {
	base := filepath.Join(t.TempDir(), "curve")
	panel := Panel{X: "slot", Y: "reward", Lines: []Line{
		{Name: "GRLE", X: []float64{1, 2, 3}, Y: []float64{0.1, 0.3, 0.2}},
		{Name: "random", X: []float64{0, 3}, Y: []float64{0.2, 0.2}, Dashed: true},
	}}
	log := panel
	log.Title, log.LogY = "logarithmic", true
	one := panel
	one.Lines = []Line{{Name: "GRLE", X: []float64{1}, Y: []float64{0.1}}}
	for _, panels := range [][]Panel{{panel, log}, {one}} {
		if err := SaveFigure(base, panels...); err != nil {
			t.Fatal(err)
		}
		svg, err := os.ReadFile(base + ".svg")
		if err != nil || !bytes.Contains(svg, []byte("<svg")) || !bytes.Contains(svg, []byte("GRLE")) || !bytes.Contains(svg, []byte("reward")) {
			t.Errorf("error %v, SVG %.100s", err, svg)
		}
		png, err := os.ReadFile(base + ".png")
		if err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
			t.Errorf("error %v, PNG %.10q", err, png)
		}
	}
	if err := SaveFigure(filepath.Join(base+".svg", "x"), panel); err == nil {
		t.Error("saved in a file")
	}
	log.Lines = []Line{{Name: "zero", X: []float64{1, 2}, Y: []float64{1, 0}}}
	if err := SaveFigure(base, log); err == nil || !strings.Contains(err.Error(), "zero: 0 has no place") {
		t.Errorf("the logarithm of zero: %v", err)
	}
}
