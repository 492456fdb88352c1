// Package nnls fits linear functions by least squares under sign constraints.
package nnls

import "math"

// Fit accumulates observations of a linear function of n coefficients, all non-negative but for the
// first few. The zero value is not usable: see New.
type Fit struct {
	free   int
	gram   []float64 // basis^T basis [n x n], lower triangle while observations are added
	moment []float64 // basis^T targets [n]
}

// New returns an empty fit of n coefficients, of which the first free ones may be negative.
func New(n, free int) *Fit {
	return &Fit{free: free, gram: make([]float64, n*n), moment: make([]float64, n)}
}

// Clear removes all observations.
func (f *Fit) Clear() {
	clear(f.gram)
	clear(f.moment)
}

// Add adds an observation: the function is basis^T coefficients, and should be target.
func (f *Fit) Add(basis []float64, target float64) {
	n := len(f.moment)
	for a, x := range basis {
		if x == 0 {
			continue
		}
		f.moment[a] += x * target
		for b, y := range basis[:a+1] {
			f.gram[a*n+b] += x * y
		}
	}
}

// Pull pulls coefficient a towards a value, as that many observations of it alone would.
func (f *Fit) Pull(a int, weight, value float64) {
	f.gram[a*len(f.moment)+a] += weight
	f.moment[a] += weight * value
}

const maxSweeps = 100

// Solve minimises the squared error by coordinate descent from the given coefficients, until none
// changes by least in a sweep. It converges because the problem is convex and the bounds are
// separable (V. Franc, V. Hlavac and M. Navara, "Sequential coordinate-wise algorithm for the
// non-negative least squares problem", CAIP 2005).
func (f *Fit) Solve(coefficients []float64, least float64) {
	n := len(coefficients)
	for a := range n {
		for b := range a {
			f.gram[b*n+a] = f.gram[a*n+b]
		}
	}
	for range maxSweeps {
		change := 0.0
		for a, old := range coefficients {
			row := f.gram[a*n:][:n]
			if row[a] == 0 {
				continue
			}
			slope := f.moment[a]
			for b, c := range coefficients {
				slope -= row[b] * c
			}
			c := old + slope/row[a]
			if a >= f.free {
				c = max(c, 0)
			}
			coefficients[a] = c
			change = max(change, math.Abs(c-old))
		}
		if change < least {
			return
		}
	}
}
