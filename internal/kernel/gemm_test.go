package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// gemmCase is one product with its operands.
type gemmCase struct {
	transA, transB, acc    bool
	m, n, k, lda, ldb, ldc int
	a, b, c                []float32
}

// newGemmCase draws operands for a product, with rows padded by up to pad.
func newGemmCase(r *rand.Rand, transA, transB, acc bool, m, n, k, pad int) *gemmCase {
	g := &gemmCase{transA: transA, transB: transB, acc: acc, m: m, n: n, k: k}
	ra, rb := m, k
	g.lda, g.ldb = k, n
	if transA {
		g.lda, ra = m, k
	}
	if transB {
		g.ldb, rb = k, n
	}
	g.lda += r.IntN(pad + 1)
	g.ldb += r.IntN(pad + 1)
	g.ldc = n + r.IntN(pad+1)
	g.a, g.b, g.c = uniform(r, ra*g.lda), uniform(r, rb*g.ldb), uniform(r, m*g.ldc)
	return g
}

func (g *gemmCase) String() string {
	return fmt.Sprintf("%dx%dx%d transA %v transB %v acc %v ld %d %d %d", g.m, g.k, g.n, g.transA, g.transB, g.acc, g.lda, g.ldb, g.ldc)
}

func (g *gemmCase) at(i, j, p int) (x, y float32) {
	if g.transA {
		x = g.a[p*g.lda+i]
	} else {
		x = g.a[i*g.lda+p]
	}
	if g.transB {
		y = g.b[j*g.ldb+p]
	} else {
		y = g.b[p*g.ldb+j]
	}
	return x, y
}

// exact returns the product in float64.
func (g *gemmCase) exact() []float64 {
	out := wide(g.c)
	for i := range g.m {
		for j := range g.n {
			var s float64
			if g.acc {
				s = out[i*g.ldc+j]
			}
			for p := range g.k {
				x, y := g.at(i, j, p)
				s += float64(x) * float64(y)
			}
			out[i*g.ldc+j] = s
		}
	}
	return out
}

// reference returns the product as the assembly rounds it: a chain in the order of k, or 16 lanes
// for inner products of rows.
func (g *gemmCase) reference() []float32 {
	out := append([]float32(nil), g.c...)
	dots := !g.transA && (g.n == 1 || g.transB && g.m <= 4)
	for i := range g.m {
		for j := range g.n {
			var s float32
			if g.acc {
				s = out[i*g.ldc+j]
			}
			if !dots {
				for p := range g.k {
					x, y := g.at(i, j, p)
					s = fma32(x, y, s)
				}
			} else if g.k > 0 {
				var part lanes
				for p := range g.k {
					x, y := g.at(i, j, p)
					part[p%16] = fma32(x, y, part[p%16])
				}
				if s = part.sum(); g.acc {
					s += out[i*g.ldc+j]
				}
			}
			out[i*g.ldc+j] = s
		}
	}
	return out
}

func (g *gemmCase) check(t *testing.T) {
	t.Helper()
	exact, ref := g.exact(), g.reference()
	eachPath(func() {
		c := append([]float32(nil), g.c...)
		Gemm(g.transA, g.transB, g.m, g.n, g.k, g.a, g.lda, g.b, g.ldb, c, g.ldc, g.acc)
		wantClose(t, g.String(), c, exact, 1e-5*(1+float64(g.k)/200))
		wantBits(t, g.String(), c, ref)
	})
}

func TestGemm(t *testing.T) {
	r := newRand(1)
	for i := range 300 {
		m, n, k := 1+r.IntN(50), 1+r.IntN(140), r.IntN(50)
		switch i % 8 {
		case 0:
			m = 1 + r.IntN(4)
		case 1:
			n = 1
		}
		newGemmCase(r, r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0, m, n, k, 3).check(t)
	}
	// Large or sparse enough to be cut and packed.
	for _, s := range [][4]int{{66, 20, 70, 3000}, {66, 257, 65, 3000}, {490, 20, 20, 0}, {65, 50, 300, 1}} {
		for i := range 4 {
			newGemmCase(r, i&1 != 0, i&2 != 0, i == 0, s[0], s[1], s[2], s[3]).check(t)
		}
	}
}

func FuzzGemm(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint16(3), uint16(5), uint16(7), uint8(2))
	f.Add(uint64(2), uint8(7), uint16(1), uint16(100), uint16(64), uint8(0))
	f.Add(uint64(3), uint8(2), uint16(70), uint16(90), uint16(300), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, flags uint8, m, n, k uint16, pad uint8) {
		newGemmCase(newRand(seed), flags&1 != 0, flags&2 != 0, flags&4 != 0, int(m%200), int(n%200), int(k%400), int(pad%20)).check(t)
	})
}

func TestGemmPanics(t *testing.T) {
	x := make([]float32, 6)
	wantPanic(t, "short a", func() { Gemm(false, false, 2, 2, 3, x[:5], 3, x, 2, x, 2, false) })
	wantPanic(t, "short b", func() { Gemm(false, false, 2, 2, 3, x, 3, x[:5], 2, x, 2, false) })
	wantPanic(t, "short c", func() { Gemm(false, false, 2, 2, 3, x, 3, x, 2, x[:3], 2, false) })
	wantPanic(t, "small lda", func() { Gemm(false, false, 2, 2, 3, x, 2, x, 2, x, 2, false) })
	wantPanic(t, "negative m", func() { Gemm(false, false, -1, 2, 3, x, 2, x, 2, x, 2, false) })
}
