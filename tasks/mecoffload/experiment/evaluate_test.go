package experiment

import (
	"testing"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// BestExitInTime decides the slots before a policy's start.
func TestEvaluationStart(t *testing.T) {
	sc, err := mecoffload.LoadScenario("dynamic")
	if err != nil {
		t.Fatal(err)
	}
	// long enough for the servers to catch up now and then; after that, earlier decisions do not
	// matter
	sc.Slot = 0.03
	p, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
	if err != nil {
		t.Fatal(err)
	}
	bestExit, err := mecoffload.NewBestExitInTime(p)
	if err != nil {
		t.Fatal(err)
	}
	accuracy := func(policy mecoffload.Policy, from, start int64) float64 {
		t.Helper()
		row, err := Evaluation{Scenario: sc, Profile: p, Seed: 3, Slots: 120, From: from, Start: start}.Policy(t.Context(), policy)
		if err != nil {
			t.Fatal(err)
		}
		return row.Accuracy
	}
	own := accuracy(&mecoffload.RoundRobin{}, 80, 0)
	filler := accuracy(bestExit, 80, 0)
	if own == filler {
		t.Fatal("the two policies cannot be told apart")
	}
	if got := accuracy(bestExit, 80, 40); got != filler {
		t.Errorf("after its own slots BestExitInTime has %v, want %v", got, filler)
	}
	if got := accuracy(&mecoffload.RoundRobin{}, 80, 120); got != filler {
		t.Errorf("a policy that never starts has %v, want %v, that of BestExitInTime", got, filler)
	}
	if got := accuracy(&mecoffload.RoundRobin{}, 80, 20); got != own {
		t.Errorf("started at slot 20 it has %v from slot 80 on, and %v if it starts at slot 0", got, own)
	}
}
