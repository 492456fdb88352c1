package envs

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/graphrl/graphrl/rl"
)

// Episodes recorded from Gymnasium (bench/peers/gymnasium_reference.py): the same states and
// actions lead to the same states, rewards and ends.
func TestEpisodesOfGymnasium(t *testing.T) {
	data, err := os.ReadFile("testdata/gymnasium.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Gymnasium string
		Every     int
		Episodes  []struct {
			Env        string
			Actions    string
			States     [][4]float64 // before every Every-th action, and the last one
			Terminated bool
			Truncated  bool
			LastReward float64 `json:"last_reward"`
		}
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	steps, ends, furthest := 0, map[string]int{}, 0.0
	for n, e := range recorded.Episodes {
		var env rl.Env[[]float32, int]
		var state *[4]float64
		usual := 1.0 // reward
		var begin func(step int, s [4]float64)
		switch e.Env {
		case "CartPole-v1":
			c := NewCartPole()
			env, state = c, &c.state
			begin = func(step int, s [4]float64) { c.state, c.steps, c.running = s, step, true }
		case "Acrobot-v1":
			a := NewAcrobot()
			env, state, usual = a, &a.state, -1
			begin = func(step int, s [4]float64) { a.state, a.steps, a.running = s, step, true }
		default:
			t.Fatalf("episode %d: unknown environment %q", n, e.Env)
		}
		for i, action := range e.Actions {
			if i%recorded.Every == 0 {
				begin(i, e.States[i/recorded.Every])
			}
			tr, err := env.Step(int(action - '0'))
			if err != nil {
				t.Fatalf("episode %d, step %d: %v", n, i, err)
			}
			last := i == len(e.Actions)-1
			reward := usual
			if last {
				reward = e.LastReward
			}
			if tr.Reward != reward || tr.Terminated != (last && e.Terminated) || tr.Truncated != (last && e.Truncated) {
				t.Fatalf("episode %d of %s, step %d of %d: %+v", n, e.Env, i, len(e.Actions), tr)
			}
			steps++
			if !last && (i+1)%recorded.Every != 0 {
				continue
			}
			for k, want := range e.States[(i+recorded.Every)/recorded.Every] {
				apart := math.Abs(state[k] - want)
				furthest = max(furthest, apart)
				if !(apart <= 1e-10) {
					t.Fatalf("episode %d of %s, step %d: state %v, want %v", n, e.Env, i, *state, e.States[(i+recorded.Every)/recorded.Every])
				}
			}
		}
		switch {
		case e.Terminated:
			ends[e.Env+" terminated"]++
		case e.Truncated:
			ends[e.Env+" truncated"]++
		}
	}
	if steps < 5000 || len(ends) != 4 {
		t.Errorf("%d steps with ends %v: want thousands, and ends of all kinds", steps, ends)
	}
	t.Logf("Gymnasium %s: %d steps, ends %v, at most %.2g apart", recorded.Gymnasium, steps, ends, furthest)
}
