package runfolder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
)

// walk is the smallest possible run: a linear congruential generator.
type walk struct {
	Course
	cfg walkConfig
	x   int64
}

type walkConfig struct{ Seed, Steps int64 }

type walkLine struct {
	Step int64 `json:"step"`
	X    int64 `json:"x"`
}

func (w *walk) Position() *Course { return &w.Course }
func (w *walk) Step() error {
	w.x = (w.x*1103515245 + 12345) % (1 << 31)
	w.Advance()
	return nil
}
func (w *walk) Line() any                               { return walkLine{w.Steps(), w.x} }
func (w *walk) Score() float64                          { return float64(w.x % 1000) }
func (w *walk) Manifest() (checkpoints.Manifest, error) { return walkManifest(w.cfg) }
func (w *walk) Close()                                  {}
func (w *walk) SaveState(s *checkpoints.State) error {
	s.PutInt("x", w.x)
	return w.Course.SaveState(s)
}
func (w *walk) LoadState(s *checkpoints.State) (err error) {
	if w.x, err = s.Int("x"); err != nil {
		return err
	}
	return w.Course.LoadState(s)
}

func walkManifest(c walkConfig) (checkpoints.Manifest, error) {
	config, err := json.Marshal(c)
	return checkpoints.Manifest{Method: "walk", Config: config}, err
}

func walks() Task[walkConfig, *walk] {
	return Task[walkConfig, *walk]{
		Parse: func(data []byte, filename string) (c walkConfig, err error) {
			if err := json.Unmarshal(data, &c); err != nil {
				return c, fmt.Errorf("%s: %w", filename, err)
			}
			return c, nil
		},
		YAML:     func(c walkConfig) ([]byte, error) { return json.Marshal(c) },
		Manifest: walkManifest,
		New: func(c walkConfig) (*walk, error) {
			return &walk{NewCourse(c.Steps, 5, 7), c, c.Seed}, nil
		},
		Length: func(c walkConfig) int64 { return c.Steps },
		Lengthen: func(c walkConfig, steps int64) (walkConfig, error) {
			c.Steps = steps
			return c, nil
		},
	}
}

