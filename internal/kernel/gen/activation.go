package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
)

// leakySlope is LeakySlope of the package.
const leakySlope = 0.2

// activations are the functions of the package's type Act, in its order.
// backward returns dy times the derivative, taken from the output y.
var activations = []struct {
	forward  func(a *asm, x vec) vec
	backward func(a *asm, y, dy vec) vec
}{
	{
		func(a *asm, x vec) vec { return x },
		func(a *asm, y, dy vec) vec { return dy },
	},
	{
		(*asm).relu,
		func(a *asm, y, dy vec) vec { return a.keep(a.compare(y, greater, a.zero()), dy) },
	},
	{
		func(a *asm, x vec) vec { return a.leaky(x, a.num(leakySlope)) },
		func(a *asm, y, dy vec) vec {
			less := a.vec()
			a.VMULPS(a.num(leakySlope), dy, less)
			return a.where(a.compare(y, greater, a.zero()), dy, less)
		},
	},
	{
		(*asm).elu,
		func(a *asm, y, dy vec) vec { // dy (min(y, 0) + 1)
			d := a.zero()
			a.VMINPS(y, d, d)
			a.VADDPS(a.num(1), d, d)
			a.VMULPS(d, dy, d)
			return d
		},
	},
	{
		(*asm).sigmoid,
		func(a *asm, y, dy vec) vec { // dy (y (1 - y))
			d := a.load(a.num(1))
			a.VSUBPS(y, d, d)
			a.VMULPS(y, d, d)
			a.VMULPS(dy, d, d)
			return d
		},
	},
	{
		(*asm).tanh,
		func(a *asm, y, dy vec) vec { // dy (1 - y²)
			d := a.load(a.num(1))
			a.VFNMADD231PS(y, y, d)
			a.VMULPS(dy, d, d)
			return d
		},
	},
}

func activation(a *asm) {
	a.begin("exp", "(n int, src, dst *float32)", "sets dst = exp(src) on n elements.")
	a.preload(func() { a.unary("exp", a.exp) })
	a.end()

	a.begin("act", "(act uint8, n int, src, dst *float32)", "sets dst = act(src) on n elements.")
	a.eachActivation(func(i int, label string) {
		a.preload(func() {
			a.unary(label, func(x vec) vec { return activations[i].forward(a, x) })
		})
	})

	a.begin("biasAct", "(act uint8, rows, n int, y, bias *float32)", "sets y = act(y + bias) on rows of n elements, one after the other.")
	a.eachActivation(func(i int, label string) {
		a.preload(func() {
			a.biasAct(label, func(x vec) vec { return activations[i].forward(a, x) })
		})
	})

	a.begin("actBackward", "(act uint8, rows, n, ld int, y, dy, dz, db *float32)",
		"sets dz to dy times the derivative of act at its output y, on n <= 16",
		"columns of rows that are ld apart, and adds the sums of the columns to db.")
	a.eachActivation(func(i int, label string) {
		a.preload(func() {
			a.actBackward(label, func(y, dy vec) vec { return activations[i].backward(a, y, dy) })
		})
	})
}

// eachActivation emits the code of all activations and a jump to the one that
// the parameter act asks for.
func (a *asm) eachActivation(code func(i int, label string)) {
	act := a.Load(a.Param("act"), a.GP32())
	for i := range activations {
		a.CMPL(act, Imm(uint64(i)))
		a.JE(a.jump(fmt.Sprint("act", i)))
	}
	for i := range activations {
		label := fmt.Sprint("act", i)
		a.Label(label)
		code(i, label)
		a.end()
	}
}

func (a *asm) unary(label string, f func(x vec) vec) {
	src, dst := a.arg("src"), a.arg("dst")
	a.blocks(label, a.arg("n"), nil, []gp{src, dst}, func(masks []laneMask) {
		for h, k := range masks {
			x := a.loadMasked(a.part(src, h), k)
			a.storeMasked(f(x), a.part(dst, h), k)
		}
	})
}

func (a *asm) biasAct(label string, f func(x vec) vec) {
	tail := a.arg("n")
	a.ANDQ(Imm(lanes-1), tail)
	tails := a.firstLanes(tail, true)
	y := a.arg("y")
	a.Label(label + "row")
	b := a.arg("bias")
	a.blocks(label, a.arg("n"), tails, []gp{y, b}, func(masks []laneMask) {
		for h, k := range masks {
			x := a.loadMasked(a.part(y, h), k)
			if k.all() {
				a.VADDPS(a.part(b, h), x, x)
			} else {
				a.VADDPS(a.loadMasked(a.part(b, h), k), x, x)
			}
			a.storeMasked(f(x), a.part(y, h), k)
		}
	})
	a.DECQ(a.slot("rows"))
	a.JNZ(a.jump(label + "row"))
}

func (a *asm) actBackward(label string, f func(y, dy vec) vec) {
	ld := a.bytes("ld")
	y, dy, dz, db := a.arg("y"), a.arg("dy"), a.arg("dz"), a.arg("db")
	rows := a.arg("rows")
	loop := func(label string, masks []laneMask) {
		sum := make([]vec, a.parts())
		for h, k := range masks {
			sum[h] = a.loadMasked(a.part(db, h), k)
		}
		a.Label(label)
		for h, k := range masks {
			z := f(a.loadMasked(a.part(y, h), k), a.loadMasked(a.part(dy, h), k))
			a.storeMasked(z, a.part(dz, h), k)
			a.VADDPS(z, sum[h], sum[h])
		}
		for _, p := range []gp{y, dy, dz} {
			a.ADDQ(ld, p)
		}
		a.DECQ(rows)
		a.JNZ(a.jump(label))
		for h, k := range masks {
			a.storeMasked(sum[h], a.part(db, h), k)
		}
	}
	n := a.arg("n")
	a.CMPQ(n, Imm(lanes))
	a.JE(a.jump(label + "full"))
	loop(label+"masked", a.firstLanes(n, true))
	a.end()
	a.Label(label + "full")
	loop(label+"row", make([]laneMask, a.parts()))
}
