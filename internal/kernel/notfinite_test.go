package kernel

import (
	"math"
	"testing"
)

// TestKernelsPropagateNaN puts a NaN into each position in turn: no reduction, maximum or
// activation may lose it, whichever lane, block or remainder it falls into.
func TestKernelsPropagateNaN(t *testing.T) {
	nan := float32(math.NaN())
	r := newRand(20)
	eachPath(func() {
		for _, n := range []int{1, 2, 7, 15, 16, 17, 31, 33, 50} {
			for at := range n {
				x, y, z := uniform(r, n), uniform(r, n), make([]float32, n)
				x[at] = nan
				isNaN := func(name string, v float64) {
					t.Helper()
					if v == v {
						t.Errorf("%v: %s of %d values hides NaN at %d: %v", active, name, n, at, v)
					}
				}
				isNaN("Dot", float64(Dot(x, y)))
				isNaN("Dot, second", float64(Dot(y, x)))
				isNaN("SumSquares", SumSquares(x))
				isNaN("SigmoidBCE", SigmoidBCE(x, y, z))
				isNaN("SigmoidBCE, target", SigmoidBCE(y, x, z))
				ptr := []int32{0, int32(n)}
				isNaN("SegmentSoftmaxCE", SegmentSoftmaxCE(ptr, x, y, z))
				isNaN("SegmentSoftmaxCE without mass", SegmentSoftmaxCE(ptr, x, make([]float32, n), z))
				isNaN("SegmentSoftmaxCE, target", SegmentSoftmaxCE(ptr, y, x, z))
				SegmentSoftmax(ptr, x, z)
				for _, v := range z {
					isNaN("SegmentSoftmax", float64(v))
				}
				for act := ActNone; act <= ActTanh; act++ {
					copy(z, x)
					BiasAct(act, 1, n, z, nil)
					isNaN("activation", float64(z[at]))
					copy(z, y)
					BiasAct(act, 1, n, z, x)
					isNaN("bias and activation", float64(z[at]))
				}
				c := make([]float32, 1)
				Gemm(false, false, 1, 1, n, x, n, make([]float32, n), 1, c, 1, false) // NaN times zero
				isNaN("Gemm", float64(c[0]))
				one := []int32{0}
				EdgeDot(0.2, n, one, one, x, y, nil, 0, nil, y, c)
				isNaN("EdgeDot", float64(c[0]))
				clear(z)
				EdgeAggregate(0, n, one, one, x, y, nil, 0, nil, nil, z)
				isNaN("EdgeAggregate", float64(z[at]))
			}
		}
	})
}

func TestExceeds(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		v, best float32
		want    bool
	}{{2, 1, true}, {1, 2, false}, {1, 1, false}, {0, float32(math.Copysign(0, -1)), false}, {nan, 1, true}, {1, nan, false}, {nan, nan, false}} {
		if got := Exceeds(c.v, c.best); got != c.want {
			t.Errorf("Exceeds(%v, %v) = %v", c.v, c.best, got)
		}
	}
}

// Finite finds NaN and infinities of both signs at every position, and nothing else, however large
// or small the numbers are.
func TestFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	eachPath(func() {
		for _, n := range []int{0, 1, 2, 7, 15, 16, 17, 31, 33, 50, 1000} {
			x := make([]float32, n)
			for i := range x {
				x[i] = []float32{math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0, -1}[i%5]
			}
			if !Finite(x) {
				t.Fatalf("%v: %d finite numbers", active, n)
			}
			for i := range x { // the largest, of either sign, wherever it stands
				y := make([]float32, n)
				for j := range y {
					y[j] = float32(j%7) - 3
				}
				y[i] = float32(4 - 8*(i%2))
				if got := MaxAbs(y); got != 4 {
					t.Fatalf("%v: MaxAbs of %d with 4 at %d: %v", active, n, i, got)
				}
			}
			for i, old := range x {
				for _, bad := range []float32{float32(math.NaN()), inf, -inf} {
					if x[i] = bad; Finite(x) || (MaxAbs(x) == inf) != (bad == bad) {
						t.Fatalf("%v: %v at %d of %d", active, bad, i, n)
					}
				}
				x[i] = old
			}
		}
	})
}
