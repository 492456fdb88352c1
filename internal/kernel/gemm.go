package kernel

// Gemm computes C = op(A) op(B), or C += op(A) op(B) if acc, where op
// transposes its matrix if transA or transB says so.
//
// op(A) is [m x k], op(B) is [k x n], C is [m x n]. A is stored [m x k], or
// [k x m] if transA; B is stored [k x n], or [n x k] if transB.
func Gemm(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	checkDim("Gemm", "m", m)
	checkDim("Gemm", "n", n)
	checkDim("Gemm", "k", k)
	if transA {
		checkMatrix("Gemm", "a", len(a), k, m, lda)
	} else {
		checkMatrix("Gemm", "a", len(a), m, k, lda)
	}
	if transB {
		checkMatrix("Gemm", "b", len(b), n, k, ldb)
	} else {
		checkMatrix("Gemm", "b", len(b), k, n, ldb)
	}
	checkMatrix("Gemm", "c", len(c), m, n, ldc)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		if !acc {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	gemm(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, acc)
}

// gemmGo is the portable product. It copies transposed operands to row order and keeps 2x4 tiles of
// C in registers. Every element of C is one chain of multiply-adds in the order of k.
func gemmGo(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	if transA {
		t := borrow(m * k)
		defer scratch.Put(t)
		transposeGo(k, m, a, lda, *t)
		a, lda = *t, k
	}
	if transB {
		t := borrow(k * n)
		defer scratch.Put(t)
		transposeGo(n, k, b, ldb, *t)
		b, ldb = *t, n
	}
	i := 0
	for ; i+2 <= m; i += 2 {
		a0 := a[i*lda:][:k]
		a1 := a[(i+1)*lda:][:k]
		c0 := c[i*ldc:][:n]
		c1 := c[(i+1)*ldc:][:n]
		j := 0
		for ; j+4 <= n; j += 4 {
			tile2x4(a0, a1, b[j:], ldb, (*[4]float32)(c0[j:]), (*[4]float32)(c1[j:]), acc)
		}
		for ; j < n; j++ {
			c0[j] = column(a0, b[j:], ldb, c0[j], acc)
			c1[j] = column(a1, b[j:], ldb, c1[j], acc)
		}
	}
	if i < m {
		a0, c0 := a[i*lda:][:k], c[i*ldc:][:n]
		var dump [4]float32
		j := 0
		for ; j+4 <= n; j += 4 {
			tile2x4(a0, a0, b[j:], ldb, (*[4]float32)(c0[j:]), &dump, acc)
		}
		for ; j < n; j++ {
			c0[j] = column(a0, b[j:], ldb, c0[j], acc)
		}
	}
}

func tile2x4(a0, a1, b []float32, ldb int, c0, c1 *[4]float32, acc bool) {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	if acc {
		s00, s01, s02, s03 = c0[0], c0[1], c0[2], c0[3]
		s10, s11, s12, s13 = c1[0], c1[1], c1[2], c1[3]
	}
	a1 = a1[:len(a0)]
	for p, x := range a0 {
		y := a1[p]
		r := (*[4]float32)(b[p*ldb:])
		s00 += x * r[0]
		s01 += x * r[1]
		s02 += x * r[2]
		s03 += x * r[3]
		s10 += y * r[0]
		s11 += y * r[1]
		s12 += y * r[2]
		s13 += y * r[3]
	}
	*c0 = [4]float32{s00, s01, s02, s03}
	*c1 = [4]float32{s10, s11, s12, s13}
}

func column(a, b []float32, ldb int, c float32, acc bool) float32 {
	if !acc {
		c = 0
	}
	for p, x := range a {
		c += x * b[p*ldb]
	}
	return c
}

// transposeGo writes the [cols x rows] transpose of the [rows x cols] matrix x,
// 8 rows at a time so that the writes share cache lines.
func transposeGo(rows, cols int, x []float32, ldx int, y []float32) {
	for i := 0; i < rows; i += 8 {
		end := min(i+8, rows)
		for j := range cols {
			for r := i; r < end; r++ {
				y[j*rows+r] = x[r*ldx+j]
			}
		}
	}
}
