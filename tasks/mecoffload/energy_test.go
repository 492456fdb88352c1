package mecoffload

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/rl/droo"
)

// budgeted returns a simulator of a random scenario with an energy budget of about half of what
// devices would use.
func budgeted(t testing.TB, rng *rand.Rand) (*Simulator, Scenario, Profile) {
	t.Helper()
	sc, p := randomWorld(rng)
	sc.Energy = Energy{TransmitW: 0.1 + rng.Float64(), BudgetMJ: 0.2 + rng.Float64(), Weight: 1 + 5*rng.Float64()}
	sim, err := NewSimulator(sc, p)
	if err != nil {
		t.Fatal(err)
	}
	return sim, sc, p
}

// Every device pays its transmit power for the real time of its transmission, and nothing for a task
// that is held back. Its queue follows the recursion q <- max(q + (e - b)/b, 0) from V on, and a
// joule costs q / (V b).
func TestPriceOfEnergy(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 0))
	for range 30 {
		sim, sc, _ := budgeted(t, rng)
		obs := reset(t, sim, rng.Uint64())
		budget := sc.Energy.BudgetMJ / 1000
		queue := make([]float64, sc.Devices)
		for i := range queue {
			queue[i] = sc.Energy.Weight
		}
		for range 20 {
			for i, id := range obs.ID {
				if want := queue[id] / (sc.Energy.Weight * budget); math.Abs(obs.EnergyPrice[i]-want) > 1e-9*want {
					t.Fatalf("price %v of device %d, want %v", obs.EnergyPrice[i], id, want)
				}
			}
			a := randomAction(rng, &obs)
			used := make([]float64, sc.Devices)
			for i, option := range a {
				if rng.IntN(3) == 0 {
					a[i] = Held
					continue
				}
				at := i*obs.Degree() + int(option)/obs.Exits
				luck, _ := sim.Luck(i, int(option)/obs.Exits, int(option)%obs.Exits)
				used[obs.ID[i]] = sc.Energy.TransmitW * (obs.Bits[i] / (obs.Rate[at] * luck))
			}
			held := append(Action(nil), a...)
			obs, _ = step(t, sim, a)
			if d := cmp.Diff(used, sim.Outcome().Energy); d != "" {
				t.Fatalf("energy: -want +got:\n%s", d)
			}
			for i, option := range held {
				if o := sim.Outcome(); option == Held && (o.Status[i] != Dropped || o.Server[i] != -1 || o.Exit[i] != -1) {
					t.Fatalf("a task held back has the outcome %v at server %d", o.Status[i], o.Server[i])
				}
			}
			for i, e := range used {
				queue[i] = max(queue[i]+(e-budget)/budget, 0)
			}
		}
	}
}

