package kernel

import (
	"math"
	"testing"
)

func TestVector(t *testing.T) {
	r := newRand(3)
	for n := range 100 {
		x, y := uniform(r, n), uniform(r, n)
		axpy, scale := wide(y), wide(x)
		var dot, squares float64
		for i := range n {
			axpy[i] += 0.3 * float64(x[i])
			scale[i] *= 0.3
			dot += float64(x[i]) * float64(y[i])
			squares += float64(x[i]) * float64(x[i])
		}
		wantClose(t, "Dot", []float32{Dot(x, y)}, []float64{dot}, 1e-5)
		if got := SumSquares(x); math.Abs(got-squares) > 1e-12*squares {
			t.Fatalf("SumSquares = %v, want %v", got, squares)
		}
		Axpy(0.3, x, y)
		wantClose(t, "Axpy", y, axpy, 1e-6)
		Scale(0.3, x)
		wantClose(t, "Scale", x, scale, 1e-6)
	}
}
