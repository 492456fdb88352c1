package lydroo

import (
	"math"
	"math/rand/v2"
	"testing"

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

// randomFrame is a frame of realistic and of extreme queues and channels.
func randomFrame(rng *rand.Rand, n int) Observation {
	o := newObservation(n)
	copy(o.W, Weights(n))
	for i := range n {
		o.H[i] = math.Exp(rng.Float64()*8 - 28) // 7e-13 to 2e-9
		o.Q[i] = rng.ExpFloat64() * 10
		o.Y[i] = rng.ExpFloat64() * 20
		switch rng.IntN(12) {
		case 0:
			o.Q[i] = 0
		case 1:
			o.Y[i] = 0
		case 2:
			o.Q[i] = 1e3
		case 3:
			o.H[i] = 0
		}
	}
	return o
}

// bestOf is the reference value of a user's share tau: the best objective over its rate, by golden
// section, from the definition of the problem.
func bestOf(p Params, o Observation, i int, tau float64, myopic bool) (value float64) {
	worth, price, energyCap := o.Q[i]+p.V*o.W[i], p.EnergyWeight*o.Y[i], math.Inf(1)
	if myopic {
		worth, price, energyCap = o.W[i], 0, p.PowerLimit
	}
	if tau <= 0 || o.H[i] == 0 {
		return 0
	}
	energy := func(r float64) float64 {
		return tau * p.Noise / o.H[i] * (math.Exp2(p.Overhead*r/(p.Bandwidth*tau)) - 1)
	}
	limit := min(p.MaxPower*tau, energyCap)
	// The most that it can send, by bisection.
	low, high := 0.0, o.Q[i]
	if energy(high) > limit {
		for range 45 {
			if mid := (low + high) / 2; energy(mid) > limit {
				high = mid
			} else {
				low = mid
			}
		}
		high = low
	}
	low = 0
	f := func(r float64) float64 { return worth*r - price*energy(r) }
	most := high
	const ratio = 0.6180339887498949
	for range 50 {
		a, b := high-ratio*(high-low), low+ratio*(high-low)
		if f(a) < f(b) {
			low = a
		} else {
			high = b
		}
	}
	return max(f((low+high)/2), f(most), 0)
}

// reference maximises the sum over the offloading users by moving time between pairs of users and
// the rest, as coordinate ascent of a concave function with one linear constraint.
func reference(p Params, o Observation, x []int32, myopic bool) float64 {
	n := len(x)
	local := 0.0
	var users []int
	for i := range n {
		if x[i] == 1 {
			users = append(users, i)
			continue
		}
		// Local computing: the best frequency on a fine grid, refined.
		worth, price := o.Q[i]+p.V*o.W[i], p.EnergyWeight*o.Y[i]
		most := min(p.MaxFrequency, p.CyclesPerBit*o.Q[i])
		if myopic {
			worth, price = o.W[i], 0
			most = min(most, math.Cbrt(p.PowerLimit/p.Capacitance))
		}
		low, high := 0.0, most
		f := func(v float64) float64 { return worth*v/p.CyclesPerBit - price*p.Capacitance*v*v*v }
		for range 200 {
			a, b := low+(high-low)/3, high-(high-low)/3
			if f(a) < f(b) {
				low = a
			} else {
				high = b
			}
		}
		local += max(f((low+high)/2), f(most))
	}
	tau := make([]float64, n+1) // the last is what is left over
	for _, i := range users {
		tau[i] = 1 / float64(len(users)+1)
	}
	tau[n] = 1 / float64(len(users)+1)
	value := func(i int, t float64) float64 {
		if i == n {
			return 0
		}
		return bestOf(p, o, i, t, myopic)
	}
	places := append(users, n)
	for range 100 {
		moved := 0.0
		for ai, a := range places {
			for _, b := range places[ai+1:] {
				sum := tau[a] + tau[b]
				low, high := 0.0, sum
				f := func(t float64) float64 { return value(a, t) + value(b, sum-t) }
				for range 40 {
					l, r := low+(high-low)/3, high-(high-low)/3
					if f(l) < f(r) {
						low = l
					} else {
						high = r
					}
				}
				t := (low + high) / 2
				moved = max(moved, math.Abs(t-tau[a]))
				tau[a], tau[b] = t, sum-t
			}
		}
		if moved < 1e-6 {
			break
		}
	}
	for _, i := range users {
		local += value(i, tau[i])
	}
	return local
}

// checkFeasible holds an allocation against the constraints and its own objective.
func checkFeasible(t testing.TB, p Params, o Observation, x []int32, a Allocation, myopic bool) {
	t.Helper()
	total, objective := 0.0, 0.0
	for i := range x {
		total += a.Time[i]
		r, e := a.Rate[i], a.Energy[i]
		if !(r >= 0 && r <= o.Q[i]*(1+1e-12)) || !(a.Time[i] >= 0) || !(e >= 0) {
			t.Fatalf("user %d: rate %v of queue %v, energy %v, time %v", i, r, o.Q[i], e, a.Time[i])
		}
		want := p.Capacitance * math.Pow(p.CyclesPerBit*r, 3)
		if x[i] == 1 {
			want = 0
			if tau := a.Time[i]; tau > 0 {
				want = tau * p.Noise / o.H[i] * math.Expm1(math.Ln2*p.Overhead*r/(p.Bandwidth*tau))
			}
			if e > p.MaxPower*a.Time[i]*(1+1e-9) {
				t.Fatalf("user %d: power %v", i, e/a.Time[i])
			}
		} else if p.CyclesPerBit*r > p.MaxFrequency*(1+1e-12) {
			t.Fatalf("user %d: frequency %v", i, p.CyclesPerBit*r)
		}
		if math.Abs(e-want) > 1e-9*want+1e-15 {
			t.Fatalf("user %d: energy %v, its rate needs %v", i, e, want)
		}
		worth, price := o.Q[i]+p.V*o.W[i], p.EnergyWeight*o.Y[i]
		if myopic {
			worth, price = o.W[i], 0
			if e > p.PowerLimit*(1+1e-9) {
				t.Fatalf("user %d: energy %v above the limit", i, e)
			}
		}
		objective += worth*r - price*e
	}
	if total > 1+1e-9 {
		t.Fatalf("times add up to %v", total)
	}
	if math.Abs(objective-a.Objective) > 1e-9*(1+math.Abs(objective)) {
		t.Fatalf("objective %v, rates and energies give %v", a.Objective, objective)
	}
}

// TestAllocationIsOptimal holds the solver on random instances against a maximisation of another
// kind, which knows neither the dual problem nor the Lambert W function.
func TestAllocationIsOptimal(t *testing.T) {
	instances := 1000
	if testing.Short() {
		instances = 100
	}
	rng := rand.New(rand.NewPCG(16, 16))
	for k := range instances {
		myopic := k%4 == 3
		s := newSolver(t)
		s.myopic = myopic
		n := 1 + rng.IntN(3)
		o := randomFrame(rng, n)
		x := make([]int32, n)
		for i := range x {
			x[i] = int32(min(rng.IntN(4), 1)) // mostly offloading
		}
		a, err := s.Allocate(o, x)
		if err != nil {
			t.Fatal(err)
		}
		checkFeasible(t, s.p, o, x, a, myopic)
		want := reference(s.p, o, x, myopic)
		if a.Objective < want*(1-1e-6)-1e-9 {
			t.Fatalf("instance %d, myopic %v: objective %.12g, the reference has %.12g: %+v, decision %v, %+v", k, myopic, a.Objective, want, o, x, a)
		}
		if a.Objective > want*(1+1e-4)+1e-6 {
			t.Fatalf("instance %d: objective %v is above the reference %v", k, a.Objective, want)
		}
	}
}

// Allocations stay feasible for many users and any queues.
func TestAllocationIsFeasible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		n := rapid.IntRange(0, 40).Draw(t, "users")
		o := randomFrame(rng, n)
		x := make([]int32, n)
		for i := range x {
			x[i] = int32(rng.IntN(2))
		}
		s := &Solver{p: PaperParams()}
		s.a = math.Ln2 * s.p.Overhead / s.p.Bandwidth
		a, err := s.Allocate(o, x)
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for i := range x {
			total += a.Time[i]
			if !(a.Rate[i] >= 0 && a.Rate[i] <= o.Q[i]*(1+1e-12)) || math.IsNaN(a.Energy[i]) {
				t.Fatalf("user %d: %+v", i, a)
			}
		}
		if total > 1+1e-9 || math.IsNaN(a.Objective) {
			t.Fatalf("total %v, objective %v", total, a.Objective)
		}
	})
}

func TestInvGrowth(t *testing.T) {
	for _, u := range []float64{1e-9, 1e-4, 0.03, 0.0999, 0.1001, 0.5, 1, 2, 5, 20, 100} {
		if got := invGrowth(growth(u)); math.Abs(got-u) > 1e-12*u+1e-15 {
			t.Errorf("u = %v: got %v back", u, got)
		}
	}
	if math.Abs(growth(0.1-1e-12)-growth(0.1+1e-12)) > 1e-11 {
		t.Error("a jump between the series and the closed form")
	}
}

func BenchmarkAllocate(b *testing.B) {
	for name, n := range map[string]int{"N=10": 10, "N=30": 30} {
		b.Run(name, func(b *testing.B) {
			s := newSolver(b)
			o := randomFrame(rand.New(rand.NewPCG(3, 3)), n)
			x := make([]int32, n)
			for i := range x {
				x[i] = int32(i % 2)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.solve(o, x)
			}
		})
	}
}
