package main

import . "github.com/mmcloughlin/avo/operand"

// The edge kernels compute, for each edge e and 16 columns at a time,
//
//	pre = u[src[e]] + w[dst[e]] + sum over q < nf of x[e,q] * wx[q]
//
// and what follows from it. Each column is a chain of fused multiply-adds in the
// order of q. The rows of wx and v come packed by registers: for each
// register of columns its part of wx[0], ..., wx[nf-1], v, padded with zeros; so
// one pointer runs through them. Missing node rows come as one row of zeros with
// ldu or ldw zero.
func edge(a *asm) {
	a.edgeDot()
	a.edgeAggregate()
	a.edgeBackward("edgeDotBackward", true)
	a.edgeBackward("edgeAggregateBackward", false)
}

// edges is the state the kernels share.
type edges struct {
	*asm
	off    gp // offset in bytes of the current columns
	params gp // packed parameters of the current columns
	x      gp // the edge's features
	slope  vec
}

// newEdges loads the common parameters.
func (a *asm) newEdges() *edges {
	return &edges{asm: a, slope: a.scalar("slope"), x: a.arg("x"), off: a.GP64(), params: a.GP64()}
}

// row returns a pointer to the row of the matrix called name, ld elements apart,
// whose index is at idx.
func (s *edges) row(idx Mem, name, ld string) gp {
	r := s.GP64()
	s.MOVLQSX(idx, r)
	s.IMULQ(s.slot(ld), r)
	s.SHLQ(Imm(2), r)
	s.ADDQ(s.slot(name), r)
	return r
}

// columns runs body over the columns of h, 16 at a time, the last ones masked.
func (s *edges) columns(tails []laneMask, body func(label string, masks []laneMask)) {
	s.XORQ(s.off, s.off)
	s.MOVQ(s.slot("params"), s.params)
	s.CMPQ(s.slot("h"), Imm(0))
	s.JE(s.jump("tail"))
	s.Label("columns")
	body("full", make([]laneMask, s.parts()))
	s.ADDQ(Imm(4*lanes), s.off)
	s.CMPQ(s.off, s.slot("h"))
	s.JL(s.jump("columns"))
	s.Label("tail")
	s.CMPQ(s.slot("tail"), Imm(0))
	s.JE(s.jump("end"))
	body("masked", tails)
	s.Label("end")
}

// splitColumns turns the parameter h into the bytes of its whole blocks and tail
// into the number of columns of the last block, and returns its masks.
func (s *edges) splitColumns() []laneMask {
	h, tail := s.arg("h"), s.GP64()
	s.MOVQ(h, tail)
	s.ANDQ(Imm(lanes-1), tail)
	s.MOVQ(tail, s.slot("tail"))
	s.MOVQ(tail, s.slot("masks"))
	s.SUBQ(tail, h)
	s.SHLQ(Imm(2), h)
	s.MOVQ(h, s.slot("h"))
	return s.firstLanesIn("masks")
}

// here is the h-th register of the current columns of a row.
func (s *edges) here(row gp, h int) Mem {
	return Mem{Base: row, Index: s.off, Scale: 1, Disp: 4 * h * s.width()}
}

// add adds the current columns of a row to sum.
func (s *edges) add(row gp, h int, k laneMask, sum vec) {
	if m := s.here(row, h); k.all() {
		s.VADDPS(m, sum, sum)
	} else {
		s.VADDPS(s.loadMasked(m, k), sum, sum)
	}
}

// features runs body once for every edge feature, with params at its weights and
// x at the feature; x is restored afterwards.
func (s *edges) features(label string, body func()) {
	q, size := s.arg("nf"), s.GP64()
	s.TESTQ(q, q)
	s.JZ(s.jump(label + "_none"))
	s.LEAQ(Mem{Base: q, Index: q, Scale: 1}, size)
	s.ADDQ(size, size)
	s.Label(label)
	body()
	s.ADDQ(Imm(4), s.x)
	s.ADDQ(Imm(uint64(4*s.width())), s.params)
	s.DECQ(q)
	s.JNZ(s.jump(label))
	s.SUBQ(size, s.x)
	s.Label(label + "_none")
}

