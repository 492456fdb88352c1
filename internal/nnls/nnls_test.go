package nnls

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// At the optimum no feasible step of a single coefficient, up or down, lowers the error, which the
// test computes from the observations themselves. For a convex problem with separable bounds that is
// optimality.
func TestSolveIsOptimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "coefficients")
		free := rapid.IntRange(0, n).Draw(t, "free")
		value := rapid.Float64Range(-3, 3)
		f := New(n, free)
		var bases [][]float64
		var targets []float64
		for range rapid.IntRange(1, 12).Draw(t, "observations") {
			basis := rapid.SliceOfN(value, n, n).Draw(t, "basis")
			target := value.Draw(t, "target")
			f.Add(basis, target)
			bases, targets = append(bases, basis), append(targets, target)
		}
		for a := range n {
			f.Pull(a, 0.5, 1)
		}
		loss := func(c []float64) (sum float64) {
			for i, basis := range bases {
				d := -targets[i]
				for a, x := range basis {
					d += x * c[a]
				}
				sum += d * d
			}
			for _, v := range c {
				sum += 0.5 * (v - 1) * (v - 1)
			}
			return sum
		}
		c := make([]float64, n)
		for range 50 { // of at most maxSweeps each
			f.Solve(c, 1e-13)
		}
		best := loss(c)
		for a := range c {
			for _, step := range []float64{-1e-3, 1e-3} {
				old := c[a]
				if c[a] += step; a < free || c[a] >= 0 {
					if l := loss(c); l < best-1e-9*(1+best) {
						t.Fatalf("coefficient %d + %v: error %v, at the solution %v", a, step, l, best)
					}
				}
				c[a] = old
			}
			if a >= free && c[a] < 0 || math.IsNaN(c[a]) {
				t.Fatalf("coefficients %v, the first %d free", c, free)
			}
		}
	})
}
