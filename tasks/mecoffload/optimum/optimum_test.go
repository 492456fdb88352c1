package optimum

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// small returns a scenario without anything uncertain and a profile with two exits.
func small(t interface {
	Helper()
	Fatal(...any)
}, devices, servers int) (mecoffload.Scenario, mecoffload.Profile) {
	t.Helper()
	sc, err := mecoffload.LoadScenario("static")
	if err != nil {
		t.Fatal(err)
	}
	sc.Devices, sc.Servers, sc.Capacity.Low = devices, servers, 0.5
	p := mecoffload.Profile{Name: "two exits", Accuracy: []float64{0.6, 0.9}, Servers: []mecoffload.ServerProfile{
		{Name: "fast", Times: []mecoffload.Seconds{0.004, 0.007}}, {Name: "slow", Times: []mecoffload.Seconds{0.006, 0.011}},
	}}
	p.Servers = p.Servers[:servers]
	return sc, p
}

// Where all times lie on the grid, a server's value is that of the best of all its decisions. Measured
// times take half or one and a half times as long as nominal ones.
func TestServerAgainstAllDecisions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := mecoffload.Profile{Servers: []mecoffload.ServerProfile{{Samples: [][]mecoffload.Seconds{{1}, {1}}}}}
		if rapid.Bool().Draw(t, "varies") {
			one.Servers[0].Samples = [][]mecoffload.Seconds{{1, 3}, {1, 3}}
		}
		s := &server{accuracy: []float64{0.6, 0.9}, slot: 10, bins: 120}
		for l := range s.accuracy {
			s.lucks = append(s.lucks, one.Luck(0, l, rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "jitter")))
		}
		var offers []offer
		price := make([]float64, rapid.IntRange(0, 4).Draw(t, "tasks"))
		for i := range price {
			price[i] = rapid.Float64Range(0, 0.8).Draw(t, "price")
			first := 2 * rapid.IntRange(1, 4).Draw(t, "work")
			offers = append(offers, offer{i, float64(rapid.IntRange(0, 30).Draw(t, "arrival")), float64(rapid.IntRange(5, 40).Draw(t, "deadline")),
				[]float64{float64(first), float64(first + 2*rapid.IntRange(1, 4).Draw(t, "more"))}})
		}
		slices.SortStableFunc(offers, func(a, b offer) int { return int(a.arrive - b.arrive) })
		v := make([]float64, s.backlogs())
		slope := rapid.Float64Range(0, 0.2).Draw(t, "slope")
		for k := range v {
			v[k] = -slope * float64(k)
		}
		got := s.best(offers, price, v, false)
		var all func(i int, free float64) float64
		all = func(i int, free float64) float64 {
			if i == len(offers) {
				return -slope * max(0, free-10)
			}
			o := offers[i]
			best := all(i+1, free)
			start := max(free, o.arrive)
			if start > o.deadline {
				return best
			}
			for l, work := range o.work {
				factors := s.lucks[l].Measured()
				if factors == nil {
					factors = []float64{1}
				}
				mean := 0.0
				for _, factor := range factors {
					end := start + factor*work
					if end <= o.deadline {
						mean += s.accuracy[l] / float64(len(factors))
					}
					mean += all(i+1, end) / float64(len(factors))
				}
				best = max(best, mean-price[o.device])
			}
			return best
		}
		for k := 0; k < 45; k += 3 {
			if want := all(0, float64(k)); math.Abs(got[k]-want) > 1e-9 {
				t.Fatalf("backlog %d: %v, want %v", k, got[k], want)
			}
		}
	})
}

type linear []float64 // [N] price of a second of backlog

func (l linear) Value(backlog []float64) float64 {
	sum := 0.0
	for n, b := range backlog {
		sum -= l[n] * b
	}
	return sum
}

// With any prices, two servers that choose by themselves earn no less than the best decision for both.
func TestPricesProveABound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sc, p := small(t, rapid.IntRange(1, 4).Draw(t, "devices"), 2)
		sim, err := mecoffload.NewSimulator(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		obs, err := sim.Reset(rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		const bin = 1e-4
		d := newSlot(sim, &obs, bin)
		slopes := linear{rapid.Float64Range(0, 100).Draw(t, "slope"), rapid.Float64Range(0, 100).Draw(t, "slope")}
		mu := make([]float64, obs.Devices)
		total := 0.0
		for i := range mu {
			mu[i] = rapid.Float64Range(0, 0.9).Draw(t, "price")
			total += mu[i]
		}
		r := newRelaxation(sc, p, bin)
		for n, s := range r.servers {
			backlog := rapid.IntRange(0, 300).Draw(t, "backlog")
			obs.Backlog[n] = float64(backlog) * bin
			for k := range r.values[n] {
				r.values[n][k] = -slopes[n] * float64(k) * bin
			}
			total += s.best(d.offers[n], mu, r.values[n], false)[backlog]
		}
		// The model's value is per task.
		future := make(linear, len(slopes))
		for n, x := range slopes {
			future[n] = x / float64(obs.Devices)
		}
		model, err := mecoffload.NewSlotModel(sc, p, mecoffload.Objective{Future: future, Discount: 1})
		if err != nil {
			t.Fatal(err)
		}
		best, err := mecoffload.Exhaustive(model, obs, make(mecoffload.Action, obs.Devices))
		if err != nil {
			t.Fatal(err)
		}
		if best *= float64(obs.Devices); best > total+1e-9 {
			t.Fatalf("the best decision has %v, above %v", best, total)
		}
	})
}

