package kernel

import (
	"fmt"
	"math"
	"math/big"
	"testing"
)

// What follows states, in plain Go, the roundings every assembly kernel makes,
// so that AVX2 and AVX-512 can be held to one answer bit for bit.

// fma32 returns x*y + z rounded once. The product is exact in float64; the sum is rounded to odd,
// which keeps enough bits for float32 to round correctly (Boldo and Melquiond, Emulation of FMA and
// Correctly Rounded Sums, 2008).
func fma32(x, y, z float32) float32 {
	p, c := float64(float64(x)*float64(y)), float64(z)
	s := p + c
	if math.IsInf(s, 0) || math.IsNaN(s) {
		return float32(s)
	}
	t := s - p
	lost := (p - (s - t)) + (c - t)
	if b := math.Float64bits(s); lost != 0 && b&1 == 0 {
		if lost > 0 == (s > 0) {
			b++
		} else {
			b--
		}
		s = math.Float64frombits(b)
	}
	return float32(s)
}

func TestFMA32(t *testing.T) {
	r := newRand(11)
	number := func() float32 {
		for {
			// Few significant bits make ties, like exponents make cancellation.
			b := r.Uint32() & (math.MaxUint32 << r.IntN(23))
			if r.IntN(2) == 0 {
				b = b&^(0xff<<23) | uint32(120+r.IntN(15))<<23
			}
			if f := math.Float32frombits(b); f-f == 0 {
				return f
			}
		}
	}
	exact := func(f float32) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(float64(f)) }
	for range 50000 {
		x, y, z := number(), number(), number()
		p := exact(x)
		want, _ := p.Add(p.Mul(p, exact(y)), exact(z)).Float32()
		if got := fma32(x, y, z); got != want {
			t.Fatalf("fma32(%v, %v, %v) = %v, want %v", x, y, z, got, want)
		}
	}
}

// lanes are the 16 partial sums of the kernels.
type lanes [16]float32

// sum adds up the lanes in the order of the kernels.
func (x lanes) sum() float32 {
	for i := range 8 {
		x[i] += x[i+8]
	}
	for n := 8; n > 1; n /= 2 {
		for i := range n / 2 {
			x[i] = x[2*i] + x[2*i+1]
		}
	}
	return x[0]
}

// lanes64 are the 16 partial sums of kernels that sum in float64.
type lanes64 [16]float64

func (x lanes64) sum() float64 {
	for n := 8; n > 0; n /= 2 {
		for i := range n {
			x[i] += x[i+n]
		}
	}
	return x[0]
}

// minRef and maxRef are the instructions: y if either is NaN or both are zero.
func minRef(x, y float32) float32 {
	if x < y {
		return x
	}
	return y
}

func maxRef(x, y float32) float32 {
	if x > y {
		return x
	}
	return y
}

func polynomialRef(x float32, c ...float32) float32 {
	p := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		p = fma32(p, x, c[i])
	}
	return p
}

// expFactorsRef returns q and n with exp(x) = (1+q) 2^n.
func expFactorsRef(x float32) (q float32, n int) {
	const magic = 3 << 22
	t := fma32(x, math.Log2E, magic)
	k := t - magic
	r := fma32(-k, 0.693359375, x)
	r = fma32(-k, -2.12194440e-4, r)
	q = polynomialRef(r, 5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4)
	q = fma32(q, r*r, r)
	if k != k {
		return q, 0
	}
	return q, int(k)
}

func power2Ref(n int) float32 { return float32(math.Ldexp(1, n)) }

func expRef(x float32) float32 {
	x = maxRef(-104, minRef(89, x))
	q, n := expFactorsRef(x)
	half := n >> 1
	return fma32(q, power2Ref(half), power2Ref(half)) * power2Ref(n-half)
}

const expLowRef = -87.33654

func expNegativeRef(x float32) float32 {
	if x < expLowRef {
		return 0
	}
	q, n := expFactorsRef(x)
	return fma32(q, power2Ref(n), power2Ref(n))
}

func expm1NegativeRef(x float32) float32 {
	q, n := expFactorsRef(maxRef(expLowRef, x))
	return fma32(q, power2Ref(n), power2Ref(n)-1)
}

func absRef(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

func sigmoidRef(x float32) float32 {
	e := expNegativeRef(-absRef(x))
	if math.Signbit(float64(x)) {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

func twiceArtanhHalfRef(u float32) float32 {
	w := u * u
	return fma32(polynomialRef(w, 0.08333301641280838, 0.012506781005339933, 0.0021874326762703557, 0.0005473530038535671), w*u, u)
}

func log1pRef(e float32) float32 { return twiceArtanhHalfRef((e + e) / (e + 2)) }

func logRef(x float32) float32 {
	b := int32(math.Float32bits(x))
	k := (b - int32(math.Float32bits(math.Sqrt2/2))) >> 23
	m := math.Float32frombits(uint32(b - k<<23))
	u := (m - 1) / (m + 1)
	y := twiceArtanhHalfRef(u + u)
	y = fma32(float32(k), -2.12194440e-4, y)
	return fma32(float32(k), 0.693359375, y) + (x - x)
}

func leakyRef(x, slope float32) float32 { return maxRef(slope*x, x) }

func actRef(act Act, x float32) float32 {
	switch act {
	case ActReLU:
		return maxRef(0, x)
	case ActLeakyReLU:
		return leakyRef(x, LeakySlope)
	case ActELU:
		return maxRef(0, x) + expm1NegativeRef(minRef(0, x))
	case ActSigmoid:
		return sigmoidRef(x)
	case ActTanh:
		m := expm1NegativeRef(-absRef(x) - absRef(x))
		m /= m + 2
		if math.Signbit(float64(x)) {
			return m
		}
		return -m
	}
	return x
}

// actBackwardRef is dy times the derivative at the output y.
func actBackwardRef(act Act, y, dy float32) float32 {
	switch act {
	case ActReLU:
		if y > 0 {
			return dy
		}
		return 0
	case ActLeakyReLU:
		if y > 0 {
			return dy
		}
		return LeakySlope * dy
	case ActELU:
		return dy * (minRef(y, 0) + 1)
	case ActSigmoid:
		return dy * (y * (1 - y))
	case ActTanh:
		return dy * fma32(-y, y, 1)
	}
	return dy
}

// eachPath runs f once for every instruction set of this machine.
func eachPath(f func()) {
	defer func(s isa) { active = s }(active)
	for active = isaGo; active <= best(); active++ {
		f()
	}
}

// wantBits fails unless the results of a kernel equal the reference's, bit for bit, with all NaNs
// equal. Portable Go rounds products and sums separately or together, depending on the platform, so
// elsewhere its results are compared with float64.
func wantBits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if active == isaGo {
		return
	}
	for i, w := range want {
		if g := got[i]; math.Float32bits(g) != math.Float32bits(w) && !(g != g && w != w) {
			t.Fatalf("%s: %s[%d] = %v (%#08x), want %v (%#08x)", fmt.Sprint(active), name, i, g, math.Float32bits(g), w, math.Float32bits(w))
		}
	}
}
