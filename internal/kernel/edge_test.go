package kernel

import (
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

func newEdgeCase(r *rand.Rand) *edgeCase {
	c := &edgeCase{h: 1 + r.IntN(80), nf: r.IntN(6), nu: 1 + r.IntN(9), nw: 1 + r.IntN(9)}
	c.slope = []float32{0, 0.2, 1}[r.IntN(3)]
	n := r.IntN(40)
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

// row returns the hidden row of edge e and its derivative in float64.
func (c *edgeCase) row(e int) (act, slope []float64) {
	act, slope = make([]float64, c.h), make([]float64, c.h)
	for j := range c.h {
		var p float64
		if c.u != nil {
			p += float64(c.u[int(c.src[e])*c.h+j])
		}
		if c.w != nil {
			p += float64(c.w[int(c.dst[e])*c.h+j])
		}
		if c.x != nil {
			for q := range c.nf {
				p += float64(c.x[e*c.nf+q]) * float64(c.wx[q*c.h+j])
			}
		}
		act[j], slope[j] = p, 1
		if p <= 0 {
			act[j], slope[j] = float64(c.slope)*p, float64(c.slope)
		}
	}
	return act, slope
}

func (c *edgeCase) coefAt(e int) float64 {
	if c.coef == nil {
		return 1
	}
	return float64(c.coef[e])
}

func TestEdge(t *testing.T) {
	r := newRand(10)
	for range 400 {
		c := newEdgeCase(r)
		n := len(c.src)
		out, y := make([]float32, n), uniform(r, c.nw*c.h)
		grads := func() ([]float32, []float32, []float32, []float32) {
			return uniform(r, c.nu*c.h), uniform(r, c.nw*c.h), uniform(r, c.nf*c.h), uniform(r, c.h)
		}
		du, dw, dwx, dv := grads()
		au, aw, awx, _ := grads()
		wantOut, wantY := make([]float64, n), wide(y)
		wantU, wantW, wantX, wantV := wide(du), wide(dw), wide(dwx), wide(dv)
		sumU, sumW, sumX := wide(au), wide(aw), wide(awx)
		for e := range n {
			s, d := int(c.src[e])*c.h, int(c.dst[e])*c.h
			act, slope := c.row(e)
			for j := range c.h {
				v, up := float64(c.v[j]), float64(c.dout[e])
				wantOut[e] += v * act[j]
				wantY[d+j] += c.coefAt(e) * act[j]
				wantV[j] += up * act[j]
				g := up * v * slope[j]
				a := c.coefAt(e) * float64(c.up[d+j]) * slope[j]
				wantU[s+j] += g
				wantW[d+j] += g
				sumU[s+j] += a
				sumW[d+j] += a
				if c.x != nil {
					for q := range c.nf {
						wantX[q*c.h+j] += float64(c.x[e*c.nf+q]) * g
						sumX[q*c.h+j] += float64(c.x[e*c.nf+q]) * a
					}
				}
			}
		}
		EdgeDot(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.v, out)
		wantClose(t, "out", out, wantOut, 1e-5)
		EdgeAggregate(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.coef, y)
		wantClose(t, "y", y, wantY, 1e-5)
		EdgeDotBackward(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.v, c.dout, du, dw, dwx, dv)
		wantClose(t, "du", du, wantU, 1e-5)
		wantClose(t, "dw", dw, wantW, 1e-5)
		wantClose(t, "dwx", dwx, wantX, 1e-5)
		wantClose(t, "dv", dv, wantV, 1e-5)
		EdgeAggregateBackward(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.coef, c.up, au, aw, awx)
		wantClose(t, "du of aggregate", au, sumU, 1e-5)
		wantClose(t, "dw of aggregate", aw, sumW, 1e-5)
		wantClose(t, "dwx of aggregate", awx, sumX, 1e-5)
		EdgeDotBackward(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.v, c.dout, nil, nil, nil, nil)
		EdgeAggregateBackward(c.slope, c.h, c.src, c.dst, c.u, c.w, c.x, c.nf, c.wx, c.coef, c.up, nil, nil, nil)
	}
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
}
