package wpmec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/rl/droo"
	"pgregory.net/rapid"
)

func newSolver(t testing.TB) *Solver {
	t.Helper()
	s, err := NewSolver(PaperParams())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// channelFrame returns one frame of n users of the paper's channel model.
func channelFrame(t testing.TB, n int, rng *rand.Rand) Observation {
	t.Helper()
	c, err := NewChannels(Distances(n))
	if err != nil {
		t.Fatal(err)
	}
	obs := Observation{H: make([]float64, n), W: AlternatingWeights(n, false)}
	c.Reset(rng.Uint64())
	c.Next(obs.H)
	return obs
}

func randomDecision(n int, rng *rand.Rand) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = rng.Int32N(2)
	}
	return x
}

// rateOf evaluates the objective at any a and tau, straight from its definition.
func rateOf(p Params, obs Observation, x []int32, a float64, tau []float64) float64 {
	up := p.Efficiency * p.Power
	sum := 0.0
	for i, h := range obs.H {
		switch {
		case !obs.active(i):
		case x[i] == 0:
			sum += obs.W[i] * math.Pow(up, 1./3) / p.CyclesPerBit * math.Pow(h/p.Capacitance, 1./3) * math.Pow(a, 1./3)
		case tau[i] > 0:
			sum += obs.W[i] * p.Bandwidth / p.Overhead * tau[i] * math.Log1p(up*h*h*a/(tau[i]*p.Noise)) / math.Ln2
		}
	}
	return sum
}

// bisected solves the problem as Bi and Zhang describe it, slowly: bisection on v, and on each
// user's log-SNR within.
func bisected(p Params, obs Observation, x []int32) (a float64, tau []float64) {
	r, _ := p.rates()
	n := len(x)
	tau = make([]float64, n)
	local := 0.0
	for i, h := range obs.H {
		if x[i] == 0 {
			local += obs.W[i] * r.local * math.Cbrt(h)
		}
	}
	low, high := 0.0, 1e12
	for range 200 {
		v := (low + high) / 2
		inverse, marginal := 1.0, -v
		for i, h := range obs.H {
			if x[i] == 0 || h == 0 {
				continue
			}
			e := obs.W[i] * r.offload
			lo, hi := 0.0, 2+v/e
			for range 200 {
				if q := (lo + hi) / 2; q+math.Expm1(-q) > v/e {
					hi = q
				} else {
					lo = q
				}
			}
			tau[i] = r.snr * h * h / math.Expm1(hi)
			inverse += tau[i]
			marginal += e * r.snr * h * h * math.Exp(-hi)
		}
		if local/3*math.Pow(inverse, 2./3)+marginal > 0 {
			low = v
		} else {
			high = v
		}
		a = 1 / inverse
	}
	for i := range tau {
		tau[i] *= a
	}
	return a, tau
}

func TestSolverAgreesWithBisection(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := newSolver(t)
	for range 100 {
		n := 1 + rng.IntN(12)
		obs := channelFrame(t, n, rng)
		for i := range obs.W { // any weights, not only two
			obs.W[i] = 0.5 + rng.Float64()
		}
		x := randomDecision(n, rng)
		var got Allocation
		if err := s.Allocate(obs, x, &got); err != nil {
			t.Fatal(err)
		}
		a, tau := bisected(PaperParams(), obs, x)
		if want := rateOf(PaperParams(), obs, x, a, tau); math.Abs(got.Rate/want-1) > 1e-12 {
			t.Errorf("h %v x %v: rate %v, bisection %v", obs.H, x, got.Rate, want)
		}
		if math.Abs(got.Harvest-a) > 1e-6 {
			t.Errorf("h %v x %v: a = %v, bisection %v", obs.H, x, got.Harvest, a)
		}
		for i := range tau {
			if want := tau[i] * float64(x[i]); math.Abs(got.Offload[i]-want) > 1e-6 {
				t.Errorf("h %v x %v: tau[%d] = %v, bisection %v", obs.H, x, i, got.Offload[i], want)
			}
		}
	}
}

