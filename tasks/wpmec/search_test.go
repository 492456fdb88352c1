package wpmec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// bruteForce tries every decision of the active users, without any of the search's shortcuts.
func bruteForce(t *testing.T, s *Solver, obs Observation) (best float64) {
	t.Helper()
	n := obs.Users()
	x := make([]int32, n)
	for mask := range 1 << n {
		for i := range x {
			x[i] = int32(mask >> i & 1)
		}
		rate, err := s.Rate(obs, x)
		if err != nil {
			t.Fatal(err)
		}
		best = max(best, rate)
	}
	return best
}

func TestExhaustive(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	s := newSolver(t)
	for round := range 60 {
		n := 1 + rng.IntN(9)
		obs := channelFrame(t, n, rng)
		if round%3 == 0 {
			obs.Active = make([]bool, n)
			for i := range obs.Active {
				obs.Active[i] = rng.IntN(3) > 0
			}
		}
		if round%5 == 0 {
			for i := range obs.W {
				obs.W[i] = 0.1 + rng.Float64()
			}
		}
		x := randomDecision(n, rng) // its content must not matter
		got, err := s.Exhaustive(obs, x)
		if err != nil {
			t.Fatal(err)
		}
		if want := bruteForce(t, newSolver(t), obs); math.Abs(got-want) > 1e-12*want {
			t.Errorf("%+v: %v, brute force %v", obs, got, want)
		}
		if rate, err := s.Rate(obs, x); err != nil || math.Abs(rate-got) > 1e-12*got {
			t.Errorf("%+v: x = %v has %v, not %v (%v)", obs, x, rate, got, err)
		}
		for i, choice := range x {
			if choice == 1 && !obs.active(i) {
				t.Errorf("%+v: inactive user %d offloads", obs, i)
			}
		}
	}
	big := channelFrame(t, MaxExhaustive+1, rng)
	if _, err := s.Exhaustive(big, make([]int32, MaxExhaustive+1)); err == nil {
		t.Error("too many users: no error")
	}
	big.Active = make([]bool, MaxExhaustive+1)
	if _, err := s.Exhaustive(big, make([]int32, MaxExhaustive+1)); err != nil {
		t.Errorf("only active users should count: %v", err)
	}
}

func TestCoordinateDescent(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	s := newSolver(t)
	for range 50 {
		n := 1 + rng.IntN(30)
		obs := channelFrame(t, n, rng)
		x := randomDecision(n, rng)
		start, err := s.Rate(obs, x)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.CoordinateDescent(obs, x)
		if err != nil {
			t.Fatal(err)
		}
		if got < start {
			t.Errorf("descent from %v to %v", start, got)
		}
		for i := range x {
			x[i] ^= 1
			if rate, _ := s.Rate(obs, x); rate > got*(1+1e-12) {
				t.Errorf("changing user %d improves %v to %v", i, got, rate)
			}
			x[i] ^= 1
		}
	}
}

// TestBaselines checks the order every frame must obey, and the averages over frames of the paper's
// channels.
func TestBaselines(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	s := newSolver(t)
	type method struct {
		name string
		f    func(Observation, []int32) (float64, error)
		mean float64 // at least
	}
	methods := []method{
		{"descent", func(o Observation, x []int32) (float64, error) { clear(x); return s.CoordinateDescent(o, x) }, 0.9999},
		{"greedy", s.Greedy, 0.9995},
		{"relaxation", s.LinearRelaxation, 0.99},
		{"offload", s.AllOffload, 0.8},
		{"local", s.AllLocal, 0.2},
	}
	const frames, n = 300, 10
	means := make([]float64, len(methods))
	for range frames {
		obs := channelFrame(t, n, rng)
		x := make([]int32, n)
		best, err := s.Exhaustive(obs, x)
		if err != nil {
			t.Fatal(err)
		}
		bound, err := s.UpperBound(obs)
		if err != nil {
			t.Fatal(err)
		}
		if bound < best {
			t.Errorf("upper bound %v below the optimum %v", bound, best)
		}
		if bound > 1.2*best {
			t.Errorf("upper bound %v far from the optimum %v", bound, best)
		}
		for m, method := range methods {
			got, err := method.f(obs, x)
			if err != nil {
				t.Fatal(err)
			}
			if got > best*(1+1e-12) {
				t.Errorf("%s: %v beats the optimum %v", method.name, got, best)
			}
			if rate, _ := s.Rate(obs, x); math.Abs(rate-got) > 1e-12*got {
				t.Errorf("%s: says %v, its decision has %v", method.name, got, rate)
			}
			means[m] += got / best / frames
		}
	}
	for m, method := range methods {
		t.Logf("%-10s %.5f", method.name, means[m])
		if means[m] < method.mean {
			t.Errorf("%s: normalized rate %v, want at least %v", method.name, means[m], method.mean)
		}
	}
}

// TestUpperBoundIsTight: with one user the relaxation is the problem of splitting its energy, whose
// optimum a grid finds.
func TestUpperBoundIsTight(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	s := newSolver(t)
	for range 10 {
		obs := channelFrame(t, 1, rng)
		got, err := s.UpperBound(obs)
		if err != nil {
			t.Fatal(err)
		}
		best := 0.0
		const steps = 400
		for i := range steps + 1 {
			a := float64(i) / steps
			for j := range steps + 1 {
				e := a * float64(j) / steps
				r := s.local[0] * math.Cbrt(a-e)
				if tau := 1 - a; tau > 0 {
					r += s.slope[0] * tau * math.Log1p(s.gain[0]*e/tau)
				}
				best = max(best, r)
			}
		}
		if got < best || got > best*1.0005 {
			t.Errorf("h = %v: bound %v, grid %v", obs.H, got, best)
		}
	}
	if b, err := s.UpperBound(Observation{H: []float64{0, 0}, W: []float64{1, 1}}); b != 0 || err != nil {
		t.Errorf("no channels: %v, %v", b, err)
	}
}

func TestChannels(t *testing.T) {
	if got := PathLoss(2.8); math.Abs(got/8.467e-6-1) > 1e-3 {
		t.Errorf("path loss at 2.8 m: %v", got)
	}
	if d := Distances(1); d[0] != 2.8 {
		t.Errorf("one user at %v m", d[0])
	}
	draw := func(seed uint64) []float64 {
		c, err := NewChannels(Distances(4))
		if err != nil {
			t.Fatal(err)
		}
		c.Reset(seed)
		h := make([]float64, 4)
		c.Next(h)
		return h
	}
	if !slices.Equal(draw(1), draw(1)) || slices.Equal(draw(1), draw(2)) {
		t.Error("a seed should decide the channels")
	}
	for _, d := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := NewChannels([]float64{d}); err == nil {
			t.Errorf("distance %v: no error", d)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, c := range []struct {
		name  string
		users int
		f     func(*Solver, Observation, []int32) (float64, error)
	}{
		{"exhaustive", 10, (*Solver).Exhaustive},
		{"descent", 10, (*Solver).CoordinateDescent},
		{"descent", 30, (*Solver).CoordinateDescent},
		{"greedy", 30, (*Solver).Greedy},
		{"relaxation", 30, (*Solver).LinearRelaxation},
	} {
		b.Run(fmt.Sprintf("%s/N=%d", c.name, c.users), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(9, 9))
			s := newSolver(b)
			obs := channelFrame(b, c.users, rng)
			x := make([]int32, c.users)
			for b.Loop() {
				clear(x)
				if _, err := c.f(s, obs, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
