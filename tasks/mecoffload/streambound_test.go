package mecoffload

import (
	"math"
	"testing"
)

// Over a long stretch of random tasks, the bound of a stream equals the scenario's.
func TestStreamBoundNearDeadlineBound(t *testing.T) {
	for _, devices := range []int{6, 14} {
		for _, lastExit := range []bool{false, true} {
			_, sc, p := builtin(t, "dynamic", func(s *Scenario) { s.Devices = devices })
			const slots = 4000
			got, err := StreamBound(sc, p, lastExit, 3, []int64{0, slots})
			if err != nil {
				t.Fatal(err)
			}
			want, err := DeadlineBound(sc, p, DeadlineBoundConfig{LastExitOnly: lastExit, Tasks: 50_000, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			// The backlog that the stretch may end with is work of at most 60 ms per server.
			if d := got[0] - want.Accuracy; d < -6*want.StdErr || d > 6*want.StdErr+0.003 {
				t.Errorf("M=%d, last exit only %v: %.4f, and %.4f ± %.4f of the scenario", devices, lastExit, got[0], want.Accuracy, want.StdErr)
			}
		}
	}
}

// One server that is always there, one exit and deadlines that all work meets: the bound is the
// work that fits into the slots, plus the backlog at the end.
func TestStreamBoundInClosedForm(t *testing.T) {
	const tau, slots, devices = 0.002, 500, 10
	p := Profile{Name: "one", Accuracy: []float64{0.8}, Servers: []ServerProfile{{Times: []Seconds{tau}}}}
	_, sc, _ := builtin(t, "static", func(s *Scenario) {
		s.Devices, s.Slot, s.Servers = devices, 0.01, 1
		s.Deadline = Interval[Seconds]{0.5, 0.5}
	})
	got, err := StreamBound(sc, p, false, 1, []int64{0, slots})
	if err != nil {
		t.Fatal(err)
	}
	rest := 0.5 + tau - 0.01 // s
	want := 0.8 * (0.01*slots + rest) / tau / (devices * slots)
	if math.Abs(got[0]-want) > 1e-4 {
		t.Errorf("bound %.5f, want %.5f", got[0], want)
	}
}

// No policy that acts in a stream is above its bound in any stretch, and stretches differ.
func TestStreamBoundHolds(t *testing.T) {
	_, sc, p := builtin(t, "trace", func(s *Scenario) { s.Trace.Files = []string{"testdata/traces"} })
	edges := []int64{0, 300, 400, 900}
	bounds, err := StreamBound(sc, p, false, 4, edges)
	if err != nil {
		t.Fatal(err)
	}
	policies, err := Baselines(sc, p, 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range policies {
		sim, err := NewSimulator(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		obs, err := sim.Reset(4)
		if err != nil {
			t.Fatal(err)
		}
		stretch := 0
		metrics := newMetrics(t, sc, p)
		for slot := range edges[len(edges)-1] {
			action := make(Action, obs.Devices)
			if err := policy.Decide(obs, action); err != nil {
				t.Fatal(err)
			}
			next, err := sim.Step(action)
			if err != nil {
				t.Fatal(err)
			}
			metrics.Add(sim.Outcome(), 0)
			if slot+1 == edges[stretch+1] {
				if got := metrics.Row("", 0).Accuracy; got > bounds[stretch]+0.01 {
					t.Errorf("%s has %.3f in slots %d to %d, above the bound of %.3f", policy.Name(), got,
						edges[stretch], edges[stretch+1], bounds[stretch])
				}
				metrics.Reset()
				stretch++
			}
			obs = next.Observation
		}
	}
}

func TestStreamBoundRefuses(t *testing.T) {
	_, sc, p := builtin(t, "static", func(*Scenario) {})
	for _, edges := range [][]int64{nil, {5}, {5, 3}, {-1, 4}} {
		if _, err := StreamBound(sc, p, false, 1, edges); err == nil {
			t.Errorf("edges %v", edges)
		}
	}
	// A stretch without slots has no tasks, and nothing to bound.
	if b, err := StreamBound(sc, p, false, 1, []int64{2, 2, 4}); err != nil || b[0] != 0 || b[1] <= 0 {
		t.Errorf("%v, %v", b, err)
	}
}