// TestSolverIsOptimal verifies optimality over channels from hopeless to excellent: a feasible
// allocation has the rate, and the dual function, evaluated independently of the solver, is no
// higher.
func TestSolverIsOptimal(t *testing.T) {
	s := newSolver(t)
	p := PaperParams()
	r, _ := p.rates()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "users")
		obs := Observation{H: make([]float64, n), W: make([]float64, n)}
		x := make([]int32, n)
		for i := range x {
			obs.H[i] = math.Exp(rapid.Float64Range(-40, 0).Draw(t, "ln h"))
			obs.W[i] = rapid.SampledFrom([]float64{0.1, 1, 1.5, 100}).Draw(t, "w")
			x[i] = rapid.Int32Range(0, 1).Draw(t, "x")
		}
		var got Allocation
		if err := s.Allocate(obs, x, &got); err != nil {
			t.Fatal(err)
		}
		used := got.Harvest
		for i, tau := range got.Offload {
			used += tau
			if tau < 0 || x[i] == 0 && tau > 0 {
				t.Fatalf("tau[%d] = %v", i, tau)
			}
		}
		if math.Abs(used-1) > 1e-12 {
			t.Fatalf("a + sum tau = %v", used)
		}
		if want := rateOf(p, obs, x, got.Harvest, got.Offload); math.Abs(got.Rate-want) > 1e-12*want {
			t.Fatalf("rate %v, its allocation has %v", got.Rate, want)
		}
		dual := func(v float64) float64 {
			local, offload := 0.0, 0.0
			for i, h := range obs.H {
				if x[i] == 0 {
					local += obs.W[i] * r.local * math.Cbrt(h)
					continue
				}
				y, _ := lambert(v / (obs.W[i] * r.offload))
				offload += obs.W[i] * r.offload * r.snr * h * h * y
			}
			if offload >= v {
				return math.Inf(1)
			}
			return v + 2./3*local*math.Sqrt(local/(3*(v-offload)))
		}
		if !slices.Contains(x, 1) { // nothing to divide; TestSolverClosedForms
			return
		}
		// The least of the bounds near the solver's v, by ternary search of a convex function.
		low, high := s.v*(1-1e-5), s.v*(1+1e-5)
		for range 100 {
			m1, m2 := low+(high-low)/3, high-(high-low)/3
			if d := dual(m1); math.IsInf(d, 0) || d > dual(m2) {
				low = m1
			} else {
				high = m2
			}
		}
		if gap := dual(high)/got.Rate - 1; math.Abs(gap) > 1e-12 {
			t.Fatalf("duality gap %.2g at rate %v", gap, got.Rate)
		}
	})
}

