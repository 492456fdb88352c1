package kernel

import (
	"math"
	"testing"
)

func TestVector(t *testing.T) {
	r := newRand(3)
	sizes := []int{20000, 40001}
	for n := range 100 {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		x, y := uniform(r, n), uniform(r, n)
		axpy, scale := wide(y), wide(x)
		axpyRef, scaleRef := append([]float32(nil), y...), append([]float32(nil), x...)
		var exactDot, exactSquares, refSquares float64
		var refDot float32
		for at := 0; at < n; at += 1 << 14 { // kernels sum so many at a time
			var dots lanes
			var squares lanes64
			for i := range (min(1<<14, n-at) + 15) &^ 15 {
				var u, v float32
				if at+i < n {
					u, v = x[at+i], y[at+i]
				}
				dots[i%16] = fma32(u, v, dots[i%16])
				squares[i%16] += float64(u) * float64(u)
			}
			refDot += dots.sum()
			refSquares += squares.sum()
		}
		for i := range n {
			axpy[i] += 0.3 * float64(x[i])
			scale[i] *= 0.3
			axpyRef[i] = fma32(0.3, x[i], axpyRef[i])
			scaleRef[i] *= 0.3
			exactDot += float64(x[i]) * float64(y[i])
			exactSquares += float64(x[i]) * float64(x[i])
		}
		eachPath(func() {
			dot := []float32{Dot(x, y)}
			wantClose(t, "Dot", dot, []float64{exactDot}, 1e-4)
			wantBits(t, "Dot", dot, []float32{refDot})
			squares := SumSquares(x)
			if math.Abs(squares-exactSquares) > 1e-12*exactSquares {
				t.Fatalf("SumSquares = %v, want %v", squares, exactSquares)
			}
			if active != isaGo && squares != refSquares {
				t.Fatalf("%v: SumSquares = %v, want %v", active, squares, refSquares)
			}
			u, v := append([]float32(nil), x...), append([]float32(nil), y...)
			Axpy(0.3, u, v)
			wantClose(t, "Axpy", v, axpy, 1e-6)
			wantBits(t, "Axpy", v, axpyRef)
			Scale(0.3, u)
			wantClose(t, "Scale", u, scale, 1e-6)
			wantBits(t, "Scale", u, scaleRef)
		})
	}
}

func TestMaxIndex(t *testing.T) {
	r := newRand(12)
	eachPath(func() {
		for n := range 70 {
			idx := indices(r, n, 1000)
			var want uint32
			for _, v := range idx {
				want = max(want, uint32(v))
			}
			if got := maxIndex(idx); got != want {
				t.Fatalf("%v: maxIndex(%v) = %d, want %d", active, idx, got, want)
			}
			if n > 0 {
				idx[r.IntN(n)] = -1
				if got := maxIndex(idx); got != math.MaxUint32 {
					t.Fatalf("%v: maxIndex(%v) = %d misses the negative index", active, idx, got)
				}
			}
		}
	})
}
