package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
)

// The edge kernels compute, for each edge e,
//
//	pre = u[src[e]] + w[dst[e]] + sum over q < nf of x[e,q] * wx[q]
//
// and what follows from it. Each column is a chain of fused multiply-adds in the
// order of q. The rows of u, w, wx and the like are ldu, ldw, ldwx apart; a zero
// there makes one row serve all.
func edge(a *asm) {
	a.edgeDot()
	a.edgeAggregate()
	a.edgeBackward("edgeDotBackward", true)
	a.edgeBackward("edgeAggregateBackward", false)
}

// edgeDot takes four edges at a time, which share the loads of wx and v and the
// final sums over lanes.
func (a *asm) edgeDot() {
	a.begin("edgeDot", "(groups, h, tail, masks int, src, dst *int32, u *float32, ldu int, w *float32, ldw int, x *float32, nf int, wx *float32, ldwx int, v *float32, slope float32, out *float32)",
		"scores groups of four edges; tail and masks are scratch.")
	slope := a.scalar("slope")
	// h becomes the bytes of whole blocks, tail the columns that are left.
	h, tail := a.arg("h"), a.GP64()
	a.MOVQ(h, tail)
	a.ANDQ(Imm(lanes-1), tail)
	a.MOVQ(tail, a.slot("tail"))
	a.MOVQ(tail, a.slot("masks"))
	a.SUBQ(tail, h)
	a.SHLQ(Imm(2), h)
	a.MOVQ(h, a.slot("h"))
	tails := a.firstLanesIn("masks")
	a.toBytes("ldu", "ldw", "ldwx")

	x, nf, nf3 := a.arg("x"), a.bytes("nf"), a.GP64()
	a.LEAQ(Mem{Base: nf, Index: nf, Scale: 2}, nf3)
	xs := [4]Mem{{Base: x}, {Base: x, Index: nf, Scale: 1}, {Base: x, Index: nf, Scale: 2}, {Base: x, Index: nf3, Scale: 1}}

	a.Label("group")
	nodes := func(index, name string) (rows [4]gp) {
		idx := a.arg(index)
		for i := range rows {
			rows[i] = a.GP64()
			a.MOVLQSX(Mem{Base: idx, Disp: 4 * i}, rows[i])
			a.IMULQ(a.slot("ld"+name), rows[i])
			a.ADDQ(a.slot(name), rows[i])
		}
		return rows
	}
	u, w := nodes("src", "u"), nodes("dst", "w")
	var sum [4][]vec
	for i := range sum {
		sum[i] = a.each(a.zero)
	}
	off := a.GP64()
	a.XORQ(off, off)
	columns := func(label string, masks []laneMask) {
		for h, k := range masks {
			here := func(row gp) Mem { return Mem{Base: row, Index: off, Scale: 1, Disp: 4 * h * a.width()} }
			var pre [4]vec
			for i := range pre {
				pre[i] = a.loadMasked(here(u[i]), k)
				a.addMasked(here(w[i]), k, pre[i])
			}
			label := fmt.Sprint(label, h)
			q, wx := a.arg("nf"), a.arg("wx")
			a.TESTQ(q, q)
			a.JZ(a.jump(label + "score"))
			a.Label(label + "feature")
			weights := a.loadMasked(here(wx), k)
			for i := range pre {
				a.addProduct(xs[i], weights, pre[i])
			}
			a.ADDQ(Imm(4), x)
			a.ADDQ(a.slot("ldwx"), wx)
			a.DECQ(q)
			a.JNZ(a.jump(label + "feature"))
			a.SUBQ(nf, x)
			a.Label(label + "score")
			v := a.loadMasked(here(a.arg("v")), k)
			for i := range pre {
				a.VFMADD231PS(v, a.leaky(pre[i], slope), sum[i][h])
			}
		}
	}
	a.CMPQ(a.slot("h"), Imm(0))
	a.JE(a.jump("tail"))
	a.Label("columns")
	columns("whole", make([]laneMask, a.parts()))
	a.ADDQ(Imm(4*lanes), off)
	a.CMPQ(off, a.slot("h"))
	a.JL(a.jump("columns"))
	a.Label("tail")
	a.CMPQ(a.slot("tail"), Imm(0))
	a.JE(a.jump("sum"))
	columns("masked", tails)
	a.Label("sum")
	out := a.arg("out")
	a.VMOVUPS(a.sum4(sum), Mem{Base: out})
	for _, p := range []string{"src", "dst", "out"} {
		a.ADDQ(Imm(16), a.slot(p))
	}
	a.LEAQ(Mem{Base: x, Index: nf, Scale: 4}, x)
	a.DECQ(a.slot("groups"))
	a.JNZ(a.jump("group"))
	a.end()
}