func TestSolverClosedForms(t *testing.T) {
	s := newSolver(t)
	p := PaperParams()
	obs := Observation{H: []float64{6e-6, 1e-6, 0}, W: []float64{1, 1.5, 2}}
	all := func(x []int32, obs Observation) float64 {
		t.Helper()
		r, err := s.Rate(obs, x)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	// Everyone local: the whole frame is for harvesting.
	local := all([]int32{0, 0, 0}, obs)
	if want := rateOf(p, obs, []int32{0, 0, 0}, 1, nil); math.Abs(local/want-1) > 1e-12 {
		t.Errorf("all local: %v, want %v", local, want)
	}
	// A user without a channel adds nothing under any decision.
	if r := all([]int32{0, 0, 1}, obs); r != local {
		t.Errorf("a user without channel offloads: %v instead of %v", r, local)
	}
	if r := all([]int32{1, 1, 1}, Observation{H: make([]float64, 3), W: obs.W}); r != 0 {
		t.Errorf("no channels: %v", r)
	}
	// An inactive user is as good as absent.
	off := obs
	off.Active = []bool{true, false, true}
	if a, b := all([]int32{1, 0, 0}, off), all([]int32{1, 1, 0}, off); a != b {
		t.Errorf("the choice of an inactive user matters: %v, %v", a, b)
	}
	if a, b := all([]int32{1, 1}, Observation{H: obs.H[:2], W: obs.W[:2], Active: []bool{true, false}}),
		all([]int32{1}, Observation{H: obs.H[:1], W: obs.W[:1]}); a != b {
		t.Errorf("an inactive user changes the rate from %v to %v", b, a)
	}
	if r := all(nil, Observation{}); r != 0 {
		t.Errorf("no users: %v", r)
	}
}

func TestSolverRejects(t *testing.T) {
	s := newSolver(t)
	for _, c := range []struct {
		name string
		obs  Observation
		x    []int32
		want string
	}{
		{"choice", Observation{H: []float64{1e-6}, W: []float64{1}}, []int32{2}, "choice of user 0 is 2"},
		{"length", Observation{H: []float64{1e-6}, W: []float64{1}}, []int32{1, 0}, "decision for 2 users"},
		{"weights", Observation{H: []float64{1e-6}}, []int32{1}, "0 weights"},
		{"activity", Observation{H: []float64{1e-6}, W: []float64{1}, Active: []bool{}}, []int32{1}, "0 activity flags"},
		{"negative", Observation{H: []float64{-1}, W: []float64{1}}, []int32{1}, "channel gain of user 0"},
		{"NaN", Observation{H: []float64{math.NaN()}, W: []float64{1}}, []int32{1}, "channel gain of user 0"},
		{"weight", Observation{H: []float64{1e-6}, W: []float64{0}}, []int32{1}, "weight of user 0"},
		{"huge", Observation{H: []float64{1e200}, W: []float64{1}}, []int32{1}, "too large"},
	} {
		if _, err := s.Rate(c.obs, c.x); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	for _, p := range []Params{{}, {Power: 3, Efficiency: 0.7, Capacitance: math.NaN()}} {
		if _, err := NewSolver(p); err == nil {
			t.Errorf("%+v: no error", p)
		}
	}
	d := &droo.Decisions{K: 1, Rows: 2, Choice: make([]int32, 2)}
	if err := s.Score(Observation{H: []float64{1e-6}, W: []float64{1}}, d, make([]float64, 1)); err == nil {
		t.Error("decisions for another number of users: no error")
	}
}

func TestScore(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	s, alone := newSolver(t), newSolver(t)
	for range 50 {
		obs := channelFrame(t, 30, rng)
		var d droo.Decisions
		d.Reset(30, 30)
		for range 30 {
			d.Append(randomDecision(30, rng))
		}
		got := make([]float64, d.K)
		if err := s.Score(obs, &d, got); err != nil {
			t.Fatal(err)
		}
		for k := range got {
			want, err := alone.Rate(obs, d.Candidate(k))
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got[k]/want-1) > 1e-13 { // another starting point, the same solution
				t.Fatalf("candidate %d scores %v, alone %v", k, got[k], want)
			}
		}
	}
}

func TestScoreAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	rng := rand.New(rand.NewPCG(3, 3))
	s := newSolver(t)
	obs := channelFrame(t, 30, rng)
	var d droo.Decisions
	for range 30 {
		d.Rows, d.K = 30, d.K+1
		d.Choice = append(d.Choice, randomDecision(30, rng)...)
	}
	dst := make([]float64, d.K)
	x := make([]int32, 30)
	methods := map[string]func() error{
		"score":   func() error { return s.Score(obs, &d, dst) },
		"descent": func() error { _, err := s.CoordinateDescent(obs, x); return err },
		"relax":   func() error { _, err := s.LinearRelaxation(obs, x); return err },
		"greedy":  func() error { _, err := s.Greedy(obs, x); return err },
	}
	for name, f := range methods {
		if n := testing.AllocsPerRun(10, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// BenchmarkScore scores N order-preserving candidates (users offload from a threshold of the gain
// on), as DROO does in a frame.
func BenchmarkScore(b *testing.B) {
	for _, n := range []int{10, 20, 30} {
		b.Run(fmt.Sprintf("N=%d", n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(4, 4))
			s := newSolver(b)
			obs := channelFrame(b, n, rng)
			d := &droo.Decisions{Rows: n, K: n}
			for k := range n {
				for i := range n {
					x := int32(0)
					if obs.H[i] >= obs.H[k] {
						x = 1
					}
					d.Choice = append(d.Choice, x)
				}
			}
			dst := make([]float64, n)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Score(obs, d, dst); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/candidate")
		})
	}
}
