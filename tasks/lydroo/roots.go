package lydroo

import "math"

// growth is rho g'(rho) - g(rho) over N0/h, with u = a rho: (u - 1) e^u + 1.
func growth(u float64) float64 {
	if u < 0.1 { // sum of (n-1) u^n / n! from n = 2 on
		return u * u * (1./2 + u*(1./3+u*(1./8+u*(1./30+u*(1./144+u*(1./840+u/5760))))))
	}
	return (u-1)*math.Exp(u) + 1
}

// invGrowth returns u with growth(u) = k for k >= 0. It is 1 + W0((k-1)/e), with W0 the principal
// branch of the Lambert W function, by Halley's iteration, which does not lose digits near k = 0.
func invGrowth(k float64) float64 {
	if k == 0 {
		return 0
	}
	u := math.Sqrt(2 * k) // from below the branch point's expansion
	if k > 1 {
		l := math.Log(k)
		u = max(1, l-math.Log(max(l-1, 0.5)))
	}
	for range 30 {
		e := math.Exp(u)
		f, d, d2 := growth(u)-k, u*e, (u+1)*e
		step := 2 * f * d / (2*d*d - f*d2)
		u -= step
		if math.Abs(step) <= 4e-16*u {
			break
		}
	}
	return u
}

// invShare returns z > 0 with ln(1+z) - z/(1+z) = k for k > 0.
func invShare(k float64) float64 {
	low, high := 0.0, 1.0
	f := func(z float64) float64 { return math.Log1p(z) - z/(1+z) }
	for f(high) < k && high < 1e300 {
		low, high = high, 4*high
	}
	for range 200 {
		mid := (low + high) / 2
		if mid == low || mid == high {
			break
		}
		if f(mid) < k {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// root returns the zero of a falling function between low and high by the Illinois variant of
// regula falsi, with a bisection whenever that is slow.
func root(low, high float64, f func(float64) float64) float64 {
	fl, fh := f(low), f(high)
	side := 0
	for i := range 200 {
		if high-low <= 4e-16*high || fl == 0 {
			break
		}
		mid := high - fh*(high-low)/(fh-fl)
		if !(mid > low && mid < high) || i%4 == 3 {
			mid = (low + high) / 2
		}
		if mid == low || mid == high {
			break
		}
		switch v := f(mid); {
		case v > 0:
			if low, fl = mid, v; side == 1 {
				fh /= 2
			}
			side = 1
		case v < 0:
			if high, fh = mid, v; side == -1 {
				fl /= 2
			}
			side = -1
		default:
			return mid
		}
	}
	return high // where the total does not exceed the frame
}