// The other kernels take one block of columns through all edges, so that the
// gradients of the weights of those columns stay in registers. So does a row that
// is added to, while edges have the node of the edge before. columns is at most
// 16.
const edgeParams = "n, columns int, src, dst *int32, u *float32, ldu int, w *float32, ldw int, x *float32, nf int, wx *float32, ldwx int, slope float32, scale *float32, scaleStep int"

// edgeAggregate adds scale[e] * leaky(pre) to y[dst[e]].
func (a *asm) edgeAggregate() {
	a.begin("edgeAggregate", "("+edgeParams+", y *float32, ldy int)")
	a.toBytes("ldu", "ldw", "ldwx", "scaleStep", "ldy")
	a.eachEdge(func(s *edges) (src, dst *nodeRows, body func(h int), finish func()) {
		u, w, y := &nodeRow{name: "u"}, &nodeRow{name: "w"}, &nodeRow{name: "y"}
		src, dst = s.nodes("src", s.src, nil, u), s.nodes("dst", s.dst, y, w)
		body = func(h int) {
			a.VFMADD231PS(a.leaky(s.pre(u, w, h), s.slope), s.factor, y.sum[h])
		}
		return src, dst, body, func() {}
	})
}

// edgeBackward emits the gradients of edgeDot, or of edgeAggregate. The former's
// upstream gradient is scale[e]*v, the latter's scale[e]*up[dst[e]].
func (a *asm) edgeBackward(name string, dot bool) {
	params := ", up *float32, ldup int, du *float32, lddu int, dw *float32, lddw int, dwx *float32, lddwx int"
	if dot {
		params += ", dv *float32"
	}
	a.begin(name, "("+edgeParams+params+")")
	a.toBytes("ldu", "ldw", "ldwx", "scaleStep", "ldup", "lddu", "lddw", "lddwx")
	a.eachEdge(func(s *edges) (src, dst *nodeRows, body func(h int), finish func()) {
		u, w, up, du, dw := &nodeRow{name: "u"}, &nodeRow{name: "w"}, &nodeRow{name: "up"}, &nodeRow{name: "du"}, &nodeRow{name: "dw"}
		src, dst = s.nodes("src", s.src, du, u), s.nodes("dst", s.dst, dw, w, up)
		var dv []vec
		if dot {
			dv = s.block(a.arg("dv"))
		}
		var dwx [][]vec
		if s.nf <= a.resident() {
			dwx = s.rows("dwx")
		}
		body = func(h int) {
			pre, g, less := s.pre(u, w, h), a.loadMasked(a.part(up.p, h), s.masks[h]), a.vec()
			if dot {
				a.VFMADD231PS(a.leaky(pre, s.slope), s.factor, dv[h])
			}
			a.VMULPS(s.factor, g, g)
			a.VMULPS(s.slope, g, less)
			g = a.where(a.compare(pre, greater, a.zero()), g, less)
			a.VADDPS(g, du.sum[h], du.sum[h])
			a.VADDPS(g, dw.sum[h], dw.sum[h])
			for q, sum := range dwx {
				s.addProduct(s.feature(q), g, sum[h])
			}
			if dwx == nil {
				s.eachFeature("dwx", h, func(x, row Mem) {
					sum := a.loadMasked(row, s.masks[h])
					s.addProduct(x, g, sum)
					a.storeMasked(sum, row, s.masks[h])
				})
			}
		}
		finish = func() {
			if dot {
				s.storeBlock(dv, a.arg("dv"))
			}
			row := a.arg("dwx")
			for _, sum := range dwx {
				s.storeBlock(sum, row)
				a.ADDQ(a.slot("lddwx"), row)
			}
		}
		return src, dst, body, finish
	})
}

