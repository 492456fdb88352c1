//go:build !purego

package kernel

// What later entries of wide panels need of x is fetched meanwhile, unless x is
// small enough for the first-level cache.
const (
	// spmmNear is the size of x, in bytes, above which the second-level cache supplies it.
	// Prefetching one line of a row, a few entries ahead, is then enough: the others follow in
	// time, and prefetching them too takes longer.
	spmmNear      = 128 << 10
	spmmNearAhead = 10

	// spmmFar is the size above which x comes from memory rather than a cache. Then whole rows are
	// prefetched early.
	spmmFar      = 8 << 20
	spmmFarAhead = 64
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
	size, ahead := 4*a.cols*ldx, 0
	far := size >= spmmFar
	switch {
	case far:
		ahead = spmmFarAhead
	case size >= spmmNear:
		ahead = spmmNearAhead
	}
	for b, first := range a.block[:len(a.block)-1] {
		i, n := int(first), int(a.block[b+1]-first)
		ahead := ahead
		if int(a.ptr[i+n])+ahead > int(a.ptr[rows]) { // there is no such entry
			ahead = 0
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
						spmmPanel(vecs, 1, &list[0].row, &a.col[0], values, &x[j], ldx, &y[j], ldy, tail, 0, false, acc)
					} else {
						spmmPanel(vecs, 1, &ptr[0], &a.col[0], values, &x[j], ldx, &y[i*ldy+j], ldy, tail, 0, false, acc)
					}
					acc = true
				}
			case narrow:
				spmmPanel(vecs, n, &a.sorted[i].row, &a.col[0], values, &x[j], ldx, &y[j], ldy, tail, 0, false, acc)
			default:
				spmmPanel(vecs, n, &a.ptr[i], &a.col[0], values, &x[j], ldx, &y[i*ldy+j], ldy, tail, ahead, far, acc)
			}
		}
	}
}