// begin creates a folder in dir and does the first steps of a run of 40.
func begin(t *testing.T, dir string, steps int64) *Folder {
	t.Helper()
	run, err := walks().New(walkConfig{3, 40})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Create(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := walks().YAML(run.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Start(run, text); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	ctx, cancel := contextWithCause(t)
	err = f.Train(ctx, run, func() {
		if run.Steps() == steps {
			cancel(stop)
		}
	})
	if steps < 40 && !errors.Is(err, stop) || steps == 40 && err != nil {
		t.Fatalf("error %v", err)
	}
	return f
}

// finish resumes a folder and runs to the end.
func finish(t *testing.T, dir string, o ResumeOptions) (warnings []string) {
	t.Helper()
	o.Warn = func(text string) { warnings = append(warnings, text) }
	f, run, err := Resume(walks(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Train(t.Context(), run, func() {}); err != nil {
		t.Fatal(err)
	}
	return warnings
}

// files returns the contents of all files below dir, except the lock.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), LockName) {
			return err
		}
		data, err := os.ReadFile(name)
		all[name[len(dir):]] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestResumeEqualsWhole(t *testing.T) {
	t.Chdir(t.TempDir())
	begin(t, "whole", 40).Close()
	want := files(t, "whole")
	for _, steps := range []int64{1, 5, 7, 8, 20, 34, 35, 39} { // near reports and checkpoints
		dir := fmt.Sprint("at", steps)
		if err := begin(t, dir, steps).Close(); err != nil {
			t.Fatal(err)
		}
		if warnings := finish(t, dir, ResumeOptions{}); warnings != nil {
			t.Errorf("%s: %v", dir, warnings)
		}
		if d := cmp.Diff(want, files(t, dir)); d != "" {
			t.Fatalf("stopped after %d: -whole +resumed:\n%s", steps, d)
		}
	}
}

// If lengthening is killed between any two writes, the next attempt completes it.
func TestLengtheningIsRepeatable(t *testing.T) {
	t.Chdir(t.TempDir())
	long := walkConfig{3, 63}
	begin(t, "whole", 40).Close()
	finish(t, "whole", ResumeOptions{Length: 63})
	want := files(t, "whole")
	for _, done := range []int{0, 1, 2} { // of: latest, best, config.yaml
		dir := fmt.Sprint("killed", done)
		begin(t, dir, 40).Close()
		for _, name := range []string{Latest, Best}[:done] {
			saved, err := OpenIn(walks(), dir, name)
			if err != nil {
				t.Fatal(err)
			}
			run, err := walks().Restore(saved, long)
			if err != nil {
				t.Fatal(err)
			}
			if err := Save(saved.Dir, run); err != nil {
				t.Fatal(err)
			}
		}
		o := ResumeOptions{}
		if done == 0 {
			o.Length = 63
		}
		finish(t, dir, o)
		if d := cmp.Diff(want, files(t, dir)); d != "" {
			t.Errorf("%s: -whole +killed:\n%s", dir, d)
		}
	}
}

func TestLock(t *testing.T) {
	t.Chdir(t.TempDir())
	f := begin(t, "run", 20)
	_, _, err := Resume(walks(), "run", ResumeOptions{})
	var held *HeldError
	if !errors.As(err, &held) || held.Holder == nil || held.Holder.PID != os.Getpid() || held.ExitCode() != ExitHeld {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{"run is in use by process ", fmt.Sprint(os.Getpid()), held.Holder.Command} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in %q", part, err)
		}
	}
	// Another name is another lock.
	other, err := Acquire("run", "other")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Release(), f.Close()); err != nil {
		t.Fatal(err)
	}
	finish(t, "run", ResumeOptions{})
	if err := os.WriteFile("run/.lock.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if h := readHolder("run/.lock.json"); h != nil {
		t.Errorf("a damaged holder: %+v", h)
	}
	if text := (&HeldError{Dir: "run"}).Error(); !strings.Contains(text, "another process") {
		t.Error(text)
	}
}

func TestResumeRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	begin(t, "run", 40).Close()
	if err := os.Mkdir("empty", 0o777); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		damage func() error
		o      ResumeOptions
		other  string
		want   string
	}{
		"latest": {func() error { return os.Remove("latest/checkpoint/latest/manifest.json") }, ResumeOptions{}, Best, "best checkpoint, of step"},
		"best":   {func() error { return os.RemoveAll("best/checkpoint/best") }, ResumeOptions{From: Best}, Latest, "latest checkpoint, of step 40, is whole"},
		"both": {func() error {
			return errors.Join(os.RemoveAll("both/checkpoint/best"), os.RemoveAll("both/checkpoint/latest"))
		},
			ResumeOptions{}, "", "no other checkpoint"},
	} {
		if err := os.CopyFS(name, os.DirFS("run")); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(); err != nil {
			t.Fatal(err)
		}
		before := files(t, name)
		_, _, err := Resume(walks(), name, c.o)
		var lost *CheckpointError
		if !errors.As(err, &lost) || lost.Other != c.other || !strings.Contains(err.Error(), c.want) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(before, files(t, name)); d != "" {
			t.Errorf("%s: -before +after:\n%s", name, d)
		}
	}
	for dir, want := range map[string]string{"empty": "not a run folder", "none": "not a run folder"} {
		if _, _, err := Resume(walks(), dir, ResumeOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, _, err := Resume(walks(), "run", ResumeOptions{Length: 39}); !errors.Is(err, ErrShorter) {
		t.Errorf("shorter: %v", err)
	}
	if err := os.WriteFile("run/config.yaml", []byte(`{"Seed":4,"Steps":40}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Resume(walks(), "run", ResumeOptions{}); !errors.Is(err, ErrOtherConfig) {
		t.Errorf("another seed: %v", err)
	}
}

// The next start removes the leftovers of killed saves, even in a checkpoint that is not saved
// again.
func TestResumeSweeps(t *testing.T) {
	t.Chdir(t.TempDir())
	begin(t, "run", 40).Close()
	want := files(t, "run")
	for _, name := range []string{
		"config.yaml.tmp", "checkpoint/best/state.safetensors.tmp", "checkpoint/best/manifest.json.tmp", "checkpoint/latest/state-7-0123456789abcdef.safetensors",
	} {
		if err := os.WriteFile(filepath.Join("run", name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, "run", ResumeOptions{})
	if d := cmp.Diff(want, files(t, "run")); d != "" {
		t.Errorf("-before +after:\n%s", d)
	}
}

// A run continues from the best checkpoint as from the latest.
func TestResumeFromBest(t *testing.T) {
	t.Chdir(t.TempDir())
	begin(t, "run", 40).Close()
	want := files(t, "run")
	if err := os.RemoveAll("run/checkpoint/latest"); err != nil {
		t.Fatal(err)
	}
	finish(t, "run", ResumeOptions{From: Best})
	if d := cmp.Diff(want, files(t, "run")); d != "" {
		t.Errorf("-before +after:\n%s", d)
	}
}

func TestCreate(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, want := range []string{"runs/grle-dyn_amic-m14", "runs/grle-dyn_amic-m14-2", "runs/grle-dyn_amic-m14-3"} {
		got, err := MakeDir("", "GRLE-dyn/amic-m14")
		if err != nil || got != filepath.FromSlash(want) {
			t.Errorf("folder %q, error %v, want %s", got, err, want)
		}
	}
	if got, err := MakeDir("a/b", "x"); err != nil || got != "a/b" {
		t.Errorf("folder %q, error %v", got, err)
	}
	if err := os.WriteFile("a/b/file", []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create("a/b", "x"); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "a/b") {
		t.Errorf("a folder that exists: %v", err)
	}
	if data, err := os.ReadFile("a/b/file"); string(data) != "kept" {
		t.Errorf("what was in it: %q, error %v", data, err)
	}
	if _, err := Create("a/b/file/c", "x"); err == nil || !strings.Contains(err.Error(), "run folder: ") {
		t.Errorf("a folder in a file: %v", err)
	}
	// Nothing is left of a run that did not begin.
	f, err := Create("new", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a run that did not begin: %v", err)
	}
}
