package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestSummarize(t *testing.T) {
	solved := func(steps int) *int { return &steps }
	rows := []row{
		{Algo: "ppo", Seed: 1, Return: 500, FinalReturn: 400, SolvedAt: solved(300), StepsPerSecond: 3},
		{Algo: "ppo", Seed: 2, Return: 440, FinalReturn: 400, SolvedAt: solved(100), StepsPerSecond: 1},
		{Algo: "ppo", Seed: 3, Return: 470, FinalReturn: 400, StepsPerSecond: 2},
		{Algo: "a2c", Seed: 1, Return: 7, FinalReturn: 6},
	}
	got, err := summarize(rows)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("%d summaries of two algorithms", len(got))
	}
	ppo, a2c := got[0], got[1]
	if ppo.Seeds != 3 || ppo.Return.Mean != 470 || ppo.FinalReturn != (interval{400, 400, 400}) || ppo.StepsPerSecond != 2 {
		t.Errorf("%+v", ppo)
	}
	// No resample of three scores is outside of their range, and some reach its ends.
	if ppo.Return.Low != 440 || ppo.Return.High != 500 {
		t.Errorf("interval %v of 500, 440 and 470", ppo.Return)
	}
	if ppo.Solved != 2 || *ppo.MedianSolvedAt != 300 || *ppo.LastSolvedAt != 300 {
		t.Errorf("%+v, want two of three solved, half of all after 300", ppo)
	}
	if a2c.Return != (interval{7, 7, 7}) || a2c.Solved != 0 || a2c.MedianSolvedAt != nil || a2c.LastSolvedAt != nil {
		t.Errorf("%+v", a2c)
	}
}

// Seeds that begin later are the same trainings; the summary is of the rows, and the curves are
// drawn.
func TestSeedsAndSummary(t *testing.T) {
	f := flags{Algo: []string{"reinforce"}, Env: "cartpole", Seeds: 3, FirstSeed: 1, Steps: 1000, Episodes: 2}
	f.Format = "json"
	var rows []row
	var summaries []summary
	print := func(into any) {
		t.Helper()
		var out bytes.Buffer
		if err := run(context.Background(), f, &out); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), into); err != nil {
			t.Fatalf("%v: %s", err, out.Bytes())
		}
	}
	print(&rows)
	f.Summary, f.Curves = true, filepath.Join(t.TempDir(), "curves")
	print(&summaries)
	mean := (rows[0].Return + rows[1].Return + rows[2].Return) / 3
	if len(summaries) != 1 || summaries[0].Seeds != 3 || summaries[0].Return.Mean-mean > 1e-9 || mean-summaries[0].Return.Mean > 1e-9 {
		t.Errorf("summary %+v of rows with mean %v", summaries, mean)
	}
	for _, ext := range []string{".svg", ".png"} {
		if info, err := os.Stat(f.Curves + ext); err != nil || info.Size() == 0 {
			t.Errorf("no figure %s: %v", ext, err)
		}
	}
	third := rows[2]
	f.Summary, f.Curves, f.Seeds, f.FirstSeed = false, "", 1, 3
	print(&rows)
	if rows[0].Seed != 3 || rows[0].Return != third.Return || rows[0].FinalReturn != third.FinalReturn || rows[0].Steps != third.Steps {
		t.Errorf("seed 3 alone: %+v, among others: %+v", rows[0], third)
	}
}
