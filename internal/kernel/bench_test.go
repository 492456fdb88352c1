package kernel

import (
	"fmt"
	"math"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// run benchmarks f as the sub-benchmark called name. Given the amount done by one
// call it reports GFLOP/s, or else the time per amount in the unit: of the best of
// many short samples, which other processes disturb less than they do the mean.
func run(b *testing.B, name string, amount float64, unit string, f func()) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		best := bestTime(f) // warms up besides
		for b.Loop() {
			f()
		}
		if unit == "GFLOP/s" {
			b.ReportMetric(amount/best, unit)
		} else {
			b.ReportMetric(best/amount, unit)
		}
	})
}

// bestTime returns the least time of f in nanoseconds.
func bestTime(f func()) float64 {
	const sample, total = 50 * time.Microsecond, 20 * time.Millisecond
	time1 := func(n int) time.Duration {
		start := time.Now()
		for range n {
			f()
		}
		return time.Since(start)
	}
	f()
	n := 1 + int(sample/(1+time1(1)))
	best := math.Inf(1)
	for start := time.Now(); time.Since(start) < total; {
		best = min(best, float64(time1(n))/float64(n))
	}
	return best
}

// BenchmarkGEMM covers the layers of small networks, forward (NN) and backward
// (NT for inputs, TN for weights), one decision at a time and in batches.
func BenchmarkGEMM(b *testing.B) {
	r := newRand(1)
	for _, s := range [][3]int{
		{128, 10, 120}, {128, 120, 80}, {64, 32, 32}, {64, 128, 128}, {1536, 64, 64}, {1536, 128, 128},
		{1, 120, 80}, {2708, 1433, 16}, {512, 512, 512},
	} {
		m, k, n := s[0], s[1], s[2]
		flop := 2 * float64(m) * float64(n) * float64(k)
		for _, op := range []string{"NN", "NT", "TN"} {
			g := newGemmCase(r, op[0] == 'T', op[1] == 'T', false, m, n, k, 0)
			name := fmt.Sprintf("%dx%dx%d/%s", m, k, n, op)
			run(b, name, flop, "GFLOP/s", func() {
				Gemm(g.transA, g.transB, m, n, k, g.a, g.lda, g.b, g.ldb, g.c, g.ldc, false)
			})
			trans := map[byte]blas.Transpose{'N': blas.NoTrans, 'T': blas.Trans}
			run(b, name+"/gonum", flop, "GFLOP/s", func() {
				gonum.Implementation{}.Sgemm(trans[op[0]], trans[op[1]], m, n, k, 1, g.a, g.lda, g.b, g.ldb, 0, g.c, g.ldc)
			})
		}
	}
}

// BenchmarkDecision is one decision of the 10-120-80-10 network of the DROO
// paper: three layers, batch one.
func BenchmarkDecision(b *testing.B) {
	r := newRand(2)
	sizes := []int{10, 120, 80, 10}
	x := [][]float32{uniform(r, 10), nil, nil, nil}
	var weights, biases [4][]float32
	for i := 1; i < len(sizes); i++ {
		weights[i], biases[i], x[i] = uniform(r, sizes[i-1]*sizes[i]), uniform(r, sizes[i]), make([]float32, sizes[i])
	}
	run(b, "10-120-80-10", 1, "ns/decision", func() {
		for i := 1; i < len(sizes); i++ {
			Gemm(false, false, 1, sizes[i], sizes[i-1], x[i-1], sizes[i-1], weights[i], sizes[i], x[i], sizes[i], false)
			act := ActReLU
			if i == len(sizes)-1 {
				act = ActSigmoid
			}
			BiasAct(act, 1, sizes[i], x[i], biases[i])
		}
	})
}

func BenchmarkSpMM(b *testing.B) {
	r := newRand(3)
	for _, s := range [][3]int{{2708, 10, 16}, {2708, 10, 64}, {2708, 10, 128}, {1536, 6, 64}, {100000, 10, 64}} {
		rows, degree, f := s[0], s[1], s[2]
		c := newSpmmCase(r, rows, rows, f, 2*degree, 0)
		c.val = uniform(r, len(c.col))
		run(b, fmt.Sprintf("%dx%dx%d", rows, degree, f), 2*float64(len(c.col)*f), "GFLOP/s", func() {
			SpMM(&c.a, f, c.val, c.x, f, c.y, f, false)
		})
	}
}

// BenchmarkSpMMUnseen takes forty matrices in turn, more than branch prediction
// learns by heart: as in training on graphs that change.
func BenchmarkSpMMUnseen(b *testing.B) {
	r := newRand(10)
	for _, s := range [][3]int{{2708, 10, 16}, {2708, 10, 64}, {2708, 3, 16}, {2708, 3, 64}} {
		rows, degree, f := s[0], s[1], s[2]
		x, y := uniform(r, rows*f), make([]float32, rows*f)
		cases, flop := make([]*spmmCase, 40), 0.0
		for i := range cases {
			cases[i] = newSpmmCase(r, rows, rows, 0, 2*degree, 0)
			cases[i].val = uniform(r, len(cases[i].col))
			flop += 2 * float64(len(cases[i].col)*f)
		}
		run(b, fmt.Sprintf("%dx%dx%d", rows, degree, f), flop, "GFLOP/s", func() {
			for _, c := range cases {
				SpMM(&c.a, f, c.val, x, f, y, f, false)
			}
		})
	}
}

// BenchmarkCSR checks and arranges the structure of a matrix.
func BenchmarkCSR(b *testing.B) {
	const rows, degree = 2708, 10
	c := newSpmmCase(newRand(11), rows, rows, 0, 2*degree, 0)
	run(b, fmt.Sprintf("%dx%d", rows, degree), rows, "ns/row", func() { c.a.Set(rows, c.ptr, c.col) })
}

