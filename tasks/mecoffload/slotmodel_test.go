package mecoffload

import (
	"math"
	"math/rand/v2"
	"testing"
)

// quadratic is a terminal value for tests.
type quadratic struct{}

func (quadratic) Value(backlog []float64) float64 {
	sum := 0.0
	for n, b := range backlog {
		sum -= float64(n+1) * b * b
	}
	return sum
}

func newSlotModel(t testing.TB, sc Scenario, p Profile, o Objective) *SlotModel {
	t.Helper()
	e, err := NewSlotModel(sc, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func begin(t testing.TB, e *SlotModel, obs *Observation) {
	t.Helper()
	if err := e.Begin(obs); err != nil {
		t.Fatal(err)
	}
}

// worth computes an Objective from its formula and the event simulation.
func worth(obs *Observation, a Action, sc Scenario, p Profile, o Objective) float64 {
	m := obs.Devices
	arrive, work, server := make([]float64, m), make([]float64, m), make([]int, m)
	for i, option := range a {
		n, l := int(option)/obs.Exits, int(option)%obs.Exits
		server[i] = n
		arrive[i] = obs.Bits[i] / obs.Rate[i*obs.Servers+n]
		work[i] = p.Time(n, l) / obs.Capacity[n]
	}
	fates, next := happen(obs.Backlog, float64(sc.Slot), arrive, work, obs.Deadline, server)
	sum := 0.0
	for i, f := range fates {
		if f.status == InTime {
			sum += p.Accuracy[int(a[i])%obs.Exits] * (1 - o.Weight*f.finish/obs.Deadline[i])
		}
		if f.status != Dropped && o.Prices != nil {
			sum -= o.Prices[server[i]] * work[i]
		}
	}
	if m > 0 {
		sum /= float64(m)
	}
	if o.Future != nil {
		sum += o.Discount * o.Future.Value(next)
	}
	return sum
}

// The value of a decision is that of the formula, and the same to the last bit for every way to
// reach it.
func TestSlotModelMovesAndTries(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 200 {
		sc, p := randomWorld(rng)
		sc.Devices, sc.Arrival = 1+rng.IntN(80), 1
		o := Objective{Weight: rng.Float64()}
		if rng.IntN(2) == 0 {
			o.Prices = make([]float64, sc.Servers)
			for n := range o.Prices {
				o.Prices[n] = 100 * rng.Float64()
			}
		}
		if rng.IntN(2) == 0 {
			o.Future, o.Discount = quadratic{}, rng.Float64()
		}
		sim, err := NewSimulator(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		obs := reset(t, sim, rng.Uint64())
		obs, _ = step(t, sim, randomAction(rng, &obs))
		e, fresh := newSlotModel(t, sc, p, o), newSlotModel(t, sc, p, o)
		begin(t, e, &obs)
		a := randomAction(rng, &obs)
		if err := e.Choose(a); err != nil {
			t.Fatal(err)
		}
		check := func(what string, got float64) {
			t.Helper()
			begin(t, fresh, &obs)
			if err := fresh.Choose(a); err != nil {
				t.Fatal(err)
			}
			if want := fresh.Value(); got != want {
				t.Fatalf("%s: value %v, from scratch %v", what, got, want)
			}
			if want := worth(&obs, a, sc, p, o); math.Abs(got-want) > 1e-11*(1+math.Abs(want)) {
				t.Fatalf("%s: value %v, by events %v", what, got, want)
			}
		}
		check("Choose", e.Value())
		for range 10 {
			i, j, option := rng.IntN(obs.Devices), rng.IntN(obs.Devices), int32(rng.IntN(obs.Options()))
			before, old := e.Value(), a[i]

			tried := e.TryMove(i, option)
			a[i] = option
			check("TryMove", tried)
			a[i] = old
			tried = e.TrySwap(i, j)
			a[i], a[j] = a[j], a[i]
			check("TrySwap", tried)
			a[i], a[j] = a[j], a[i]
			if e.Value() != before {
				t.Fatalf("trying changed the value from %v to %v", before, e.Value())
			}

			e.Move(i, option)
			a[i] = option
			check("Move", e.Value())
			e.Swap(i, j)
			a[i], a[j] = a[j], a[i]
			check("Swap", e.Value())
		}
		next := make([]float64, obs.Servers)
		e.NextBacklog(next)
		sum := 0.0
		for n, b := range next {
			sum += b - max(0, e.did[n].free-float64(sc.Slot))
		}
		if sum != 0 {
			t.Fatalf("NextBacklog %v with servers that did %v", next, e.did)
		}
	}
}

// A model handles observations of changing size.
func TestSlotModelChangesSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	_, sc, p := builtin(t, "dynamic", nil)
	e := newSlotModel(t, sc, p, Objective{Weight: 0.5})
	for range 50 {
		m, n := 1+rng.IntN(100), 1+rng.IntN(6)
		sim, world, _ := builtin(t, "dynamic", func(s *Scenario) { s.Devices, s.Servers = m, n })
		obs := reset(t, sim, rng.Uint64())
		a := randomAction(rng, &obs)
		begin(t, e, &obs)
		if err := e.Choose(a); err != nil {
			t.Fatal(err)
		}
		want := worth(&obs, a, world, p, Objective{Weight: 0.5})
		if got := e.Value(); math.Abs(got-want) > 1e-12 {
			t.Fatalf("M=%d N=%d: %v, want %v", m, n, got, want)
		}
	}
}

func TestSlotModelRefuses(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", nil)
	obs := reset(t, sim, 1)
	e := newSlotModel(t, sc, p, Objective{Prices: []float64{1, 2, 3}})
	if err := e.Begin(&obs); err == nil {
		t.Error("accepted 3 prices for 2 servers")
	}
	if _, err := NewSlotModel(sc, Profile{}, Objective{}); err == nil {
		t.Error("accepted an empty profile")
	}
	if _, err := NewSlotModel(Scenario{}, p, Objective{}); err == nil {
		t.Error("accepted an empty scenario")
	}
}