// maxUnrolled is the largest number of features with code of its own; loop stands
// for all others.
const (
	maxUnrolled = 4
	loop        = -1
)

// resident is the largest number of features whose gradients fit in registers.
func (a *asm) resident() int {
	if a.zmm {
		return maxUnrolled
	}
	return 2
}

// edges is one kernel of those for a number of features and masks.
type edges struct {
	*asm
	tag    string // ends its labels
	nf     int
	masks  []laneMask
	slope  vec
	x      gp  // the features of the edge
	scale  gp  // the factor of the edge
	factor vec // the same in a register
	src    Mem // the nodes whose rows are at hand
	dst    Mem
	wx     [][]vec // AVX-512: the weights of the features
}

// eachEdge emits a kernel for every number of features, and for AVX2 with and
// without masks. setup loads what the kernel keeps in registers and returns the
// nodes to follow, the work on a register of an edge, and what to do after the
// last edge.
func (a *asm) eachEdge(setup func(s *edges) (src, dst *nodeRows, body func(h int), finish func())) {
	srcNode, dstNode := a.AllocLocal(8), a.AllocLocal(8)
	kernels := func(tag string, masks []laneMask) {
		nf := a.arg("nf")
		for count := range maxUnrolled + 1 {
			a.CMPQ(nf, Imm(uint64(count)))
			a.JE(a.jump(fmt.Sprint(tag, count)))
		}
		for count := loop; count <= maxUnrolled; count++ {
			s := &edges{asm: a, tag: tag, nf: count, masks: masks, src: srcNode, dst: dstNode}
			if count != loop {
				s.tag = fmt.Sprint(tag, count)
				a.Label(s.tag)
			}
			s.slope, s.x, s.scale = s.scalar("slope"), s.arg("x"), s.arg("scale")
			if a.zmm {
				s.wx = s.rows("wx")
			}
			src, dst, body, finish := setup(s)
			n := s.arg("n")
			s.Label("edge" + s.tag)
			s.follow(src)
			s.follow(dst)
			s.factor = s.broadcast(Mem{Base: s.scale})
			for h := range a.parts() {
				body(h)
			}
			s.next()
			s.DECQ(n)
			s.JNZ(s.jump("edge" + s.tag))
			s.flush(src)
			s.flush(dst)
			finish()
			a.end()
		}
	}
	if a.zmm { // masks cost nothing
		kernels("masked", a.firstLanes(a.arg("columns"), true))
		return
	}
	a.CMPQ(a.slot("columns"), Imm(lanes))
	a.JE(a.jump("full"))
	kernels("masked", a.firstLanesIn("columns"))
	a.Label("full")
	kernels("whole", make([]laneMask, a.parts()))
}

// block loads the block at p, storeBlock stores it.
func (s *edges) block(p gp) (x []vec) {
	for h := range s.parts() {
		x = append(x, s.loadMasked(s.part(p, h), s.masks[h]))
	}
	return x
}

func (s *edges) storeBlock(x []vec, p gp) {
	for h := range x {
		s.storeMasked(x[h], s.part(p, h), s.masks[h])
	}
}

// rows loads the first nf rows of a matrix.
func (s *edges) rows(name string) (rows [][]vec) {
	if s.nf <= 0 {
		return nil
	}
	p := s.arg(name)
	for range s.nf {
		rows = append(rows, s.block(p))
		s.ADDQ(s.slot("ld"+name), p)
	}
	return rows
}

// next moves on to the features and the factor of the next edge.
func (s *edges) next() {
	s.ADDQ(s.slot("scaleStep"), s.scale)
	if s.nf == loop {
		s.ADDQ(s.bytes("nf"), s.x)
	} else if s.nf > 0 {
		s.ADDQ(Imm(uint64(4*s.nf)), s.x)
	}
}

