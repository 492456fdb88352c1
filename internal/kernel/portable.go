//go:build !amd64 || purego

package kernel

func best() isa { return isaGo }

func gemm(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	gemmGo(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, acc)
}
