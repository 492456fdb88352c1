package agent

import (
	"math"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// observations are some slots of the scenario dynamic, decided by the best exit in time.
func observations(t *testing.T, slots int) []mecoffload.Observation {
	t.Helper()
	c := testConfig(t, GRLELT)
	sim, err := mecoffload.NewSimulator(c.Scenario, c.Profile)
	if err != nil {
		t.Fatal(err)
	}
	greedy, err := mecoffload.NewBestExitInTime(c.Profile)
	if err != nil {
		t.Fatal(err)
	}
	obs, err := sim.Reset(90_001)
	if err != nil {
		t.Fatal(err)
	}
	seen := make([]mecoffload.Observation, slots)
	for i := range seen {
		obs.CopyTo(&seen[i])
		action := make(mecoffload.Action, obs.Devices)
		if err := greedy.Decide(obs, action); err != nil {
			t.Fatal(err)
		}
		step, err := sim.Step(action)
		if err != nil {
			t.Fatal(err)
		}
		obs = step.Observation
	}
	return seen
}

// testConfig is a method in the scenario dynamic.
func testConfig(t *testing.T, m Method) Config {
	t.Helper()
	sc, err := mecoffload.LoadScenario(mecoffload.DefaultScenario)
	if err != nil {
		t.Fatal(err)
	}
	p, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Method: m, Scenario: sc, Profile: p, Recipe: TunedRecipe(), Seed: 3}
}

// savedPolicy returns a policy of an agent that has learned nothing.
func savedPolicy(t *testing.T, c Config) *Policy {
	t.Helper()
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s := checkpoints.NewState()
	if err := a.SaveState(s); err != nil {
		t.Fatal(err)
	}
	p, err := LoadPolicy(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func decide(t *testing.T, p *Policy, obs mecoffload.Observation) mecoffload.Action {
	t.Helper()
	action := make(mecoffload.Action, obs.Devices)
	if err := p.Decide(obs, action); err != nil {
		t.Fatal(err)
	}
	return action
}

// A limit that is never reached changes no decision; one reached at once still gives one that is no
// worse for the critic than the proposal, and says that it was cut.
func TestLimit(t *testing.T) {
	for _, method := range []Method{GRLE, GRLELT, DROOE} {
		free, limited, cut := savedPolicy(t, testConfig(t, method)), savedPolicy(t, testConfig(t, method)), savedPolicy(t, testConfig(t, method))
		limited.SetLimit(func() bool { return false })
		asked := 0
		cut.SetLimit(func() bool { asked++; return true })
		greedy, err := mecoffload.NewBestExitInTime(testConfig(t, method).Profile)
		if err != nil {
			t.Fatal(err)
		}
		for i, obs := range observations(t, 30) {
			if a, b := decide(t, free, obs), decide(t, limited, obs); !slices.Equal(a, b) || free.Value() != limited.Value() {
				t.Fatalf("%s: slot %d: %v of value %v, and with a limit %v of %v", method, i, a, free.Value(), b, limited.Value())
			}
			decide(t, cut, obs)
			if limited.Cut() || !cut.Cut() || asked == 0 {
				t.Fatalf("%s: slot %d: cut %v without and %v with a limit, asked %d times", method, i, limited.Cut(), cut.Cut(), asked)
			}
			proposal := make(mecoffload.Action, obs.Devices)
			if err := greedy.Decide(obs, proposal); err != nil {
				t.Fatal(err)
			}
			model, err := mecoffload.NewSlotModel(testConfig(t, method).Scenario, testConfig(t, method).Profile, cut.Objective())
			if err != nil {
				t.Fatal(err)
			}
			if err := model.Begin(&obs); err != nil {
				t.Fatal(err)
			}
			if err := model.Choose(proposal); err != nil {
				t.Fatal(err)
			}
			if cut.Value() < model.Value() || cut.Value() > free.Value()+1e-9 && method != DROOE {
				t.Errorf("%s: slot %d: cut %v, proposal %v, whole search %v", method, i, cut.Value(), model.Value(), free.Value())
			}
		}
	}
}

// Finish times are those of serving each server's tasks one by one, at nominal values.
func TestFinishes(t *testing.T) {
	for _, method := range []Method{GRL, GRLE, GRLELT} {
		c := testConfig(t, method)
		p := savedPolicy(t, c)
		for slot, obs := range observations(t, 20) {
			action := decide(t, p, obs)
			got := make([]float64, obs.Devices)
			if err := p.Finishes(got); err != nil {
				t.Fatal(err)
			}
			for server := range obs.Servers {
				var tasks []int
				for i, o := range action {
					if int(o)/obs.Exits == server {
						tasks = append(tasks, i)
					}
				}
				arrive := func(i int) float64 { return obs.Bits[i] / obs.Rate[i*obs.Servers+server] }
				slices.SortStableFunc(tasks, func(a, b int) int {
					if arrive(a) < arrive(b) {
						return -1
					}
					return 1
				})
				free := obs.Backlog[server]
				for _, i := range tasks {
					want := math.Inf(1)
					if start := max(free, arrive(i)); start <= obs.Deadline[i] {
						want = start + c.Profile.Time(server, int(action[i])%obs.Exits)/obs.Capacity[server]
						free = want
					}
					if got[i] != want {
						t.Fatalf("%s: slot %d: device %d is done at %v, want %v", method, slot, i, got[i], want)
					}
				}
			}
		}
	}
}

// Draws that are put back give the same decisions, and a new seed those of a policy made with it.
func TestDraws(t *testing.T) {
	c := testConfig(t, GRLE)
	p, other := savedPolicy(t, c), savedPolicy(t, c)
	obs := observations(t, 40)
	var decided []mecoffload.Action
	state, err := p.AppendDraws(nil)
	if err != nil || len(state) != 20 {
		t.Fatal(len(state), err)
	}
	for i := range obs {
		decided = append(decided, decide(t, p, obs[i]))
	}
	if err := other.SetDraws(state); err != nil {
		t.Fatal(err)
	}
	for i := range obs {
		if d := decide(t, other, obs[i]); !slices.Equal(d, decided[i]) {
			t.Fatalf("slot %d: %v and %v", i, decided[i], d)
		}
	}
	c.Seed = 4
	fresh := rl.NewRand(4, streamQuantizer)
	other.Reseed(4)
	want, _ := fresh.AppendBinary(nil)
	if got, err := other.AppendDraws(nil); err != nil || !slices.Equal(got, want) {
		t.Errorf("%x, want %x, error %v", got, want, err)
	}
	if err := other.SetDraws(state[:7]); err == nil {
		t.Error("seven bytes were taken for a state")
	}
}