// Without uncertainty a decision is worth the simulator's reward minus the price of the energy that is
// used, once the tasks that do not earn it are held back. That is drift plus penalty with the queues.
func TestBudgetedDecisionsAreDriftPlusPenalty(t *testing.T) {
	rng := rand.New(rand.NewPCG(52, 0))
	heldBack := 0
	for range 40 {
		_, sc, p := budgeted(t, rng)
		sc.Jitter, sc.CSI = 0, 0
		sim, err := NewSimulator(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		m := newSlotModel(t, sc, p, sc.RewardObjective())
		obs := reset(t, sim, rng.Uint64())
		for range 20 {
			a := randomAction(rng, &obs)
			begin(t, m, &obs)
			if err := m.Choose(a); err != nil {
				t.Fatal(err)
			}
			got, tasks, prices := m.Value(), float64(max(len(a), 1)), append([]float64(nil), obs.EnergyPrice...)
			ids := append([]int(nil), obs.ID...)
			m.HoldBack(a)
			for _, option := range a {
				if option == Held {
					heldBack++
				}
			}
			backlog := append([]float64(nil), sim.energy.Backlog()...)
			next, reward := step(t, sim, a)
			want, used := reward, sim.Outcome().Energy
			for i, id := range ids {
				want -= prices[i] * used[id] / tasks
			}
			if math.Abs(got-want) > 1e-9 {
				t.Fatalf("a decision is worth %v, want %v", got, want)
			}
			// The same by the library's critic, on queues with the backlog before the step.
			queues, err := sc.energyQueues()
			if err != nil {
				t.Fatal(err)
			}
			copy(queues.Backlog(), backlog)
			c := droo.DriftPlusPenalty[Observation]{
				Value: droo.CriticFunc[Observation](func(Observation, []int32) (float64, error) { return reward, nil }),
				Uses: droo.UsesFunc[Observation](func(_ Observation, _ *droo.Decisions, _ int, dst []float64) error {
					copy(dst, used)
					return nil
				}),
				Queues: queues, V: sc.Energy.Weight * sc.Energy.budget() * tasks,
			}
			var d droo.Decisions
			d.Reset(len(a), 1)
			d.Append(a)
			var score [1]float64
			if err := c.Score(obs, &d, score[:]); err != nil {
				t.Fatal(err)
			}
			if math.Abs(score[0]-c.V*got) > 1e-9 {
				t.Fatalf("drift plus penalty %v, want %v", score[0], c.V*got)
			}
			obs = next
		}
	}
	if heldBack < 100 {
		t.Errorf("only %d tasks were held back: the budgets are too large for this test", heldBack)
	}
}

// A search keeps the budget, over any run: the queues start as long as they become.
func TestSearchKeepsTheBudget(t *testing.T) {
	for seed := uint64(421); seed <= 423; seed++ {
		sim, sc, p := builtin(t, "dynamic", func(sc *Scenario) {
			sc.Devices = 6
			sc.Energy = Energy{TransmitW: 0.2, BudgetMJ: 0.7}
		})
		search, err := NewSearch(sc, p, SearchConfig{Objective: sc.RewardObjective(), Restarts: -1})
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewMetrics(sc, p)
		if err != nil {
			t.Fatal(err)
		}
		obs := reset(t, sim, seed)
		for range 1000 {
			a := make(Action, obs.Devices)
			if err := search.Decide(obs, a); err != nil {
				t.Fatal(err)
			}
			obs, _ = step(t, sim, a)
			m.Add(sim.Outcome(), 0)
		}
		row := m.Row("search", seed)
		if e := row.Energy; e == nil || e.Budget != 0.7 || e.MaxDevice > e.Budget || e.Mean < 0.9*e.Budget || e.Mean > e.MaxDevice {
			t.Errorf("seed %d: energy %+v, want a mean near the budget and no device above it", seed, e)
		}
		if sum := row.Exits[0] + row.Exits[1] + row.Exits[2] + row.Exits[3] + row.Exits[4]; sum > 0.95 {
			t.Errorf("seed %d: %v of the tasks were sent", seed, sum)
		}
	}
}

func TestBudgetedObservationsAreCopied(t *testing.T) {
	sim, _, _ := budgeted(t, rand.New(rand.NewPCG(53, 0)))
	obs := reset(t, sim, 5)
	var copied, decoded Observation
	obs.CopyTo(&copied)
	if err := (ObservationCodec{}).Decode(&decoded, ObservationCodec{}.Encode(nil, obs)); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Observation{copied, decoded} {
		if d := cmp.Diff(obs.EnergyPrice, o.EnergyPrice); len(obs.EnergyPrice) == 0 || d != "" {
			t.Errorf("prices of energy: %s", d)
		}
	}
	obs.EnergyPrice[0] = -1
	if obs.Validate() == nil {
		t.Error("a negative price of energy is valid")
	}
}

func TestEnergyKey(t *testing.T) {
	for doc, want := range map[string]string{
		"name: a\nenergy: {transmit_w: 0.1}":                            "f.yaml:2: energy.budget_mj: 0 is not above 0",
		"name: a\nenergy: {transmit_w: -1, budget_mj: 1}":               "f.yaml:2: energy.transmit_w: -1 is not above 0",
		"name: a\nenergy: {transmit_w: 1, budget_mj: 1, weight: -2}":    "f.yaml:2: energy.weight: -2 is not above 0",
		"name: a\nenergy: {transmit_w: 1, budget: 1}":                   "unknown key: want one of transmit_w, budget_mj, weight",
		"name: a\nenergy: {transmit_w: .nan, budget_mj: 1, weight: 10}": "energy.transmit_w",
	} {
		if _, err := ParseScenario([]byte(doc), "f.yaml"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", doc, err, want)
		}
	}
	sc, err := ParseScenario([]byte("name: a\nenergy: {transmit_w: 0.2, budget_mj: 1.5}"), "f.yaml")
	if err != nil || sc.Energy != (Energy{TransmitW: 0.2, BudgetMJ: 1.5}) {
		t.Fatalf("%+v, %v", sc.Energy, err)
	}
	if sc, err = LoadScenario("../../docs/battery.yaml"); err != nil || sc.Energy != (Energy{TransmitW: 0.2, BudgetMJ: 1}) {
		t.Errorf("the documented scenario: %+v, %v", sc.Energy, err)
	}
	sim, free, _ := builtin(t, "static", nil)
	obs := reset(t, sim, 1)
	if len(obs.EnergyPrice) != 0 || sim.Outcome().Energy != nil {
		t.Error("a price of energy without a budget")
	}
	a := make(Action, free.Devices)
	a[0] = Held
	if _, err := sim.Step(a); err == nil {
		t.Error("a task is held back without a budget")
	}
}
