package main

import (
	. "github.com/mmcloughlin/avo/operand"
)

// norm emits the passes of a normalisation over at most 16 columns of rows that are ld apart. Sums
// are in float64, one chain for each column; values that are one for each column lie in arrays of 16.
func norm(a *asm) {
	a.begin("columnSums", "(rows, n, ld int, x *float32, sum *float64)",
		"adds the sums of n <= 16 columns of x to sum.")
	x := a.arg("x")
	sum := a.loads64("sum")
	a.columns([]gp{x}, func(h int, k laneMask) {
		for i, d := range a.doubles(a.loadMasked(a.part(x, h), k)) {
			a.VADDPD(d, sum[h][i], sum[h][i])
		}
	}, func() { a.stores64(sum, "sum") })

	a.begin("columnSquares", "(rows, n, ld int, x *float32, mean, sum *float64)",
		"adds the sums of the squares of n <= 16 columns of x less mean to sum.")
	x = a.arg("x")
	mean := a.arg("mean")
	sum = a.loads64("sum")
	a.columns([]gp{x}, func(h int, k laneMask) {
		for i, d := range a.doubles(a.loadMasked(a.part(x, h), k)) {
			a.VSUBPD(a.part64(mean, h, i), d, d)
			a.VFMADD231PD(d, d, sum[h][i])
		}
	}, func() { a.stores64(sum, "sum") })

	a.begin("columnDots", "(rows, n, ld int, x, y *float32, sum, dot *float64)",
		"adds the sums of n <= 16 columns of x to sum, and the inner products with those of y to dot.")
	x, y := a.arg("x"), a.arg("y")
	sum, dot := a.loads64("sum"), a.loads64("dot")
	a.columns([]gp{x, y}, func(h int, k laneMask) {
		v := a.doubles(a.loadMasked(a.part(x, h), k))
		w := a.doubles(a.loadMasked(a.part(y, h), k))
		for i := range v {
			a.VADDPD(v[i], sum[h][i], sum[h][i])
			a.VFMADD231PD(v[i], w[i], dot[h][i])
		}
	}, func() { a.stores64(sum, "sum"); a.stores64(dot, "dot") })

	a.begin("normalize", "(rows, n, ld int, x *float32, mean, scale *float64, y *float32)",
		"sets n <= 16 columns of y to (x - mean) scale.")
	x, y = a.arg("x"), a.arg("y")
	mean = a.arg("mean")
	scale := a.arg("scale")
	a.columns([]gp{x, y}, func(h int, k laneMask) {
		d := a.doubles(a.loadMasked(a.part(x, h), k))
		for i, v := range d {
			a.VSUBPD(a.part64(mean, h, i), v, v)
			a.VMULPD(a.part64(scale, h, i), v, v)
		}
		a.storeMasked(a.singles(d), a.part(y, h), k)
	}, func() {})

	a.begin("normalizeBackward", "(rows, n, ld int, dy, y *float32, mean, dot, scale, dx *float32)",
		"sets n <= 16 columns of dx to (dy - mean - y dot) scale.")
	dy, y, dx := a.arg("dy"), a.arg("y"), a.arg("dx")
	mean, dotAt, scale := a.arg("mean"), a.arg("dot"), a.arg("scale")
	a.columns([]gp{dy, y, dx}, func(h int, k laneMask) {
		v := a.loadMasked(a.part(dy, h), k)
		a.VSUBPS(a.part(mean, h), v, v)
		a.VFNMADD231PS(a.part(dotAt, h), a.loadMasked(a.part(y, h), k), v)
		a.VMULPS(a.part(scale, h), v, v)
		a.storeMasked(v, a.part(dx, h), k)
	}, func() {})

	a.begin("scaleAct", "(act uint8, rows, n int, x, gamma, beta, y *float32)",
		"sets y = act(gamma x + beta) on rows of n elements, one after the other.")
	a.eachActivation(func(i int, label string) {
		a.preload(func() {
			a.scaleAct(label, func(x vec) vec { return activations[i].forward(a, x) })
		})
	})
}

// columns runs body for each part of each of rows rows at the pointers, then done.
func (a *asm) columns(pointers []gp, body func(h int, k laneMask), done func()) {
	ld, rows, n := a.bytes("ld"), a.arg("rows"), a.arg("n")
	loop := func(label string, masks []laneMask) {
		a.Label(label)
		for h, k := range masks {
			body(h, k)
		}
		for _, p := range pointers {
			a.ADDQ(ld, p)
		}
		a.DECQ(rows)
		a.JNZ(a.jump(label))
		done()
		a.end()
	}
	a.CMPQ(n, Imm(lanes))
	a.JE(a.jump("full"))
	loop("masked", a.firstLanes(n, true))
	a.Label("full")
	loop("row", make([]laneMask, a.parts()))
}

// part64 is the i-th half of the h-th part of a block of float64 at p.
func (a *asm) part64(p gp, h, i int) mem { return mem{Base: p, Disp: (2*h + i) * 4 * a.width()} }

// loads64 loads a block of float64 that a parameter points to.
func (a *asm) loads64(param string) (x [][2]vec) {
	p := a.arg(param)
	for h := range a.parts() {
		x = append(x, [2]vec{a.load(a.part64(p, h, 0)), a.load(a.part64(p, h, 1))})
	}
	return x
}

// stores64 writes such a block.
func (a *asm) stores64(x [][2]vec, param string) {
	p := a.arg(param)
	for h := range x {
		for i, v := range x[h] {
			a.VMOVUPS(v, a.part64(p, h, i))
		}
	}
}

// singles rounds two registers of float64 to one of float32.
func (a *asm) singles(x [2]vec) vec {
	v := a.vec()
	if a.zmm {
		lo, hi := a.YMM(), a.YMM()
		a.VCVTPD2PS(x[0], lo)
		a.VCVTPD2PS(x[1], hi)
		a.VINSERTF64X4(Imm(1), hi, lo.AsZ(), v)
	} else {
		lo, hi := a.XMM(), a.XMM()
		a.VCVTPD2PSY(x[0], lo)
		a.VCVTPD2PSY(x[1], hi)
		a.VINSERTF128(Imm(1), hi, lo.AsY(), v)
	}
	return v
}

func (a *asm) scaleAct(label string, f func(x vec) vec) {
	tail := a.arg("n")
	a.ANDQ(Imm(lanes-1), tail)
	tails := a.firstLanes(tail, true)
	x, y := a.arg("x"), a.arg("y")
	a.Label(label + "row")
	g, b := a.arg("gamma"), a.arg("beta")
	a.blocks(label, a.arg("n"), tails, []gp{x, y, g, b}, func(masks []laneMask) {
		for h, k := range masks {
			v := a.loadMasked(a.part(b, h), k)
			if k.all() {
				a.VFMADD231PS(a.part(x, h), a.load(a.part(g, h)), v)
			} else {
				a.VFMADD231PS(a.loadMasked(a.part(x, h), k), a.loadMasked(a.part(g, h), k), v)
			}
			a.storeMasked(f(v), a.part(y, h), k)
		}
	})
	a.DECQ(a.slot("rows"))
	a.JNZ(a.jump(label + "row"))
}
