package kernel

// SpMM multiplies a sparse matrix in compressed rows by a dense one:
//
//	y[i, 0:f] (+)= sum over e in ptr[i]:ptr[i+1] of val[e] * x[col[e], 0:f]
//
// for the rows i < rows; it accumulates if acc. A nil val stands for ones. The
// rows of x and y are ldx and ldy apart. The product with the transpose is the
// same call on the transposed matrix (compressed columns).
func SpMM(rows, f int, ptr, col []int32, val, x []float32, ldx int, y []float32, ldy int, acc bool) {
	checkDim("SpMM", "rows", rows)
	checkDim("SpMM", "f", f)
	checkLen("SpMM", "ptr", len(ptr), rows+1)
	ptr = ptr[:rows+1]
	checkSegments("SpMM", ptr, len(col))
	if val != nil {
		checkLen("SpMM", "val", len(val), int(ptr[rows]))
	}
	checkMatrix("SpMM", "y", len(y), rows, f, ldy)
	if rows == 0 || f == 0 {
		return
	}
	checkIndex("SpMM", "col", col[ptr[0]:ptr[rows]], rowsIn(len(x), f, ldx))
	spmm(rows, f, ptr, col, val, x, ldx, y, ldy, acc)
}

// rowsIn counts the rows of f elements, ld apart, that n elements hold.
func rowsIn(n, f, ld int) int {
	if n < f || ld < f {
		return 0
	}
	if ld == 0 {
		return 0
	}
	return (n-f)/ld + 1
}

func spmmGo(rows, f int, ptr, col []int32, val, x []float32, ldx int, y []float32, ldy int, acc bool) {
	for i := range rows {
		yi := y[i*ldy:][:f]
		if !acc {
			clear(yi)
		}
		for e := ptr[i]; e < ptr[i+1]; e++ {
			v := float32(1)
			if val != nil {
				v = val[e]
			}
			axpyGo(v, x[int(col[e])*ldx:][:f], yi)
		}
	}
}
