package kernel

import "fmt"

// The edge functions fuse the first layer of an edge network with what follows
// it. Every edge e from node src[e] to node dst[e] has the hidden row, of h
// elements,
//
//	pre_e = u[src[e]] + w[dst[e]] + sum over q < nf of x[e,q] * wx[q]
//	act_e = pre_e, or slope * pre_e below zero
//
// where u and w [nodes x h] are the node features after the layer's two blocks
// of weights, x [edges x nf] the edge features and wx [nf x h] their weights. So
// the layer's work on nodes is done once per node and only the rest per edge,
// without storing the [edges x h] matrix. Any of u, w and x may be nil, and then
// adds nothing. slope lies in [0, 1]: 0 rectifies, 1 is linear.

// EdgeDot scores edges: out[e] = v . act_e, with v [h].
func EdgeDot(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, v, out []float32) {
	nf = checkEdges("EdgeDot", slope, h, src, dst, u, w, x, nf, wx)
	n := edges(src, dst)
	checkLen("EdgeDot", "v", len(v), h)
	checkLen("EdgeDot", "out", len(out), n)
	r := newEdgeRow(h)
	defer r.free()
	for e := range n {
		r.pre(e, src, dst, u, w, x, nf, wx)
		var s float32
		for j, p := range r.row {
			s += v[j] * leakyGo(p, slope)
		}
		out[e] = s
	}
}

// EdgeDotBackward adds to du, dw [nodes x h], dwx [nf x h] and dv [h] the
// gradients of EdgeDot for the gradient dout [edges] of its output, in the order
// of edges. It skips the gradients that are nil.
func EdgeDotBackward(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, v, dout []float32, du, dw, dwx, dv []float32) {
	nf = checkEdges("EdgeDotBackward", slope, h, src, dst, u, w, x, nf, wx)
	n := edges(src, dst)
	checkLen("EdgeDotBackward", "v", len(v), h)
	checkLen("EdgeDotBackward", "dout", len(dout), n)
	checkEdgeGradients("EdgeDotBackward", h, src, dst, nf, du, dw, dwx)
	if dv != nil {
		checkLen("EdgeDotBackward", "dv", len(dv), h)
	}
	r := newEdgeRow(h)
	defer r.free()
	for e := range n {
		r.pre(e, src, dst, u, w, x, nf, wx)
		d := dout[e]
		for j, p := range r.row {
			if dv != nil {
				dv[j] += d * leakyGo(p, slope)
			}
			r.row[j] = d * v[j] * leakySlopeGo(p, slope)
		}
		r.addGradients(e, src, dst, x, nf, du, dw, dwx)
	}
}

// EdgeAggregate sums messages: y[dst[e]] += coef[e] * act_e, in the order of
// edges, into y [nodes x h]. A nil coef stands for ones.
func EdgeAggregate(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, coef, y []float32) {
	nf = checkEdges("EdgeAggregate", slope, h, src, dst, u, w, x, nf, wx)
	checkAggregate("EdgeAggregate", h, src, dst, coef, y)
	r := newEdgeRow(h)
	defer r.free()
	for e := range dst {
		r.pre(e, src, dst, u, w, x, nf, wx)
		c := float32(1)
		if coef != nil {
			c = coef[e]
		}
		yr := y[int(dst[e])*h:][:h]
		for j, p := range r.row {
			yr[j] += c * leakyGo(p, slope)
		}
	}
}

