package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// edgeCase is a random problem for the edge functions with operands missing at
// random; edges are in runs of equal src or dst, or in no order.
type edgeCase struct {
	slope                    float32
	h, nf                    int
	src, dst                 []int32
	u, w, x, wx, v, coef, up []float32
	dout                     []float32
	nu, nw                   int
}

func newEdgeCase(r *rand.Rand, h, n, nf int) *edgeCase {
	c := &edgeCase{h: h, nf: nf, nu: 1 + r.IntN(9), nw: 1 + r.IntN(9)}
	c.slope = []float32{0, 0.2, 1}[r.IntN(3)]
	c.src, c.dst = indices(r, n, c.nu), indices(r, n, c.nw)
	switch r.IntN(3) {
	case 0:
		for e := range c.src {
			c.src[e] = int32(e * c.nu / n)
		}
	case 1:
		for e := range c.dst {
			c.dst[e] = int32(e * c.nw / n)
		}
	}
	if r.IntN(5) > 0 {
		c.u = uniform(r, c.nu*c.h)
	}
	if r.IntN(5) > 0 {
		c.w = uniform(r, c.nw*c.h)
	}
	if r.IntN(5) > 0 {
		c.x, c.wx = uniform(r, n*c.nf), uniform(r, c.nf*c.h)
	}
	if r.IntN(3) > 0 {
		c.coef = uniform(r, n)
	}
	c.v, c.dout, c.up = uniform(r, c.h), uniform(r, n), uniform(r, c.nw*c.h)
	return c
}

// row returns the hidden row of edge e in float64.
func (c *edgeCase) row(e int) []float64 {
	row := make([]float64, c.h)
	for j := range row {
		if c.u != nil {
			row[j] += float64(c.u[int(c.src[e])*c.h+j])
		}
		if c.w != nil {
			row[j] += float64(c.w[int(c.dst[e])*c.h+j])
		}
		if c.x != nil {
			for q := range c.nf {
				row[j] += float64(c.x[e*c.nf+q]) * float64(c.wx[q*c.h+j])
			}
		}
	}
	return row
}

// rowRef returns the hidden row of edge e as the kernels round it.
func (c *edgeCase) rowRef(e int) []float32 {
	row := make([]float32, c.h)
	for j := range row {
		if c.u != nil {
			row[j] = c.u[int(c.src[e])*c.h+j]
		}
		if c.w != nil {
			row[j] += c.w[int(c.dst[e])*c.h+j]
		}
		if c.x != nil {
			for q := range c.nf {
				row[j] = fma32(c.x[e*c.nf+q], c.wx[q*c.h+j], row[j])
			}
		}
	}
	return row
}

func (c *edgeCase) coefAt(e int) float32 {
	if c.coef == nil {
		return 1
	}
	return c.coef[e]
}

// checkFeatures holds the gradients with respect to the edge features to float64.
func (c *edgeCase) checkFeatures(t *testing.T, r *rand.Rand) {
	t.Helper()
	if c.x == nil {
		return
	}
	n := len(c.src)
	start, start2 := uniform(r, n*c.nf), uniform(r, n*c.nf)
	dot, sum := wide(start), wide(start2)
	for e := range n {
		for j, pre := range c.row(e) {
			slope := 1.0
			if pre <= 0 {
				slope = float64(c.slope)
			}
			if pre != 0 && math.Abs(pre) < 1e-6 {
				return // float32 may see the kink on the other side
			}
			for q := range c.nf {
				wx := slope * float64(c.wx[q*c.h+j])
				dot[e*c.nf+q] += wx * float64(c.dout[e]) * float64(c.v[j])
				sum[e*c.nf+q] += wx * float64(c.coefAt(e)) * float64(c.up[int(c.dst[e])*c.h+j])
			}
		}
	}
	eachPath(func() {
		dx := append([]float32{}, start...)
		EdgeDotFeatures(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.v, c.dout, dx)
		wantClose(t, "dx", dx, dot, 1e-6*float64(10+c.h))
		copy(dx, start2)
		EdgeAggregateFeatures(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.coef, c.up, dx)
		wantClose(t, "dx of aggregate", dx, sum, 1e-6*float64(10+c.h))
	})
}

// edgeOutputs are the results of the four functions: first out, du, dw, dwx and
// dv of EdgeDot, then y, du, dw and dwx of EdgeAggregate.
type edgeOutputs [9][]float32

var edgeOutputNames = [9]string{"out", "du", "dw", "dwx", "dv", "y", "du of aggregate", "dw of aggregate", "dwx of aggregate"}

// start returns the initial contents of the accumulated outputs.
func (c *edgeCase) start(r *rand.Rand) (o edgeOutputs) {
	for i, n := range [9]int{len(c.src), c.nu * c.h, c.nw * c.h, c.nf * c.h, c.h, c.nw * c.h, c.nu * c.h, c.nw * c.h, c.nf * c.h} {
		o[i] = uniform(r, n)
	}
	return o
}

func (o edgeOutputs) clone() edgeOutputs {
	for i := range o {
		o[i] = append([]float32{}, o[i]...)
	}
	return o
}

func (c *edgeCase) run(o edgeOutputs) {
	EdgeDot(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.v, o[0])
	EdgeDotBackward(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.v, c.dout, o[1], o[2], o[3], o[4])
	EdgeAggregate(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.coef, o[5])
	EdgeAggregateBackward(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.coef, c.up, o[6], o[7], o[8])
}

