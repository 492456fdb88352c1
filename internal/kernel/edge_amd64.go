//go:build !purego

package kernel

// edgeWork is the number of multiply-adds per call of a kernel, some tens of microseconds of work.
const edgeWork = 1 << 18

// edgeArgs is an edgeBatch in the form that the kernels take, with substitutes for absent operands:
// zeros, the indices of the other end, or scratch rows.
type edgeArgs struct {
	*edgeBatch
	src, dst []int32
	u, w     []float32
	x, wx    []float32
	one      []float32 // a single 1
	blank    []float32 // scratch for unrequested gradients
}

// edgeScratch returns the number of floats that newEdgeArgs takes.
func edgeScratch(b *edgeBatch, blank int) int { return 1 + b.zeros() + blank }

// zeros returns the size of the zeros that replace absent operands.
func (b *edgeBatch) zeros() int {
	switch {
	case b.u == nil || b.w == nil:
		return max(b.sources, b.targets, 1) * b.h
	case b.nf == 0: // a weight that is pointed to, but not read
		return b.h
	}
	return 0
}

// blank returns the size of the scratch memory that replaces absent gradients.
func (g *edgeGradients) blank(b *edgeBatch) int {
	switch {
	case len(g.du) == 0 || len(g.dw) == 0:
		return max(b.sources, b.targets, b.nf, 1) * b.h
	case len(g.dwx) == 0 || len(g.dv) == 0:
		return max(b.nf, 1) * b.h
	}
	return 0
}

// newEdgeArgs completes b with mem, of which blank floats are for gradients.
func newEdgeArgs(b *edgeBatch, blank int, mem []float32) edgeArgs {
	clear(mem)
	a := edgeArgs{edgeBatch: b, src: b.src, dst: b.dst, u: b.u, w: b.w, x: b.x, wx: b.wx, one: mem[:1], blank: mem[1:][:blank]}
	a.one[0] = 1
	zeros := mem[1+blank:]
	if len(a.src) < b.n {
		a.src = b.dst
	}
	if len(a.dst) < b.n {
		a.dst = b.src
	}
	if b.u == nil {
		a.u = zeros
	}
	if b.w == nil {
		a.w = zeros
	}
	if b.nf == 0 {
		a.x, a.wx = zeros, zeros
	}
	return a
}

func edgeDot(b *edgeBatch, v, out []float32) {
	if active == isaGo {
		edgeDotGo(b, v, out)
		return
	}
	t := borrow(edgeScratch(b, 0))
	defer scratch.Put(t)
	a := newEdgeArgs(b, 0, *t)
	if b.n < 4 {
		a.dotFew(v, out)
		return
	}
	step := max(1, edgeWork/(4*b.h*(b.nf+2))) * 4
	whole := b.n &^ 3
	for e := 0; e < whole; e += step {
		a.dot(min(step, whole-e)/4, a.src[e:], a.dst[e:], a.x[e*b.nf:], v, out[e:])
	}
	if e := b.n - 4; whole < b.n { // the last four overlap those before
		a.dot(1, a.src[e:], a.dst[e:], a.x[e*b.nf:], v, out[e:])
	}
}

// dotFew scores less than four edges, repeated to make up four.
func (a *edgeArgs) dotFew(v, out []float32) {
	var src, dst [4]int32
	var sums [4]float32
	t := borrow(4*a.nf + 1)
	defer scratch.Put(t)
	for i := range 4 {
		e := min(i, a.n-1)
		src[i], dst[i] = a.src[e], a.dst[e]
		copy((*t)[i*a.nf:], a.x[e*a.nf:][:a.nf])
	}
	a.dot(1, src[:], dst[:], *t, v, sums[:])
	copy(out[:a.n], sums[:])
}

// dot scores groups of four edges.
func (a *edgeArgs) dot(groups int, src, dst []int32, x, v, out []float32) {
	edgeDotKernel(groups, a.h, 0, 0, &src[0], &dst[0], &a.u[0], &a.w[0], &x[0], a.nf, &a.wx[0], a.h, &v[0], a.slope, &out[0])
}

// edgePart is the work of one call of the other kernels: n edges from the e-th, and the columns of
// a panel from the j-th.
type edgePart struct{ e, n, j, columns int }

// parts yields the parts of all edges and columns, all columns of some edges before the next edges,
// so that the data of these edges stays in the cache.
func (a *edgeArgs) parts(yield func(edgePart) bool) {
	panel := edgePanel * width()
	step := max(1, edgeWork/(panel*(a.nf+4)))
	for e := 0; e < a.n; e += step {
		for j := 0; j < a.h; j += panel {
			if !yield(edgePart{e, min(step, a.n-e), j, min(panel, a.h-j)}) {
				return
			}
		}
	}
}

// orBlank returns the gradient x, or scratch memory if it is nil or empty.
func (a *edgeArgs) orBlank(x []float32) []float32 {
	if len(x) == 0 {
		return a.blank
	}
	return x
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
	blank := g.blank(b)
	t := borrow(edgeScratch(b, blank))
	defer scratch.Put(t)
	a := newEdgeArgs(b, blank, *t)
	du, dw, dwx, dv := a.orBlank(g.du), a.orBlank(g.dw), a.orBlank(g.dwx), a.orBlank(g.dv)
	for p := range a.parts {
		e, j := p.e, p.j
		edgeDotBackwardKernel(p.n, p.columns, &a.src[e], &a.dst[e], &a.u[j], &a.w[j], &a.x[e*b.nf], b.nf, &a.wx[j], b.h, b.slope, &dout[e], 1,
			&v[j], &du[j], &dw[j], &dwx[j], &dv[j])
	}
}

func edgeAggregate(b *edgeBatch, coef, y []float32) {
	if active == isaGo {
		edgeAggregateGo(b, coef, y)
		return
	}
	t := borrow(edgeScratch(b, 0))
	defer scratch.Put(t)
	a := newEdgeArgs(b, 0, *t)
	coef, step := a.orOnes(coef)
	for p := range a.parts {
		e, j := p.e, p.j
		edgeAggregateKernel(p.n, p.columns, &a.src[e], &a.dst[e], &a.u[j], &a.w[j], &a.x[e*b.nf], b.nf, &a.wx[j], b.h, b.slope, &coef[e*step], step, &y[j])
	}
}

func edgeAggregateBackward(b *edgeBatch, coef, dy []float32, g *edgeGradients) {
	if active == isaGo {
		edgeAggregateBackwardGo(b, coef, dy, g)
		return
	}
	blank := g.blank(b)
	t := borrow(edgeScratch(b, blank))
	defer scratch.Put(t)
	a := newEdgeArgs(b, blank, *t)
	coef, step := a.orOnes(coef)
	du, dw, dwx := a.orBlank(g.du), a.orBlank(g.dw), a.orBlank(g.dwx)
	for p := range a.parts {
		e, j := p.e, p.j
		edgeAggregateBackwardKernel(p.n, p.columns, &a.src[e], &a.dst[e], &a.u[j], &a.w[j], &a.x[e*b.nf], b.nf, &a.wx[j], b.h, b.slope, &coef[e*step], step,
			&dy[j], &du[j], &dw[j], &dwx[j])
	}
}
