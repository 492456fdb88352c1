package kernel

import (
	"fmt"
	"math"
	"testing"
)

// What follows states, in plain Go, the roundings every assembly kernel makes,
// so that AVX2 and AVX-512 can be held to one answer bit for bit.

// fma32 returns x*y + z rounded once. The product is exact in float64; the sum
// is rounded to odd, which keeps what float32 needs to round correctly (Boldo
// and Melquiond, Emulation of FMA and Correctly Rounded Sums, 2008).
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
	const ulp = 1.0 / (1 << 23)
	for _, c := range []struct{ x, y, z, want float32 }{
		{2, 3, 4, 10},
		// 1 + 2^-24 + 2^-60 lies just above the tie between 1 and 1+ulp; float64
		// drops the last term, and then ties to even.
		{1 + 1<<12*0, 1.0 / (1 << 30) / (1 << 30), 1, 1},
		{ulp / 2, 1 + ulp, 1, 1 + ulp},
		{-ulp / 2, 1 - ulp/2, 1 + ulp, 1 + ulp},
		{math.MaxFloat32, 2, -math.MaxFloat32, math.MaxFloat32},
	} {
		if got := fma32(c.x, c.y, c.z); got != c.want {
			t.Errorf("fma32(%v, %v, %v) = %v, want %v", c.x, c.y, c.z, got, c.want)
		}
	}
}

// sumRef adds up 16 lanes in the order of the kernels.
func sumRef(x [16]float32) float32 {
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

// eachPath runs f once for every instruction set of this machine.
func eachPath(f func()) {
	defer func(s isa) { active = s }(active)
	for active = isaGo; active <= best(); active++ {
		f()
	}
}

// wantBits fails unless the results of a kernel are those of the reference, bit
// for bit, NaNs being all alike. Portable Go rounds products and sums apart, or
// together, as the platform likes, and is only held to float64 elsewhere.
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
