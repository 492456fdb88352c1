//go:build !purego

package kernel

// edgeWork is the number of multiply-adds in one call of a kernel, some tens of
// microseconds of work.
const edgeWork = 1 << 18

// edgeArgs is an edgeBatch as the kernels want it: operands that are absent
// replaced by rows of zeros that all edges share, and the rows of wx and v packed
// by registers, with a place for their gradients behind them.
type edgeArgs struct {
	*edgeBatch
	buf           *[]float32 // holds all that the caller does not
	src, dst      []int32
	u, w, x       []float32
	ldu, ldw      int
	params, grads []float32
	spare         []float32 // h floats that may be written
	one           []float32 // a single 1
	step          int       // edges in a call
}

// edgeScratch is the number of floats newEdgeArgs needs.
func edgeScratch(b *edgeBatch) int {
	columns := (b.h + 15) &^ 15
	return 2*(b.nf+1)*columns + 2*columns + 1
}

func newEdgeArgs(b *edgeBatch, v, mem []float32) edgeArgs {
	rows := b.nf + 1 // wx and v
	columns := (b.h + 15) &^ 15
	size := rows * columns
	a := edgeArgs{edgeBatch: b, src: b.src, dst: b.dst, u: b.u, w: b.w, x: b.x, ldu: b.h, ldw: b.h}
	clear(mem)
	a.params, a.grads, a.spare = mem[:size], mem[size:2*size], mem[2*size:][:columns]
	zeros := mem[2*size+columns:][:columns]
	a.one = mem[2*size+2*columns:]
	a.one[0] = 1
	if b.u == nil {
		a.u, a.ldu = zeros, 0
	}
	if b.w == nil {
		a.w, a.ldw = zeros, 0
	}
	if len(a.src) < b.n {
		a.src = b.dst
	}
	if len(a.dst) < b.n {
		a.dst = b.src
	}
	if b.nf == 0 {
		a.x = zeros
	}
	for q := range b.nf {
		a.pack(a.params, q, b.wx[q*b.h:][:b.h])
	}
	if v != nil {
		a.pack(a.params, b.nf, v[:b.h])
	}
	a.step = max(4, edgeWork/(rows*columns)&^3)
	return a
}

// pack copies row into the packed parameters as their q-th row; unpack copies it
// back.
func (a *edgeArgs) pack(packed []float32, q int, row []float32) {
	w, block := width(), (a.nf+1)*width()
	for at := q * w; len(row) > 0; at += block {
		row = row[copy(packed[at:at+w], row):]
	}
}

func (a *edgeArgs) unpack(packed []float32, q int, row []float32) {
	w, block := width(), (a.nf+1)*width()
	for at := q * w; len(row) > 0; at += block {
		row = row[copy(row, packed[at:at+w]):]
	}
}

func edgeDot(b *edgeBatch, v, out []float32) {
	if active == isaGo {
		edgeDotGo(b, v, out)
		return
	}
	t := borrow(edgeScratch(b))
	defer scratch.Put(t)
	a := newEdgeArgs(b, v, *t)
	if b.n < 4 {
		a.dotFew(out)
		return
	}
	whole := b.n &^ 3
	for e := 0; e < whole; e += a.step {
		a.dot(min(a.step, whole-e)/4, a.src[e:], a.dst[e:], a.x[e*b.nf:], out[e:])
	}
	if e := b.n - 4; whole < b.n { // the last four overlap those before
		a.dot(1, a.src[e:], a.dst[e:], a.x[e*b.nf:], out[e:])
	}
}

// dotFew scores less than four edges, repeated to make up four.
func (a *edgeArgs) dotFew(out []float32) {
	var src, dst [4]int32
	var sums [4]float32
	t := borrow(4*a.nf + 1)
	defer scratch.Put(t)
	for i := range 4 {
		e := min(i, a.n-1)
		src[i], dst[i] = a.src[e], a.dst[e]
		copy((*t)[i*a.nf:], a.x[e*a.nf:][:a.nf])
	}
	a.dot(1, src[:], dst[:], *t, sums[:])
	copy(out[:a.n], sums[:])
}

// dot scores groups of four edges.
func (a *edgeArgs) dot(groups int, src, dst []int32, x, out []float32) {
	if active == isaAVX512 {
		edgeDotAVX512(groups, a.h, 0, 0, &src[0], &dst[0], &a.u[0], a.ldu, &a.w[0], a.ldw, &x[0], a.nf, &a.params[0], a.slope, &out[0])
	} else {
		edgeDotAVX2(groups, a.h, 0, 0, &src[0], &dst[0], &a.u[0], a.ldu, &a.w[0], a.ldw, &x[0], a.nf, &a.params[0], a.slope, &out[0])
	}
}

