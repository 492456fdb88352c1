package kernel

import "testing"

func TestSpMM(t *testing.T) {
	r := newRand(2)
	for range 200 {
		rows, cols, f := r.IntN(30), 1+r.IntN(30), 1+r.IntN(150)
		ptr := segments(r, rows, 12)
		nnz := int(ptr[rows])
		col := indices(r, nnz, cols)
		var val []float32
		if r.IntN(3) > 0 {
			val = uniform(r, nnz)
		}
		ldx, ldy, acc := f+r.IntN(3), f+r.IntN(3), r.IntN(2) == 0
		x, y := uniform(r, cols*ldx), uniform(r, rows*ldy)
		want := wide(y)
		for i := range rows {
			for j := range f {
				var s float64
				if acc {
					s = want[i*ldy+j]
				}
				for e := ptr[i]; e < ptr[i+1]; e++ {
					v := 1.0
					if val != nil {
						v = float64(val[e])
					}
					s += v * float64(x[int(col[e])*ldx+j])
				}
				want[i*ldy+j] = s
			}
		}
		SpMM(rows, f, ptr, col, val, x, ldx, y, ldy, acc)
		wantClose(t, "y", y, want, 1e-5)
	}
}

func TestSpMMPanics(t *testing.T) {
	x, y := make([]float32, 6), make([]float32, 4)
	ptr, col := []int32{0, 1, 2}, []int32{0, 2}
	SpMM(2, 2, ptr, col, nil, x, 2, y, 2, false)
	wantPanic(t, "index too large", func() { SpMM(2, 2, ptr, []int32{0, 3}, nil, x, 2, y, 2, false) })
	wantPanic(t, "negative index", func() { SpMM(2, 2, ptr, []int32{0, -1}, nil, x, 2, y, 2, false) })
	wantPanic(t, "descending ptr", func() { SpMM(2, 2, []int32{0, 2, 1}, col, nil, x, 2, y, 2, false) })
	wantPanic(t, "ptr too long", func() { SpMM(2, 2, []int32{0, 1, 3}, col, nil, x, 2, y, 2, false) })
	wantPanic(t, "short val", func() { SpMM(2, 2, ptr, col, x[:1], x, 2, y, 2, false) })
	wantPanic(t, "short y", func() { SpMM(2, 2, ptr, col, nil, x, 2, y[:3], 2, false) })
}
