package main

import . "github.com/mmcloughlin/avo/operand"

func vector(a *asm) {
	a.begin("axpy", "(n int, alpha float32, x, y *float32)", "adds alpha*x to y.")
	alpha := a.scalar("alpha")
	x, y := a.arg("x"), a.arg("y")
	a.blocks("x", a.arg("n"), nil, []gp{x, y}, func(masks []laneMask) {
		for h, k := range masks {
			s := a.loadMasked(a.part(y, h), k)
			a.VFMADD231PS(a.loadMasked(a.part(x, h), k), alpha, s)
			a.storeMasked(s, a.part(y, h), k)
		}
	})
	a.end()

	a.begin("scale", "(n int, alpha float32, x *float32)", "multiplies x by alpha.")
	alpha = a.scalar("alpha")
	x = a.arg("x")
	a.blocks("x", a.arg("n"), nil, []gp{x}, func(masks []laneMask) {
		for h, k := range masks {
			v := a.loadMasked(a.part(x, h), k)
			a.VMULPS(alpha, v, v)
			a.storeMasked(v, a.part(x, h), k)
		}
	})
	a.end()

	a.begin("dot", "(n int, x, y *float32) (sum float32)", "returns the inner product of x and y.")
	x, y = a.arg("x"), a.arg("y")
	sum := a.each(a.zero)
	a.blocks("x", a.arg("n"), nil, []gp{x, y}, func(masks []laneMask) {
		for h, k := range masks {
			a.VFMADD231PS(a.loadMasked(a.part(x, h), k), a.loadMasked(a.part(y, h), k), sum[h])
		}
	})
	a.Store(a.sum(sum), a.Return("sum"))
	a.end()

	a.begin("sumSquares", "(n int, x *float32) (sum float64)", "returns the sum of the squares of x.")
	x = a.arg("x")
	sum64 := a.zeros64()
	a.blocks("x", a.arg("n"), nil, []gp{x}, func(masks []laneMask) {
		for h, k := range masks {
			for i, d := range a.doubles(a.loadMasked(a.part(x, h), k)) {
				a.VFMADD231PD(d, d, sum64[h][i])
			}
		}
	})
	a.Store(a.sum64(sum64), a.Return("sum"))
	a.end()

	a.begin("finite", "(n int, x *float32) (sum float32)", "returns 0 if all of x are finite, else NaN.")
	x = a.arg("x")
	bad, nothing := a.each(a.zero), a.zero()
	a.blocks("x", a.arg("n"), nil, []gp{x}, func(masks []laneMask) {
		for h, k := range masks {
			v := a.loadMasked(a.part(x, h), k)
			a.VMULPS(nothing, v, v) // 0 or -0 of finite numbers
			a.or(v, bad[h], bad[h])
		}
	})
	a.Store(a.sum(bad), a.Return("sum"))
	a.end()

	a.begin("scatterAdd", "(rows, f int, idx *int32, x, y *float32)", "adds the rows of x, of f elements, to the rows idx of y.")
	tail := a.arg("f")
	a.ANDQ(Imm(lanes-1), tail)
	tails := a.firstLanes(tail, true)
	idx, x := a.arg("idx"), a.arg("x")
	a.Label("row")
	y = a.GP64()
	a.MOVLQSX(Mem{Base: idx}, y)
	a.IMULQ(a.slot("f"), y)
	a.SHLQ(Imm(2), y)
	a.ADDQ(a.slot("y"), y)
	a.blocks("x", a.arg("f"), tails, []gp{x, y}, func(masks []laneMask) {
		for h, k := range masks {
			v := a.loadMasked(a.part(x, h), k)
			a.VADDPS(a.loadMasked(a.part(y, h), k), v, v)
			a.storeMasked(v, a.part(y, h), k)
		}
	})
	a.ADDQ(Imm(4), idx)
	a.DECQ(a.slot("rows"))
	a.JNZ(a.jump("row"))
	a.end()

	a.begin("maxIndex", "(n int, idx *int32) (largest uint32)", "returns the largest of n indices, taken as unsigned.")
	x = a.arg("idx")
	top := a.each(a.zero)
	a.blocks("x", a.arg("n"), nil, []gp{x}, func(masks []laneMask) {
		for h, k := range masks {
			a.VPMAXUD(a.loadMasked(a.part(x, h), k), top[h], top[h])
		}
	})
	m, t := a.YMM(), a.XMM()
	if a.zmm {
		a.VEXTRACTI64X4(Imm(1), top[0], m)
		a.VPMAXUD(m, top[0].AsY(), m)
	} else {
		a.VPMAXUD(top[1], top[0], m)
	}
	s := a.upper(m)
	a.VPMAXUD(s, m.AsX(), s)
	for _, order := range []uint64{swapPairs, swapNeighbours} {
		a.VPSHUFD(Imm(order), s, t)
		a.VPMAXUD(t, s, s)
	}
	r := a.GP32()
	a.VMOVD(s, r)
	a.Store(r, a.Return("largest"))
	a.end()
}
