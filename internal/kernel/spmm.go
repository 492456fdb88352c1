package kernel

import "slices"

// CSR is the structure of a sparse matrix in compressed rows: the positions of its entries, not
// their values. Set checks it once for all products, and finds an order of the rows that is fast to
// compute. The zero value has no rows.
type CSR struct {
	cols     int
	ptr, col []int32 // the columns of row i are col[ptr[i]:ptr[i+1]]

	// The kernels take the rows in blocks; block b starts at row block[b]. For narrow panels sorted
	// lists the rows of each block, short ones first, and one more row at the end, which the
	// kernels read but do not compute.
	block  []int32
	sorted []csrRow
}

// csrRow is row number row, whose entries are those from start to end.
type csrRow struct{ row, start, end int32 }

// spmmBlock is the number of entries in a block, some microseconds of work. It bounds a call of a
// kernel, and the distance between a block's rows, so that the shared entries of neighbouring rows
// stay in the cache.
const spmmBlock = 2048

// Set makes a the structure of the matrix with cols columns whose row i has entries in the columns
// col[ptr[i]:ptr[i+1]]. It keeps the slices, which must not change until the next Set. An empty ptr
// means no rows.
func (a *CSR) Set(cols int, ptr, col []int32) {
	checkDim("CSR", "cols", cols)
	if len(ptr) == 0 {
		ptr = noRows
	}
	checkSegments("CSR", ptr, len(col))
	rows := len(ptr) - 1
	checkIndex("CSR", "col", col[ptr[0]:ptr[rows]], cols)
	a.cols, a.ptr, a.col = cols, ptr, col
	a.arrange()
}

var noRows = []int32{0}

// arrange lists the rows for the kernels. Rows in order of length end where branch
// prediction expects them to; each that does not costs as much as ten entries of
// sixteen columns. In wide panels entries are longer, and rows of y one after
// another matter more.
func (a *CSR) arrange() {
	rows := a.rows()
	a.block = append(a.block[:0], 0)
	a.sorted = slices.Grow(a.sorted[:0], rows+1)[:rows+1]
	a.sorted[rows] = csrRow{}
	for i := 0; i < rows; {
		n := batch(a.ptr[i:], spmmBlock)
		sortRows(a.ptr[i:i+n+1], int32(i), a.sorted[i:i+n])
		i += n
		a.block = append(a.block, int32(i))
	}
}

// sortRows lists the rows that ptr delimits, numbered from first on, by length.
// Long rows, whose ends matter little, count as alike.
func sortRows(ptr []int32, first int32, sorted []csrRow) {
	const longest = 64
	var at [longest + 2]int32 // where the next row of length l goes is at[l+1] at first, then at[l]
	for i := range sorted {
		at[min(ptr[i+1]-ptr[i], longest)+1]++
	}
	for l := range longest {
		at[l+1] += at[l]
	}
	for i := range sorted {
		l := min(ptr[i+1]-ptr[i], longest)
		sorted[at[l]] = csrRow{first + int32(i), ptr[i], ptr[i+1]}
		at[l]++
	}
}

// batch returns how many of the first segments of ptr hold at most limit
// elements and are at most as many, but at least one.
func batch(ptr []int32, limit int) int {
	n := 1
	for n+1 < len(ptr) && n < limit && int(ptr[n+1]-ptr[0]) <= limit {
		n++
	}
	return n
}

func (a *CSR) rows() int { return max(0, len(a.ptr)-1) }

// SpMM multiplies a sparse matrix by a dense one:
//
//	y[i, 0:f] (+)= sum over the entries e of row i of val[e] * x[col[e], 0:f]
//
// for all rows i of a; it accumulates if acc. A nil val stands for ones. The rows
// of x and y are ldx and ldy apart. The product with the transpose is the same
// call on the transposed matrix (compressed columns).
func SpMM(a *CSR, f int, val, x []float32, ldx int, y []float32, ldy int, acc bool) {
	checkDim("SpMM", "f", f)
	rows := a.rows()
	if rows == 0 || f == 0 {
		return
	}
	if val != nil {
		checkLen("SpMM", "val", len(val), int(a.ptr[rows]))
	}
	checkMatrix("SpMM", "x", len(x), a.cols, f, ldx)
	checkMatrix("SpMM", "y", len(y), rows, f, ldy)
	spmm(a, f, val, x, ldx, y, ldy, acc)
}

func spmmGo(a *CSR, f int, val, x []float32, ldx int, y []float32, ldy int, acc bool) {
	for i := range a.rows() {
		yi := y[i*ldy:][:f]
		if !acc {
			clear(yi)
		}
		for e := a.ptr[i]; e < a.ptr[i+1]; e++ {
			v := float32(1)
			if val != nil {
				v = val[e]
			}
			axpyGo(v, x[int(a.col[e])*ldx:][:f], yi)
		}
	}
}
