package agent

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Isotonic regression has a closed form: the value of bin i is the minimum over a <= i of the
// maximum over b >= i of the mean of bins a to b. (Robertson, Wright and Dykstra, "Order Restricted
// Statistical Inference", 1988, section 1.4, for values that fall.)
func TestDeadlineModelIsIsotonicRegression(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		m := NewDeadlineModel()
		for range 1 + rng.IntN(30) {
			ratios, statuses := make([]float64, 20), make([]mecoffload.Status, 20)
			for i := range ratios {
				ratios[i], statuses[i] = 2.2*rng.Float64(), mecoffload.Status(rng.IntN(3))
			}
			m.Observe(ratios, statuses)
		}
		mean := func(a, b int) float64 {
			inTime, all := 0.0, 0.0
			for i := a; i <= b; i++ {
				inTime, all = inTime+m.inTime[i], all+m.all[i]+deadlinePrior
				if i < (mecoffload.OnTimeBins / 2) {
					inTime += deadlinePrior
				}
			}
			return inTime / all
		}
		for i := range mecoffload.OnTimeBins {
			want := math.Inf(1)
			for a := 0; a <= i; a++ {
				most := 0.0
				for b := i; b < mecoffload.OnTimeBins; b++ {
					most = max(most, mean(a, b))
				}
				want = min(want, most)
			}
			if got := m.Table().At((float64(i) + 0.5) / (mecoffload.OnTimeBins / 2)); math.Abs(got-want) > 1e-9 {
				t.Fatalf("bin %d: %v, want %v", i, got, want)
			}
		}
	}
}

// Without uncertainty P stays at its start; with uncertainty it finds the share in time.
func TestDeadlineModelLearns(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	certain, jittered := NewDeadlineModel(), NewDeadlineModel()
	ratios := make([]float64, 14)
	statuses := [2][]mecoffload.Status{make([]mecoffload.Status, 14), make([]mecoffload.Status, 14)}
	for range 20000 {
		for i := range ratios {
			ratios[i] = 1.5 * rng.Float64()
			for k, real := range []float64{ratios[i], ratios[i] * (0.75 + 0.5*rng.Float64())} {
				statuses[k][i] = mecoffload.InTime
				if real > 1 {
					statuses[k][i] = mecoffload.Late
				}
			}
		}
		certain.Observe(ratios, statuses[0])
		jittered.Observe(ratios, statuses[1])
	}
	for x := 0.005; x < 1.5; x += 0.01 {
		want := 0.0
		if x < 1 {
			want = 1
		}
		if got := certain.Table().At(x); math.Abs(got-want) > 0.01 {
			t.Errorf("certain: P(%v) = %v", x, got)
		}
		// P(x u <= 1) with u uniform in [0.75, 1.25].
		want = min(1, max(0, (1/x-0.75)/0.5))
		if got := jittered.Table().At(x); math.Abs(got-want) > 0.04 {
			t.Errorf("jittered: P(%v) = %v, want %v", x, got, want)
		}
	}
	for _, x := range []float64{2, 1e300, math.Inf(1), math.NaN()} {
		if p := jittered.Table().At(x); p != 0 {
			t.Errorf("P(%v) = %v", x, p)
		}
	}

	state := checkpoints.NewState()
	if err := jittered.SaveState(state); err != nil {
		t.Fatal(err)
	}
	loaded := NewDeadlineModel()
	if err := loaded.LoadState(state); err != nil || *loaded != *jittered {
		t.Errorf("loaded %v, error %v", loaded, err)
	}
	bad := checkpoints.NewState()
	bad.PutFloat64("in_time", nil, append([]float64{2}, make([]float64, mecoffload.OnTimeBins-1)...))
	bad.PutFloat64("all", nil, append([]float64{1}, make([]float64, mecoffload.OnTimeBins-1)...))
	if loaded.LoadState(bad) == nil {
		t.Error("more tasks in time than tasks: accepted")
	}
}

// With a deadline model the slot model's value equals the formula, task by task.
func TestSlotModelWeighsTasksByTheirDeadlines(t *testing.T) {
	sim, sc, p := builtin(t, "dynamic", nil)
	model := NewDeadlineModel()
	for range 200 {
		model.Observe([]float64{0.3, 0.7, 0.9, 1.1}, []mecoffload.Status{mecoffload.InTime, mecoffload.Late, mecoffload.Late, mecoffload.InTime})
	}
	const w = 0.3
	e, err := mecoffload.NewSlotModel(sc, p, mecoffload.Objective{Weight: w, OnTime: model.Table()})
	if err != nil {
		t.Fatal(err)
	}
	obs := reset(t, sim, 3)
	rng := rand.New(rand.NewPCG(3, 3))
	ratios := make([]float64, sc.Devices)
	for range 100 {
		action := randomAction(rng, &obs)
		if err := e.Begin(&obs); err != nil {
			t.Fatal(err)
		}
		if err := e.Choose(action); err != nil {
			t.Fatal(err)
		}
		e.Ratios(ratios)
		want := 0.0
		for i, x := range ratios {
			want += model.Table().At(x) * p.Accuracy[int(action[i])%p.Exits()] * (1 - w*min(x, 1)) / float64(len(ratios))
		}
		if got := e.Value(); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v, want %v", got, want)
		}
		tr, err := sim.Step(action)
		if err != nil {
			t.Fatal(err)
		}
		obs = tr.Observation
	}
}
