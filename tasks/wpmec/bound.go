package wpmec

import "math"

// Searches compare many decisions with the best one so far, and need not solve most of them: weak
// duality bounds the rate of a decision from above by the dual function at any v > 0,
//
//	D(v) = v + max_a { L cbrt(a) + a (S - v) } = v + 2/3 L sqrt(L / (3 (v - S))),   S = sum_{x_i=1} E_i g_i y_i(v),
//
// which is infinite when S >= v. (L, E, g and y as in the comment of Solver.) With v of the best
// decision so far, E_i g_i y_i(v) is a number per user, the same for all decisions, so the bound
// takes two sums and a square root.

// price sets s.unit[i] to E_i g_i y_i(v) for the v solved last, and returns that v.
func (s *Solver) price() float64 {
	for c, e := range s.slope {
		y, _ := lambert(s.v / e)
		s.sum[c] = e * y
	}
	for i, g := range s.gain {
		s.unit[i] = g * s.sum[s.class[i]]
	}
	return s.v
}

// bound returns an upper bound of the rate of decision x, from the prices at v. The margin keeps
// rounding from ruling out a decision that is better by less than it.
func (s *Solver) bound(x []int32, v float64) float64 {
	local, offload := 0.0, 0.0
	for i, choice := range x {
		c := float64(choice)
		local += s.local[i] * (1 - c)
		offload += s.unit[i] * c
	}
	if offload >= v {
		return math.Inf(1)
	}
	const margin = 1 + 1e-12
	return margin * (v + 2./3*local*math.Sqrt(local/(3*(v-offload))))
}
