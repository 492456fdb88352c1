package kernel

import (
	"math"
	"testing"
)

func TestColumnMoments(t *testing.T) {
	const rows, cols = 7, 3
	x := uniform(newRand(31), rows*cols)
	mean, variance := make([]float64, cols), make([]float64, cols)
	ColumnMoments(rows, cols, x, mean, variance)
	for k := range cols {
		var sum, squares float64
		for i := range rows {
			v := float64(x[i*cols+k])
			sum += v
			squares += v * v
		}
		m := sum / rows
		if v := squares/rows - m*m; math.Abs(mean[k]-m) > 1e-12 || math.Abs(variance[k]-v) > 1e-12 {
			t.Errorf("column %d: mean %v and variance %v, want %v and %v", k, mean[k], variance[k], m, v)
		}
	}
	ColumnMoments(0, cols, nil, mean, variance)
	if mean[0] != 0 || variance[2] != 0 {
		t.Error("moments of no rows are not zero")
	}
	wantPanic(t, "short x", func() { ColumnMoments(rows+1, cols, x, mean, variance) })
}

// TestScaleAct compares y and its gradients with a float64 formula.
func TestScaleAct(t *testing.T) {
	const rows, cols = 5, 4
	r := newRand(32)
	xhat, dy := uniform(r, rows*cols), uniform(r, rows*cols)
	gamma, beta := uniform(r, cols), uniform(r, cols)
	y, dx := make([]float32, rows*cols), make([]float32, rows*cols)
	dgamma, dbeta := uniform(r, cols), uniform(r, cols)
	for _, act := range allActs {
		ScaleAct(act, rows, cols, xhat, gamma, beta, y)
		ScaleActBackward(act, rows, cols, xhat, gamma, y, dy, dx, dgamma, dbeta)
		wantY, wantDx := make([]float64, rows*cols), make([]float64, rows*cols)
		wantGamma, wantBeta := make([]float64, cols), make([]float64, cols)
		for i := range xhat {
			k := i % cols
			v, d := actFloat64(act, float64(gamma[k])*float64(xhat[i])+float64(beta[k]))
			d *= float64(dy[i])
			wantY[i], wantDx[i] = v, d*float64(gamma[k])
			wantGamma[k] += d * float64(xhat[i])
			wantBeta[k] += d
		}
		wantClose(t, "y", y, wantY, 2e-6)
		wantClose(t, "dxhat", dx, wantDx, 2e-6)
		wantClose(t, "dgamma", dgamma, wantGamma, 5e-6)
		wantClose(t, "dbeta", dbeta, wantBeta, 5e-6)
		ScaleActBackward(act, rows, cols, xhat, gamma, y, dy, dx, nil, nil)
		wantClose(t, "dxhat alone", dx, wantDx, 2e-6)
	}
}
