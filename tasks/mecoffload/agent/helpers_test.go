package agent

import (
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// builtin returns a simulator of a built-in scenario with the default profile, after change.
func builtin(
	t testing.TB, name string, change func(*mecoffload.Scenario),
) (*mecoffload.Simulator, mecoffload.Scenario, mecoffload.Profile) {
	t.Helper()
	sc, err := mecoffload.LoadScenario(name)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&sc)
	}
	p, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := mecoffload.NewSimulator(sc, p)
	if err != nil {
		t.Fatal(err)
	}
	return sim, sc, p
}

func reset(t testing.TB, sim *mecoffload.Simulator, seed uint64) mecoffload.Observation {
	t.Helper()
	obs, err := sim.Reset(seed)
	if err != nil {
		t.Fatal(err)
	}
	return obs
}

func randomAction(rng *rand.Rand, obs *mecoffload.Observation) mecoffload.Action {
	a := make(mecoffload.Action, obs.Devices)
	for i := range a {
		a[i] = int32(rng.IntN(obs.Options()))
	}
	return a
}