// Two tasks of 6 ms with 10 ms to their deadline, and one server: one is in time, however long the
// slot. A bound that only counts the server's time does not see it.
func TestBoundSeesQueues(t *testing.T) {
	sc, err := mecoffload.LoadScenario("static")
	if err != nil {
		t.Fatal(err)
	}
	sc.Devices, sc.Servers, sc.Slot = 2, 1, 0.03
	sc.Deadline = mecoffload.Interval[mecoffload.Seconds]{Low: 0.01, High: 0.01}
	sc.SizeKByte = mecoffload.Interval[float64]{Low: 0.1, High: 0.1}
	p := mecoffload.Profile{
		Name: "one exit", Accuracy: []float64{0.8},
		Servers: []mecoffload.ServerProfile{{Times: []mecoffload.Seconds{0.006}}},
	}
	b, err := Bound(sc, p, BoundConfig{Slots: 4, Train: 2})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(b.Accuracy-0.4) > 0.01 {
		t.Errorf("bound %.4f, want 0.4", b.Accuracy)
	}
	without, err := mecoffload.DeadlineBound(sc, p, mecoffload.DeadlineBoundConfig{Tasks: 100})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(without.Accuracy-0.8) > 0.01 {
		t.Errorf("bound without queues %.4f, want 0.8", without.Accuracy)
	}
}

// No policy is above the bound, a planner that knows the next slots included.
func TestBoundHolds(t *testing.T) {
	for _, c := range []struct {
		name string
		slot mecoffload.Seconds
	}{{"dynamic", 0.01}, {"capacity", 0.03}} {
		sc, err := mecoffload.LoadScenario(c.name)
		if err != nil {
			t.Fatal(err)
		}
		sc.Devices, sc.Slot = 8, c.slot
		p, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Bound(sc, p, BoundConfig{Slots: 24, Train: 12, Seed: 1, Bin: 2e-4})
		if err != nil {
			t.Fatal(err)
		}
		policies, err := mecoffload.Baselines(sc, p, 2)
		if err != nil {
			t.Fatal(err)
		}
		planner, err := NewPlanner(sc, p, PlannerConfig{Stream: 2, Ahead: 2, Trials: 500})
		if err != nil {
			t.Fatal(err)
		}
		for _, policy := range append(policies, mecoffload.Policy(planner)) {
			const slots = 120
			sum := 0.0
			sim, err := mecoffload.NewSimulator(sc, p)
			if err != nil {
				t.Fatal(err)
			}
			obs, err := sim.Reset(2)
			if err != nil {
				t.Fatal(err)
			}
			for range slots {
				action := make(mecoffload.Action, obs.Devices)
				if err := policy.Decide(obs, action); err != nil {
					t.Fatal(err)
				}
				next, err := sim.Step(action)
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range sim.Outcome().Accuracy {
					sum += x / float64(slots*sc.Devices)
				}
				obs = next.Observation
			}
			// The stream is short too: it varies too.
			if sum > b.Accuracy+5*b.StdErr+0.01 {
				t.Errorf("%s: %s has %.4f, above the bound %.4f +- %.4f", sc.Name, policy.Name(), sum, b.Accuracy, b.StdErr)
			}
		}
	}
}

// A plan for two slots is as good as the best of all pairs of decisions, played out.
func TestPlannerAgainstAllDecisions(t *testing.T) {
	for seed := range uint64(8) {
		sc, p := small(t, 2, 2)
		planner, err := NewPlanner(sc, p, PlannerConfig{Stream: seed, Ahead: 1, Trials: 5000})
		if err != nil {
			t.Fatal(err)
		}
		best := 0.0
		const decisions = 4 * 4
		for code := range decisions * decisions {
			sim, err := mecoffload.NewSimulator(sc, p)
			if err != nil {
				t.Fatal(err)
			}
			obs, err := sim.Reset(seed)
			if err != nil {
				t.Fatal(err)
			}
			if code == 0 {
				if err := planner.Decide(obs, make(mecoffload.Action, 2)); err != nil {
					t.Fatal(err)
				}
			}
			sum := 0.0
			for _, both := range []int{code % decisions, code / decisions} {
				if _, err := sim.Step(mecoffload.Action{int32(both % 4), int32(both / 4)}); err != nil {
					t.Fatal(err)
				}
				for _, x := range sim.Outcome().Accuracy {
					sum += x
				}
			}
			best = max(best, sum)
		}
		if got := planner.total(); math.Abs(got-best) > 1e-9 {
			t.Errorf("seed %d: a plan worth %v, the best is worth %v", seed, got, best)
		}
	}
}

func TestRefuses(t *testing.T) {
	sc, p := small(t, 2, 2)
	trace := sc
	trace.Trace.Files, trace.Trace.FloorMbit = []string{"x"}, 1
	if _, err := Bound(trace, p, BoundConfig{}); !errors.Is(err, ErrDependentSlots) {
		t.Errorf("recorded rates: %v", err)
	}
	for _, cfg := range []BoundConfig{{Slots: 1}, {Slots: -1}, {Train: -1}, {Bin: -1}, {Bin: 1}} {
		if _, err := Bound(sc, p, cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
	for _, cfg := range []PlannerConfig{{Ahead: -1, Trials: 1}, {}} {
		if _, err := NewPlanner(sc, p, cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
	planner, err := NewPlanner(sc, p, PlannerConfig{Stream: 1, Trials: 10})
	if err != nil {
		t.Fatal(err)
	}
	sim, err := mecoffload.NewSimulator(sc, p)
	if err != nil {
		t.Fatal(err)
	}
	other, err := sim.Reset(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := planner.Decide(other, make(mecoffload.Action, 2)); err == nil {
		t.Error("another stream: no error")
	}
}