// partLabel names the code for one register of a block.
func partLabel(label string, h int) string { return label + string(rune('a'+h)) }

// addFeature adds x*weights to sum for the feature at x.
func (s *edges) addFeature(x Mem, weights Op, sum vec) {
	if _, inMemory := weights.(Mem); s.zmm && !inMemory {
		s.VFMADD231PS_BCST(x, weights, sum)
		return
	}
	b := s.vec()
	s.VBROADCASTSS(x, b)
	s.VFMADD231PS(weights, b, sum)
}

// edgeDot takes four edges at a time, which share the loads of wx and v and the
// final sums over lanes.
func (a *asm) edgeDot() {
	a.begin("edgeDot", "(groups, h, tail, masks int, src, dst *int32, u *float32, ldu int, w *float32, ldw int, x *float32, nf int, params *float32, slope float32, out *float32)",
		"scores groups of four edges; tail and masks are scratch.")
	s := a.newEdges()
	tails := s.splitColumns()
	stride, stride3 := a.bytes("nf"), a.GP64()
	a.LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	x := [4]Mem{{Base: s.x}, {Base: s.x, Index: stride, Scale: 1}, {Base: s.x, Index: stride, Scale: 2}, {Base: s.x, Index: stride3, Scale: 1}}

	a.Label("group")
	var u, w [4]gp
	idx := a.arg("src")
	for i := range u {
		u[i] = s.row(Mem{Base: idx, Disp: 4 * i}, "u", "ldu")
	}
	idx = a.arg("dst")
	for i := range w {
		w[i] = s.row(Mem{Base: idx, Disp: 4 * i}, "w", "ldw")
	}
	var sum [4][]vec
	for i := range sum {
		sum[i] = a.each(a.zero)
	}
	s.columns(tails, func(label string, masks []laneMask) {
		for h, k := range masks {
			var pre [4]vec
			for i := range pre {
				pre[i] = a.loadMasked(s.here(u[i], h), k)
				s.add(w[i], h, k, pre[i])
			}
			s.features(partLabel(label, h), func() {
				weights := a.load(Mem{Base: s.params})
				for i := range pre {
					s.addFeature(x[i], weights, pre[i])
				}
			})
			for i := range pre {
				a.VFMADD231PS(Mem{Base: s.params}, a.leaky(pre[i], s.slope), sum[i][h])
			}
			a.ADDQ(Imm(uint64(4*a.width())), s.params)
		}
	})
	out := a.arg("out")
	a.VMOVUPS(a.sum4(sum), Mem{Base: out})
	for _, p := range []string{"src", "dst", "out"} {
		a.ADDQ(Imm(16), a.slot(p))
	}
	a.LEAQ(Mem{Base: s.x, Index: stride, Scale: 4}, s.x)
	a.DECQ(a.slot("groups"))
	a.JNZ(a.jump("group"))
	a.end()
}

// nextEdge moves on to the next edge and jumps to label if there is one.
func (s *edges) nextEdge(label string) {
	s.ADDQ(Imm(4), s.slot("src"))
	s.ADDQ(Imm(4), s.slot("dst"))
	nf := s.arg("nf")
	s.LEAQ(Mem{Base: s.x, Index: nf, Scale: 4}, s.x)
	s.DECQ(s.slot("n"))
	s.JNZ(s.jump(label))
}

