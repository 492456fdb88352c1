package main

import (
	"math"

	. "github.com/mmcloughlin/avo/operand"
)

// The functions here work on registers: they return a new one and leave their
// argument alone, unless they say otherwise.

// expFactors returns q and n with exp(x) = (1 + q) 2^n, where |q| < 0.42. n is
// an integer in the low bits of a float32 near 1.5 * 2^23. q keeps its relative
// accuracy near zero. x must lie within [-104, 89] or be NaN.
//
// Cody-Waite reduction and the polynomial of expf in Moshier's Cephes library.
func (a *asm) expFactors(x vec) (q, n vec) {
	magic := a.num(3 << 22)
	n = a.load(magic)
	a.VFMADD231PS(a.num(math.Log2E), x, n) // rounds x/log 2 to an integer
	k, r := a.vec(), a.vec()
	a.VSUBPS(magic, n, k)
	a.VMOVAPS(x, r)
	a.VFNMADD231PS(a.num(0.693359375), k, r)
	a.VFNMADD231PS(a.num(-2.12194440e-4), k, r)
	q = a.polynomial(r, 5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4)
	r2 := a.vec()
	a.VMULPS(r, r, r2)
	a.VFMADD213PS(r, r2, q)
	return q, n
}

// polynomial returns c[0] + c[1] x + c[2] x² + ...
func (a *asm) polynomial(x vec, c ...float64) vec {
	p := a.load(a.num(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		a.VFMADD213PS(a.num(c[i]), x, p)
	}
	return p
}

// power2 returns 2^n for an integer in the low bits of n.
func (a *asm) power2(n vec) vec {
	s := a.vec()
	a.VPSLLD(Imm(23), n, s)
	a.VPADDD(a.num(1), s, s)
	return s
}

// exp returns exp(x) for any x: subnormal results, overflow and all.
func (a *asm) exp(x vec) vec {
	c := a.load(a.num(89))
	a.VMINPS(x, c, c) // of two operands, min and max return a NaN in the first
	lo := a.load(a.num(-104))
	a.VMAXPS(c, lo, c)
	q, n := a.expFactors(c)
	// 2^n may not be a float32: scale by its square root, roughly, twice.
	half, rest := a.vec(), a.vec()
	a.VPSUBD(a.num(3<<22), n, rest)
	a.VPSRAD(Imm(1), rest, half)
	a.VPSUBD(half, rest, rest)
	s := a.power2(half)
	a.VFMADD213PS(s, s, q)
	a.VMULPS(a.power2(rest), q, q)
	return q
}

// expLow is the logarithm of the least normal float32, rounded up.
const expLow = -87.33654

// expNegative returns exp(x) for x <= 0, and zero instead of a subnormal.
func (a *asm) expNegative(x vec) vec {
	normal := a.compare(x, notLess, a.num(expLow))
	c := a.load(a.num(expLow))
	a.VMAXPS(x, c, c)
	q, n := a.expFactors(c)
	s := a.power2(n)
	a.VFMADD213PS(s, s, q)
	return a.keep(normal, q)
}

// expm1Negative returns exp(x) - 1 for x <= 0, accurately near zero.
func (a *asm) expm1Negative(x vec) vec {
	c := a.load(a.num(expLow))
	a.VMAXPS(x, c, c)
	q, n := a.expFactors(c)
	s, less := a.power2(n), a.vec()
	a.VSUBPS(a.num(1), s, less)
	a.VFMADD213PS(less, s, q)
	return q
}

// expOfMinusAbs returns exp(-|x|).
func (a *asm) expOfMinusAbs(x vec) vec {
	n := a.vec()
	a.or(a.bits(1<<31), x, n)
	return a.expNegative(n)
}

// sigmoidFrom returns sigmoid(x) given e = exp(-|x|): 1/(1+e), or e/(1+e) below
// zero.
func (a *asm) sigmoidFrom(x, e vec) vec {
	y, d := a.where(a.negative(x), e, a.load(a.num(1))), a.vec()
	a.VADDPS(a.num(1), e, d)
	a.VDIVPS(d, y, y)
	return y
}

func (a *asm) sigmoid(x vec) vec { return a.sigmoidFrom(x, a.expOfMinusAbs(x)) }

// tanh returns tanh(x) = sign(x) (1 - exp(-2|x|)) / (1 + exp(-2|x|)).
func (a *asm) tanh(x vec) vec {
	z := a.vec()
	a.or(a.bits(1<<31), x, z)
	a.VADDPS(z, z, z)
	m, d, sign := a.expm1Negative(z), a.vec(), a.vec()
	a.VADDPS(a.num(2), m, d)
	a.VDIVPS(d, m, m)
	// m is -tanh|x|: where x is negative its sign is right, else it flips.
	a.and(a.bits(1<<31), x, sign)
	a.xor(sign, m, m)
	a.xor(a.bits(1<<31), m, m)
	return m
}

// elu returns x, or exp(x)-1 below zero: max(x, 0) + (exp(min(x, 0)) - 1).
func (a *asm) elu(x vec) vec {
	zero, lo, hi := a.zero(), a.vec(), a.vec()
	a.VMINPS(x, zero, lo)
	a.VMAXPS(x, zero, hi)
	m := a.expm1Negative(lo)
	a.VADDPS(hi, m, m)
	return m
}

// relu returns max(x, 0), and NaN for NaN.
func (a *asm) relu(x vec) vec {
	y := a.zero()
	a.VMAXPS(x, y, y)
	return y
}

// leaky returns x, or slope*x below zero, for slopes in [0, 1].
func (a *asm) leaky(x vec, slope Op) vec {
	y := a.vec()
	a.VMULPS(slope, x, y)
	a.VMAXPS(x, y, y)
	return y
}

// twiceArtanhHalf returns 2 artanh(u/2) for 0 <= u <= 2/3: minimax of the odd
// series, error 5e-9.
func (a *asm) twiceArtanhHalf(u vec) vec {
	w := a.vec()
	a.VMULPS(u, u, w)
	p := a.polynomial(w, 0.08333301641280838, 0.012506781005339933, 0.0021874326762703557, 0.0005473530038535671)
	a.VMULPS(u, w, w)
	a.VFMADD213PS(u, w, p)
	return p
}

// log1p returns log(1+e) = 2 artanh(e/(2+e)) for 0 <= e <= 1.
func (a *asm) log1p(e vec) vec {
	u, d := a.vec(), a.vec()
	a.VADDPS(e, e, u)
	a.VADDPS(a.num(2), e, d)
	a.VDIVPS(d, u, u)
	return a.twiceArtanhHalf(u)
}

// log returns log(x) for a positive normal x, and NaN for NaN.
func (a *asm) log(x vec) vec {
	// x = m 2^k with m in [sqrt(1/2), sqrt(2)).
	k, m := a.vec(), a.vec()
	a.VPSUBD(a.num(math.Sqrt2/2), x, k)
	a.VPSRAD(Imm(23), k, k)
	a.VPSLLD(Imm(23), k, m)
	a.VPSUBD(m, x, m)
	u, d := a.vec(), a.vec()
	a.VSUBPS(a.num(1), m, u)
	a.VADDPS(a.num(1), m, d)
	a.VDIVPS(d, u, u)
	a.VADDPS(u, u, u)
	y := a.twiceArtanhHalf(u)
	a.VCVTDQ2PS(k, k)
	a.VFMADD231PS(a.num(-2.12194440e-4), k, y)
	a.VFMADD231PS(a.num(0.693359375), k, y)
	a.VSUBPS(x, x, d) // 0, or NaN
	a.VADDPS(d, y, y)
	return y
}
