package kernel

import "testing"

// gemmFloat64 is the textbook product in float64.
func gemmFloat64(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) []float64 {
	out := wide(c)
	for i := range m {
		for j := range n {
			var s float64
			if acc {
				s = out[i*ldc+j]
			}
			for p := range k {
				x, y := a[0], b[0]
				if transA {
					x = a[p*lda+i]
				} else {
					x = a[i*lda+p]
				}
				if transB {
					y = b[j*ldb+p]
				} else {
					y = b[p*ldb+j]
				}
				s += float64(x) * float64(y)
			}
			out[i*ldc+j] = s
		}
	}
	return out
}

func TestGemm(t *testing.T) {
	r := newRand(1)
	for i := range 400 {
		m, n, k := 1+r.IntN(40), 1+r.IntN(70), r.IntN(50)
		if i%7 == 0 {
			m = 1
		}
		if i%5 == 0 {
			n = 1
		}
		transA, transB, acc := r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0
		lda, ra, ldb, rb := k, m, n, k
		if transA {
			lda, ra = m, k
		}
		if transB {
			ldb, rb = k, n
		}
		lda, ldb = lda+r.IntN(3), ldb+r.IntN(3)
		ldc := n + r.IntN(3)
		a, b, c := uniform(r, ra*lda+1), uniform(r, rb*ldb+1), uniform(r, m*ldc)
		want := gemmFloat64(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, acc)
		Gemm(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, acc)
		wantClose(t, "c", c, want, 1e-5)
	}
}

func TestGemmPanics(t *testing.T) {
	x := make([]float32, 6)
	wantPanic(t, "short a", func() { Gemm(false, false, 2, 2, 3, x[:5], 3, x, 2, x, 2, false) })
	wantPanic(t, "short b", func() { Gemm(false, false, 2, 2, 3, x, 3, x[:5], 2, x, 2, false) })
	wantPanic(t, "short c", func() { Gemm(false, false, 2, 2, 3, x, 3, x, 2, x[:3], 2, false) })
	wantPanic(t, "small lda", func() { Gemm(false, false, 2, 2, 3, x, 2, x, 2, x, 2, false) })
	wantPanic(t, "negative m", func() { Gemm(false, false, -1, 2, 3, x, 2, x, 2, x, 2, false) })
}
