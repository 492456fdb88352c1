package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
)

// tileRows is the largest number of rows of a tile of C, by its width in
// registers; every lesser number is generated too. The accumulators, a row of B
// and a spare or two for elements of A must fit the 32 (AVX-512) or 16 (AVX2)
// registers. The wide, low tiles serve the few rows of a single decision.
func (a *asm) tileRows() []int {
	if a.zmm {
		return []int{1: 16, 14, 8, 4, 1, 1, 1, 1}
	}
	return []int{1: 12, 6, 2, 2, 1, 1, 1, 1}
}

func gemm(a *asm) {
	for nv, most := range a.tileRows() {
		for rows := 1; rows <= most; rows++ {
			a.gemmTile(rows, nv)
		}
	}
	a.gemmDot()
	if !a.zmm {
		a.gemmTranspose()
	}
}

const gemmParams = "(blocks, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc, tail int, acc bool)"

// gemmTile sweeps blocks of rows of A over one panel of B:
//
//	C[r, 0:n] (+)= sum over p < k of A[r*rsa + p*csa] * B[p*ldb + 0:n]
//
// for r < blocks*rows, where n = (nv-1)*width + tail. Its free strides for A
// make it serve A, its transpose and packed copies alike; only the panel's last
// register is masked, so no shape needs special code at the edges.
func (a *asm) gemmTile(rows, nv int) {
	a.begin(fmt.Sprintf("gemm%dx%d", rows, nv), gemmParams)
	w := a.width() * 4

	// Row r is at base[r/12] + (r%12)*rsa, in address modes that know the odd
	// multiples of rsa.
	const rowsPerBase = 12
	base := make([]gp, (rows+rowsPerBase-1)/rowsPerBase)
	base[0] = a.arg("a")
	odd := map[int]gp{1: a.bytes("rsa")}
	for o := 3; o < min(rows, rowsPerBase); o += 2 {
		odd[o] = a.GP64()
		a.LEAQ(Mem{Base: odd[o-2], Index: odd[1], Scale: 2}, odd[o])
	}
	for i := 1; i < len(base); i++ {
		base[i] = a.GP64()
		a.IMUL3Q(Imm(uint64(rowsPerBase*i)), odd[1], base[i])
		a.ADDQ(base[0], base[i])
	}
	row := func(r int) Mem {
		m := Mem{Base: base[r/rowsPerBase]}
		if r %= rowsPerBase; r == 0 {
			return m
		}
		m.Scale = 1
		for r%2 == 0 {
			r, m.Scale = r/2, m.Scale*2
		}
		m.Index = odd[r]
		return m
	}
	csa := a.bytes("csa")
	ldb := a.bytes("ldb")
	c := a.arg("c")
	tail := a.arg("tail")

	// Masked loads and stores cost AVX2 dearly, so it has a loop for full panels.
	if !a.zmm {
		a.CMPQ(tail, Imm(uint64(a.width())))
		a.JE(a.jump("full"))
	}
	mask := a.firstLanes(tail, false)[0]
	loop := func(mask laneMask, suffix string) {
		last := func(v int) laneMask {
			if v == nv-1 {
				return mask
			}
			return laneMask{}
		}
		a.Label("block" + suffix)
		acc := make([][]vec, rows)
		for r := range acc {
			acc[r] = make([]vec, nv)
			for v := range acc[r] {
				acc[r][v] = a.zero()
			}
		}
		flag := a.Load(a.Param("acc"), a.GP32())
		a.TESTL(flag, flag)
		a.JZ(a.jump("start" + suffix))
		ldc := a.bytes("ldc")
		p := a.GP64()
		a.MOVQ(c, p)
		for r := range acc {
			for v := range acc[r] {
				a.loadInto(acc[r][v], Mem{Base: p, Disp: v * w}, last(v))
			}
			if r < rows-1 {
				a.ADDQ(ldc, p)
			}
		}
		a.Label("start" + suffix)
		b := a.arg("b")
		k := a.arg("k")
		a.Label("loop" + suffix)
		if rows == 1 && nv > 1 {
			// One row uses each register of B once: straight from memory.
			x := a.vec()
			a.VBROADCASTSS(row(0), x)
			for v := range nv {
				m := Mem{Base: b, Disp: v * w}
				if k := last(v); k.all() {
					a.VFMADD231PS(m, x, acc[0][v])
				} else {
					a.VFMADD231PS(a.loadMasked(m, k), x, acc[0][v])
				}
			}
		} else {
			bv := make([]vec, nv)
			for v := range bv {
				bv[v] = a.loadMasked(Mem{Base: b, Disp: v * w}, last(v))
			}
			for r := range rows {
				if a.zmm && nv == 1 {
					a.VFMADD231PS_BCST(row(r), bv[0], acc[r][0])
					continue
				}
				x := a.vec()
				a.VBROADCASTSS(row(r), x)
				for v := range bv {
					a.VFMADD231PS(bv[v], x, acc[r][v])
				}
			}
		}
		a.ADDQ(ldb, b)
		for i := range base {
			a.ADDQ(csa, base[i])
		}
		a.DECQ(k)
		a.JNZ(a.jump("loop" + suffix))

		ldc = a.bytes("ldc")
		for r := range acc {
			for v := range acc[r] {
				a.storeMasked(acc[r][v], Mem{Base: c, Disp: v * w}, last(v))
			}
			a.ADDQ(ldc, c)
		}
		a.DECQ(a.slot("blocks"))
		a.JZ(a.jump("done"))
		// To the next rows: forward by rows*rsa, back by k*csa.
		back, step := a.arg("k"), a.GP64()
		a.IMULQ(csa, back)
		a.IMUL3Q(Imm(uint64(rows)), odd[1], step)
		a.SUBQ(back, step)
		for i := range base {
			a.ADDQ(step, base[i])
		}
		a.JMP(a.jump("block" + suffix))
	}
	loop(mask, "")
	if !a.zmm {
		a.Label("full")
		loop(laneMask{}, "full")
	}
	a.Label("done")
	a.end()
}

