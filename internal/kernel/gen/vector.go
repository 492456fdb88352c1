package main

import (
	"math/bits"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

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

	maxAbs(a)

	a.takeLarger()
	a.keepWhere()

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

	// Loads, because prefetch instructions did not have the processor run ahead.
	a.begin("touch", "(lines int, x *float32)", "reads one word of each of so many lines of the cache from x on.")
	x = a.arg("x")
	n := a.arg("lines")
	a.Label("touch")
	a.MOVL(Mem{Base: x}, a.GP32())
	a.ADDQ(Imm(line), x)
	a.DECQ(n)
	a.JNZ(a.jump("touch"))
	a.end()

	pick(a)
}

// pick counts with comparisons of a register at a time: of a few options that takes less time than
// a binary search, each step of which waits for the one before.
func pick(a *asm) {
	a.begin("pick", "(rows, options int, sums, random *float64, choice *int32)",
		"counts the sums of each row, without the last, up to random times the last.")
	rows, row, random, choice := a.arg("rows"), a.arg("sums"), a.arg("random"), a.arg("choice")
	width := a.width() / 2 // of float64
	last, blocks, tail := a.arg("options"), a.GP64(), a.GP64()
	a.DECQ(last)
	a.MOVQ(last, blocks)
	a.SHRQ(Imm(uint64(bits.Len(uint(width-1)))), blocks)
	a.MOVQ(last, tail)
	a.ANDQ(Imm(uint64(width-1)), tail)
	ones := a.GP32()
	a.MOVL(I32(-1), ones)
	a.BZHIL(tail.As32(), ones, ones)
	a.ADDQ(tail, tail) // in lanes
	tails := a.firstLanes(tail, false)[0]

	a.Label("row")
	x := a.XMM()
	a.VMOVSD(mem{Base: random}, x)
	a.VMULSD(mem{Base: row, Index: last, Scale: 8}, x, x)
	limit := a.vec()
	a.VBROADCASTSD(x, limit)
	at, n, count := a.GP64(), a.GP64(), a.GP32()
	a.XORL(count, count)
	a.MOVQ(row, at)
	a.MOVQ(blocks, n)
	a.SUBQ(Imm(1), n)
	a.JL(a.jump("rest"))
	a.Label("block")
	block := a.atMost64(mem{Base: at}, limit)
	a.POPCNTL(block, block)
	a.ADDL(block, count)
	a.ADDQ(Imm(uint64(8*width)), at)
	a.SUBQ(Imm(1), n)
	a.JGE(a.jump("block"))
	a.Label("rest")
	rest := a.atMost64(a.loadMasked(mem{Base: at}, tails), limit)
	a.ANDL(ones, rest)
	a.POPCNTL(rest, rest)
	a.ADDL(rest, count)
	a.MOVL(count, mem{Base: choice})
	a.ADDQ(Imm(4), choice)
	a.ADDQ(Imm(8), random)
	a.LEAQ(mem{Base: row, Index: last, Scale: 8, Disp: 8}, row)
	a.DECQ(rows)
	a.JNZ(a.jump("row"))
	a.end()
}

// atMost64 returns a bit for each float64 of x: whether it is at most limit.
func (a *asm) atMost64(x Op, limit vec) reg.GPVirtual {
	r := a.GP32()
	if a.zmm {
		k := a.K()
		a.VCMPPD(Imm(notBelow), x, limit, k)
		a.KMOVB(k, r)
		return r
	}
	v := a.vec()
	a.VCMPPD(Imm(notBelow), x, limit, v)
	a.VMOVMSKPD(v, r)
	return r
}

// notBelow is the relation of a number that is at least another.
const notBelow = 0x1d

// maxAbs works on the bits of numbers without their sign, whose order as integers is that of the
// absolute values, infinity and NaN on top. Four accumulators keep up with loads from the cache.
func maxAbs(a *asm) {
	a.begin("maxAbs", "(n int, x *float32) (most float32)", "returns the largest absolute value of x, NaN if there is one.")
	n, x := a.arg("n"), a.arg("x")
	magnitude := a.load(a.bits(0x7fffffff))
	const wide = 4
	var most [wide][]vec
	for i := range most {
		most[i] = a.each(a.zero)
	}
	take := func(x Op, most vec) {
		v := a.vec()
		a.and(x, magnitude, v)
		a.maxBits(v, most, most)
	}
	a.SUBQ(Imm(wide*lanes), n)
	a.JL(a.jump("narrow"))
	a.Label("wide")
	for i := range most {
		for h := range most[i] {
			take(at(a.part(x, h), 4*i*lanes), most[i][h])
		}
	}
	a.ADDQ(I32(4*wide*lanes), x)
	a.SUBQ(Imm(wide*lanes), n)
	a.JGE(a.jump("wide"))
	a.Label("narrow")
	a.ADDQ(Imm(wide*lanes), n)
	a.blocks("x", n, nil, []gp{x}, func(masks []laneMask) {
		for h, k := range masks {
			take(a.loadMasked(a.part(x, h), k), most[0][h])
		}
	})
	for _, m := range most[1:] {
		for h := range m {
			a.maxBits(m[h], most[0][h], most[0][h])
		}
	}
	a.Store(a.largestBits(most[0]), a.Return("most"))
	a.end()
}

// takeLarger emits the step of a maximum that remembers where it is from, see TakeLarger.
func (a *asm) takeLarger() {
	a.begin("takeLarger", "(n int, row int32, x, best *float32, from *int32)",
		"takes elements of x that exceed those of best in their place, and row as where they are from.")
	row := a.scalar("row")
	x, best, from := a.arg("x"), a.arg("best"), a.arg("from")
	a.blocks("x", a.arg("n"), nil, []gp{x, best, from}, func(masks []laneMask) {
		for h, k := range masks {
			v, old, source := a.loadMasked(a.part(x, h), k), a.loadMasked(a.part(best, h), k), a.loadMasked(a.part(from, h), k)
			exceeds, lost := a.compare(v, notLessOrEqual, old), a.compare(old, unordered, old)
			a.storeMasked(a.where(lost, old, a.where(exceeds, v, old)), a.part(best, h), k)
			a.storeMasked(a.where(lost, source, a.where(exceeds, row, source)), a.part(from, h), k)
		}
	})
	a.end()
}

// keepWhere emits the gradient of a maximum, see KeepWhere.
func (a *asm) keepWhere() {
	a.begin("keepWhere", "(n int, row int32, from *int32, y, x *float32)",
		"sets x to the elements of y whose from is row, and to 0 elsewhere.")
	row := a.scalar("row")
	from, y, x := a.arg("from"), a.arg("y"), a.arg("x")
	a.blocks("x", a.arg("n"), nil, []gp{from, y, x}, func(masks []laneMask) {
		for h, k := range masks {
			same := a.equal(a.loadMasked(a.part(from, h), k), row)
			a.storeMasked(a.keep(same, a.loadMasked(a.part(y, h), k)), a.part(x, h), k)
		}
	})
	a.end()
}
