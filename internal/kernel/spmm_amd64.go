//go:build !purego

package kernel

const (
	// spmmFar is the size of x, in bytes, from which on its rows are fetched ahead of
	// their use: where it is no cache but memory that decides. Processors hide the
	// delay of a cache by themselves, and do nothing better with more to do.
	spmmFar = 8 << 20

	// spmmAhead is how many entries ahead that is.
	spmmAhead = 64
)

func spmm(a *CSR, f int, val, x []float32, ldx int, y []float32, ldy int, acc bool) {
	rows := a.rows()
	entries := int(a.ptr[rows] - a.ptr[0])
	if active == isaGo || entries == 0 { // no entry, nothing to point to
		spmmGo(a, f, val, x, ldx, y, ldy, acc)
		return
	}
	var values *float32
	if val != nil {
		values = &val[0]
	}
	ahead := 0 // in rows
	if 4*a.cols*ldx >= spmmFar {
		ahead = 1 + spmmAhead*rows/entries
	}
	for b, first := range a.block[:len(a.block)-1] {
		i, n := int(first), int(a.block[b+1]-first)
		fetched := ahead
		if i+n+ahead > rows {
			fetched = 0
		}
		for j := 0; j < f; j += spmmWidth * width() {
			w := min(spmmWidth*width(), f-j)
			vecs := (w + width() - 1) / width()
			tail := w - (vecs-1)*width()
			narrow := vecs*width() <= spmmNarrow
			switch long := n == 1 && a.ptr[i+1]-a.ptr[i] > spmmBlock; {
			case long: // by parts
				acc := acc
				for e, end := int(a.ptr[i]), int(a.ptr[i+1]); e < end; e += spmmBlock {
					from, to := int32(e), int32(min(e+spmmBlock, end))
					list, ptr := [2]csrRow{{first, from, to}}, [2]int32{from, to}
					if narrow {
						spmmPanel(vecs, 1, &list[0].row, &a.col[0], values, &x[j], ldx, &y[j], ldy, tail, 0, acc)
					} else {
						spmmPanel(vecs, 1, &ptr[0], &a.col[0], values, &x[j], ldx, &y[i*ldy+j], ldy, tail, 0, acc)
					}
					acc = true
				}
			case narrow:
				spmmPanel(vecs, n, &a.sorted[i].row, &a.col[0], values, &x[j], ldx, &y[j], ldy, tail, 0, acc)
			default:
				spmmPanel(vecs, n, &a.ptr[i], &a.col[0], values, &x[j], ldx, &y[i*ldy+j], ldy, tail, fetched, acc)
			}
		}
	}
}
