package main

import (
	. "github.com/mmcloughlin/avo/operand"
)

// Winograd's F(2x2, 3x3) in the notation of A. Lavin and S. Gray (CVPR 2016):
// Y = A^T [(G g G^T) (B^T d B)] A, with products element by element in the brackets.
var (
	winogradB = [][]float64{{1, 0, 0, 0}, {0, 1, -1, 1}, {-1, 1, 1, 0}, {0, 0, 0, -1}}
	winogradG = [][]float64{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}
	winogradA = [][]float64{{1, 0}, {1, 1}, {1, -1}, {0, -1}}
)

func winograd(a *asm) {
	a.congruence("winogradInput", transposed(winogradB), false)
	a.congruence("winogradFilter", winogradG, false)
	a.congruence("winogradOutput", transposed(winogradA), false)
	a.congruence("winogradInputBackward", winogradB, true)
	a.congruence("winogradFilterBackward", transposed(winogradG), false)
	a.congruence("winogradOutputBackward", winogradA, false)
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
	half := a.broadcast(a.num(0.5).(mem))
	xRow, xCol, yRow, yCol := a.bytes("xRow"), a.bytes("xCol"), a.bytes("yRow"), a.bytes("yCol")
	xCol3 := a.GP64()
	a.LEAQ(Mem{Base: xCol, Index: xCol, Scale: 2}, xCol3)
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
					sums[i] = a.combine(p[j], half, func(c int) Op {
						m := a.part(from, h)
						switch c {
						case 1, 2:
							m.Index, m.Scale = xCol, uint8(c)
						case 3:
							m.Index, m.Scale = xCol3, 1
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
					v := a.combine(p[i], half, func(c int) Op { return sums[c] })
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

// combine returns the sum of coef[i] x(i), from left to right but that it starts with the first
// positive coefficient, if any. Coefficients are 0, 1, -1, 0.5 and -0.5.
func (a *asm) combine(coef []float64, half vec, x func(i int) Op) vec {
	first := 0
	for first < len(coef)-1 && coef[first] <= 0 {
		first++
	}
	var sum vec
	switch coef[first] {
	case 1:
		sum = a.load(x(first))
	case 0.5:
		sum = a.vec()
		a.VMULPS(x(first), half, sum)
	case -1: // the last one, alone
		sum = a.zero()
		a.VSUBPS(x(first), sum, sum)
	default:
		panic("winograd: a row starts with another coefficient")
	}
	for i, c := range coef {
		if i == first {
			continue
		}
		switch c {
		case 1:
			a.VADDPS(x(i), sum, sum)
		case -1:
			a.VSUBPS(x(i), sum, sum)
		case 0.5:
			a.VFMADD231PS(x(i), half, sum)
		case -0.5:
			a.VFNMADD231PS(x(i), half, sum)
		}
	}
	return sum
}