// feature is the q-th feature of the edge.
func (s *edges) feature(q int) Mem { return Mem{Base: s.x, Disp: 4 * q} }

// addProduct adds the number at x times y to sum.
func (a *asm) addProduct(x Mem, y, sum vec) {
	if a.zmm {
		a.VFMADD231PS_BCST(x, y, sum)
	} else {
		a.VFMADD231PS(y, a.broadcast(x), sum)
	}
}

// eachFeature runs body for every feature of the edge, with the h-th register of
// its row of a matrix.
func (s *edges) eachFeature(matrix string, h int, body func(x, row Mem)) {
	if s.nf == 0 {
		return
	}
	row := s.arg(matrix)
	if s.nf != loop {
		for q := range s.nf {
			if q > 0 {
				s.ADDQ(s.slot("ld"+matrix), row)
			}
			body(s.feature(q), s.part(row, h))
		}
		return
	}
	q, x := s.arg("nf"), s.GP64()
	s.MOVQ(s.x, x)
	label := fmt.Sprint(matrix, h, s.tag)
	s.Label(label)
	body(Mem{Base: x}, s.part(row, h))
	s.ADDQ(Imm(4), x)
	s.ADDQ(s.slot("ld"+matrix), row)
	s.DECQ(q)
	s.JNZ(s.jump(label))
}

// pre returns the h-th register of the hidden elements of the edge between the
// nodes with rows u and w.
func (s *edges) pre(u, w *nodeRow, h int) vec {
	pre := s.loadMasked(s.part(u.p, h), s.masks[h])
	s.addMasked(s.part(w.p, h), s.masks[h], pre)
	for q, wx := range s.wx {
		s.addProduct(s.feature(q), wx[h], pre)
	}
	if s.wx == nil {
		s.eachFeature("wx", h, func(x, row Mem) {
			s.addProduct(x, s.loadMasked(row, s.masks[h]), pre)
		})
	}
	return pre
}

// nodeRows are the rows of the nodes at one end of the edges: some that are read,
// and at most one that is added to.
type nodeRows struct {
	index   gp  // where the next edge's node is
	current Mem // the node of the rows at hand
	all     []*nodeRow
	sum     *nodeRow
}

// nodeRow is the row of the matrix called name.
type nodeRow struct {
	name string
	p    gp
	sum  []vec // the row, if it is added to
}

func (s *edges) nodes(index string, current Mem, sum *nodeRow, read ...*nodeRow) *nodeRows {
	r := &nodeRows{index: s.arg(index), current: current, all: read, sum: sum}
	s.MOVQ(I32(-1), r.current)
	if sum != nil {
		r.all = append(r.all, sum)
		sum.sum = s.asm.each(s.zero)
	}
	for _, row := range r.all {
		row.p = s.GP64()
		s.XORQ(row.p, row.p)
	}
	return r
}

// follow changes rows if the next edge has another node.
func (s *edges) follow(r *nodeRows) {
	label := r.all[0].name + s.tag
	node := s.GP64()
	s.MOVLQSX(Mem{Base: r.index}, node)
	s.ADDQ(Imm(4), r.index)
	s.CMPQ(node, r.current)
	s.JE(s.jump("same" + label))
	if r.sum != nil {
		s.CMPQ(r.current, Imm(0))
		s.JL(s.jump("first" + label))
		s.flush(r)
		s.Label("first" + label)
	}
	s.MOVQ(node, r.current)
	for _, row := range r.all {
		s.MOVQ(s.slot("ld"+row.name), row.p)
		s.IMULQ(node, row.p)
		s.ADDQ(s.slot(row.name), row.p)
	}
	if r.sum != nil {
		for h, sum := range r.sum.sum {
			s.loadInto(sum, s.part(r.sum.p, h), s.masks[h])
		}
	}
	s.Label("same" + label)
}

func (s *edges) flush(r *nodeRows) {
	if r.sum != nil {
		s.storeBlock(r.sum.sum, r.sum.p)
	}
}
