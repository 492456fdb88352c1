//go:build !purego

package kernel

func axpy(alpha float32, x, y []float32) {
	if active == isaGo {
		axpyGo(alpha, x, y)
		return
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		axpyKernel(n, alpha, &x[0], &y[0])
		x, y = x[n:], y[n:]
	}
}

func takeLarger(row int32, x, best []float32, from []int32) {
	if active == isaGo {
		takeLargerGo(row, x, best, from)
		return
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		takeLargerKernel(n, row, &x[0], &best[0], &from[0])
		x, best, from = x[n:], best[n:], from[n:]
	}
}

func keepWhere(row int32, from []int32, y, x []float32) {
	if active == isaGo {
		keepWhereGo(row, from, y, x)
		return
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		keepWhereKernel(n, row, &from[0], &y[0], &x[0])
		from, y, x = from[n:], y[n:], x[n:]
	}
}

func transpose(rows, cols int, x []float32, ldx int, y []float32) {
	if active == isaGo {
		transposeGo(rows, cols, x, ldx, y)
		return
	}
	packColumns(rows, cols, x, ldx, y, rows)
}

func scale(alpha float32, x []float32) {
	if active == isaGo {
		scaleGo(alpha, x)
		return
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		scaleKernel(n, alpha, &x[0])
		x = x[n:]
	}
}

func dot(x, y []float32) (sum float32) {
	if active == isaGo {
		return dotGo(x, y)
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		sum += dotKernel(n, &x[0], &y[0])
		x, y = x[n:], y[n:]
	}
	return sum
}

func maxAbs(x []float32) (most float32) {
	if active == isaGo {
		return maxAbsGo(x)
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		most = max(most, maxAbsKernel(n, &x[0]))
		x = x[n:]
	}
	return most
}

func sumSquares(x []float32) (sum float64) {
	if active == isaGo {
		return sumSquaresGo(x)
	}
	for len(x) > 0 {
		n := min(len(x), burst)
		sum += sumSquaresKernel(n, &x[0])
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
		scatterAddKernel(n, f, &idx[i], &x[i*f], &y[0])
	}
}

func maxIndex(idx []int32) (m uint32) {
	if active == isaGo {
		return maxIndexGo(idx)
	}
	for len(idx) > 0 {
		n := min(len(idx), burst)
		m = max(m, maxIndexKernel(n, &idx[0]))
		idx = idx[n:]
	}
	return m
}

func pick(options int, sums, random []float64, choice []int32) {
	if active == isaGo {
		pickGo(options, sums, random, choice)
		return
	}
	step := max(1, burst/options)
	for i := 0; i < len(random); i += step {
		pickKernel(min(step, len(random)-i), options, &sums[i*options], &random[i], &choice[i])
	}
}

func adam(p, g, m, v []float32, s adamStep) {
	if active == isaGo {
		adamGo(p, g, m, v, s)
		return
	}
	for len(p) > 0 {
		n := min(len(p), burst)
		adamKernel(n, &p[0], &g[0], &m[0], &v[0], s.beta1, s.rest1, s.beta2, s.rest2, s.rate, s.norm, s.eps, s.decay)
		p, g, m, v = p[n:], g[n:], m[n:], v[n:]
	}
}

// congruences holds the kernel of each congruence.
var congruences = [...]func(squares, channels int, x *float32, xRow, xCol, xNext int, y *float32, yRow, yCol, yNext int){
	winogradInput:           winogradInputKernel,
	winogradFilter:          winogradFilterKernel,
	winogradOutput:          winogradOutputKernel,
	winogradInputBackward:   winogradInputBackwardKernel,
	winogradFilterBackward:  winogradFilterBackwardKernel,
	winogradOutputBackward:  winogradOutputBackwardKernel,
	winograd4Input:          winograd4InputKernel,
	winograd4Filter:         winograd4FilterKernel,
	winograd4Output:         winograd4OutputKernel,
	winograd4InputBackward:  winograd4InputBackwardKernel,
	winograd4FilterBackward: winograd4FilterBackwardKernel,
	winograd4OutputBackward: winograd4OutputBackwardKernel,
}

func (c congruence) apply(squares, channels int, x, y Grid) {
	if active == isaGo {
		c.applyGo(squares, channels, x, y)
		return
	}
	congruences[c](squares, channels, &x.Data[0], x.Row, x.Col, x.Next, &y.Data[0], y.Row, y.Col, y.Next)
}