func (a *asm) edgeAggregate() {
	a.begin("edgeAggregate", "(n, h, tail, masks int, src, dst *int32, u *float32, ldu int, w *float32, ldw int, x *float32, nf int, params *float32, slope float32, coef *float32, coefStep int, y *float32, ldy int)",
		"adds the messages of n edges to y; tail and masks are scratch, coefStep 1 or 0.")
	s := a.newEdges()
	tails := s.splitColumns()
	coef, coefStep := a.arg("coef"), a.bytes("coefStep")
	a.Label("edge")
	src, dst := a.arg("src"), a.arg("dst")
	u, w, y := s.row(Mem{Base: src}, "u", "ldu"), s.row(Mem{Base: dst}, "w", "ldw"), s.row(Mem{Base: dst}, "y", "ldy")
	c := a.vec()
	a.VBROADCASTSS(Mem{Base: coef}, c)
	a.ADDQ(coefStep, coef)
	s.columns(tails, func(label string, masks []laneMask) {
		for h, k := range masks {
			pre := a.loadMasked(s.here(u, h), k)
			s.add(w, h, k, pre)
			s.features(partLabel(label, h), func() { s.addFeature(Mem{Base: s.x}, Mem{Base: s.params}, pre) })
			sum := a.loadMasked(s.here(y, h), k)
			a.VFMADD231PS(a.leaky(pre, s.slope), c, sum)
			a.storeMasked(sum, s.here(y, h), k)
			a.ADDQ(Imm(uint64(4*a.width())), s.params)
		}
	})
	s.nextEdge("edge")
	a.end()
}

// edgeBackward emits the gradients of edgeDot, or of edgeAggregate. The former's
// upstream gradient is scale[e]*v, the latter's scale[e]*up[dst[e]]. The
// gradients of the packed parameters are gradOffset bytes behind these.
func (a *asm) edgeBackward(name string, dot bool) {
	up := ", up *float32, ldup int"
	if dot {
		up = ""
	}
	a.begin(name, "(n, h, tail, masks int, src, dst *int32, u *float32, ldu int, w *float32, ldw int, x *float32, nf int, params *float32, slope float32, scale *float32, scaleStep int"+up+", du *float32, lddu int, dw *float32, lddw int, gradOffset int)",
		"adds to du, dw and the gradients of the packed parameters; tail and masks are scratch.")
	s := a.newEdges()
	tails := s.splitColumns()
	a.Label("edge")
	src, dst := Mem{Base: a.arg("src")}, Mem{Base: a.arg("dst")}
	u, w := s.row(src, "u", "ldu"), s.row(dst, "w", "ldw")
	du, dw := s.row(src, "du", "lddu"), s.row(dst, "dw", "lddw")
	var upRow gp
	if !dot {
		upRow = s.row(dst, "up", "ldup")
	}
	grad := Mem{Base: s.params, Index: a.arg("gradOffset"), Scale: 1}
	scale, c := a.arg("scale"), a.vec()
	a.VBROADCASTSS(Mem{Base: scale}, c)
	step := a.bytes("scaleStep")
	a.ADDQ(step, a.slot("scale"))
	s.columns(tails, func(label string, masks []laneMask) {
		for h, k := range masks {
			pre := a.loadMasked(s.here(u, h), k)
			s.add(w, h, k, pre)
			s.features(partLabel(label, h), func() { s.addFeature(Mem{Base: s.x}, Mem{Base: s.params}, pre) })
			g := a.vec()
			if dot {
				dv := a.load(grad)
				a.VFMADD231PS(a.leaky(pre, s.slope), c, dv)
				a.VMOVUPS(dv, grad)
				a.VMULPS(Mem{Base: s.params}, c, g)
			} else {
				a.VMULPS(a.loadMasked(s.here(upRow, h), k), c, g)
			}
			less := a.vec()
			a.VMULPS(s.slope, g, less)
			g = a.where(a.compare(pre, greater, a.zero()), g, less)
			for _, row := range []gp{du, dw} {
				sum := a.loadMasked(s.here(row, h), k)
				a.VADDPS(g, sum, sum)
				a.storeMasked(sum, s.here(row, h), k)
			}
			// Back to the first feature's weights, for their gradients.
			back := a.arg("nf")
			a.SHLQ(Imm(map[int]uint64{8: 5, 16: 6}[a.width()]), back)
			a.SUBQ(back, s.params)
			s.features(partLabel(label, h)+"_grad", func() {
				sum := a.load(grad)
				s.addFeature(Mem{Base: s.x}, g, sum)
				a.VMOVUPS(sum, grad)
			})
			a.ADDQ(Imm(uint64(4*a.width())), s.params)
		}
	})
	s.nextEdge("edge")
	a.end()
}
