package wpmec

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestLambertKnownValues uses W0(-ln(a)/a) = -ln a for 1 < a <= e, and tabulated values.
func TestLambertKnownValues(t *testing.T) {
	known := map[float64]float64{ // x: W0(x)
		-0.1:  -0.11183255915896297,
		-0.2:  -0.2591711018190738,
		-0.25: -0.3574029561813889,
		-0.3:  -0.4894022271802149,
		-1e-5: -1.0000100001500027e-05,
	}
	for _, a := range []float64{1.001, 1.1, 1.5, 2, 2.5} {
		known[-math.Log(a)/a] = -math.Log(a)
	}
	for x, w := range known {
		y, rest := lambert(-1 - math.Log(-x))
		// Near the branch point the argument's own rounding is amplified by y/rest.
		tolerance := 4e-15 * (1 + 1/(1+w))
		if math.Abs(y/-w-1) > tolerance {
			t.Errorf("W0(%v) = %v, want %v", x, -y, w)
		}
		if math.Abs(y+rest-1) > 1e-15 {
			t.Errorf("W0(%v): y + rest = %v", x, y+rest)
		}
	}
	if y, rest := lambert(0); y != 1 || rest != 0 {
		t.Errorf("at the branch point: %v, %v", y, rest)
	}
	if y, rest := lambert(1e6); y != 0 || rest != 1 {
		t.Errorf("far out: %v, %v", y, rest)
	}
}

// TestLambertInverts goes from y to u and back. With q = -ln y, u = q + exp(-q) - 1, whose terms
// cancel for small q; its series does not.
func TestLambertInverts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := math.Exp(rapid.Float64Range(-16, 4).Draw(t, "ln q"))
		u := q + math.Expm1(-q)
		if q < 0.5 {
			u = 0
			for term, n := q*q/2, 2.0; math.Abs(term) > 1e-20*u; n++ {
				u += term
				term *= -q / (n + 1)
			}
		}
		y, rest := lambert(u)
		// u is exact to an ulp, which moves rest by its relative error times u y/rest^2 < 1, and y
		// by u/rest.
		if e := math.Abs(rest/-math.Expm1(-q) - 1); e > 1e-14 {
			t.Errorf("u = %v: 1-y = %v is off by %.2g", u, rest, e)
		}
		if e := math.Abs(y/math.Exp(-q) - 1); e > 1e-14*(1+u) {
			t.Errorf("u = %v: y = %v is off by %.2g", u, y, e)
		}
	})
}

func BenchmarkLambert(b *testing.B) {
	for b.Loop() {
		for i := range 16 {
			sink, _ = lambert(0.05 + 0.1*float64(i))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/value")
}

var sink float64
