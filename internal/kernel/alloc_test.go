package kernel

import "testing"

// TestAllocs makes sure that no kernel allocates once its scratch is there.
func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has pools drop items at random")
	}
	r := newRand(13)
	const n, h, nf = 40, 24, 2
	x, y, z, w := uniform(r, n*n), uniform(r, n*n), uniform(r, n*n), uniform(r, n*n)
	idx, few := indices(r, n, n), indices(r, 3, n)
	ptr := segments(r, n, 1)
	for i := range ptr {
		ptr[i] = int32(i)
	}
	sums := wide(uniform(r, 15))
	means, scales := wide(uniform(r, n)), wide(uniform(r, n))
	grid := Grid{Data: x, Row: 4 * n, Col: n, Next: 2 * n}
	grid2 := Grid{Data: y, Row: 4 * n, Col: n, Next: 2 * n}
	var a CSR
	eachPath(func() {
		for name, f := range map[string]func(){
			"Gemm NN":               func() { Gemm(false, false, n, n, n, x, n, y, n, z, n, false) },
			"Gemm NT":               func() { Gemm(false, true, n, n, n, x, n, y, n, z, n, true) },
			"Gemm TN":               func() { Gemm(true, false, n, n, n, x, n, y, n, z, n, true) },
			"Gemm, one row":         func() { Gemm(false, true, 1, n, n, x, n, y, n, z, n, false) },
			"Gemm, one column":      func() { Gemm(false, false, n, 1, n, x, n, y, 2, z, 1, false) },
			"SpMM":                  func() { a.Set(n, ptr, idx); SpMM(&a, n, nil, x, n, y, n, false) },
			"BiasAct":               func() { BiasAct(ActTanh, n, n, y, x) },
			"BiasAct, narrow":       func() { BiasAct(ActELU, n, 3, y, x) },
			"ActBackward":           func() { ActBackward(ActReLU, n, n, x, y, z, w) },
			"ActBackward, no db":    func() { ActBackward(ActReLU, n, n, x, y, z, nil) },
			"Exp":                   func() { Exp(y, x) },
			"Sigmoid":               func() { Sigmoid(y, x) },
			"Tanh":                  func() { Tanh(y, x) },
			"SigmoidBCE":            func() { SigmoidBCE(x, y, z) },
			"SegmentSoftmax":        func() { SegmentSoftmax(ptr, x, y) },
			"SegmentSoftmaxCE":      func() { SegmentSoftmaxCE(ptr, x, y, z) },
			"EdgeDot":               func() { EdgeDot(0, h, idx, idx, x, y, z, nf, w, w, z) },
			"EdgeDot, few":          func() { EdgeDot(0, h, few, few, x, y, z, nf, w, w, z) },
			"EdgeDotBackward":       func() { EdgeDotBackward(0, h, idx, idx, x, x, x, nf, x, x, x, y, z, nil, w) },
			"EdgeAggregate":         func() { EdgeAggregate(0, h, idx, idx, x, nil, x, nf, x, nil, y) },
			"EdgeDotFeatures":       func() { EdgeDotFeatures(0, h, idx, idx, x, x, x, nf, x, x, x, y) },
			"EdgeAggregateFeatures": func() { EdgeAggregateFeatures(0.2, h, idx, idx, x, nil, x, nf, x, x, x, y) },
			"EdgeAggregateBackward": func() { EdgeAggregateBackward(0, h, idx, idx, x, nil, x, nf, x, nil, x, y, z, w) },
			"GatherRows":            func() { GatherRows(n, idx, x, y) },
			"ScatterAddRows":        func() { ScatterAddRows(n, idx, x, y) },
			"Adam":                  func() { Adam(x, y, z, w, 1e-3, 0.9, 0.999, 1e-8, 0, 1) },
			"Axpy":                  func() { Axpy(1, x, y) },
			"Scale":                 func() { Scale(1, x) },
			"Dot":                   func() { Dot(x, y) },
			"SumSquares":            func() { SumSquares(x) },
			"ColumnMoments":         func() { ColumnMoments(n, n, x, means, scales) },
			"AddColumnDots":         func() { AddColumnDots(n, n, x, y, means, scales) },
			"Normalize":             func() { Normalize(n, n, x, means, scales, z) },
			"NormalizeBackward":     func() { NormalizeBackward(n, n, x, y, w, w, w, z) },
			"ScaleAct":              func() { ScaleAct(ActTanh, n, n, x, w, w, z) },
			"Winograd2.Input":       func() { Winograd2.Input(5, n, grid, grid2) },
			"Pick":                  func() { Pick(5, sums, sums[:3], idx) },
		} {
			if got := testing.AllocsPerRun(20, f); got > 0 {
				t.Errorf("%v: %s allocates %v times", active, name, got)
			}
		}
	})
}
