//go:build !purego

package kernel

import (
	"sync"

	"github.com/graphrl/graphrl/internal/cores"
)

// This file decides how a product is cut into calls of the tile kernels.
//
// A tile kernel computes a block of rows of C as wide as a few registers, all in
// registers, running once through k. It reads B by rows and A with any strides,
// so most products need no copy of A or B at all. The width of the tile (and
// thereby of a panel of B) is picked by n, its height by m:
//
//	                    AVX-512            AVX2
//	in general          8 x 48 or 14 x 32  6 x 16
//	n of one register   16 x 16            12 x 8
//	few rows            4 x 64, 1 x 128    2 x 32, 1 x 64
//
// Rows that do not fill tiles are spread evenly over tiles of lesser height.
//
// Every element of C is one chain of fused multiply-adds in the order of k,
// wherever the cuts fall: cutting k only stores the chain in C and resumes it.
// That is why AVX2 and AVX-512 agree bit for bit, and any number of cores.
// Inner products (below) are the one exception: they run in 16 lanes.
const (
	// depth limits the rows of a panel of B that are swept in one go, so that
	// the panel stays in the first-level cache while A passes by.
	depth = 192
	// height limits the rows of A swept over one panel, so that a block of A
	// (height x depth) stays in the second-level cache while all panels pass by,
	// and one call of a kernel takes no more than some 100 microseconds: Go cannot
	// preempt assembly.
	height = 480
	// packStride is the distance of rows, in elements, from which on a copy pays:
	// the rows of a panel then compete for few cache sets, and each is on a page
	// of its own.
	packStride = 512
	// packMin is the least m and k that repay the copy of B, packWide the least n
	// that repays the copy of A.
	packMin  = 64
	packWide = 256
	// overCache is a size of B that a second-level cache does not hold. The rows of a panel of such a B
	// are far apart, and would be waited for one by one: where few rows of A pass by, that takes most
	// of the time, so they are read before in the order of the memory.
	overCache = 1 << 17
	// dotRows is the largest m for which A B^T is taken as inner products of
	// rows instead of transposing B.
	dotRows = 4
	// dotWork is the number of multiply-adds in one call for inner products.
	dotWork = 1 << 20
	// splitRows is the least rows of C that a core takes, which is more than
	// dotRows: its kernels are those of the whole product.
	splitRows = 16
)

func gemm(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	if active == isaGo {
		gemmGo(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, acc)
		return
	}
	parts := split(m*n*k, m/splitRows)
	if parts == 1 {
		gemmSIMD(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, acc)
		return
	}
	t := gemmTasks.Get().(*gemmTask)
	*t = gemmTask{transA, transB, m, n, k, a, lda, b, ldb, c, ldc, acc, parts}
	cores.Run(parts, t)
	*t = gemmTask{}
	gemmTasks.Put(t)
}

// gemmTask is a product whose rows are split.
type gemmTask struct {
	transA, transB bool
	m, n, k        int
	a              []float32
	lda            int
	b              []float32
	ldb            int
	c              []float32
	ldc            int
	acc            bool
	parts          int
}

var gemmTasks = sync.Pool{New: func() any { return new(gemmTask) }}

func (t *gemmTask) Part(i int) {
	first, end := t.m*i/t.parts, t.m*(i+1)/t.parts
	at := first * t.lda
	if t.transA {
		at = first
	}
	gemmSIMD(t.transA, t.transB, end-first, t.n, t.k, t.a[at:], t.lda, t.b, t.ldb, t.c[first*t.ldc:], t.ldc, t.acc)
}

func gemmSIMD(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	rsa, csa := lda, 1
	if transA {
		rsa, csa = 1, lda
	}
	rsb := ldb // the distance between the elements of a column of op(B)
	if transB {
		rsb = 1
	}
	switch {
	case n == 1 && !transA:
		gemmColumn(m, k, a, lda, b, rsb, c, ldc, acc)
	case n == 1 && ldc == 1:
		// The column op(A) b as the row b^T A, which is contiguous.
		gemmBlocks(false, 1, m, k, b, 1, rsb, a, lda, c, m, acc)
	case transB && !transA && m <= dotRows:
		for i := range m {
			gemmColumn(n, k, b, ldb, a[i*lda:], 1, c[i*ldc:], 1, acc)
		}
	default:
		gemmBlocks(transB, m, n, k, a, rsa, csa, b, ldb, c, ldc, acc)
	}
}

// gemmColumn multiplies the [m x k] matrix a by a vector whose elements are rsb
// apart: inner products, four rows at a time.
func gemmColumn(m, k int, a []float32, lda int, b []float32, rsb int, c []float32, ldc int, acc bool) {
	if rsb != 1 {
		t := borrow(k)
		defer scratch.Put(t)
		for p := range *t {
			(*t)[p] = b[p*rsb]
		}
		b = *t
	}
	var sums [64]float32
	step := max(4, dotWork/k&^3)
	if acc {
		step = min(len(sums), step)
	}
	for i := 0; i < m; i += step {
		n := min(step, m-i)
		full := n &^ 3
		dst, ld := c[i*ldc:], ldc
		if acc {
			dst, ld = sums[:], 1
		}
		if full > 0 {
			gemmDot4Kernel(full/4, k, &b[0], &a[i*lda], lda, &dst[0], ld)
		}
		for r := full; r < n; r++ { // four times the same row
			gemmDot4Kernel(1, k, &b[0], &a[(i+r)*lda], 0, &dst[r*ld], 0)
		}
		if acc {
			for r, s := range sums[:n] {
				c[(i+r)*ldc] += s
			}
		}
	}
}

