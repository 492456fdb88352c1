package runfolder

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func contextWithCause(t *testing.T) (context.Context, context.CancelCauseFunc) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, cancel
}

// after returns a run of 23 steps, with a report every 5, after a number of steps.
func after(steps int64) *Course {
	c := NewCourse(23, 5, 7)
	for range steps {
		c.Advance()
	}
	return &c
}

func TestLog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	open := func(at int64) (*Log, int64) {
		t.Helper()
		l, lost, err := OpenLog(name, after(at), walkLine{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l, lost
	}
	read := func() []walkLine {
		t.Helper()
		lines, err := ReadLog[walkLine](name)
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	l, _ := open(0)
	if got := read(); got != nil {
		t.Errorf("a new log has %v", got)
	}
	all := []walkLine{{5, 0}, {10, 1}, {15, 2}, {20, 3}, {23, 4}}
	for _, line := range all {
		if err := l.Append(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(unwritable{}); err == nil {
		t.Error("appended what is no JSON")
	}
	if d := cmp.Diff(all, read()); d != "" {
		t.Error(d)
	}
	// Killed in the middle of a line, after a checkpoint at 16 steps.
	if _, err := l.f.WriteString(`{"step": 7`); err != nil {
		t.Fatal(err)
	}
	l, lost := open(16)
	if err := l.Append(walkLine{20, 30}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(append(all[:3:3], walkLine{20, 30}), read()); d != "" || lost != 0 {
		t.Errorf("%d lost, lines %s", lost, d)
	}
	// Damaged lines are dropped, counted and kept aside.
	damaged := "{\"step\":5}\nx\n{\"step\":15,\"x\":\"y\"}\n{\"step\":20}\n{\"step\":20}\n{\"step\":21}\n"
	if err := os.WriteFile(name, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, lost := open(22); lost != 2 {
		t.Errorf("%d lines lost, want 2", lost)
	}
	if d := cmp.Diff([]walkLine{{5, 0}, {20, 0}}, read()); d != "" {
		t.Error(d)
	}
	if aside, err := os.ReadFile(name + ".damaged"); string(aside) != damaged {
		t.Errorf("kept aside %q, error %v", aside, err)
	}
	if err := os.WriteFile(name, []byte("{}\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadLog[walkLine](name); err == nil || !strings.Contains(err.Error(), "log:2: ") {
		t.Errorf("a garbled line: %v", err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, lost := open(23); lost != 5 {
		t.Errorf("%d of 5 lines lost with the file", lost)
	}
}

// unwritable has no JSON form.
type unwritable struct{ F func() }

// For any file content, the kept lines are readable, in order, before the checkpoint, and kept
// again the next time.
func FuzzLog(f *testing.F) {
	for _, text := range []string{
		"", "\n", "{}", "{\"step\":5,\"x\":1}\n{\"step\":10}\n", "{\"step\":5}\n{\"step\":5}\n", "{\"frame\":5}\n{\"slot\":10}\n{\"step\":-5}\n",
		"{\"step\":5}\r\n{\"step\":1e1}\n", "[5]\nnull\n\x00\xff\n{\"Step\":15}", "{\"step\":99999999999999999999}\n",
	} {
		f.Add([]byte(text), int64(12))
	}
	f.Fuzz(func(t *testing.T, data []byte, at int64) {
		course := after(min(max(at, 0), 23))
		kept, n := repair(data, course, reflect.TypeOf(walkLine{}))
		lines, err := parseLog[walkLine](kept, "log")
		if err != nil || int64(len(lines)) != n || n > course.Reports() {
			t.Fatalf("%d lines of at most %d: %v, error %v", n, course.Reports(), lines, err)
		}
		again, m := repair(kept, course, reflect.TypeOf(walkLine{}))
		if !bytes.Equal(kept, again) || m != n {
			t.Fatalf("kept %q, and of that %q", kept, again)
		}
		if _, err := parseLog[walkLine](data, "log"); err != nil && !strings.HasPrefix(err.Error(), "log:") {
			t.Fatalf("the error names no line: %v", err)
		}
	})
}
