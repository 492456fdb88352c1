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
// order of q. The rows of all matrices are ld apart.
func edge(a *asm) {
	a.edgeDot()
	a.edgeAggregate()
	a.edgeBackward("edgeDotBackward", true)
	a.edgeBackward("edgeAggregateBackward", false)
}

// edgeDot takes four edges at a time, which share the loads of wx and v and the
// final sums over lanes.
func (a *asm) edgeDot() {
	a.begin("edgeDot", "(groups, h, tail, masks int, src, dst *int32, u, w, x *float32, nf int, wx *float32, ld int, v *float32, slope float32, out *float32)",
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
	a.toBytes("ld")

	x, nf, nf3 := a.arg("x"), a.bytes("nf"), a.GP64()
	a.LEAQ(Mem{Base: nf, Index: nf, Scale: 2}, nf3)
	xs := [4]Mem{{Base: x}, {Base: x, Index: nf, Scale: 1}, {Base: x, Index: nf, Scale: 2}, {Base: x, Index: nf3, Scale: 1}}

	a.Label("group")
	nodes := func(index, name string) (rows [4]gp) {
		idx := a.arg(index)
		for i := range rows {
			rows[i] = a.GP64()
			a.MOVLQSX(Mem{Base: idx, Disp: 4 * i}, rows[i])
			a.IMULQ(a.slot("ld"), rows[i])
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
			a.ADDQ(a.slot("ld"), wx)
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

// The other kernels take a panel of columns through all edges, so that the
// gradients of the weights of those columns stay in registers. So does a row that
// is added to, while edges have the node of the edge before. A panel has up to
// edgePanel registers: sums in the order of edges are chains of dependent
// additions, and two chains take no longer than one.
const (
	edgeParams = "n, columns int, src, dst *int32, u, w, x *float32, nf int, wx *float32, ld int, slope float32, scale *float32, scaleStep int"
	edgePanel  = 2
)

// edgeAggregate adds scale[e] * leaky(pre) to y[dst[e]].
func (a *asm) edgeAggregate() {
	a.begin("edgeAggregate", "("+edgeParams+", y *float32)")
	a.toBytes("scaleStep", "ld")
	a.eachEdge(func(s *edges) (src, dst *nodes, body func(h int), finish func()) {
		src, dst = s.nodes("src", "", "u"), s.nodes("dst", "y", "w")
		body = func(h int) {
			s.VFMADD231PS(s.leaky(s.pre(src.row("u", h), dst.row("w", h), h), s.slope), s.factor, dst.sum[h])
		}
		return src, dst, body, func() {}
	})
}

// edgeBackward emits the gradients of edgeDot, or of edgeAggregate. The former's
// upstream gradient is scale[e]*up, the latter's scale[e]*up[dst[e]].
func (a *asm) edgeBackward(name string, dot bool) {
	params := ", up, du, dw, dwx *float32"
	if dot {
		params += ", dv *float32"
	}
	a.begin(name, "("+edgeParams+params+")")
	a.toBytes("scaleStep", "ld")
	a.eachEdge(func(s *edges) (src, dst *nodes, body func(h int), finish func()) {
		src = s.nodes("src", "du", "u")
		var up func(h int) Mem
		var dv []vec
		if dot {
			dst = s.nodes("dst", "dw", "w")
			row := s.arg("up")
			up = func(h int) Mem { return s.part(row, h) }
			dv = s.loadPanel(s.arg("dv"))
		} else {
			dst = s.nodes("dst", "dw", "w", "up")
			up = func(h int) Mem { return dst.row("up", h) }
		}
		var dwx [][]vec
		if s.nf <= a.resident() {
			dwx = s.rows("dwx")
		}
		body = func(h int) {
			pre := s.pre(src.row("u", h), dst.row("w", h), h)
			if dot {
				s.VFMADD231PS(s.leaky(pre, s.slope), s.factor, dv[h])
			}
			below := s.compare(pre, notGreater, s.zero())
			g := s.loadMasked(up(h), s.masks[h])
			s.VMULPS(s.factor, g, g)
			s.scaleWhere(below, s.slope, g)
			s.VADDPS(g, src.sum[h], src.sum[h])
			s.VADDPS(g, dst.sum[h], dst.sum[h])
			for q, sum := range dwx {
				s.addFeature(q, g, sum[h])
			}
			if dwx == nil {
				s.eachFeature("dwx", h, func(x, row Mem) {
					sum := s.loadMasked(row, s.masks[h])
					s.addProduct(x, g, sum)
					s.storeMasked(sum, row, s.masks[h])
				})
			}
		}
		finish = func() {
			if dot {
				s.storePanel(dv, s.arg("dv"))
			}
			row := s.arg("dwx")
			for _, sum := range dwx {
				s.storePanel(sum, row)
				s.ADDQ(s.slot("ld"), row)
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

// edges is one kernel of those for a number of features and a panel.
type edges struct {
	*asm
	tag    string // ends its labels
	nf     int
	masks  []laneMask // of the registers of the panel
	slope  vec
	x      gp  // the features of the edge
	scale  gp  // the factor of the edge
	factor vec // the same in a register

	// AVX-512 has registers for the features of the edge, and for their weights.
	features []vec
	wx       [][]vec
}

// eachEdge emits a kernel for every number of features and sort of panel. setup
// loads what the kernel keeps in registers and returns the nodes to follow, the
// work on a register of an edge, and what to do after the last edge.
func (a *asm) eachEdge(setup func(s *edges) (src, dst *nodes, body func(h int), finish func())) {
	kernels := func(tag string, masks []laneMask) {
		nf := a.arg("nf")
		for count := range maxUnrolled + 1 {
			a.CMPQ(nf, Imm(uint64(count)))
			a.JE(a.jump(fmt.Sprint(tag, count)))
		}
		for count := loop; count <= maxUnrolled; count++ {
			s := &edges{asm: a, tag: tag, nf: count, masks: masks}
			if count != loop {
				s.tag = fmt.Sprint(tag, count)
				a.Label(s.tag)
			}
			s.slope, s.x, s.scale = s.scalar("slope"), s.arg("x"), s.arg("scale")
			if a.zmm {
				s.wx = s.rows("wx")
			}
			src, dst, body, finish := setup(s)
			s.Label("edge" + s.tag)
			src.follow()
			dst.follow()
			s.factor = s.broadcast(Mem{Base: s.scale})
			if a.zmm {
				s.features = nil
				for q := range max(0, count) {
					s.features = append(s.features, s.broadcast(s.feature(q)))
				}
			}
			for h := range masks {
				body(h)
			}
			s.next()
			s.DECQ(s.slot("n"))
			s.JNZ(s.jump("edge" + s.tag))
			src.flush()
			dst.flush()
			finish()
			a.end()
		}
	}
	whole := make([]laneMask, edgePanel)
	if !a.zmm {
		a.CMPQ(a.slot("columns"), Imm(lanes))
		a.JE(a.jump("whole"))
		kernels("part", a.firstLanesIn("columns"))
		a.Label("whole")
		kernels("whole", whole)
		return
	}
	// Masks cost nothing unless they leave out columns of rows that are added to: what
	// a masked store has written must reach the cache before it can be loaded again.
	rest := a.arg("columns")
	a.SUBQ(Imm(lanes), rest)
	a.JG(a.jump("two"))
	kernels("one", a.firstLanes(a.arg("columns"), true))
	a.Label("two")
	kernels("two", append(whole[:1], a.firstLanes(rest, true)...))
}

// loadPanel reads the panel at p, storePanel writes it.
func (s *edges) loadPanel(p gp) (x []vec) {
	for h, k := range s.masks {
		x = append(x, s.loadMasked(s.part(p, h), k))
	}
	return x
}

func (s *edges) storePanel(x []vec, p gp) {
	for h, k := range s.masks {
		s.storeMasked(x[h], s.part(p, h), k)
	}
}

// rows loads the first nf rows of a matrix.
func (s *edges) rows(name string) (rows [][]vec) {
	if s.nf <= 0 {
		return nil
	}
	p := s.arg(name)
	for range s.nf {
		rows = append(rows, s.loadPanel(p))
		s.ADDQ(s.slot("ld"), p)
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

// addFeature adds the q-th feature of the edge times y to sum.
func (s *edges) addFeature(q int, y, sum vec) {
	if s.features != nil {
		s.VFMADD231PS(s.features[q], y, sum)
	} else {
		s.addProduct(s.feature(q), y, sum)
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
				s.ADDQ(s.slot("ld"), row)
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
	s.ADDQ(s.slot("ld"), row)
	s.DECQ(q)
	s.JNZ(s.jump(label))
}

// pre returns the h-th register of the hidden elements of the edge between the
// nodes with such registers u and w.
func (s *edges) pre(u, w Mem, h int) vec {
	pre := s.loadMasked(u, s.masks[h])
	s.addMasked(w, s.masks[h], pre)
	for q, wx := range s.wx {
		s.addFeature(q, wx[h], pre)
	}
	if s.wx == nil {
		s.eachFeature("wx", h, func(x, row Mem) {
			s.addProduct(x, s.loadMasked(row, s.masks[h]), pre)
		})
	}
	return pre
}

// nodes are those at one end of the edges: matrices with a row for each, at most
// one of which is added to.
type nodes struct {
	*edges
	index string        // which end
	next  gp            // where the number of the next edge's node is
	at    gp            // where the rows of the node at hand are, from the first
	base  map[string]gp // the first row of each matrix
	name  string        // of the matrix that is added to
	sum   []vec         // its row at hand
}

// nodes starts at the first node, which need not be at an edge.
func (s *edges) nodes(index, sum string, read ...string) *nodes {
	n := &nodes{edges: s, index: index, next: s.arg(index), at: s.GP64(), base: map[string]gp{}, name: sum}
	s.XORQ(n.at, n.at)
	for _, name := range read {
		n.base[name] = s.arg(name)
	}
	if sum != "" {
		n.base[sum] = s.arg(sum)
		n.sum = s.loadPanel(n.base[sum])
	}
	return n
}

// row is the h-th register of the row at hand of a matrix.
func (n *nodes) row(name string, h int) Mem {
	return Mem{Base: n.base[name], Index: n.at, Scale: 1, Disp: 4 * h * n.width()}
}

// follow changes rows if the next edge has another node.
func (n *nodes) follow() {
	same := "same_" + n.index + n.tag
	at := n.GP64()
	n.MOVLQSX(Mem{Base: n.next}, at)
	n.ADDQ(Imm(4), n.next)
	n.IMULQ(n.slot("ld"), at)
	n.CMPQ(at, n.at)
	n.JE(n.jump(same))
	n.flush()
	n.MOVQ(at, n.at)
	for h, sum := range n.sum {
		n.loadInto(sum, n.row(n.name, h), n.masks[h])
	}
	n.Label(same)
}

func (n *nodes) flush() {
	for h, sum := range n.sum {
		n.storeMasked(sum, n.row(n.name, h), n.masks[h])
	}
}
