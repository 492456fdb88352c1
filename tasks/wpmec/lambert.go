package wpmec

import "math"

// lambert returns y = -W0(-exp(-1-u)) and 1-y for u >= 0, where W0 is the principal branch of the
// Lambert W function, each with a relative error of a few units in the last place.
//
// y is the root in (0, 1] of y - ln y = 1 + u. Taking u instead of the argument of W0 matters
// twice: exp(-1-u) never has to be formed, so a large u does not underflow early, and near the
// branch point at -1/e, where W0 loses half of its digits to the rounding of its argument, nothing
// is lost.
//
// The scheme is a starting value followed by one step of Fritsch, Shafer and Crowley, "Solution of
// the transcendental equation w e^w = x", CACM 16(2), 1973, which multiplies the number of correct
// digits by four at the cost of one logarithm.
func lambert(u float64) (y, rest float64) {
	switch {
	case u < 0.06:
		p := math.Sqrt(2 * u)
		sum := 0.0
		for i := len(temme) - 1; i >= 0; i-- {
			sum = sum*p + temme[i]
		}
		rest = p * sum
		return 1 - rest, rest
	case u < 1.5: // starting error below 6e-4
		p, p2 := math.Sqrt(2*u), 2*u
		rest = p * (temme[0] + temme[1]*p + p2*(temme[2]+temme[3]*p) + p2*p2*(temme[4]+temme[5]*p+p2*(temme[6]+temme[7]*p)))
		y = 1 - rest
	default: // starting error below 5e-5: the Taylor series of W0 at 0, sum of n^(n-1)/n! x^n
		x := math.Exp(-1 - u)
		y = x * (1 + x*(1+x*(3./2+x*(8./3+x*(125./24)))))
		rest = 1 - y
	}
	if y == 0 { // exp(-1-u) underflows: W0(x) = x to all digits long before
		return 0, 1
	}
	z := y - math.Log(y) - (1 + u)
	q := 2 * rest * (rest + 2*z/3)
	step := y * (z * (q - z)) / (rest * (q - 2*z))
	return y + step, rest - step
}

// temme[i] is the coefficient of p^(i+1), p = sqrt(2u), in 1-y. With y - 1 - ln y = p^2/2 these
// are, up to signs, the coefficients of Temme's expansion of the incomplete gamma functions (SIAM
// J. Math. Anal. 10(4), 1979), which converges for p < 2 sqrt(pi).
var temme = [14]float64{
	1,
	-1. / 3,
	1. / 36,
	1. / 270,
	1. / 4320,
	-1. / 17010,
	-139. / 5443200,
	-1. / 204120,
	-571. / 2351462400,
	281. / 1515591000,
	163879. / 2172751257600,
	5221. / 354648294000,
	5246819. / 10168475885568000,
	-5459. / 7447614174000,
}