// gemmDot takes the inner products of one vector with groups of four rows, in
// 16 lanes that are summed at the end.
func (a *asm) gemmDot() {
	a.begin("gemmDot4", "(groups, k int, a *float32, b *float32, ldb int, c *float32, ldc int)",
		"computes c[j*ldc] = sum over p < k of a[p] * b[j*ldb + p] for j < 4*groups.")
	start := a.arg("b")
	ldb := a.bytes("ldb")
	ldb3 := a.GP64()
	a.LEAQ(Mem{Base: ldb, Index: ldb, Scale: 2}, ldb3)
	c := a.arg("c")
	ldc := a.bytes("ldc")
	tail := a.arg("k")
	a.ANDQ(Imm(lanes-1), tail)
	masks := a.firstLanes(tail, true)

	a.Label("group")
	x := a.arg("a")
	k := a.arg("k")
	b := a.GP64()
	a.MOVQ(start, b)
	rows := [4]Mem{{Base: b}, {Base: b, Index: ldb, Scale: 1}, {Base: b, Index: ldb, Scale: 2}, {Base: b, Index: ldb3, Scale: 1}}
	var acc [4][]vec
	for i := range acc {
		for range a.parts() {
			acc[i] = append(acc[i], a.zero())
		}
	}
	step := func(masks []laneMask) {
		for h := range a.parts() {
			xv := a.loadMasked(Mem{Base: x, Disp: 32 * h}, masks[h])
			for i, r := range rows {
				if r = at(r, 32*h); masks[h].all() {
					a.VFMADD231PS(r, xv, acc[i][h])
				} else {
					a.VFMADD231PS(a.loadMasked(r, masks[h]), xv, acc[i][h])
				}
			}
		}
	}
	a.SUBQ(Imm(lanes), k)
	a.JL(a.jump("tail"))
	a.Label("loop")
	step(make([]laneMask, a.parts()))
	a.ADDQ(Imm(lanes*4), x)
	a.ADDQ(Imm(lanes*4), b)
	a.SUBQ(Imm(lanes), k)
	a.JGE(a.jump("loop"))
	a.Label("tail")
	a.ADDQ(Imm(lanes), k)
	a.JZ(a.jump("reduce"))
	step(masks)
	a.Label("reduce")
	s := a.sum4(acc)
	a.VMOVSS(s, Mem{Base: c})
	for i := range 3 {
		a.ADDQ(ldc, c)
		a.VEXTRACTPS(Imm(uint64(i+1)), s, Mem{Base: c})
	}
	a.ADDQ(ldc, c)
	a.LEAQ(Mem{Base: start, Index: ldb, Scale: 4}, start)
	a.DECQ(a.slot("groups"))
	a.JNZ(a.jump("group"))
	a.end()
}

