//go:build !amd64 || purego

package kernel

// Without assembly, every kernel is its portable version.

func best() isa { return isaGo }

func gemm(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	gemmGo(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, acc)
}

func spmm(a *CSR, f int, val, x []float32, ldx int, y []float32, ldy int, acc bool) {
	spmmGo(a, f, val, x, ldx, y, ldy, acc)
}

func exp(dst, src []float32)                          { expGo(dst, src) }
func apply(act Act, dst, src []float32)               { applyGo(act, dst, src) }
func biasAct(act Act, rows, n int, y, bias []float32) { biasActGo(act, rows, n, y, bias) }
func segmentSoftmax(ptr []int32, z, p []float32)      { segmentSoftmaxGo(ptr, z, p) }
func sigmoidBCE(z, t, dz []float32) float64           { return sigmoidBCEGo(z, t, dz) }
func adam(p, g, m, v []float32, s adamStep)           { adamGo(p, g, m, v, s) }
func axpy(alpha float32, x, y []float32)              { axpyGo(alpha, x, y) }
func scale(alpha float32, x []float32)                { scaleGo(alpha, x) }
func dot(x, y []float32) float32                      { return dotGo(x, y) }
func sumSquares(x []float32) float64                  { return sumSquaresGo(x) }
func maxAbs(x []float32) float32                      { return maxAbsGo(x) }
func scatterAdd(f int, idx []int32, x, y []float32)   { scatterAddGo(f, idx, x, y) }
func maxIndex(idx []int32) uint32                     { return maxIndexGo(idx) }

func keepWhere(row int32, from []int32, y, x []float32) { keepWhereGo(row, from, y, x) }

func transpose(rows, cols int, x []float32, ldx int, y []float32) {
	transposeGo(rows, cols, x, ldx, y)
}

func takeLarger(row int32, x, best []float32, from []int32) { takeLargerGo(row, x, best, from) }

func pick(options int, sums, random []float64, choice []int32) {
	pickGo(options, sums, random, choice)
}

func (c congruence) apply(squares, channels int, x, y Grid) { c.applyGo(squares, channels, x, y) }

func columnSums(rows, cols int, x []float32, sum []float64) { columnSumsGo(rows, cols, x, sum) }

func columnSquares(rows, cols int, x []float32, mean, sum []float64) {
	columnSquaresGo(rows, cols, x, mean, sum)
}

func columnDots(rows, cols int, x, y []float32, sum, dot []float64) {
	columnDotsGo(rows, cols, x, y, sum, dot)
}

func normalize(rows, cols int, x []float32, mean, scale []float64, y []float32) {
	normalizeGo(rows, cols, x, mean, scale, y)
}

func normalizeBackward(rows, cols int, dy, y, mean, dot, scale, dx []float32) {
	normalizeBackwardGo(rows, cols, dy, y, mean, dot, scale, dx)
}

func scaleAct(act Act, rows, cols int, x, gamma, beta, y []float32) {
	scaleActGo(act, rows, cols, x, gamma, beta, y)
}

func edgeDot(b *edgeBatch, v, out []float32)        { edgeDotGo(b, v, out) }
func edgeAggregate(b *edgeBatch, coef, y []float32) { edgeAggregateGo(b, coef, y) }

func actBackward(act Act, rows, n int, y, dy, dz, db []float32) {
	actBackwardGo(act, rows, n, y, dy, dz, db)
}

func segmentSoftmaxCE(ptr []int32, z, t, dz []float32) float64 {
	return segmentSoftmaxCEGo(ptr, z, t, dz)
}

func edgeDotBackward(b *edgeBatch, v, dout []float32, g *edgeGradients) {
	edgeDotBackwardGo(b, v, dout, g)
}

func edgeAggregateBackward(b *edgeBatch, coef, dy []float32, g *edgeGradients) {
	edgeAggregateBackwardGo(b, coef, dy, g)
}
