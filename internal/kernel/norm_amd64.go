//go:build !purego

package kernel

// The kernels of this file take the values of 16 columns, of which the last ones may be missing:
// their values are copied to arrays and back.

// columnValues holds one float64 for each column of a panel.
type columnValues [16]float64

func (v *columnValues) from(x []float64) *columnValues {
	copy(v[:], x)
	return v
}

// eachPanel calls f for panels of at most 16 columns and bursts of rows: first row, rows, first
// column, columns.
func eachPanel(rows, cols int, f func(i, m, j, n int)) {
	if cols == 0 {
		return
	}
	step := max(1, burst/cols)
	for i := 0; i < rows; i += step {
		for j := 0; j < cols; j += 16 {
			f(i, min(step, rows-i), j, min(16, cols-j))
		}
	}
}

func columnSums(rows, cols int, x []float32, sum []float64) {
	if active == isaGo {
		columnSumsGo(rows, cols, x, sum)
		return
	}
	eachPanel(rows, cols, func(i, m, j, n int) {
		var s columnValues
		columnSumsKernel(m, n, cols, &x[i*cols+j], &s.from(sum[j:])[0])
		copy(sum[j:], s[:n])
	})
}

func columnSquares(rows, cols int, x []float32, mean, sum []float64) {
	if active == isaGo {
		columnSquaresGo(rows, cols, x, mean, sum)
		return
	}
	eachPanel(rows, cols, func(i, m, j, n int) {
		var mu, s columnValues
		columnSquaresKernel(m, n, cols, &x[i*cols+j], &mu.from(mean[j:])[0], &s.from(sum[j:])[0])
		copy(sum[j:], s[:n])
	})
}

func columnDots(rows, cols int, x, y []float32, sum, dot []float64) {
	if active == isaGo {
		columnDotsGo(rows, cols, x, y, sum, dot)
		return
	}
	eachPanel(rows, cols, func(i, m, j, n int) {
		var s, d columnValues
		columnDotsKernel(m, n, cols, &x[i*cols+j], &y[i*cols+j], &s.from(sum[j:])[0], &d.from(dot[j:])[0])
		copy(sum[j:], s[:n])
		copy(dot[j:], d[:n])
	})
}

func normalize(rows, cols int, x []float32, mean, scale []float64, y []float32) {
	if active == isaGo {
		normalizeGo(rows, cols, x, mean, scale, y)
		return
	}
	eachPanel(rows, cols, func(i, m, j, n int) {
		var mu, s columnValues
		normalizeKernel(m, n, cols, &x[i*cols+j], &mu.from(mean[j:])[0], &s.from(scale[j:])[0], &y[i*cols+j])
	})
}

func normalizeBackward(rows, cols int, dy, y, mean, dot, scale, dx []float32) {
	if active == isaGo {
		normalizeBackwardGo(rows, cols, dy, y, mean, dot, scale, dx)
		return
	}
	eachPanel(rows, cols, func(i, m, j, n int) {
		var mu, d, s [16]float32
		copy(mu[:], mean[j:])
		copy(d[:], dot[j:])
		copy(s[:], scale[j:])
		at := i*cols + j
		normalizeBackwardKernel(m, n, cols, &dy[at], &y[at], &mu[0], &d[0], &s[0], &dx[at])
	})
}

func scaleAct(act Act, rows, cols int, x, gamma, beta, y []float32) {
	if active == isaGo {
		scaleActGo(act, rows, cols, x, gamma, beta, y)
		return
	}
	if cols == 0 {
		return
	}
	step := max(1, burst/cols)
	for i := 0; i < rows; i += step {
		scaleActKernel(uint8(act), min(step, rows-i), cols, &x[i*cols], &gamma[0], &beta[0], &y[i*cols])
	}
}
