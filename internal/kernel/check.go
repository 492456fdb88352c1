package kernel

import "fmt"

// checkLen panics unless a slice of length have holds at least want elements.
func checkLen(op, name string, have, want int) {
	if have < want {
		panicLen(op, name, have, want)
	}
}

func panicLen(op, name string, have, want int) {
	panic(fmt.Sprintf("kernel: %s: len(%s) = %d, need %d", op, name, have, want))
}

// checkDim panics if a dimension is negative.
func checkDim(op, name string, n int) {
	if n < 0 {
		panic(fmt.Sprintf("kernel: %s: %s = %d is negative", op, name, n))
	}
}

// checkMatrix panics unless x holds rows rows of cols elements, ld apart.
func checkMatrix(op, name string, have, rows, cols, ld int) {
	if rows == 0 || cols == 0 {
		return
	}
	if ld < cols {
		panic(fmt.Sprintf("kernel: %s: leading dimension %d of %s is less than its %d columns", op, ld, name, cols))
	}
	checkLen(op, name, have, (rows-1)*ld+cols)
}

// checkIndex panics unless every index lies in [0, limit).
func checkIndex(op, name string, idx []int32, limit int) {
	if len(idx) == 0 {
		return
	}
	if m := maxIndex(idx); uint64(m) >= uint64(limit) {
		panic(fmt.Sprintf("kernel: %s: %s holds index %d, must be in [0, %d)", op, name, int32(m), limit))
	}
}

// maxIndexGo returns the largest index taken as unsigned, so that a negative one
// is larger than every valid one.
func maxIndexGo(idx []int32) uint32 {
	var m uint32
	for _, v := range idx {
		m = max(m, uint32(v))
	}
	return m
}

// checkSegments panics unless ptr ascends from a non-negative start to an end
// of at most n.
func checkSegments(op string, ptr []int32, n int) {
	checkLen(op, "ptr", len(ptr), 1)
	prev := int32(0)
	for i, v := range ptr {
		if v < prev {
			panic(fmt.Sprintf("kernel: %s: ptr[%d] = %d is less than its predecessor %d", op, i, v, prev))
		}
		prev = v
	}
	if int(prev) > n {
		panic(fmt.Sprintf("kernel: %s: ptr ends at %d, beyond the %d elements it divides", op, prev, n))
	}
}
