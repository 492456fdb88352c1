package kernel

// ColumnMoments computes the mean and the population variance of each column of
// x [rows x cols]; of no rows both are zero.
func ColumnMoments(rows, cols int, x []float32, mean, variance []float64) {
	checkDim("ColumnMoments", "rows", rows)
	checkDim("ColumnMoments", "cols", cols)
	checkLen("ColumnMoments", "x", len(x), rows*cols)
	checkLen("ColumnMoments", "mean", len(mean), cols)
	checkLen("ColumnMoments", "variance", len(variance), cols)
	mean, variance = mean[:cols], variance[:cols]
	clear(mean)
	clear(variance)
	if rows == 0 {
		return
	}
	n := 1 / float64(rows)
	for i := range rows {
		for k, v := range x[i*cols:][:len(mean)] {
			mean[k] += float64(v)
		}
	}
	for k := range mean {
		mean[k] *= n
	}
	for i := range rows {
		for k, v := range x[i*cols:][:len(mean)] {
			d := float64(v) - mean[k]
			variance[k] += d * d
		}
	}
	for k := range variance {
		variance[k] *= n
	}
}

// ScaleAct is the end of a normalisation, y = act(gamma xhat + beta), gamma and beta
// one value per column.
func ScaleAct(act Act, rows, cols int, xhat, gamma, beta, y []float32) {
	checkDim("ScaleAct", "rows", rows)
	checkDim("ScaleAct", "cols", cols)
	checkLen("ScaleAct", "xhat", len(xhat), rows*cols)
	checkLen("ScaleAct", "gamma", len(gamma), cols)
	checkLen("ScaleAct", "y", len(y), rows*cols)
	gamma = gamma[:cols]
	for i := range rows {
		yi := y[i*cols:][:len(gamma)]
		for k, v := range xhat[i*cols:][:len(gamma)] {
			yi[k] = gamma[k] * v
		}
	}
	BiasAct(act, rows, cols, y, beta)
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
