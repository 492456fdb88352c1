package wpmec

import "math"

// LinearRelaxation decides as the linear relaxation baseline of the paper (section 6): solve the
// problem with 0 <= x_i <= 1, then let user i offload if at the relaxed solution's a and tau_i its
// offloading rate is at least its local rate.
//
// The objective as the paper writes it is bilinear in x and (a, tau): relaxing it changes nothing,
// since for fixed (a, tau) it is linear in x and so is greatest at binary x. What is relaxed here
// is therefore the energy: user i spends e_i = x_i a of its harvest on offloading and the rest on
// computing,
//
//	max sum_i w_i [ local cbrt(h_i (a - e_i)) + offload tau_i ln(1 + g_i e_i/tau_i) ],  0 <= e_i <= a,  a + sum tau_i <= 1,
//
// which is concave, agrees with the original at binary x, and so bounds its optimum from above.
func (s *Solver) LinearRelaxation(obs Observation, x []int32) (float64, error) {
	if err := s.search(obs, x); err != nil {
		return 0, err
	}
	clear(x)
	_, a := s.relax()
	for _, i := range s.order {
		c := s.class[i]
		tau := s.gain[i] * s.odds[c] * max(0, a-s.keep(i))
		if tau > 0 && s.slope[c]*tau*math.Log1p(s.gain[i]*a/tau) >= s.local[i]*math.Cbrt(a) {
			x[i] = 1
		}
	}
	return s.rate(x), nil
}

// UpperBound returns the optimum of the linear relaxation in bit/s: no decision reaches a higher
// rate.
func (s *Solver) UpperBound(obs Observation) (float64, error) {
	if err := s.load(obs); err != nil {
		return 0, err
	}
	bound, _ := s.relax()
	return bound, nil
}

// relax solves the relaxation by bisection on the multiplier v of the time constraint. Given v, y_i
// is as in Solver and offloading is worth unit_i = E_i g_i y_i per unit of energy. A user keeps for
// computing the energy at which the marginal local rate has fallen to unit_i, keep_i = (L_i / (3
// unit_i))^(3/2), but at most a. So with t = a^(-2/3) the best a solves sum_i max(L_i t/3, unit_i)
// = v, a convex piecewise linear equation. relax returns a and the dual value, which bounds the
// optimum for any v.
func (s *Solver) relax() (bound, a float64) {
	local := 0.0
	for _, l := range s.local {
		local += l
	}
	if local == 0 { // no active user has a channel: nothing to gain
		clear(s.unit)
		clear(s.odds)
		return 0, 1
	}
	// At v = local/3 the frame is too short; keep doubling until it is not.
	low, high := local/3, 2*local/3
	for s.excess(high, local) > 0 {
		low, high = high, 2*high
	}
	for range 60 {
		mid := low + (high-low)/2
		if s.excess(mid, local) > 0 {
			low = mid
		} else {
			high = mid
		}
	}
	t := s.shadow(high, local)
	a = 1 / (t * math.Sqrt(t))
	bound = high
	for i, l := range s.local {
		keep := min(a, s.keep(i))
		bound += l*math.Cbrt(keep) + s.unit[i]*(a-keep)
	}
	return bound - high*a, a
}

// excess returns by how much the best a and tau_i at multiplier v exceed the frame: decreasing in
// v.
func (s *Solver) excess(v, local float64) float64 {
	t := s.shadow(v, local)
	if t <= 0 {
		return math.Inf(1)
	}
	a := 1 / (t * math.Sqrt(t))
	used := a
	for i, g := range s.gain {
		used += g * s.odds[s.class[i]] * max(0, a-s.keep(i))
	}
	return used - 1
}

// shadow sets unit and odds for multiplier v and returns the root t of sum_i max(L_i t/3, unit_i) =
// v, or at most 0 if there is none. Newton's method on a convex piecewise linear function ends
// exactly, after at most one step per user.
func (s *Solver) shadow(v, local float64) float64 {
	for c, e := range s.slope {
		y, rest := lambert(v / e)
		s.odds[c] = y / rest
		s.sum[c] = e * y
	}
	for i, g := range s.gain {
		s.unit[i] = g * s.sum[s.class[i]]
	}
	t := 3 * v / local
	for range s.local {
		value, slope := -v, 0.0
		for i, l := range s.local {
			if l*t/3 > s.unit[i] {
				value += l * t / 3
				slope += l / 3
			} else {
				value += s.unit[i]
			}
		}
		if slope == 0 {
			return 0
		}
		next := t - value/slope
		if next >= t {
			break
		}
		t = next
	}
	return t
}

// keep returns the energy user i keeps for computing when energy is plenty.
func (s *Solver) keep(i int) float64 {
	if s.local[i] == 0 {
		return 0
	}
	k := s.local[i] / (3 * s.unit[i])
	return k * math.Sqrt(k)
}
