package mecoffload

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// decide asks a policy for a decision.
func decide(t testing.TB, p Policy, obs *Observation) Action {
	t.Helper()
	a := make(Action, obs.Devices)
	if err := p.Decide(*obs, a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestExhaustiveIsBestOfAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 1))
	for range 40 {
		sc, p := randomWorld(rng)
		sc.Devices, sc.Servers = 1+rng.IntN(3), 1+rng.IntN(2)
		o := Objective{Weight: rng.Float64(), Future: quadratic{}, Discount: 1}
		sim, err := NewSimulator(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		obs := reset(t, sim, rng.Uint64())
		obs, _ = step(t, sim, randomAction(rng, &obs))
		a := make(Action, obs.Devices)
		best, err := Exhaustive(newSlotModel(t, sc, p, o), obs, a)
		if err != nil {
			t.Fatal(err)
		}
		if got := worth(&obs, a, sc, p, o); math.Abs(got-best) > 1e-12 {
			t.Fatalf("says %v, the decision is worth %v", best, got)
		}
		options := obs.Options()
		for code := range int(math.Pow(float64(options), float64(obs.Devices))) {
			b := make(Action, obs.Devices)
			for i, rest := 0, code; i < len(b); i, rest = i+1, rest/options {
				b[i] = int32(rest % options)
			}
			if v := worth(&obs, b, sc, p, o); v > best+1e-12 {
				t.Fatalf("%v is worth %v, more than the best %v of %v", b, v, best, a)
			}
		}
	}
}

func TestExhaustiveRefuses(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", nil)
	obs := reset(t, sim, 1)
	e := newSlotModel(t, sc, p, Objective{})
	if _, err := Exhaustive(e, obs, make(Action, obs.Devices)); err == nil {
		t.Error("went through 10^14 decisions")
	}
	if _, err := Exhaustive(e, obs, make(Action, 3)); err == nil {
		t.Error("accepted an action of the wrong length")
	}
}

// On tiny instances local search nearly always finds the optimum.
func TestSearchAgainstExhaustive(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", func(s *Scenario) { s.Devices, s.Slot = 3, 0.004 })
	o := Objective{Weight: sc.RewardWeight, Future: quadratic{}, Discount: 1}
	search, err := NewSearch(sc, p, SearchConfig{Objective: o, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	e, truth := newSlotModel(t, sc, p, o), newSlotModel(t, sc, p, o)
	obs := reset(t, sim, 3)
	optimal, total, lost := 0, 0.0, 0.0
	const slots = 200
	for range slots {
		a, b := decide(t, search, &obs), make(Action, obs.Devices)
		best, err := Exhaustive(truth, obs, b)
		if err != nil {
			t.Fatal(err)
		}
		total += best
		begin(t, e, &obs)
		if err := e.Choose(a); err != nil {
			t.Fatal(err)
		}
		switch gap := best - e.Value(); {
		case gap < -1e-12:
			t.Fatalf("search found %v, exhaustive search only %v", e.Value(), best)
		case gap < 1e-12:
			optimal++
		default:
			lost += gap
		}
		obs, _ = step(t, sim, a)
	}
	if optimal < slots*95/100 || lost > 0.002*total {
		t.Errorf("optimal in %d of %d slots, %v of %v lost in all", optimal, slots, lost, total)
	}
}

// No change of one device improves the result of the search.
func TestSearchIsLocallyOptimal(t *testing.T) {
	for _, m := range []int{14, 80} { // thorough, and not
		sim, sc, p := builtin(t, "dynamic", func(s *Scenario) { s.Devices, s.Servers = m, 3 })
		o := Objective{Weight: 0.5}
		search, err := NewSearch(sc, p, SearchConfig{Objective: o, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		start, err := NewBestExitInTime(p)
		if err != nil {
			t.Fatal(err)
		}
		e := newSlotModel(t, sc, p, o)
		obs := reset(t, sim, 3)
		for range 5 {
			a := decide(t, search, &obs)
			begin(t, e, &obs)
			if err := e.Choose(decide(t, start, &obs)); err != nil {
				t.Fatal(err)
			}
			greedy := e.Value()
			if err := e.Choose(a); err != nil {
				t.Fatal(err)
			}
			if e.Value() < greedy {
				t.Errorf("M=%d: worse than where it started", m)
			}
			for i := range a {
				for o := range int32(obs.Options()) {
					if v := e.TryMove(i, o); v > e.Value()+1e-11 {
						t.Fatalf("M=%d: device %d on option %d is worth %v more", m, i, o,
							v-e.Value())
					}
				}
			}
			obs, _ = step(t, sim, a)
		}
	}
}

func TestSearchIsDeterministic(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", nil)
	obs := reset(t, sim, 1)
	var first Action
	for range 2 {
		search, err := NewSearch(sc, p, SearchConfig{Objective: Objective{Weight: 0.5}, Seed: 17})
		if err != nil {
			t.Fatal(err)
		}
		decide(t, search, &obs)
		a := decide(t, search, &obs)
		if first != nil && !slices.Equal(a, first) {
			t.Error("the same seed decides differently")
		}
		first = a
	}
}

func TestSearchDoesNotAllocate(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", nil)
	obs := reset(t, sim, 1)
	search, err := NewSearch(sc, p, SearchConfig{Objective: Objective{Weight: 0.5, Future: quadratic{}, Discount: 1}, Seed: 17})
	if err != nil {
		t.Fatal(err)
	}
	a := make(Action, obs.Devices)
	allocs := testing.AllocsPerRun(10, func() {
		if err := search.Decide(obs, a); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkSearch(b *testing.B) {
	sim, sc, p := builtin(b, "dynamic", nil)
	obs := reset(b, sim, 1)
	search, err := NewSearch(sc, p, SearchConfig{Objective: Objective{Weight: 0.5}, Seed: 17})
	if err != nil {
		b.Fatal(err)
	}
	a := make(Action, obs.Devices)
	for b.Loop() {
		if err := search.Decide(obs, a); err != nil {
			b.Fatal(err)
		}
	}
}

// The one-slot reward alone fills the servers with a backlog of more than two slots. Adding a price
// for server time keeps the backlog short and even raises that same reward.
func TestPricedTimeKeepsBacklogsShort(t *testing.T) {
	run := func(share float64) (reward, backlog float64) {
		sim, sc, p := builtin(t, "dynamic", nil)
		prices, err := ShadowPrices(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		for n := range prices {
			prices[n] *= share
		}
		s, err := NewSearch(sc, p, SearchConfig{Objective: Objective{Weight: sc.RewardWeight, Prices: prices}, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		s.cfg.Restarts = 0
		obs := reset(t, sim, 1)
		action := make(Action, sc.Devices)
		const slots, settled = 100, 40
		for slot := range slots {
			if err := s.Decide(obs, action); err != nil {
				t.Fatal(err)
			}
			next, err := sim.Step(action)
			if err != nil {
				t.Fatal(err)
			}
			obs = next.Observation
			if slot >= settled {
				reward += next.Reward / (slots - settled)
				backlog += (obs.Backlog[0] + obs.Backlog[1]) / 2 / float64(sc.Slot) / (slots - settled)
			}
		}
		return reward, backlog
	}
	free, long := run(0)
	priced, short := run(0.4)
	if long < 2 || short > 1.8 || priced < 1.5*free {
		t.Errorf("free: reward %v with a backlog of %v slots; priced: %v with %v", free, long, priced, short)
	}
}
