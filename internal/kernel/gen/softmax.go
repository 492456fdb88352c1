package main

import (
	"math"

	. "github.com/mmcloughlin/avo/operand"
)

func softmax(a *asm) {
	a.begin("segmentSoftmax", "(segments int, ptr *int32, z, p *float32)")
	a.preload(a.segmentSoftmax)
	a.end()

	a.begin("segmentSoftmaxCE", "(segments int, ptr *int32, z, t, dz *float32, before float64) (loss float64)", "returns before plus the loss.")
	a.preload(a.segmentSoftmaxCE)
	a.end()

	a.begin("sigmoidBCE", "(n int, z, t, dz *float32) (loss float64)")
	a.preload(a.sigmoidBCE)
	a.end()
}

// segment walks the segments of the parameter ptr and runs body for each that is
// not empty, with the masks of its last block. at returns a new pointer to the
// segment's start in the parameter called name, length its number of elements.
func (a *asm) segment(body func(masks []laneMask, at func(name string) gp, length func() gp)) {
	ptr := a.arg("ptr")
	lo, n := a.GP64(), a.GP64()
	a.Label("segment")
	a.MOVLQSX(Mem{Base: ptr}, lo)
	a.MOVLQSX(Mem{Base: ptr, Disp: 4}, n)
	a.SUBQ(lo, n)
	a.JZ(a.jump("next"))
	tail := a.GP64()
	a.MOVQ(n, tail)
	a.ANDQ(Imm(lanes-1), tail)
	body(a.firstLanes(tail, true), func(name string) gp {
		p := a.arg(name)
		a.LEAQ(Mem{Base: p, Index: lo, Scale: 4}, p)
		return p
	}, func() gp {
		m := a.GP64()
		a.MOVQ(n, m)
		return m
	})
	a.Label("next")
	a.ADDQ(Imm(4), ptr)
	a.DECQ(a.slot("segments"))
	a.JNZ(a.jump("segment"))
}

func (a *asm) segmentSoftmax() {
	a.segment(func(masks []laneMask, at func(string) gp, length func() gp) {
		z := at("z")
		tops := a.each(func() vec { return a.load(a.num(math.Inf(-1))) })
		a.blocks("max", length(), masks, []gp{z}, func(masks []laneMask) {
			for h, k := range masks {
				a.raise(tops[h], a.part(z, h), k)
			}
		})
		top := a.broadcast(a.largest(tops))

		z, p := at("z"), at("p")
		sums := a.each(a.zero)
		a.blocks("exp", length(), masks, []gp{z, p}, func(masks []laneMask) {
			for h, k := range masks {
				below := a.loadMasked(a.part(z, h), k)
				a.VSUBPS(top, below, below)
				e := a.expMasked(below, k)
				a.storeMasked(e, a.part(p, h), k)
				a.VADDPS(e, sums[h], sums[h])
			}
		})
		scale := a.load(a.num(1))
		a.VDIVPS(a.broadcast(a.sum(sums)), scale, scale)

		p = at("p")
		a.blocks("scale", length(), masks, []gp{p}, func(masks []laneMask) {
			for h, k := range masks {
				e := a.loadMasked(a.part(p, h), k)
				a.VMULPS(scale, e, e)
				a.storeMasked(e, a.part(p, h), k)
			}
		})
	})
}

// raise sets top to max(top, m) in the masked lanes.
func (a *asm) raise(top vec, m Mem, k laneMask) {
	switch x := a.loadMasked(m, k); {
	case k.all():
		a.VMAXPS(x, top, top)
	case a.zmm:
		a.VMAXPS(x, top, k.k, top)
	default:
		a.VMAXPS(a.where(k, x, top), top, top)
	}
}

// expMasked returns exp(x) for x <= 0, and zero outside the mask.
func (a *asm) expMasked(x vec, k laneMask) vec {
	e := a.expNegative(x)
	if k.all() {
		return e
	}
	return a.keep(k, e)
}

func (a *asm) segmentSoftmaxCE() {
	loss, mass := a.slot("before"), a.AllocLocal(8)
	a.segment(func(masks []laneMask, at func(string) gp, length func() gp) {
		z, t := at("z"), at("t")
		tops := a.each(func() vec { return a.load(a.num(math.Inf(-1))) })
		masses := a.each(a.zero)
		a.blocks("max", length(), masks, []gp{z, t}, func(masks []laneMask) {
			for h, k := range masks {
				a.raise(tops[h], a.part(z, h), k)
				a.VADDPS(a.loadMasked(a.part(t, h), k), masses[h], masses[h])
			}
		})
		top := a.broadcast(a.largest(tops))
		a.VMOVSS(a.sum(masses), mass)

		// exp(z - top) into dz, its sum, and the sum of t (top - z).
		z, t, dz := at("z"), at("t"), at("dz")
		sums, crosses := a.each(a.zero), a.each(a.zero)
		a.blocks("exp", length(), masks, []gp{z, t, dz}, func(masks []laneMask) {
			for h, k := range masks {
				below, target := a.loadMasked(a.part(z, h), k), a.loadMasked(a.part(t, h), k)
				a.VSUBPS(top, below, below)
				a.VFNMADD231PS(a.keep(a.compare(target, notEqual, a.zero()), below), target, crosses[h])
				e := a.expMasked(below, k)
				a.storeMasked(e, a.part(dz, h), k)
				a.VADDPS(e, sums[h], sums[h])
			}
		})
		total := a.broadcast(a.sum(sums))

		// loss += sum of t (top - z) + mass log total
		cross, product := a.XMM(), a.XMM()
		a.VCVTSS2SD(a.log(total).AsX(), product, product)
		a.VCVTSS2SD(mass, product, cross)
		a.VMULSD(cross, product, product)
		s := a.sum(crosses)
		a.VCVTSS2SD(s, s, s)
		a.VADDSD(product, s, s)
		a.VADDSD(loss, s, s)
		a.VMOVSD(s, loss)

		scale := a.broadcast(mass)
		a.VDIVPS(total, scale, scale)
		t, dz = at("t"), at("dz")
		a.blocks("grad", length(), masks, []gp{t, dz}, func(masks []laneMask) {
			for h, k := range masks {
				e := a.loadMasked(a.part(dz, h), k)
				a.VFMSUB213PS(a.loadMasked(a.part(t, h), k), scale, e)
				a.storeMasked(e, a.part(dz, h), k)
			}
		})
	})
	s := a.XMM()
	a.VMOVSD(loss, s)
	a.Store(s, a.Return("loss"))
}

func (a *asm) sigmoidBCE() {
	z, t, dz := a.arg("z"), a.arg("t"), a.arg("dz")
	loss := a.zeros64()
	a.blocks("x", a.arg("n"), nil, []gp{z, t, dz}, func(masks []laneMask) {
		for h, k := range masks {
			x, target := a.loadMasked(a.part(z, h), k), a.loadMasked(a.part(t, h), k)
			e := a.expOfMinusAbs(x)
			// max(x, 0) - x t vanishes where x is large and right: log1p keeps the
			// rest of the loss.
			l := a.relu(x)
			a.VFNMADD231PS(x, target, l)
			a.VADDPS(a.log1p(e), l, l)
			if !k.all() {
				l = a.keep(k, l)
			}
			for i, d := range a.doubles(l) {
				a.VADDPD(d, loss[h][i], loss[h][i])
			}
			p := a.sigmoidFrom(x, e)
			a.VSUBPS(target, p, p)
			a.storeMasked(p, a.part(dz, h), k)
		}
	})
	a.Store(a.sum64(loss), a.Return("loss"))
}
