package kernel

// ColumnMoments computes the mean and the population variance of each column of
// x [rows x cols], in float64; of no rows both are zero.
func ColumnMoments(rows, cols int, x []float32, mean, variance []float64) {
	checkColumns("ColumnMoments", rows, cols, mean, variance)
	checkLen("ColumnMoments", "x", len(x), rows*cols)
	mean, variance = mean[:cols], variance[:cols]
	clear(mean)
	clear(variance)
	if rows == 0 {
		return
	}
	n := 1 / float64(rows)
	columnSums(rows, cols, x, mean)
	for k := range mean {
		mean[k] *= n
	}
	columnSquares(rows, cols, x, mean, variance)
	for k := range variance {
		variance[k] *= n
	}
}

// AddColumnDots adds to sum the sums of the columns of x [rows x cols], and to dot their inner products
// with the columns of y, in float64.
func AddColumnDots(rows, cols int, x, y []float32, sum, dot []float64) {
	checkColumns("AddColumnDots", rows, cols, sum, dot)
	checkLen("AddColumnDots", "x", len(x), rows*cols)
	checkLen("AddColumnDots", "y", len(y), rows*cols)
	columnDots(rows, cols, x, y, sum, dot)
}

// Normalize sets y = (x - mean) scale, with one mean and one scale for each column, in float64 up to
// the result. y may be x.
func Normalize(rows, cols int, x []float32, mean, scale []float64, y []float32) {
	checkColumns("Normalize", rows, cols, mean, scale)
	checkLen("Normalize", "x", len(x), rows*cols)
	checkLen("Normalize", "y", len(y), rows*cols)
	normalize(rows, cols, x, mean, scale, y)
}

// NormalizeBackward sets dx = (dy - mean - y dot) scale: the gradient of x where y is x normalised
// by its own moments, mean is that of dy and dot that of dy y, all one for each column. dx may be dy.
func NormalizeBackward(rows, cols int, dy, y, mean, dot, scale, dx []float32) {
	checkDim("NormalizeBackward", "rows", rows)
	checkDim("NormalizeBackward", "cols", cols)
	checkLen("NormalizeBackward", "dy", len(dy), rows*cols)
	checkLen("NormalizeBackward", "y", len(y), rows*cols)
	checkLen("NormalizeBackward", "mean", len(mean), cols)
	checkLen("NormalizeBackward", "dot", len(dot), cols)
	checkLen("NormalizeBackward", "scale", len(scale), cols)
	checkLen("NormalizeBackward", "dx", len(dx), rows*cols)
	normalizeBackward(rows, cols, dy, y, mean, dot, scale, dx)
}

// checkColumns checks a matrix's size and two values for each of its columns.
func checkColumns(op string, rows, cols int, a, b []float64) {
	checkDim(op, "rows", rows)
	checkDim(op, "cols", cols)
	checkLen(op, "the first of the columns' values", len(a), cols)
	checkLen(op, "the second of the columns' values", len(b), cols)
}

// ScaleAct is the end of a normalisation, y = act(gamma xhat + beta), gamma and beta
// one value per column.
func ScaleAct(act Act, rows, cols int, xhat, gamma, beta, y []float32) {
	checkAct("ScaleAct", act)
	checkDim("ScaleAct", "rows", rows)
	checkDim("ScaleAct", "cols", cols)
	checkLen("ScaleAct", "xhat", len(xhat), rows*cols)
	checkLen("ScaleAct", "gamma", len(gamma), cols)
	checkLen("ScaleAct", "beta", len(beta), cols)
	checkLen("ScaleAct", "y", len(y), rows*cols)
	scaleAct(act, rows, cols, xhat, gamma, beta, y)
}

// ScaleActBackward computes the gradients of ScaleAct: dxhat, which must not be
// dy, and, where they are not nil, dgamma and dbeta.
func ScaleActBackward(act Act, rows, cols int, xhat, gamma, y, dy, dxhat, dgamma, dbeta []float32) {
	checkLen("ScaleActBackward", "gamma", len(gamma), cols)
	checkLen("ScaleActBackward", "xhat", len(xhat), rows*cols)
	ActBackward(act, rows, cols, y, dy, dxhat, dbeta)
	clear(dgamma)
	gamma = gamma[:cols]
	for i := range rows {
		gi := dxhat[i*cols:][:len(gamma)]
		if dgamma != nil {
			for k, v := range xhat[i*cols:][:len(gamma)] {
				dgamma[k] += gi[k] * v
			}
		}
		for k := range gi {
			gi[k] *= gamma[k]
		}
	}
}

func columnSumsGo(rows, cols int, x []float32, sum []float64) {
	for i := range rows {
		for k, v := range x[i*cols:][:cols] {
			sum[k] += float64(v)
		}
	}
}

func columnSquaresGo(rows, cols int, x []float32, mean, sum []float64) {
	for i := range rows {
		for k, v := range x[i*cols:][:cols] {
			d := float64(v) - mean[k]
			sum[k] += d * d
		}
	}
}

func columnDotsGo(rows, cols int, x, y []float32, sum, dot []float64) {
	for i := range rows {
		row := y[i*cols:][:cols]
		for k, v := range x[i*cols:][:cols] {
			sum[k] += float64(v)
			dot[k] += float64(v) * float64(row[k])
		}
	}
}

func normalizeGo(rows, cols int, x []float32, mean, scale []float64, y []float32) {
	for i := range rows {
		row := y[i*cols:][:cols]
		for k, v := range x[i*cols:][:cols] {
			row[k] = float32((float64(v) - mean[k]) * scale[k])
		}
	}
}

func normalizeBackwardGo(rows, cols int, dy, y, mean, dot, scale, dx []float32) {
	for i := range rows {
		yi, dxi := y[i*cols:][:cols], dx[i*cols:][:cols]
		for k, v := range dy[i*cols:][:cols] {
			dxi[k] = (v - mean[k] - yi[k]*dot[k]) * scale[k]
		}
	}
}

func scaleActGo(act Act, rows, cols int, x, gamma, beta, y []float32) {
	for i := range rows {
		row := y[i*cols:][:cols]
		for k, v := range x[i*cols:][:cols] {
			row[k] = gamma[k] * v
		}
	}
	biasActGo(act, rows, cols, y, beta)
}
