package kernel

import (
	"fmt"
	"math"
	"slices"
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

// The passes over columns agree with their formulas in float64, on AVX2 and AVX-512 bit for bit,
// with any number of columns and over several bursts of rows.
func TestColumns(t *testing.T) {
	r := newRand(33)
	for _, size := range [][2]int{{0, 3}, {1, 1}, {7, 3}, {5, 16}, {3, 17}, {9, 40}, {1100, 33}, {70, 256}} {
		rows, cols := size[0], size[1]
		x, y := uniform(r, rows*cols), uniform(r, rows*cols)
		mean, scale := wide(uniform(r, cols)), wide(uniform(r, cols))
		m32, d32, s32 := uniform(r, cols), uniform(r, cols), uniform(r, cols)
		sum, dot, squares := make([]float64, cols), make([]float64, cols), make([]float64, cols)
		normalized, back, acted := make([]float64, rows*cols), make([]float64, rows*cols), make([]float64, rows*cols)
		for i, v := range x {
			k, v, w := i%cols, float64(v), float64(y[i])
			sum[k] += v
			dot[k] += v * w
			squares[k] += (v - mean[k]) * (v - mean[k])
			normalized[i] = (v - mean[k]) * scale[k]
			back[i] = (v - float64(m32[k]) - w*float64(d32[k])) * float64(s32[k])
			acted[i] = max(0, float64(d32[k])*v+float64(m32[k]))
		}
		var bits [][]float32
		eachPath(func() {
			name := fmt.Sprintf("%v, %v: ", active, size)
			gotSum, gotDot, gotSquares := make([]float64, cols), make([]float64, cols), make([]float64, cols)
			half := rows / 2 * cols // in two parts, the second added to the first
			AddColumnDots(rows/2, cols, x, y, gotSum, gotDot)
			AddColumnDots(rows-rows/2, cols, x[half:], y[half:], gotSum, gotDot)
			columnSquares(rows, cols, x, mean, gotSquares)
			for k := range sum {
				for i, pair := range [][2]float64{{gotSum[k], sum[k]}, {gotDot[k], dot[k]}, {gotSquares[k], squares[k]}} {
					if math.Abs(pair[0]-pair[1]) > 1e-12*float64(rows) {
						t.Fatalf("%ssum %d of column %d is %v, want %v", name, i, k, pair[0], pair[1])
					}
				}
			}
			f := func() []float32 { return uniform(r, rows*cols) }
			outs := [][]float32{f(), f(), f()}
			Normalize(rows, cols, x, mean, scale, outs[0])
			NormalizeBackward(rows, cols, x, y, m32, d32, s32, outs[1])
			ScaleAct(ActReLU, rows, cols, x, d32, m32, outs[2])
			for i, want := range [][]float64{normalized, back, acted} {
				wantClose(t, fmt.Sprint(name, i), outs[i], want, 1e-6)
			}
			if active == isaGo {
				return
			}
			if bits == nil {
				bits = outs
			}
			for i := range outs {
				if !slices.Equal(outs[i], bits[i]) {
					t.Errorf("%s%d: other bits than before", name, i)
				}
			}
		})
	}
	few := make([]float64, 3)
	wantPanic(t, "short y", func() { AddColumnDots(2, 3, make([]float32, 6), make([]float32, 5), few, few) })
	wantPanic(t, "short mean", func() { Normalize(1, 4, make([]float32, 4), few, make([]float64, 4), make([]float32, 4)) })
	wantPanic(t, "short scale", func() {
		NormalizeBackward(1, 2, make([]float32, 2), make([]float32, 2), make([]float32, 2), make([]float32, 2), make([]float32, 1), make([]float32, 2))
	})
}