// EdgeAggregateBackward adds to du, dw [nodes x h] and dwx [nf x h] the
// gradients of EdgeAggregate for the gradient dy of its output, in the order of
// edges. It skips the gradients that are nil.
func EdgeAggregateBackward(slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx, coef, dy []float32, du, dw, dwx []float32) {
	nf = checkEdges("EdgeAggregateBackward", slope, h, src, dst, u, w, x, nf, wx)
	checkAggregate("EdgeAggregateBackward", h, src, dst, coef, dy)
	checkEdgeGradients("EdgeAggregateBackward", h, src, dst, nf, du, dw, dwx)
	r := newEdgeRow(h)
	defer r.free()
	for e := range dst {
		r.pre(e, src, dst, u, w, x, nf, wx)
		c := float32(1)
		if coef != nil {
			c = coef[e]
		}
		dr := dy[int(dst[e])*h:][:h]
		for j, p := range r.row {
			r.row[j] = c * dr[j] * leakySlopeGo(p, slope)
		}
		r.addGradients(e, src, dst, x, nf, du, dw, dwx)
	}
}

func leakySlopeGo(p, slope float32) float32 {
	if p > 0 {
		return 1
	}
	return slope
}

// edgeRow is the hidden row of one edge.
type edgeRow struct {
	buf *[]float32
	row []float32
}

func newEdgeRow(h int) edgeRow {
	b := borrow(h)
	return edgeRow{b, *b}
}

func (r edgeRow) free() { scratch.Put(r.buf) }

func (r edgeRow) pre(e int, src, dst []int32, u, w, x []float32, nf int, wx []float32) {
	h := len(r.row)
	if u != nil {
		copy(r.row, u[int(src[e])*h:])
	} else {
		clear(r.row)
	}
	if w != nil {
		axpyGo(1, w[int(dst[e])*h:][:h], r.row)
	}
	for q := range nf {
		axpyGo(x[e*nf+q], wx[q*h:][:h], r.row)
	}
}

func (r edgeRow) addGradients(e int, src, dst []int32, x []float32, nf int, du, dw, dwx []float32) {
	h := len(r.row)
	if du != nil {
		axpyGo(1, r.row, du[int(src[e])*h:])
	}
	if dw != nil {
		axpyGo(1, r.row, dw[int(dst[e])*h:])
	}
	if dwx != nil {
		for q := range nf {
			axpyGo(x[e*nf+q], r.row, dwx[q*h:])
		}
	}
}

// edges is the number of edges: src may be nil if u is, and dst if w is.
func edges(src, dst []int32) int { return max(len(src), len(dst)) }

// checkEdges checks what the edge functions share and returns the number of
// edge features, 0 if x is nil.
func checkEdges(op string, slope float32, h int, src, dst []int32, u, w, x []float32, nf int, wx []float32) int {
	if !(slope >= 0 && slope <= 1) {
		panic(fmt.Sprintf("kernel: %s: slope %v is not in [0, 1]", op, slope))
	}
	if h < 1 {
		panic(fmt.Sprintf("kernel: %s: h = %d, need at least 1", op, h))
	}
	n := edges(src, dst)
	if u != nil {
		checkLen(op, "src", len(src), n)
		checkIndex(op, "src", src, len(u)/h)
	}
	if w != nil {
		checkLen(op, "dst", len(dst), n)
		checkIndex(op, "dst", dst, len(w)/h)
	}
	if x == nil {
		return 0
	}
	checkDim(op, "nf", nf)
	checkLen(op, "x", len(x), n*nf)
	checkLen(op, "wx", len(wx), nf*h)
	return nf
}

func checkEdgeGradients(op string, h int, src, dst []int32, nf int, du, dw, dwx []float32) {
	n := edges(src, dst)
	if du != nil {
		checkLen(op, "src", len(src), n)
		checkIndex(op, "src", src, len(du)/h)
	}
	if dw != nil {
		checkLen(op, "dst", len(dst), n)
		checkIndex(op, "dst", dst, len(dw)/h)
	}
	if dwx != nil {
		checkLen(op, "dwx", len(dwx), nf*h)
	}
}

func checkAggregate(op string, h int, src, dst []int32, coef, y []float32) {
	n := edges(src, dst)
	checkLen(op, "dst", len(dst), n)
	checkIndex(op, "dst", dst, len(y)/h)
	if coef != nil {
		checkLen(op, "coef", len(coef), n)
	}
}
