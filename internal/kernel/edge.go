package kernel

import "fmt"

// The edge functions fuse the first layer of an edge network with the operation after it. Every
// edge e from node src[e] to node dst[e] has the hidden row, of h elements,
//
//	pre_e = u[src[e]] + w[dst[e]] + sum over q < nf of x[e,q] * wx[q]
//	act_e = pre_e, or slope * pre_e below zero
//
// where u and w [nodes x h] are the node features after the layer's two blocks of weights, x [edges
// x nf] the edge features and wx [nf x h] their weights. So the layer's work on nodes is done once
// per node and only the rest per edge, without storing the [edges x h] matrix. Any of u, w and x
// may be nil, and then adds nothing. slope lies in [0, 1]: 0 rectifies, 1 is linear. Edges in runs
// of equal src or equal dst, as sorting makes them, are fastest. Gradients must not overlap each
// other: du and dw are two even if u and w are one.

// EdgeDot scores edges: out[e] = v . act_e, with v [h].
func EdgeDot(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, v, out []float32) {
	b := newEdgeBatch("EdgeDot", slope, h, src, dst, u, w, x, nf, wx)
	checkLen("EdgeDot", "v", len(v), h)
	checkLen("EdgeDot", "out", len(out), b.n)
	if b.n > 0 {
		edgeDot(&b, v, out)
	}
}

// EdgeDotBackward adds to du, dw [nodes x h], dwx [nf x h] and dv [h] the
// gradients of EdgeDot for the gradient dout [edges] of its output, in the order
// of edges. It skips the gradients that are nil.
func EdgeDotBackward(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, v, dout []float32, du, dw, dwx, dv []float32) {
	b := newEdgeBatch("EdgeDotBackward", slope, h, src, dst, u, w, x, nf, wx)
	checkLen("EdgeDotBackward", "v", len(v), h)
	checkLen("EdgeDotBackward", "dout", len(dout), b.n)
	g := b.gradients("EdgeDotBackward", du, dw, dwx)
	if g.dv = dv; dv != nil {
		checkLen("EdgeDotBackward", "dv", len(dv), h)
	}
	if b.n > 0 {
		edgeDotBackward(&b, v, dout, &g)
	}
}

// EdgeAggregate sums messages: y[dst[e]] += coef[e] * act_e, in the order of
// edges, into y [nodes x h]. A nil coef stands for ones.
func EdgeAggregate(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, coef, y []float32) {
	b := newEdgeBatch("EdgeAggregate", slope, h, src, dst, u, w, x, nf, wx)
	b.checkAggregate("EdgeAggregate", coef, y)
	if b.n > 0 {
		edgeAggregate(&b, coef, y)
	}
}

// EdgeAggregateBackward adds to du, dw [nodes x h] and dwx [nf x h] the
// gradients of EdgeAggregate for the gradient dy of its output, in the order of
// edges. It skips the gradients that are nil.
func EdgeAggregateBackward(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, coef, dy []float32, du, dw, dwx []float32) {
	b := newEdgeBatch("EdgeAggregateBackward", slope, h, src, dst, u, w, x, nf, wx)
	b.checkAggregate("EdgeAggregateBackward", coef, dy)
	g := b.gradients("EdgeAggregateBackward", du, dw, dwx)
	if b.n > 0 {
		edgeAggregateBackward(&b, coef, dy, &g)
	}
}

// EdgeDotFeatures adds to dx [edges x nf] the gradient of EdgeDot with respect to
// x, for the gradient dout [edges] of its output.
func EdgeDotFeatures(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, v, dout, dx []float32) {
	b := newEdgeBatch("EdgeDotFeatures", slope, h, src, dst, u, w, x, nf, wx)
	checkLen("EdgeDotFeatures", "v", len(v), h)
	checkLen("EdgeDotFeatures", "dout", len(dout), b.n)
	checkLen("EdgeDotFeatures", "dx", len(dx), b.n*b.nf)
	b.featureGradient(dx, func(e int, row []float32) {
		copy(row, v)
		scale(dout[e], row)
	})
}

