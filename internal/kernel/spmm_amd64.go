//go:build !purego

package kernel

// spmmWork is the number of multiply-adds in one call of a kernel, some tens of
// microseconds of work.
const spmmWork = 1 << 18

func spmm(rows, f int, ptr, col []int32, val, x []float32, ldx int, y []float32, ldy int, acc bool) {
	if active == isaGo {
		spmmGo(rows, f, ptr, col, val, x, ldx, y, ldy, acc)
		return
	}
	if len(col) == 0 { // no entry, nothing to point to
		spmmGo(rows, f, ptr, col, val, x, ldx, y, ldy, acc)
		return
	}
	one := [1]float32{1}
	step := 1
	if val == nil {
		val, step = one[:], 0
	}
	limit := max(1, spmmWork/min(f, 8*width()))
	for i := 0; i < rows; {
		n := batch(ptr[i:], limit)
		spmmRows(n, f, ptr[i:], col, val, step, x, ldx, y[i*ldy:], ldy, acc, limit)
		i += n
	}
}

// spmmRows computes a batch of rows, panel of columns by panel.
func spmmRows(rows, f int, ptr, col []int32, val []float32, step int, x []float32, ldx int, y []float32, ldy int, acc bool, limit int) {
	for j := 0; j < f; j += 8 * width() {
		w := min(8*width(), f-j)
		vecs := (w + width() - 1) / width()
		tail := w - (vecs-1)*width()
		if int(ptr[rows]-ptr[0]) <= limit {
			spmmPanel(vecs, rows, &ptr[0], &col[0], &val[0], step, &x[j], ldx, &y[j], ldy, tail, acc)
			continue
		}
		// A single long row, by parts.
		acc := acc
		for e := int(ptr[0]); e < int(ptr[1]); e += limit {
			part := [2]int32{int32(e), int32(min(e+limit, int(ptr[1])))}
			spmmPanel(vecs, 1, &part[0], &col[0], &val[0], step, &x[j], ldx, &y[j], ldy, tail, acc)
			acc = true
		}
	}
}