func edgeAggregate(b *edgeBatch, coef, y []float32) {
	if active == isaGo {
		edgeAggregateGo(b, coef, y)
		return
	}
	t := borrow(edgeScratch(b))
	defer scratch.Put(t)
	a := newEdgeArgs(b, nil, *t)
	coef, coefStep := a.orOnes(coef)
	for e := 0; e < b.n; e += a.step {
		n, src, dst, x, coef := min(a.step, b.n-e), &a.src[e], &a.dst[e], &a.x[e*b.nf], &coef[e*coefStep]
		if active == isaAVX512 {
			edgeAggregateAVX512(n, b.h, 0, 0, src, dst, &a.u[0], a.ldu, &a.w[0], a.ldw, x, b.nf, &a.params[0], b.slope, coef, coefStep, &y[0], b.h)
		} else {
			edgeAggregateAVX2(n, b.h, 0, 0, src, dst, &a.u[0], a.ldu, &a.w[0], a.ldw, x, b.nf, &a.params[0], b.slope, coef, coefStep, &y[0], b.h)
		}
	}
}

// orOnes returns coef and the step 1, or a single one and the step 0 if coef is
// nil.
func (a *edgeArgs) orOnes(coef []float32) ([]float32, int) {
	if coef == nil {
		return a.one, 0
	}
	return coef, 1
}

func edgeDotBackward(b *edgeBatch, v, dout []float32, g *edgeGradients) {
	if active == isaGo {
		edgeDotBackwardGo(b, v, dout, g)
		return
	}
	t := borrow(edgeScratch(b))
	defer scratch.Put(t)
	a := newEdgeArgs(b, v, *t)
	du, lddu, dw, lddw := a.begin(g)
	for e := 0; e < b.n; e += a.step {
		n, src, dst, x, dout := min(a.step, b.n-e), &a.src[e], &a.dst[e], &a.x[e*b.nf], &dout[e]
		if active == isaAVX512 {
			edgeDotBackwardAVX512(n, b.h, 0, 0, src, dst, &a.u[0], a.ldu, &a.w[0], a.ldw, x, b.nf, &a.params[0], b.slope, dout, 1, &du[0], lddu, &dw[0], lddw, 4*len(a.params))
		} else {
			edgeDotBackwardAVX2(n, b.h, 0, 0, src, dst, &a.u[0], a.ldu, &a.w[0], a.ldw, x, b.nf, &a.params[0], b.slope, dout, 1, &du[0], lddu, &dw[0], lddw, 4*len(a.params))
		}
	}
	a.end(g)
}

func edgeAggregateBackward(b *edgeBatch, coef, dy []float32, g *edgeGradients) {
	if active == isaGo {
		edgeAggregateBackwardGo(b, coef, dy, g)
		return
	}
	t := borrow(edgeScratch(b))
	defer scratch.Put(t)
	a := newEdgeArgs(b, nil, *t)
	coef, coefStep := a.orOnes(coef)
	du, lddu, dw, lddw := a.begin(g)
	for e := 0; e < b.n; e += a.step {
		n, src, dst, x, coef := min(a.step, b.n-e), &a.src[e], &a.dst[e], &a.x[e*b.nf], &coef[e*coefStep]
		if active == isaAVX512 {
			edgeAggregateBackwardAVX512(n, b.h, 0, 0, src, dst, &a.u[0], a.ldu, &a.w[0], a.ldw, x, b.nf, &a.params[0], b.slope, coef, coefStep, &dy[0], b.h, &du[0], lddu, &dw[0], lddw, 4*len(a.params))
		} else {
			edgeAggregateBackwardAVX2(n, b.h, 0, 0, src, dst, &a.u[0], a.ldu, &a.w[0], a.ldw, x, b.nf, &a.params[0], b.slope, coef, coefStep, &dy[0], b.h, &du[0], lddu, &dw[0], lddw, 4*len(a.params))
		}
	}
	a.end(g)
}

// begin loads the gradients of wx and v and returns those of the node matrices,
// a spare row in place of a missing one.
func (a *edgeArgs) begin(g *edgeGradients) (du []float32, lddu int, dw []float32, lddw int) {
	if g.dwx != nil {
		for q := range a.nf {
			a.pack(a.grads, q, g.dwx[q*a.h:][:a.h])
		}
	}
	if g.dv != nil {
		a.pack(a.grads, a.nf, g.dv[:a.h])
	}
	du, lddu, dw, lddw = g.du, a.h, g.dw, a.h
	if du == nil {
		du, lddu = a.spare, 0
	}
	if dw == nil {
		dw, lddw = a.spare, 0
	}
	return du, lddu, dw, lddw
}

// end stores the gradients of wx and v.
func (a *edgeArgs) end(g *edgeGradients) {
	if g.dwx != nil {
		for q := range a.nf {
			a.unpack(a.grads, q, g.dwx[q*a.h:][:a.h])
		}
	}
	if g.dv != nil {
		a.unpack(a.grads, a.nf, g.dv[:a.h])
	}
}
