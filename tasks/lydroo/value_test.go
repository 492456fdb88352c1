package lydroo

import (
	"context"
	"math"
	"testing"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// When every queue halves in every frame, V = -sum_k gamma^(k-1) (q/2^k)^2/2 over k >= 1, so b is
// 1/4 / (1 - gamma/4) and a is 0.
func TestQueueValueLearnsAKnownOne(t *testing.T) {
	const gamma = 0.9
	p := PaperParams()
	p.V = 0 // no prior
	v := newQueueValue(p, 2, gamma, false)
	cfg := droo.DefaultLongTermConfig()
	cfg.Gamma, cfg.BatchSize, cfg.MemorySize = gamma, 0, 200
	l, err := droo.NewAfterstateLearner(v, cfg)
	if err != nil {
		t.Fatal(err)
	}
	rng := rl.NewRand(3, 0)
	for range 60 {
		q := []float32{100 * rng.Float32(), 100 * rng.Float32()}
		for step := range 5 {
			if err := l.Executed(q); err != nil {
				t.Fatal(err)
			}
			if _, _, err := l.Observe(v.rewardOf(q), false, step == 4); err != nil {
				t.Fatal(err)
			}
			q = []float32{q[0] / 2, q[1] / 2}
		}
	}
	a, b := v.coefficients[1], v.coefficients[2]
	if want := 0.25 / (1 - gamma/4); math.Abs(b-want) > 0.01 || a > 0.1 {
		t.Errorf("a = %v, b = %v, want 0 and %v", a, b, want)
	}
}

// The slopes of the value are those of reward and V, by central differences, and at first LyDROO's.
func TestQueueValueSlopes(t *testing.T) {
	p := PaperParams()
	const gamma, users = 0.9, 3
	v := newQueueValue(p, users, gamma, true)
	s := newSolver(t)
	o := newObservation(users)
	copy(o.W, Weights(users))
	check := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-3*math.Abs(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	for i := range users {
		o.Q[i], o.Y[i] = float64(3+i), float64(5*i+5)
		worth, price := s.weights(o, i)
		check("worth at first", v.worth(i, o.Q[i]), worth)
		check("price at first", v.price(o.Y[i]), price)
	}
	copy(v.coefficients[1:], []float64{2, 3, 0.1, 0.2})
	at := func(k int, change float32) float64 {
		q := make([]float32, 2*users)
		for i := range users {
			q[i], q[users+i] = float32(o.Q[i]), float32(o.Y[i])
		}
		q[k] += change
		return v.rewardOf(q) + gamma*v.at(q)
	}
	for i := range users {
		check("worth", v.worth(i, o.Q[i]), at(i, -0.5)-at(i, 0.5))
		check("price", v.price(o.Y[i]), energyScale*(at(users+i, -0.5)-at(users+i, 0.5)))
	}
}

// With the published weights a learned value makes the queues shorter than LyDROO's, within the power
// limit.
func TestLearnedValueShortensQueues(t *testing.T) {
	run := func(m Method, seed uint64) *Result {
		c := DefaultConfig(m)
		c.Frames, c.Seed = 1500, seed
		r, err := Run(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for seed := uint64(21); seed < 24; seed++ {
		drift := run(LyDROOGraph, seed)
		for _, m := range []Method{LyDROOValue, LearnedValue} {
			r := run(m, seed)
			if r.QueueMbit.LastThird > 0.8*drift.QueueMbit.LastThird || r.EnergyJ.MaxUser > 0.0804 {
				t.Errorf("%s, seed %d: queue %v, energy %v; LyDROO's queue %v", m, seed, r.QueueMbit, r.EnergyJ, drift.QueueMbit)
			}
		}
	}
}

// Beyond the arrivals that 10 users can process queues grow, and what their data is worth is bounded,
// so that every user keeps the power limit.
func TestLearnedValueKeepsThePowerLimitWhereQueuesGrow(t *testing.T) {
	c := DefaultConfig(LyDROOValue)
	c.Arrivals, c.Frames, c.Seed = 4, 2000, 411
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.QueueMbit.LastThird < 2*r.QueueMbit.Mean/3 || r.QueueMbit.Mean < 100 {
		t.Fatalf("queues %v do not grow: choose more arrivals", r.QueueMbit)
	}
	if r.EnergyJ.MaxUser > 0.08 {
		t.Errorf("energy %v J, want at most 0.08", r.EnergyJ)
	}
}
