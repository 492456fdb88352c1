package kernel

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/internal/cores"
)

// TestCores computes everything that cores share with one, two and three of them: the same bits.
func TestCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	defer cores.Force(1)()
	r := newRand(21)
	for _, c := range []struct{ edges, h, nf, slope int }{{3, 32, 4, 0}, {37, 32, 4, 0}, {350, 40, 1, 1}, {2000, 100, 0, 0}} {
		const nodes = 30
		slope, h, nf := float32(c.slope)*0.2, c.h, c.nf
		src, dst := indices(r, c.edges, nodes), indices(r, c.edges, nodes)
		u, w, x := uniform(r, nodes*h), uniform(r, nodes*h), uniform(r, c.edges*nf)
		wx, v, coef := uniform(r, nf*h), uniform(r, h), uniform(r, c.edges)
		sameBits(t, fmt.Sprintf("%d edges, h %d", c.edges, h), func() [][]float32 {
			f := func(n int) []float32 { return make([]float32, n) }
			out, y, y1 := f(c.edges), f(nodes*h), f(nodes*h)
			du, dw, dwx, dv := f(nodes*h), f(nodes*h), f(nf*h), f(h)
			EdgeDot(slope, h, src, dst, u, w, x, nf, wx, v, out)
			EdgeAggregate(slope, h, src, dst, u, w, x, nf, wx, coef, y)
			EdgeAggregate(slope, h, src, dst, u, nil, x, nf, wx, nil, y1)
			EdgeDotBackward(slope, h, src, dst, u, w, x, nf, wx, v, coef, du, nil, dwx, dv)
			EdgeAggregateBackward(slope, h, src, dst, u, w, x, nf, wx, coef, y, du, dw, dwx)
			return [][]float32{out, y, y1, du, dw, dwx, dv}
		})
	}
	for _, s := range [][3]int{{33, 32, 70}, {64, 32, 896}, {490, 260, 280}, {1000, 1, 64}, {4096, 70, 32}} {
		for i := range 8 {
			g := newGemmCase(r, i&1 != 0, i&2 != 0, i&4 != 0, s[0], s[1], s[2], 0)
			sameBits(t, fmt.Sprintf("product %v, kind %d", s, i), func() [][]float32 {
				c := slices.Clone(g.c)
				Gemm(g.transA, g.transB, s[0], s[1], s[2], g.a, g.lda, g.b, g.ldb, c, g.ldc, g.acc)
				return [][]float32{c}
			})
		}
	}
}

// sameBits compares what f computes with one, two and three cores.
func sameBits(t *testing.T, name string, f func() [][]float32) {
	t.Helper()
	eachPath(func() {
		var want [][]float32
		for processors := 1; processors <= 3; processors++ {
			runtime.GOMAXPROCS(processors)
			got := f()
			if want == nil {
				want = got
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%v: %s: result %d with %d cores differs", active, name, i, processors)
				}
			}
		}
	})
}

// TestAllocsCores makes sure that sharing allocates nothing either.
func TestAllocsCores(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has pools drop items at random")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	defer cores.Force(1)()
	r := newRand(22)
	const n, h = 64, 32
	x, y, z, idx := uniform(r, n*n), uniform(r, n*n), uniform(r, n*n), indices(r, n, n)
	for name, f := range map[string]func(){
		"Gemm":          func() { Gemm(false, false, n, n, n, x, n, y, n, z, n, false) },
		"EdgeDot":       func() { EdgeDot(0, h, idx, idx, x, y, nil, 0, nil, x, z) },
		"EdgeAggregate": func() { EdgeAggregate(0, h, idx, idx, x, y, nil, 0, nil, nil, z) },
	} {
		if got := testing.AllocsPerRun(100, f); got > 0 {
			t.Errorf("%s allocates %v times", name, got)
		}
	}
}
