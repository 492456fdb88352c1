package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// uniform returns n values of [-1, 1).
func uniform(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	return x
}

// indices returns n values of [0, limit).
func indices(r *rand.Rand, n, limit int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(r.IntN(limit))
	}
	return x
}

// segments returns n ascending offsets that start at 0, empty ones among them.
func segments(r *rand.Rand, n, longest int) []int32 {
	ptr := []int32{0}
	for range n {
		ptr = append(ptr, ptr[len(ptr)-1]+int32(r.IntN(longest+1)))
	}
	return ptr
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// wantClose fails unless got agrees with the float64 reference to tol, relative
// above 1 and absolute below.
func wantClose(t *testing.T, name string, got []float32, want []float64, tol float64) {
	t.Helper()
	for i, w := range want {
		if g := float64(got[i]); !(math.Abs(g-w) <= tol*max(1, math.Abs(w))) {
			t.Fatalf("%s[%d] = %v, want %v", name, i, g, w)
		}
	}
}

func wantPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if _, ok := recover().(string); !ok {
			t.Errorf("%s: no panic with a message", name)
		}
	}()
	f()
}
