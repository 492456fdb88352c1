//go:build !purego

package kernel

import (
	"sync"

	"github.com/graphrl/graphrl/internal/cores"
)

// edgeWork is the number of multiply-adds per call of a kernel, some tens of microseconds of work.
const edgeWork = 1 << 18

// edgeArgs is an edgeBatch in the form that the kernels take, with substitutes for absent operands:
// zeros, the indices of the other end, or scratch rows.
type edgeArgs struct {
	edgeBatch
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
	a := edgeArgs{edgeBatch: *b, src: b.src, dst: b.dst, u: b.u, w: b.w, x: b.x, wx: b.wx, one: mem[:1], blank: mem[1:][:blank]}
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

func edgeDot(b *edgeBatch, v, out []float32) {
	if active == isaGo {
		edgeDotGo(b, v, out)
		return
	}
	t := borrow(edgeScratch(b, 0))
	defer scratch.Put(t)
	task := edgeTask{edgeArgs: newEdgeArgs(b, 0, *t), op: opDot, v: v, out: out}
	if b.n < 4 {
		task.dotFew()
		return
	}
	task.run(b.n / 16)
}

// dotFew scores less than four edges, repeated to make up four.
func (t *edgeTask) dotFew() {
	var src, dst [4]int32
	var sums [4]float32
	x := borrow(4*t.nf + 1)
	defer scratch.Put(x)
	for i := range 4 {
		e := min(i, t.n-1)
		src[i], dst[i] = t.src[e], t.dst[e]
		copy((*x)[i*t.nf:], t.x[e*t.nf:][:t.nf])
	}
	t.dot(1, src[:], dst[:], *x, sums[:])
	copy(t.out[:t.n], sums[:])
}

// dot scores groups of four edges.
func (t *edgeTask) dot(groups int, src, dst []int32, x, out []float32) {
	edgeDotKernel(groups, t.h, 0, 0, &src[0], &dst[0], &t.u[0], &t.w[0], &x[0], t.nf, &t.wx[0], t.h, &t.v[0], t.slope, &out[0])
}

func edgeDotBackward(b *edgeBatch, v, dout []float32, g *edgeGradients) {
	if active == isaGo {
		edgeDotBackwardGo(b, v, dout, g)
		return
	}
	blank := g.blank(b)
	t := borrow(edgeScratch(b, blank))
	defer scratch.Put(t)
	task := edgeTask{edgeArgs: newEdgeArgs(b, blank, *t), op: opDotBackward, v: v, out: dout}
	task.into(g)
	task.run(b.h / width())
}

func edgeAggregate(b *edgeBatch, coef, y []float32) {
	if active == isaGo {
		edgeAggregateGo(b, coef, y)
		return
	}
	t := borrow(edgeScratch(b, 0))
	defer scratch.Put(t)
	task := edgeTask{edgeArgs: newEdgeArgs(b, 0, *t), op: opAggregate, y: y}
	task.coef, task.step = task.orOnes(coef)
	task.run(b.h / width())
}

func edgeAggregateBackward(b *edgeBatch, coef, dy []float32, g *edgeGradients) {
	if active == isaGo {
		edgeAggregateBackwardGo(b, coef, dy, g)
		return
	}
	blank := g.blank(b)
	t := borrow(edgeScratch(b, blank))
	defer scratch.Put(t)
	task := edgeTask{edgeArgs: newEdgeArgs(b, blank, *t), op: opAggregateBackward, y: dy}
	task.coef, task.step = task.orOnes(coef)
	task.into(g)
	task.run(b.h / width())
}

// edgeOp is one of the edge functions.
type edgeOp uint8

const (
	opDot edgeOp = iota
	opDotBackward
	opAggregate
	opAggregateBackward
)

// edgeTask is an edge function with its operands. Cores share it by edges where each edge has its
// own result, and else by columns: every sum runs along a column in the order of edges, so the bits
// stay those of one core.
type edgeTask struct {
	edgeArgs
	op              edgeOp
	parts           int
	v, out          []float32 // weights and scores, or the scores' gradient
	coef            []float32
	step            int       // between entries of coef
	y               []float32 // sums, or their gradient
	du, dw, dwx, dv []float32
}

var edgeTasks = sync.Pool{New: func() any { return new(edgeTask) }}

// into sets where gradients go.
func (t *edgeTask) into(g *edgeGradients) {
	t.du, t.dw, t.dwx, t.dv = t.orBlank(g.du), t.orBlank(g.dw), t.orBlank(g.dwx), t.orBlank(g.dv)
}

// run runs the function in at most limit parts.
func (t *edgeTask) run(limit int) {
	parts := split(t.n*t.h*(t.nf+2), limit)
	if parts == 1 {
		t.part(0, 1)
		return
	}
	shared := edgeTasks.Get().(*edgeTask) // t stays on the stack
	*shared = *t
	shared.parts = parts
	cores.Run(parts, shared)
	*shared = edgeTask{}
	edgeTasks.Put(shared)
}

// Part implements cores.Task.
func (t *edgeTask) Part(i int) { t.part(i, t.parts) }

// part runs part i of so many.
func (t *edgeTask) part(i, parts int) {
	if t.op == opDot {
		groups := t.n / 4
		t.dotGroups(groups*i/parts, groups*(i+1)/parts)
		if e := t.n - 4; i == parts-1 && t.n%4 > 0 { // the last four overlap those before
			t.dot(1, t.src[e:], t.dst[e:], t.x[e*t.nf:], t.out[e:])
		}
		return
	}
	panels := (t.h + width() - 1) / width()
	t.columns(panels*i/parts*width(), min(panels*(i+1)/parts*width(), t.h))
}

// dotGroups scores edges in groups of four, from one group to another.
func (t *edgeTask) dotGroups(first, end int) {
	step := max(1, edgeWork/(4*t.h*(t.nf+2)))
	for ; first < end; first += step {
		e := 4 * first
		t.dot(min(step, end-first), t.src[e:], t.dst[e:], t.x[e*t.nf:], t.out[e:])
	}
}

// columns runs the function for some columns: all of them of some edges before the next edges, so
// that the data of these edges stays in the cache.
func (t *edgeTask) columns(first, end int) {
	panel := edgePanel * width()
	step := max(1, edgeWork/(panel*(t.nf+4)))
	for e := 0; e < t.n; e += step {
		n := min(step, t.n-e)
		src, dst, x := &t.src[e], &t.dst[e], &t.x[e*t.nf]
		for j := first; j < end; j += panel {
			u, w, wx := &t.u[j], &t.w[j], &t.wx[j]
			switch c := min(panel, end-j); t.op {
			case opDotBackward:
				edgeDotBackwardKernel(n, c, src, dst, u, w, x, t.nf, wx, t.h, t.slope, &t.out[e], 1,
					&t.v[j], &t.du[j], &t.dw[j], &t.dwx[j], &t.dv[j])
			case opAggregate:
				edgeAggregateKernel(n, c, src, dst, u, w, x, t.nf, wx, t.h, t.slope, &t.coef[e*t.step], t.step, &t.y[j])
			case opAggregateBackward:
				edgeAggregateBackwardKernel(n, c, src, dst, u, w, x, t.nf, wx, t.h, t.slope, &t.coef[e*t.step], t.step,
					&t.y[j], &t.du[j], &t.dw[j], &t.dwx[j])
			}
		}
	}
}
