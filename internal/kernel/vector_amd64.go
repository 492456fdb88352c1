//go:build !purego

package kernel

// burst is the number of elements an elementwise kernel takes in one call, some
// microseconds of work: Go cannot preempt assembly.
const burst = 1 << 14

func axpy(alpha float32, x, y []float32) {
	if active == isaGo {
		axpyGo(alpha, x, y)
		return
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		if active == isaAVX512 {
			axpyAVX512(n, alpha, &x[0], &y[0])
		} else {
			axpyAVX2(n, alpha, &x[0], &y[0])
		}
		x, y = x[n:], y[n:]
	}
}

func scale(alpha float32, x []float32) {
	if active == isaGo {
		scaleGo(alpha, x)
		return
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		if active == isaAVX512 {
			scaleAVX512(n, alpha, &x[0])
		} else {
			scaleAVX2(n, alpha, &x[0])
		}
		x = x[n:]
	}
}

func dot(x, y []float32) (sum float32) {
	if active == isaGo {
		return dotGo(x, y)
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		if active == isaAVX512 {
			sum += dotAVX512(n, &x[0], &y[0])
		} else {
			sum += dotAVX2(n, &x[0], &y[0])
		}
		x, y = x[n:], y[n:]
	}
	return sum
}

func sumSquares(x []float32) (sum float64) {
	if active == isaGo {
		return sumSquaresGo(x)
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		if active == isaAVX512 {
			sum += sumSquaresAVX512(n, &x[0])
		} else {
			sum += sumSquaresAVX2(n, &x[0])
		}
		x = x[n:]
	}
	return sum
}

func scatterAdd(f int, idx []int32, x, y []float32) {
	if active == isaGo {
		scatterAddGo(f, idx, x, y)
		return
	}
	step := max(1, burst/f)
	for i := 0; i < len(idx); i += step {
		n := min(step, len(idx)-i)
		if active == isaAVX512 {
			scatterAddAVX512(n, f, &idx[i], &x[i*f], &y[0])
		} else {
			scatterAddAVX2(n, f, &idx[i], &x[i*f], &y[0])
		}
	}
}

func maxIndex(idx []int32) (m uint32) {
	if active == isaGo {
		return maxIndexGo(idx)
	}
	for len(idx) > 0 {
		n := min(len(idx), burst)
		if active == isaAVX512 {
			m = max(m, maxIndexAVX512(n, &idx[0]))
		} else {
			m = max(m, maxIndexAVX2(n, &idx[0]))
		}
		idx = idx[n:]
	}
	return m
}
