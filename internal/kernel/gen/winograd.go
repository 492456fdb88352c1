package main

import (
	"math"

	. "github.com/mmcloughlin/avo/operand"
)

// Winograd's F(2x2, 3x3) and F(4x4, 3x3) in the notation of A. Lavin and S. Gray (CVPR 2016):
// Y = A^T [(G g G^T) (B^T d B)] A, with products element by element in the brackets. Rows 2 and 3 of
// the larger B^T and G have changed their signs, so that each begins with a positive coefficient.
var (
	winogradB = [][]float64{{1, 0, 0, 0}, {0, 1, -1, 1}, {-1, 1, 1, 0}, {0, 0, 0, -1}}
	winogradG = [][]float64{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}
	winogradA = [][]float64{{1, 0}, {1, 1}, {1, -1}, {0, -1}}

	winograd4B = [][]float64{
		{4, 0, 0, 0, 0, 0}, {0, 4, -4, -2, 2, 4}, {-5, 4, 4, -1, -1, 0},
		{0, -1, 1, 2, -2, -5}, {1, -1, -1, 1, 1, 0}, {0, 0, 0, 0, 0, 1},
	}
	winograd4G = [][]float64{
		{1. / 4, 0, 0}, {1. / 6, 1. / 6, 1. / 6}, {1. / 6, -1. / 6, 1. / 6},
		{1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1},
	}
	winograd4A = [][]float64{{1, 0, 0, 0}, {1, 1, 1, 1}, {1, -1, 1, -1}, {1, 2, 4, 8}, {1, -2, 4, -8}, {0, 0, 0, 1}}
)

func winograd(a *asm) {
	for _, w := range []struct {
		name    string
		b, g, a [][]float64
	}{
		{"winograd", winogradB, winogradG, winogradA},
		{"winograd4", winograd4B, winograd4G, winograd4A},
	} {
		a.congruence(w.name+"Input", transposed(w.b), false)
		a.congruence(w.name+"Filter", w.g, false)
		a.congruence(w.name+"Output", transposed(w.a), false)
		a.congruence(w.name+"InputBackward", w.b, true)
		a.congruence(w.name+"FilterBackward", transposed(w.g), false)
		a.congruence(w.name+"OutputBackward", w.a, false)
	}
}

func transposed(m [][]float64) [][]float64 {
	t := make([][]float64, len(m[0]))
	for j := range t {
		for i := range m {
			t[j] = append(t[j], m[i][j])
		}
	}
	return t
}

// congruence emits y = P x P^T, or y += P x P^T if add, for squares of vectors: x is one of
// len(P[0]) vectors a side, y one of len(P).
func (a *asm) congruence(name string, p [][]float64, add bool) {
	verb := "writes"
	if add {
		verb = "adds to y"
	}
	a.begin(name, "(squares, channels int, x *float32, xRow, xCol, xNext int, y *float32, yRow, yCol, yNext int)",
		verb+" P x P^T for each of so many squares x of vectors of channels elements.")
	factors := a.factors(p)
	xRow, xCol, yRow, yCol := a.bytes("xRow"), a.bytes("xCol"), a.bytes("yRow"), a.bytes("yCol")
	xCol3 := a.GP64()
	a.LEAQ(Mem{Base: xCol, Index: xCol, Scale: 2}, xCol3)
	var xCol5 gp
	if len(p[0]) > 5 {
		xCol5 = a.GP64()
		a.LEAQ(Mem{Base: xCol, Index: xCol, Scale: 4}, xCol5)
	}
	a.toBytes("xNext", "yNext")
	a.Label("square")
	x, y := a.arg("x"), a.arg("y")
	a.blocks("channel", a.arg("channels"), nil, []gp{x, y}, func(masks []laneMask) {
		for h, k := range masks {
			column := a.GP64()
			a.MOVQ(y, column)
			for j := range p {
				from, sums := a.GP64(), make([]vec, len(p[0]))
				a.MOVQ(x, from)
				for i := range sums {
					sums[i] = a.combine(p[j], factors, func(c int) Op {
						m := a.part(from, h)
						switch c {
						case 1, 2, 4:
							m.Index, m.Scale = xCol, uint8(c)
						case 3:
							m.Index, m.Scale = xCol3, 1
						case 5:
							m.Index, m.Scale = xCol5, 1
						}
						if k.all() {
							return m
						}
						return a.loadMasked(m, k)
					})
					if i < len(sums)-1 {
						a.ADDQ(xRow, from)
					}
				}
				to := a.GP64()
				a.MOVQ(column, to)
				for i := range p {
					v := a.combine(p[i], factors, func(c int) Op { return sums[c] })
					m := a.part(to, h)
					if add {
						a.addMasked(m, k, v)
					}
					a.storeMasked(v, m, k)
					if i < len(p)-1 {
						a.ADDQ(yRow, to)
					}
				}
				if j < len(p)-1 {
					a.ADDQ(yCol, column)
				}
			}
		}
	})
	next := a.GP64()
	for _, name := range []string{"x", "y"} {
		a.MOVQ(a.slot(name+"Next"), next)
		a.ADDQ(next, a.slot(name))
	}
	a.DECQ(a.slot("squares"))
	a.JNZ(a.jump("square"))
	a.end()
}

// factors loads the coefficients of a matrix but for their signs, 0 and 1.
func (a *asm) factors(p [][]float64) map[float64]vec {
	all := map[float64]vec{}
	for _, row := range p {
		for _, c := range row {
			c = math.Abs(c)
			if _, ok := all[c]; !ok && c != 0 && c != 1 {
				all[c] = a.broadcast(a.num(c).(mem))
			}
		}
	}
	return all
}

// combine returns the sum of coef[i] x(i), from left to right but that it starts with the first
// positive coefficient, or with the last one, -1. Every product is rounded, as in Go; with a power of
// two it is exact, and fused with the sum.
func (a *asm) combine(coef []float64, factors map[float64]vec, x func(i int) Op) vec {
	first := 0
	for first < len(coef)-1 && coef[first] <= 0 {
		first++
	}
	var sum vec
	switch c := coef[first]; {
	case c == 1:
		sum = a.load(x(first))
	case c == -1: // the last one, alone
		sum = a.zero()
		a.VSUBPS(x(first), sum, sum)
	case c > 0:
		sum = a.vec()
		a.VMULPS(x(first), factors[c], sum)
	default:
		panic("winograd: a row starts with another coefficient")
	}
	for i, c := range coef {
		if i == first || c == 0 {
			continue
		}
		mantissa, _ := math.Frexp(c)
		switch factor := factors[math.Abs(c)]; {
		case c == 1:
			a.VADDPS(x(i), sum, sum)
		case c == -1:
			a.VSUBPS(x(i), sum, sum)
		case mantissa == 0.5:
			a.VFMADD231PS(x(i), factor, sum)
		case mantissa == -0.5:
			a.VFNMADD231PS(x(i), factor, sum)
		default:
			product := a.vec()
			a.VMULPS(x(i), factor, product)
			if c > 0 {
				a.VADDPS(product, sum, sum)
			} else {
				a.VSUBPS(product, sum, sum)
			}
		}
	}
	return sum
}
