package serve

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"pgregory.net/rapid"
)

// play sends slots of a simulated world to a service, one after the other, and waits until the twins
// are done with them.
func play(t testing.TB, r *running, w *simulated, v *served, from, slots int) {
	t.Helper()
	for slot := from; slot < from+slots; slot++ {
		out, err := r.Decide(t.Context(), &servepb.DecideRequest{Source: "sim", Slot: uint64(slot),
			Observation: &servepb.DecideRequest_Offloading{Offloading: asked(&w.obs)}})
		if err != nil {
			t.Fatal(err)
		}
		w.step(t, action(t, &w.obs, out.Assignments))
		for len(v.twins.queue) > twinQueue/2 {
			time.Sleep(time.Millisecond)
		}
	}
	for range 1000 {
		if len(v.twins.queue) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
}

// A shadow that was hardly trained, and only uses the last exit, is shown to be worse before anybody
// promotes it; after a promotion the good policy is the shadow and better; a rollback brings it back
// with the next decision.
func TestShadowShowsWorse(t *testing.T) {
	good, bad := modelOf(t, agent.GRLELT), modelOf(t, agent.DROO)
	r := run(t, Config{Policies: []Policy{{Name: "p",
		Open:       func() (*Model, error) { return good, nil },
		OpenShadow: func(string) (*Model, error) { return bad, nil },
	}}})
	v := r.byName["p"]
	w := simulate(t, good, 96)
	version := func() string {
		out, err := r.Decide(t.Context(), &servepb.DecideRequest{Observation: &servepb.DecideRequest_Offloading{Offloading: asked(&w.obs)}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Version
	}
	if err := r.SetShadow("p", "bad"); err != nil {
		t.Fatal(err)
	}
	play(t, r, w, v, 0, 400)
	info := v.info()
	if s := info.Shadow; s == nil || s.Version != bad.version || s.Verdict != worse || !(s.High < 0) || s.Slots < 300 {
		t.Fatalf("shadow %v", s)
	}
	if version() != good.version {
		t.Error("the shadow acts")
	}
	if err := r.Promote("p"); err != nil {
		t.Fatal(err)
	}
	if version() != bad.version {
		t.Error("the promoted policy does not act")
	}
	play(t, r, w, v, 500, 400)
	if s := v.info().Shadow; s.Version != good.version || s.Verdict != better {
		t.Errorf("after the promotion: %v", s)
	}
	if err := r.Rollback("p"); err != nil {
		t.Fatal(err)
	}
	if version() != good.version {
		t.Error("the first decision after a rollback is not of the old policy")
	}
	if _, text := r.get(t, "/metrics"); !strings.Contains(text, `graphrl_policy_swaps_total{policy="p"} 2`) {
		t.Error("swaps are not counted")
	}
}

// The rule promotes a better shadow by itself, and leaves a worse one where it is.
func TestRule(t *testing.T) {
	good, bad := modelOf(t, agent.GRLELT), modelOf(t, agent.DROO)
	for _, c := range []struct{ acting, shadow, want *Model }{{bad, good, good}, {good, bad, good}} {
		r := run(t, Config{Policies: []Policy{{Name: "p",
			Open:   func() (*Model, error) { return c.acting, nil },
			Shadow: func() (*Model, error) { return c.shadow, nil },
			Rule:   PromotionRule{After: 200},
		}}})
		v := r.byName["p"]
		play(t, r, simulate(t, good, 97), v, 0, 500)
		if got := v.acting.Load(); got != c.want {
			t.Errorf("%s acts with %s as the shadow: %s", c.acting.version, c.shadow.version, v.info())
		}
	}
}

// Intervals cover the mean about as often as they say, also where neighbours depend on each other.
func TestPairsCover(t *testing.T) {
	rng := rand.New(rand.NewPCG(70_001, 1))
	const trials, slots, mean = 400, 4000, 0.3
	covered := 0
	for range trials {
		var p pairs
		noise := 0.0
		for range slots {
			noise = 0.8*noise + rng.NormFloat64()
			p.add(mean + noise)
		}
		e := p.interval(0.95)
		if e.low <= mean && mean <= e.high {
			covered++
		}
		if math.Abs(e.mean-mean) > 0.6 {
			t.Errorf("mean %v", e.mean)
		}
	}
	// 95 % of 400 is 380 +- 4.4; batches of 100 slots leave a little dependence
	if covered < 360 || covered > 396 {
		t.Errorf("%d of %d intervals cover the mean", covered, trials)
	}
}

// The mean is that of all whole batches, whatever the number of slots.
func TestPairsMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1, 1), 0, 3000).Draw(t, "differences")
		var p pairs
		for _, v := range x {
			p.add(v)
		}
		whole := len(p.batches) * p.size
		if whole == 0 {
			return
		}
		sum := 0.0
		for _, v := range x[:whole] {
			sum += v
		}
		if got := p.interval(0.95).mean; math.Abs(got-sum/float64(whole)) > 1e-12 {
			t.Fatalf("%v, want %v", got, sum/float64(whole))
		}
		if len(x)-whole >= p.size || p.slots != uint64(len(x)) {
			t.Fatalf("%d values, %d in batches of %d", len(x), whole, p.size)
		}
	})
}

func TestRuleLooksAtDoublings(t *testing.T) {
	var looks []uint64
	for n := range uint64(1001) {
		if (PromotionRule{After: 100}).due(n) {
			looks = append(looks, n)
		}
	}
	if len(looks) != 4 || looks[0] != 100 || looks[3] != 800 {
		t.Error(looks)
	}
	if (PromotionRule{}).due(0) {
		t.Error("the zero rule looks")
	}
}
