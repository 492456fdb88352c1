package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// spmmCase is one sparse product with its operands.
type spmmCase struct {
	rows, f, ldx, ldy int
	ptr, col          []int32
	a                 CSR
	val, x, y         []float32
	acc               bool
}

// newSpmmCase draws a product with up to longest entries a row and rows padded
// by up to pad elements.
func newSpmmCase(r *rand.Rand, rows, cols, f, longest, pad int) *spmmCase {
	c := &spmmCase{rows: rows, f: f, ldx: f + r.IntN(pad+1), ldy: f + r.IntN(pad+1), acc: r.IntN(2) == 0}
	c.ptr = segments(r, rows, longest)
	c.col = indices(r, int(c.ptr[rows]), cols)
	c.a.Set(cols, c.ptr, c.col)
	if r.IntN(3) > 0 {
		c.val = uniform(r, len(c.col))
	}
	c.x, c.y = uniform(r, cols*c.ldx), uniform(r, rows*c.ldy)
	return c
}

// Sizes of x from which on kernels fetch ahead of their use a line of its rows, and
// all of them.
const (
	nearSize = 128 << 10
	farSize  = 8 << 20
)

// spread moves the rows of x so far apart that it fills so many bytes.
func (c *spmmCase) spread(size int) *spmmCase {
	cols := len(c.x) / c.ldx
	ldx := c.ldx + size/4/cols
	x := make([]float32, cols*ldx)
	for i := range cols {
		copy(x[i*ldx:], c.x[i*c.ldx:(i+1)*c.ldx])
	}
	c.x, c.ldx = x, ldx
	return c
}

func (c *spmmCase) check(t *testing.T) {
	t.Helper()
	exact, ref := wide(c.y), append([]float32(nil), c.y...)
	longest := int32(0)
	for i := range c.rows {
		longest = max(longest, c.ptr[i+1]-c.ptr[i])
		for j := range c.f {
			at := i*c.ldy + j
			if !c.acc {
				exact[at], ref[at] = 0, 0
			}
			for e := c.ptr[i]; e < c.ptr[i+1]; e++ {
				v := float32(1)
				if c.val != nil {
					v = c.val[e]
				}
				x := c.x[int(c.col[e])*c.ldx+j]
				exact[at] += float64(v) * float64(x)
				ref[at] = fma32(v, x, ref[at])
			}
		}
	}
	name := fmt.Sprintf("%d rows of %d, %d entries, val %v, acc %v: y", c.rows, c.f, len(c.col), c.val != nil, c.acc)
	eachPath(func() {
		y := append([]float32(nil), c.y...)
		SpMM(&c.a, c.f, c.val, c.x, c.ldx, y, c.ldy, c.acc)
		wantClose(t, name, y, exact, 2e-5+2e-8*float64(longest)) // sums of so many terms
		wantBits(t, name, y, ref)
	})
}

func TestSpMM(t *testing.T) {
	r := newRand(2)
	for range 200 {
		newSpmmCase(r, r.IntN(30), 1+r.IntN(30), 1+r.IntN(300), 12, 3).check(t)
	}
	for range 20 { // more rows than a call of a kernel takes, and a large x
		f := 1 + r.IntN(150)
		newSpmmCase(r, 500, 40, f, 20, 3).check(t)
		newSpmmCase(r, 500, 40, f, 20, 3).spread(nearSize).check(t)
		newSpmmCase(r, 500, 40, f, 20, 3).spread(farSize).check(t)
	}
	// More entries in a row than a call takes, between others and alone.
	for _, f := range []int{7, 129} {
		for _, ptr := range [][]int32{{0, 3, 2503, 2503, 2510}, {0, 2500}, {7, 2500}} {
			c := newSpmmCase(r, len(ptr)-1, 9, f, 0, 0)
			n := int(ptr[len(ptr)-1])
			c.ptr, c.col, c.val = ptr, indices(r, n, 9), uniform(r, n)
			c.a.Set(9, c.ptr, c.col)
			c.check(t)
		}
	}
}

func FuzzSpMM(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(4), uint16(64), uint8(10))
	f.Add(uint64(2), uint8(20), uint8(1), uint16(201), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols uint8, width uint16, longest uint8) {
		c := newSpmmCase(newRand(seed), int(rows), int(cols)+1, int(width%600), int(longest%50), 5)
		switch {
		case c.ldx > 0 && seed%8 == 0:
			c.spread(farSize)
		case c.ldx > 0 && seed%2 == 0:
			c.spread(nearSize)
		}
		c.check(t)
	})
}

func TestSpMMPanics(t *testing.T) {
	x, y := make([]float32, 6), make([]float32, 4)
	set := func(cols int, ptr, col []int32) (a CSR) {
		a.Set(cols, ptr, col)
		return a
	}
	ptr, col := []int32{0, 1, 2}, []int32{0, 2}
	a := set(3, ptr, col)
	SpMM(&a, 2, nil, x, 2, y, 2, false)
	wantPanic(t, "index too large", func() { set(3, ptr, []int32{0, 3}) })
	wantPanic(t, "negative index", func() { set(3, ptr, []int32{0, -1}) })
	wantPanic(t, "descending ptr", func() { set(3, []int32{0, 2, 1}, col) })
	wantPanic(t, "ptr too long", func() { set(3, []int32{0, 1, 3}, col) })
	wantPanic(t, "short val", func() { SpMM(&a, 2, x[:1], x, 2, y, 2, false) })
	wantPanic(t, "short x", func() { SpMM(&a, 2, nil, x[:5], 2, y, 2, false) })
	wantPanic(t, "short y", func() { SpMM(&a, 2, nil, x, 2, y[:3], 2, false) })
}