func benchmarkMath(b *testing.B, f func(dst, src []float32), ref func(float64) float64) {
	const n = 4096
	x, y := uniform(newRand(4), n), make([]float32, n)
	Scale(4, x)
	run(b, "kernel", n, "ns/element", func() { f(y, x) })
	run(b, "math", n, "ns/element", func() {
		for i, v := range x {
			y[i] = float32(ref(float64(v)))
		}
	})
}

func BenchmarkExp(b *testing.B)  { benchmarkMath(b, Exp, math.Exp) }
func BenchmarkTanh(b *testing.B) { benchmarkMath(b, Tanh, math.Tanh) }
func BenchmarkSigmoid(b *testing.B) {
	benchmarkMath(b, Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })
}

func BenchmarkBiasAct(b *testing.B) {
	r := newRand(5)
	for _, n := range []int{10, 80, 128} {
		const rows = 128
		y, dy, bias, db := uniform(r, rows*n), uniform(r, rows*n), make([]float32, n), make([]float32, n)
		for act, name := range []string{"none", "relu", "leaky", "elu", "sigmoid", "tanh"} {
			run(b, fmt.Sprintf("%s/%d", name, n), float64(rows*n), "ns/element", func() { BiasAct(Act(act), rows, n, y, bias) })
			run(b, fmt.Sprintf("%s/%d/backward", name, n), float64(rows*n), "ns/element", func() { ActBackward(Act(act), rows, n, y, dy, dy, db) })
		}
	}
}

func BenchmarkSoftmax(b *testing.B) {
	r := newRand(6)
	for _, s := range [][2]int{{10000, 3}, {1000, 100}} {
		segments, length := s[0], s[1]
		ptr := make([]int32, segments+1)
		for i := range ptr {
			ptr[i] = int32(i * length)
		}
		n := segments * length
		z, t, p := uniform(r, n), make([]float32, n), make([]float32, n)
		for i := range segments {
			t[i*length] = 1
		}
		name := fmt.Sprintf("%dx%d", segments, length)
		run(b, name, float64(n), "ns/element", func() { SegmentSoftmax(ptr, z, p) })
		run(b, name+"/CE", float64(n), "ns/element", func() { SegmentSoftmaxCE(ptr, z, t, p) })
	}
}

func BenchmarkSigmoidBCE(b *testing.B) {
	const n = 4096
	z, t, dz := uniform(newRand(7), n), make([]float32, n), make([]float32, n)
	run(b, "kernel", n, "ns/element", func() { SigmoidBCE(z, t, dz) })
}

func BenchmarkAdam(b *testing.B) {
	for _, n := range []int{16384, 1 << 20} {
		p, g := make([]float32, n), uniform(newRand(8), n)
		m, v := make([]float32, n), make([]float32, n)
		run(b, fmt.Sprint(n), float64(n), "ns/element", func() { Adam(p, g, m, v, 1e-3, 0.9, 0.999, 1e-8, 0, 10) })
		run(b, fmt.Sprintf("%d/go", n), float64(n), "ns/element", func() { adamGo(p, g, m, v, adamStep{0.9, 0.1, 0.999, 0.001, 1e-3, 1, 1e-8, 1}) })
	}
}

// BenchmarkEdgeDot scores the complete bipartite graph of 1000 devices and 100
// options, its edges sorted by device; BenchmarkEdgeAggregate sums over it, at the
// options and at the devices.
func BenchmarkEdgeDot(b *testing.B)       { benchmarkEdges(b, true) }
func BenchmarkEdgeAggregate(b *testing.B) { benchmarkEdges(b, false) }

func benchmarkEdges(b *testing.B, dot bool) {
	const devices, options = 1000, 100
	const n = devices * options
	src, dst := make([]int32, n), make([]int32, n)
	for e := range n {
		src[e], dst[e] = int32(e/options), int32(e%options)
	}
	r := newRand(9)
	for _, s := range [][2]int{{32, 1}, {32, 4}, {64, 0}, {64, 2}, {64, 4}} {
		h, nf := s[0], s[1]
		u, w, x, wx, v := uniform(r, devices*h), uniform(r, options*h), uniform(r, n*nf), uniform(r, nf*h), uniform(r, h)
		out, y := make([]float32, n), make([]float32, options*h)
		du, dw, dwx, dv := make([]float32, devices*h), make([]float32, options*h), make([]float32, nf*h), make([]float32, h)
		size := fmt.Sprintf("h=%d,nf=%d", h, nf)
		const ms = 1e6 // ns
		if dot {
			run(b, size, ms, "ms", func() { EdgeDot(0.2, h, src, dst, u, w, x, nf, wx, v, out) })
			run(b, size+"/backward", ms, "ms", func() { EdgeDotBackward(0.2, h, src, dst, u, w, x, nf, wx, v, out, du, dw, dwx, dv) })
			continue
		}
		run(b, size+"/options", ms, "ms", func() { EdgeAggregate(0.2, h, src, dst, u, w, x, nf, wx, nil, y) })
		run(b, size+"/devices", ms, "ms", func() { EdgeAggregate(0.2, h, dst, src, w, u, x, nf, wx, nil, du) })
		run(b, size+"/options/backward", ms, "ms", func() { EdgeAggregateBackward(0.2, h, src, dst, u, w, x, nf, wx, nil, w, du, dw, dwx) })
	}
}

func BenchmarkFinite(b *testing.B) {
	x := uniform(newRand(1), 1<<16)
	for name, f := range map[string]func(){"finite": func() { Finite(x) }, "dot": func() { Dot(x, x) }} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 << 16)
			for b.Loop() {
				f()
			}
		})
	}
}