// gemmTranspose copies eight rows as eight columns:
//
//	dst[p*ldd + j] = src[j*lds + p]   for j < 8, p < k
func (a *asm) gemmTranspose() {
	a.begin("gemmTranspose8", "(k int, src *float32, lds int, dst *float32, ldd int)")
	k := a.arg("k")
	src := a.arg("src")
	dst := a.arg("dst")
	rows := func(base gp, ld gp) (m [8]Mem) {
		l3, l5, l7 := a.GP64(), a.GP64(), a.GP64()
		a.LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, l3)
		a.LEAQ(Mem{Base: ld, Index: ld, Scale: 4}, l5)
		a.LEAQ(Mem{Base: l3, Index: ld, Scale: 4}, l7)
		return [8]Mem{{Base: base}, {Base: base, Index: ld, Scale: 1}, {Base: base, Index: ld, Scale: 2}, {Base: base, Index: l3, Scale: 1},
			{Base: base, Index: ld, Scale: 4}, {Base: base, Index: l5, Scale: 1}, {Base: base, Index: l3, Scale: 2}, {Base: base, Index: l7, Scale: 1}}
	}
	lds := a.bytes("lds")
	from := rows(src, lds)
	ldd := a.bytes("ldd")

	// columns turns rows i and i+4 side by side, in halves of four columns, into
	// the eight columns, one after the other.
	columns := func(r [2][4]vec, use func(vec)) {
		for _, q := range r {
			var t [4]vec
			for i := range t {
				t[i] = a.YMM()
			}
			a.VUNPCKLPS(q[1], q[0], t[0])
			a.VUNPCKHPS(q[1], q[0], t[1])
			a.VUNPCKLPS(q[3], q[2], t[2])
			a.VUNPCKHPS(q[3], q[2], t[3])
			for i := range 4 {
				v := a.YMM()
				a.VSHUFPS(Imm([]uint64{0x44, 0xee}[i%2]), t[2+i/2], t[i/2], v)
				use(v)
			}
		}
	}

	a.SUBQ(Imm(8), k)
	a.JL(a.jump("tail"))
	a.Label("loop")
	var r [2][4]vec
	for i := range 4 {
		for h := range r {
			r[h][i] = a.YMM()
			a.VMOVUPS(at(from[i], 16*h), r[h][i].AsX())
			a.VINSERTF128(Imm(1), at(from[i+4], 16*h), r[h][i], r[h][i])
		}
	}
	columns(r, func(v vec) {
		a.VMOVUPS(v, Mem{Base: dst})
		a.ADDQ(ldd, dst)
	})
	a.ADDQ(Imm(32), src)
	a.SUBQ(Imm(8), k)
	a.JGE(a.jump("loop"))

	a.Label("tail")
	a.ADDQ(Imm(8), k)
	a.JZ(a.jump("done"))
	n := a.GP64()
	a.MOVQ(k, n)
	mask := a.firstLanes(n, false)[0]
	for i := range 4 {
		top, bottom := a.loadMasked(from[i], mask), a.loadMasked(from[i+4], mask)
		r[0][i], r[1][i] = a.YMM(), a.YMM()
		a.VINSERTF128(Imm(1), bottom.AsX(), top, r[0][i])
		a.VPERM2F128(Imm(0x31), bottom, top, r[1][i])
	}
	columns(r, func(v vec) {
		a.VMOVUPS(v, Mem{Base: dst})
		a.ADDQ(ldd, dst)
		a.DECQ(k)
		a.JZ(a.jump("done"))
	})
	a.Label("done")
	a.end()
}