// EdgeAggregateFeatures adds to dx [edges x nf] the gradient of EdgeAggregate with
// respect to x, for the gradient dy of its output.
func EdgeAggregateFeatures(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, coef, dy, dx []float32) {
	b := newEdgeBatch("EdgeAggregateFeatures", slope, h, src, dst, u, w, x, nf, wx)
	b.checkAggregate("EdgeAggregateFeatures", coef, dy)
	checkLen("EdgeAggregateFeatures", "dx", len(dx), b.n*b.nf)
	b.featureGradient(dx, func(e int, row []float32) {
		copy(row, dy[int(dst[e])*h:])
		if coef != nil {
			scale(coef[e], row)
		}
	})
}

// featureGradient adds the gradient of pre times wx^T to dx; up writes the gradient
// of act_e. It takes blocks of edges that fit in the cache.
func (b *edgeBatch) featureGradient(dx []float32, up func(e int, row []float32)) {
	if b.n == 0 || b.nf == 0 {
		return
	}
	block := min(b.n, max(1, burst/b.h))
	size := block * b.h
	t := borrow(3 * size)
	defer scratch.Put(t)
	pre, dact, dpre := (*t)[:size], (*t)[size:2*size], (*t)[2*size:]
	for first := 0; first < b.n; first += block {
		n := min(block, b.n-first)
		for i := range n {
			b.hidden(first+i, pre[i*b.h:][:b.h])
			up(first+i, dact[i*b.h:][:b.h])
		}
		actBackward(ActReLU, n, b.h, pre, dact, dpre, nil)
		if b.slope != 0 { // slope below zero: slope everywhere, the rest above
			scale(1-b.slope, dpre[:n*b.h])
			axpy(b.slope, dact[:n*b.h], dpre)
		}
		gemm(false, true, n, b.nf, b.h, dpre, b.h, b.wx, b.h, dx[first*b.nf:], b.nf, true)
	}
}

// edgeBatch holds the common arguments of the edge functions, checked: edges and the operands of
// their hidden rows.
type edgeBatch struct {
	slope       float32
	n, h, nf    int // edges, hidden width, edge features (0 without x)
	src, dst    []int32
	sources     int // nodes that src needs
	targets     int // nodes that dst needs
	u, w, x, wx []float32
}

func newEdgeBatch(op string, slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx []float32) edgeBatch {
	if !(slope >= 0 && slope <= 1) {
		panic(fmt.Sprintf("kernel: %s: slope %v is not in [0, 1]", op, slope))
	}
	if h < 1 {
		panic(fmt.Sprintf("kernel: %s: h = %d, need at least 1", op, h))
	}
	if x == nil {
		nf = 0
	}
	// Where u or w is absent, so may its indices be.
	b := edgeBatch{slope: slope, n: max(len(src), len(dst)), h: h, nf: nf, src: src, dst: dst, u: u, w: w, x: x, wx: wx}
	b.sources, b.targets = nodesOf(op, "src", src), nodesOf(op, "dst", dst)
	if u != nil {
		b.checkSources(op, "u", u)
	}
	if w != nil {
		b.checkTargets(op, "w", w)
	}
	checkDim(op, "nf", nf)
	checkLen(op, "x", len(x), b.n*nf)
	checkLen(op, "wx", len(wx), nf*h)
	return b
}

// nodesOf returns how many nodes there are at least if idx names some of them.
func nodesOf(op, name string, idx []int32) int {
	if len(idx) == 0 {
		return 0
	}
	m := int32(maxIndex(idx))
	if m < 0 {
		panic(fmt.Sprintf("kernel: %s: %s holds index %d, must not be negative", op, name, m))
	}
	return int(m) + 1
}

// checkSources panics unless x has a row for the source of every edge.
func (b *edgeBatch) checkSources(op, name string, x []float32) {
	checkLen(op, "src", len(b.src), b.n)
	checkLen(op, name, len(x), b.sources*b.h)
}

