package kernel

import (
	"fmt"
	"math"
)

// burst is the number of elements an elementwise kernel takes in one call, some
// microseconds of work: Go cannot preempt assembly.
const burst = 1 << 14

// Exceeds reports whether v replaces best as the largest so far. NaN exceeds every number, so no
// order of the values hides it, and the first of equals stays.
func Exceeds(v, best float32) bool { return !(v <= best) && best == best }

// TakeLarger takes each element of x that exceeds that of best in its place, see [Exceeds], and row as
// where it is from.
func TakeLarger(row int32, x, best []float32, from []int32) {
	checkLen("TakeLarger", "best", len(best), len(x))
	checkLen("TakeLarger", "from", len(from), len(x))
	takeLarger(row, x, best, from)
}

func takeLargerGo(row int32, x, best []float32, from []int32) {
	for i, v := range x {
		if Exceeds(v, best[i]) {
			best[i], from[i] = v, row
		}
	}
}

// KeepWhere sets x to the elements of y whose from is row, and to 0 elsewhere.
func KeepWhere(row int32, from []int32, y, x []float32) {
	checkLen("KeepWhere", "from", len(from), len(x))
	checkLen("KeepWhere", "y", len(y), len(x))
	keepWhere(row, from, y, x)
}

func keepWhereGo(row int32, from []int32, y, x []float32) {
	for i := range x {
		x[i] = 0
		if from[i] == row {
			x[i] = y[i]
		}
	}
}

// Transpose writes the transpose of x [rows x cols] to y [cols x rows].
func Transpose(rows, cols int, x, y []float32) {
	checkDim("Transpose", "rows", rows)
	checkDim("Transpose", "cols", cols)
	checkLen("Transpose", "x", len(x), rows*cols)
	checkLen("Transpose", "y", len(y), rows*cols)
	if rows > 0 && cols > 0 {
		transpose(rows, cols, x, cols, y)
	}
}

// Axpy computes y += alpha*x over len(x) elements.
func Axpy(alpha float32, x, y []float32) {
	checkLen("Axpy", "y", len(y), len(x))
	axpy(alpha, x, y)
}

// Scale computes x *= alpha.
func Scale(alpha float32, x []float32) { scale(alpha, x) }

// Dot returns the inner product of x and the first len(x) elements of y.
func Dot(x, y []float32) float32 {
	checkLen("Dot", "y", len(y), len(x))
	return dot(x, y)
}

// SumSquares returns the sum of the squares of x, accumulated in float64.
func SumSquares(x []float32) float64 { return sumSquares(x) }

// MaxAbs returns the largest absolute value of x, NaN if there is one, and 0 of nothing.
func MaxAbs(x []float32) float32 { return maxAbs(x) }

// Finite reports whether no element of x is NaN or infinite.
func Finite(x []float32) bool { m := maxAbs(x); return m-m == 0 }

// Pick draws an option of every row: choice[i] is the first option of row i whose sum exceeds
// random[i], in [0, 1), times the row's last sum. sums [len(random) x options] holds the sums of the
// options' weights up to each, not negative. An option of no weight is never drawn.
func Pick(options int, sums, random []float64, choice []int32) {
	if options < 1 {
		panic(fmt.Sprintf("kernel: Pick: options = %d, need 1", options))
	}
	checkLen("Pick", "sums", len(sums), len(random)*options)
	checkLen("Pick", "choice", len(choice), len(random))
	pick(options, sums, random, choice)
}

// pickGo searches without branches: which half holds the option is unpredictable. Floats that are
// not negative order as their bits do, so (first - second - 1) has its top bit set where first <=
// second.
func pickGo(options int, sums, random []float64, choice []int32) {
	for i, u := range random {
		row := sums[i*options:][:options]
		bits := math.Float64bits(u * row[options-1])
		low := 0
		for n := options; n > 1; {
			half := n / 2
			low += half & -int((math.Float64bits(row[low+half-1])-bits-1)>>63)
			n -= half
		}
		choice[i] = int32(low)
	}
}

func maxAbsGo(x []float32) float32 {
	var most uint32
	for _, v := range x {
		most = max(most, math.Float32bits(v)&^(1<<31))
	}
	return math.Float32frombits(most)
}

func axpyGo(alpha float32, x, y []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += alpha * v
	}
}

func dotGo(x, y []float32) float32 {
	var s float32
	y = y[:len(x)]
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

func scaleGo(alpha float32, x []float32) {
	for i := range x {
		x[i] *= alpha
	}
}

func sumSquaresGo(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

// GatherRows copies rows of f elements: y[i] = x[idx[i]].
func GatherRows(f int, idx []int32, x, y []float32) {
	checkDim("GatherRows", "f", f)
	checkLen("GatherRows", "y", len(y), len(idx)*f)
	if f == 0 {
		return
	}
	checkIndex("GatherRows", "idx", idx, len(x)/f)
	for i, r := range idx {
		copy(y[i*f:][:f], x[int(r)*f:])
	}
}

// ScatterAddRows adds rows of f elements: y[idx[i]] += x[i], in the order of i.
func ScatterAddRows(f int, idx []int32, x, y []float32) {
	checkDim("ScatterAddRows", "f", f)
	checkLen("ScatterAddRows", "x", len(x), len(idx)*f)
	if f == 0 {
		return
	}
	checkIndex("ScatterAddRows", "idx", idx, len(y)/f)
	scatterAdd(f, idx, x, y)
}

func scatterAddGo(f int, idx []int32, x, y []float32) {
	for i, r := range idx {
		axpyGo(1, x[i*f:][:f], y[int(r)*f:])
	}
}