// gemmBlocks cuts k and m, and copies the parts of A and B that are read too far
// apart.
func gemmBlocks(transB bool, m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	large := m >= packMin && k >= packMin
	packA := large && max(rsa, csa) >= packStride && n >= packWide
	packB := transB || large && ldb >= packStride
	kc, mc := k, even(m, height)
	if k > depth+depth/2 {
		kc = even(k, depth)
	}
	var bufA, bufB *[]float32
	if packB {
		bufB = borrow(kc * (n + maxPanel))
		defer scratch.Put(bufB)
	}
	if packA {
		bufA = borrow(mc * kc)
		defer scratch.Put(bufA)
	}
	far := !large && !transB && ldb <= n+n/8 && k*n >= overCache
	for p := 0; p < k; p += kc {
		kb := min(kc, k-p)
		if far {
			touchKernel(((kb-1)*ldb+n+15)/16, &b[p*ldb])
		}
		for i := 0; i < m; i += mc {
			mb := min(mc, m-i)
			block, rs, cs := a[i*rsa+p*csa:], rsa, csa
			if packA {
				block, rs, cs = packBlock(mb, kb, block, rsa, csa, *bufA)
			}
			for j := 0; j < n; {
				vecs, w := panel(m, n-j)
				var bp []float32
				ld := ldb
				if packB {
					bp, ld = (*bufB)[j*kc:], vecs*width()
				}
				switch {
				case packB && i == 0 && transB:
					packColumns(w, kb, b[j*ldb+p:], ldb, bp, ld)
				case packB && i == 0:
					packRows(w, kb, b[p*ldb+j:], ldb, bp, ld)
				case !packB:
					bp = b[p*ldb+j:]
				}
				gemmPanel(vecs, mb, w, kb, block, rs, cs, bp, ld, c[i*ldc+j:], ldc, acc || p > 0)
				j += w
			}
		}
	}
}

// even returns the length of the parts of n when cut evenly into parts of at
// most limit.
func even(n, limit int) int {
	parts := (n + limit - 1) / limit
	return (n + parts - 1) / parts
}

// maxPanel is the largest number of columns of a panel.
const maxPanel = 128

// panel returns the number of registers of the next panel when n columns are
// left, and the number of columns in it.
func panel(m, n int) (vecs, w int) {
	width := width()
	vecs = (n + width - 1) / width
	switch {
	case m == 1:
		vecs = min(vecs, 8)
	case m == 2 || m <= 4 && width == 16:
		vecs = min(vecs, 4)
	case width == 8:
		vecs = min(vecs, 2)
	case vecs == 4:
		vecs = 2
	default:
		vecs = min(vecs, 3)
	}
	return vecs, min(n, vecs*width)
}

// gemmPanel sweeps the rows of A over one panel of B, vecs registers wide.
func gemmPanel(vecs, m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	most := [...]int{1: 12, 6, 2, 2, 1, 1, 1, 1}[vecs]
	if active == isaAVX512 {
		most = [...]int{1: 16, 14, 8, 4, 1, 1, 1, 1}[vecs]
	}
	tail := n - (vecs-1)*width()
	tiles := (m + most - 1) / most
	rows, taller := m/tiles, m%tiles // the first so many tiles are a row taller
	done := 0
	if taller > 0 {
		gemmTile(rows+1, vecs, taller, k, &a[0], rsa, csa, &b[0], ldb, &c[0], ldc, tail, acc)
		done = taller * (rows + 1)
	}
	if taller < tiles {
		gemmTile(rows, vecs, tiles-taller, k, &a[done*rsa], rsa, csa, &b[0], ldb, &c[done*ldc], ldc, tail, acc)
	}
}

// packBlock copies an [m x k] block of A as it lies, row by row or column by
// column, and returns the copy and its strides.
func packBlock(m, k int, a []float32, rsa, csa int, dst []float32) ([]float32, int, int) {
	if csa == 1 {
		packRows(k, m, a, rsa, dst, k)
		return dst, k, 1
	}
	packRows(m, k, a, csa, dst, m)
	return dst, 1, m
}

// packRows copies k rows of n elements.
func packRows(n, k int, b []float32, ldb int, dst []float32, ldd int) {
	for p := range k {
		copy(dst[p*ldd:][:n], b[p*ldb:])
	}
}

// packColumns writes the transpose of an [n x k] block of B.
func packColumns(n, k int, b []float32, ldb int, dst []float32, ldd int) {
	if n < 8 {
		for p := range k {
			for j := range n {
				dst[p*ldd+j] = b[j*ldb+p]
			}
		}
		return
	}
	for j := 0; j < n; j += 8 {
		j := min(j, n-8) // the last eight may overlap those before
		gemmTranspose8AVX2(k, &b[j*ldb], ldb, &dst[j], ldd)
	}
}