// checkTargets panics unless x has a row for the target of every edge.
func (b *edgeBatch) checkTargets(op, name string, x []float32) {
	checkLen(op, "dst", len(b.dst), b.n)
	checkLen(op, name, len(x), b.targets*b.h)
}

func (b *edgeBatch) checkAggregate(op string, coef, y []float32) {
	b.checkTargets(op, "y", y)
	if coef != nil {
		checkLen(op, "coef", len(coef), b.n)
	}
}

// edgeGradients are the gradients to add to; nil ones are skipped.
type edgeGradients struct{ du, dw, dwx, dv []float32 }

func (b *edgeBatch) gradients(op string, du, dw, dwx []float32) edgeGradients {
	if du != nil {
		b.checkSources(op, "du", du)
	}
	if dw != nil {
		b.checkTargets(op, "dw", dw)
	}
	if dwx != nil {
		checkLen(op, "dwx", len(dwx), b.nf*b.h)
	}
	return edgeGradients{du: du, dw: dw, dwx: dwx}
}

func edgeDotGo(b *edgeBatch, v, out []float32) {
	t := borrow(b.h)
	defer scratch.Put(t)
	for e := range b.n {
		b.hidden(e, *t)
		var s float32
		for j, p := range *t {
			s += v[j] * leakyGo(p, b.slope)
		}
		out[e] = s
	}
}

func edgeDotBackwardGo(b *edgeBatch, v, dout []float32, g *edgeGradients) {
	t := borrow(b.h)
	defer scratch.Put(t)
	row := *t
	for e := range b.n {
		b.hidden(e, row)
		d := dout[e]
		for j, p := range row {
			if g.dv != nil {
				g.dv[j] += d * leakyGo(p, b.slope)
			}
			row[j] = b.slopeAt(p, d*v[j])
		}
		b.spread(e, row, g)
	}
}

func edgeAggregateGo(b *edgeBatch, coef, y []float32) {
	t := borrow(b.h)
	defer scratch.Put(t)
	for e := range b.n {
		b.hidden(e, *t)
		c := float32(1)
		if coef != nil {
			c = coef[e]
		}
		yr := y[int(b.dst[e])*b.h:][:b.h]
		for j, p := range *t {
			yr[j] += c * leakyGo(p, b.slope)
		}
	}
}

func edgeAggregateBackwardGo(b *edgeBatch, coef, dy []float32, g *edgeGradients) {
	t := borrow(b.h)
	defer scratch.Put(t)
	row := *t
	for e := range b.n {
		b.hidden(e, row)
		c := float32(1)
		if coef != nil {
			c = coef[e]
		}
		dr := dy[int(b.dst[e])*b.h:][:b.h]
		for j, p := range row {
			row[j] = b.slopeAt(p, c*dr[j])
		}
		b.spread(e, row, g)
	}
}

// hidden sets row to pre_e.
func (b *edgeBatch) hidden(e int, row []float32) {
	if b.u != nil {
		copy(row, b.u[int(b.src[e])*b.h:])
	} else {
		clear(row)
	}
	if b.w != nil {
		axpy(1, b.w[int(b.dst[e])*b.h:][:b.h], row)
	}
	for q := range b.nf {
		axpy(b.x[e*b.nf+q], b.wx[q*b.h:][:b.h], row)
	}
}

// slopeAt returns d times the derivative of the rectifier at p.
func (b *edgeBatch) slopeAt(p, d float32) float32 {
	if p > 0 {
		return d
	}
	return b.slope * d
}

// spread adds the gradient of pre_e to the gradients of its terms.
func (b *edgeBatch) spread(e int, row []float32, g *edgeGradients) {
	if g.du != nil {
		axpyGo(1, row, g.du[int(b.src[e])*b.h:])
	}
	if g.dw != nil {
		axpyGo(1, row, g.dw[int(b.dst[e])*b.h:])
	}
	if g.dwx != nil {
		for q := range b.nf {
			axpyGo(b.x[e*b.nf+q], row, g.dwx[q*b.h:])
		}
	}
}
