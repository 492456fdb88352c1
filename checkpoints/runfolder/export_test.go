package runfolder

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/internal/tfevents"
)

// steps of the rows in the CSV export, and those in the event file with their times.
func exported(t *testing.T, dir string) (rows []int64, events map[int64]float64) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "metrics.csv"))
	if err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"step", "x"}, table[0]); d != "" {
		t.Error(d)
	}
	for _, row := range table[1:] {
		step, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil || row[1] == "" {
			t.Errorf("row %v, error %v", row, err)
		}
		rows = append(rows, step)
	}
	file, err := os.ReadFile(filepath.Join(dir, exportFiles[TensorBoard]))
	if err != nil {
		t.Fatal(err)
	}
	return rows, tfevents.Times(file)
}

// A run that is stopped, killed with steps in its exports that its checkpoint does not know, and
// resumed, has every step once, with the time of the first start for those before the checkpoint.
func TestExportsOfResumedRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	f, run := startWalk(t, dir, 23)
	if err := f.Export(run, Exports()...); err != nil {
		t.Fatal(err)
	}
	if rows, events := exported(t, dir); len(rows) != 0 || len(events) != 0 {
		t.Errorf("at the start: rows %v, events %v", rows, events)
	}
	ctx, stop := contextWithCause(t)
	enough := errors.New("enough")
	if err := f.Train(ctx, run, func() {
		if run.Steps() == 16 {
			stop(enough)
		}
	}); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	_, before := exported(t, dir)
	// Killed after four more steps: a report that the checkpoint is older than, and half a record.
	for range 4 {
		if err := run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.report(run); err != nil {
		t.Fatal(err)
	}
	for _, e := range f.exports {
		if _, err := e.file.WriteString("half a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f, run = resumeWalk(t, dir)
	if rows, _ := exported(t, dir); !cmp.Equal(rows, []int64{5, 10, 15}) {
		t.Errorf("resumed: rows %v", rows)
	}
	if err := f.Train(t.Context(), run, func() {}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	rows, events := exported(t, dir)
	if want := []int64{5, 10, 15, 20, 23}; !cmp.Equal(rows, want) || len(events) != len(want) {
		t.Errorf("rows %v, events %v, want %v", rows, events, want)
	}
	for step, time := range before {
		if events[step] != time {
			t.Errorf("step %d has the time %v, and before the kill %v", step, events[step], time)
		}
	}
	// What the files say does not depend on the stop.
	whole := filepath.Join(t.TempDir(), "whole")
	g, other := startWalk(t, whole, 23)
	if err := errors.Join(g.Export(other, CSV), g.Train(t.Context(), other, func() {}), g.Close()); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(filepath.Join(dir, "metrics.csv"))
	want, err := os.ReadFile(filepath.Join(whole, "metrics.csv"))
	if d := cmp.Diff(string(want), string(got)); err != nil || d != "" {
		t.Errorf("error %v, -whole +resumed:\n%s", err, d)
	}
	if _, err := os.Stat(filepath.Join(whole, exportFiles[TensorBoard])); err == nil {
		t.Error("an export that nobody asked for")
	}
}

func TestExportRefuses(t *testing.T) {
	f, run := startWalk(t, filepath.Join(t.TempDir(), "run"), 23)
	defer f.Close()
	if err := f.Export(run, "excel"); err == nil || !strings.Contains(err.Error(), "export excel: is not known") {
		t.Error(err)
	}
}

// startWalk makes the folder of a run at its first step.
func startWalk(t *testing.T, dir string, steps int64) (*Folder, *walk) {
	t.Helper()
	run, err := walks().New(walkConfig{3, steps})
	if err != nil {
		t.Fatal(err)
	}
	text, err := walks().YAML(run.cfg)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Create(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Start(run, text); err != nil {
		t.Fatal(err)
	}
	return f, run
}

func resumeWalk(t *testing.T, dir string) (*Folder, *walk) {
	t.Helper()
	f, run, err := Resume(walks(), dir, ResumeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f, run
}
