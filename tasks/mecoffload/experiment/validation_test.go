package experiment

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// A validation equals the evaluation of its slot's checkpoint, and the best checkpoint is the one
// with the best evaluation.
func TestValidationIsAnEvaluation(t *testing.T) {
	for _, method := range []agent.Method{agent.GRLE, agent.GRLELT, agent.DROOE} {
		cfg := tinyConfig(t, method)
		cfg.ValidationSlots = 20
		run := newRun(t, cfg)
		dir := t.TempDir()
		best := Validation{Reward: -1}
		var validations []Validation
		for !run.Done() {
			reports := advance(t, run, run.Slot()+10)
			if err := run.Checkpoint(dir); err != nil {
				t.Fatal(err)
			}
			saved, err := OpenCheckpoint(filepath.Join(dir, LatestCheckpoint))
			if err != nil {
				t.Fatal(err)
			}
			a, err := saved.Agent(cfg)
			if err != nil {
				t.Fatal(err)
			}
			row, err := Evaluation{
				Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: validationSeed(cfg.Seed), Slots: 20,
			}.Policy(t.Context(), a)
			a.Close()
			if err != nil {
				t.Fatal(err)
			}
			want := Validation{run.Slot(), 20, row.Accuracy, row.Reward}
			got, err := saved.Validation()
			if err != nil || got == nil || *got != want {
				t.Fatalf("%s: saved %+v, error %v; want %+v", method, got, err, want)
			}
			if want.Reward > best.Reward {
				best = want
			}
			for _, r := range reports {
				if r.Validation != nil {
					validations = append(validations, *r.Validation)
				}
			}
		}
		saved, err := OpenCheckpoint(filepath.Join(dir, BestCheckpoint))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := saved.Validation(); err != nil || *got != best {
			t.Errorf("%s: best is %+v, error %v, want %+v", method, got, err, best)
		}
		// Every validation is in the report whose slots include it: one every ten slots, reports
		// every seven.
		var slots []int64
		for _, v := range validations {
			slots = append(slots, v.Slot)
		}
		if d := cmp.Diff([]int64{10, 20, 30, 40, 50, 60, 70, 80, 90}, slots); d != "" {
			t.Errorf("%s: validations reported: %s", method, d)
		}
	}
}

// Validating changes nothing that is trained.
func TestValidationLeavesTheTrainingAlone(t *testing.T) {
	for _, method := range []agent.Method{agent.GRLELT, agent.DROOE} {
		with, without := tinyConfig(t, method), tinyConfig(t, method)
		without.ValidationSlots = 0
		a, b := newRun(t, with), newRun(t, without)
		got, want := advance(t, a, with.Slots), advance(t, b, with.Slots)
		for i := range got {
			got[i].Validation = nil
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -without validation +with:\n%s", method, d)
		}
	}
}

func TestOpenLearned(t *testing.T) {
	open := func(dir, name, wantName, wantWhy string) *Checkpoint {
		t.Helper()
		c, why, err := OpenLearned(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if c.Name() != wantName || !strings.Contains(why, wantWhy) {
			t.Errorf("checkpoint %s because %s, want %s because %s", c.Name(), why, wantName, wantWhy)
		}
		return c
	}
	cfg := tinyConfig(t, agent.GRLE)
	dir := filepath.Join(t.TempDir(), "validated")
	inFolder(t, dir, cfg)
	best := open(dir, "", BestCheckpoint, "highest reward in validation")
	if latest := open(dir, LatestCheckpoint, LatestCheckpoint, "asked for"); latest.Slot < best.Slot {
		t.Errorf("best is of slot %d, latest of %d", best.Slot, latest.Slot)
	}
	// A checkpoint that is damaged is not replaced by another without asking.
	file := filepath.Join(dir, runfolder.CheckpointDir, BestCheckpoint, "manifest.json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var lost *runfolder.CheckpointError
	if _, _, err := OpenLearned(dir, ""); !errors.As(err, &lost) || lost.Other != LatestCheckpoint {
		t.Errorf("best damaged: %v", err)
	}

	cfg.ValidationSlots = 0
	dir = filepath.Join(t.TempDir(), "not-validated")
	inFolder(t, dir, cfg)
	open(dir, "", LatestCheckpoint, "none was validated")
	open(dir, BestCheckpoint, BestCheckpoint, "asked for")
	if _, _, err := OpenLearned(t.TempDir(), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no run: %v", err)
	}
}

// A damaged validation is an error, not a run that was never validated.
func TestLoadValidationRefuses(t *testing.T) {
	s := checkpoints.NewState()
	s.PutInt("slot", 5)
	if _, err := loadValidation(s); err == nil {
		t.Error("loaded half a validation")
	}
}