// exact returns the outputs in float64. It is not sure of them if the sign of a
// hidden element hangs on how float32 rounds.
func (c *edgeCase) exact(start edgeOutputs) (o [9][]float64, sure bool) {
	sure = true
	for i := range o {
		o[i] = wide(start[i])
	}
	for e := range c.src {
		s, d := int(c.src[e])*c.h, int(c.dst[e])*c.h
		o[0][e] = 0
		for j, pre := range c.row(e) {
			slope := 1.0
			if pre <= 0 {
				slope = float64(c.slope)
			}
			act := slope * pre
			if pre != 0 && math.Abs(pre) < 1e-6 {
				sure = false
			}
			v, dout, coef := float64(c.v[j]), float64(c.dout[e]), float64(c.coefAt(e))
			o[0][e] += v * act
			o[4][j] += dout * act
			o[5][d+j] += coef * act
			g, a := dout*v*slope, coef*float64(c.up[d+j])*slope
			o[1][s+j] += g
			o[2][d+j] += g
			o[6][s+j] += a
			o[7][d+j] += a
			if c.x != nil {
				for q := range c.nf {
					x := float64(c.x[e*c.nf+q])
					o[3][q*c.h+j] += x * g
					o[8][q*c.h+j] += x * a
				}
			}
		}
	}
	return o, sure
}

func (c *edgeCase) reference(start edgeOutputs) edgeOutputs {
	o := start.clone()
	for e := range c.src {
		s, d := int(c.src[e])*c.h, int(c.dst[e])*c.h
		var out lanes
		for j, p := range c.rowRef(e) {
			act := leakyRef(p, c.slope)
			out[j%16] = fma32(c.v[j], act, out[j%16])
			o[4][j] = fma32(c.dout[e], act, o[4][j])
			o[5][d+j] = fma32(c.coefAt(e), act, o[5][d+j])
			g, a := c.dout[e]*c.v[j], c.coefAt(e)*c.up[d+j]
			if !(p > 0) {
				g, a = c.slope*g, c.slope*a
			}
			o[1][s+j] += g
			o[2][d+j] += g
			o[6][s+j] += a
			o[7][d+j] += a
			if c.x != nil {
				for q := range c.nf {
					x := c.x[e*c.nf+q]
					o[3][q*c.h+j] = fma32(x, g, o[3][q*c.h+j])
					o[8][q*c.h+j] = fma32(x, a, o[8][q*c.h+j])
				}
			}
		}
		o[0][e] = out.sum()
	}
	return o
}

func (c *edgeCase) check(t *testing.T, r *rand.Rand) {
	t.Helper()
	defer c.checkFeatures(t, r)
	start := c.start(r)
	exact, sure := c.exact(start)
	ref := c.reference(start)
	eachPath(func() {
		o := start.clone()
		c.run(o)
		for i, name := range edgeOutputNames {
			if sure {
				wantClose(t, name, o[i], exact[i], 1e-6*float64(10+len(c.src))) // sums of so many terms
			}
			wantBits(t, name, o[i], ref[i])
		}
		// Each gradient is the same if the others are not requested.
		for i := range edgeOutputNames {
			o := start.clone()
			for j := range o {
				if j != i && j != 0 && j != 5 {
					o[j] = nil
				}
			}
			c.run(o)
			wantBits(t, edgeOutputNames[i]+" alone", o[i], ref[i])
		}
		// Without gradients, nothing is written.
		c.run(edgeOutputs{0: o[0], 5: o[5]})
	})
}

func TestEdge(t *testing.T) {
	r := newRand(10)
	for range 400 {
		newEdgeCase(r, 1+r.IntN(80), r.IntN(40), r.IntN(6)).check(t, r)
	}
	// More edges than one call of a kernel takes.
	newEdgeCase(r, 300, 700, 3).check(t, r)
}

func FuzzEdge(f *testing.F) {
	f.Add(uint64(1), uint16(32), uint16(10), uint8(2))
	f.Add(uint64(2), uint16(5), uint16(3), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, h, n uint16, nf uint8) {
		r := newRand(seed)
		newEdgeCase(r, 1+int(h%300), int(n%100), int(nf%10)).check(t, r)
	})
}

func TestEdgePanics(t *testing.T) {
	one := []int32{1}
	x := make([]float32, 4)
	dot := func(slope float32, src, dst []int32, u, w, x, out []float32) func() {
		return func() { EdgeDot(slope, 2, src, dst, u, w, x, 2, x, x, out) }
	}
	dot(0, one, one, x, x, x, x)()
	wantPanic(t, "slope", dot(2, one, one, x, x, x, x))
	wantPanic(t, "src beyond u", dot(0, []int32{2}, one, x, x, x, x))
	wantPanic(t, "dst beyond w", dot(0, one, []int32{-1}, x, x, x, x))
	wantPanic(t, "lengths differ", dot(0, one, []int32{1, 1}, x, x, x, x))
	wantPanic(t, "short out", dot(0, one, one, x, x, x, nil))
	wantPanic(t, "short x", func() { EdgeDot(0, 2, []int32{0, 1, 0}, []int32{0, 1, 0}, x, x, x, 2, x, x, x) })
	wantPanic(t, "du too small", func() { EdgeDotBackward(0, 2, one, one, x, x, x, 2, x, x, x, x[:2], nil, nil, nil) })
	wantPanic(t, "dx too small", func() { EdgeDotFeatures(0, 2, one, one, x, x, x, 2, x, x, x, x[:1]) })
	wantPanic(t, "dx of aggregate too small", func() { EdgeAggregateFeatures(0, 2, one, one, x, x, x, 2, x, nil, x, x[:1]) })
}
