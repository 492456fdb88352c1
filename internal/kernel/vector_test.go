package kernel

import (
	"math"
	"slices"
	"testing"
)

func TestVector(t *testing.T) {
	r := newRand(3)
	sizes := []int{20000, 40001}
	for n := range 100 {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		x, y := uniform(r, n), uniform(r, n)
		axpy, scale := wide(y), wide(x)
		axpyRef, scaleRef := append([]float32(nil), y...), append([]float32(nil), x...)
		var exactDot, exactSquares, refSquares float64
		var refDot float32
		for at := 0; at < n; at += 1 << 14 { // kernels sum so many at a time
			var dots lanes
			var squares lanes64
			for i := range (min(1<<14, n-at) + 15) &^ 15 {
				var u, v float32
				if at+i < n {
					u, v = x[at+i], y[at+i]
				}
				dots[i%16] = fma32(u, v, dots[i%16])
				squares[i%16] += float64(u) * float64(u)
			}
			refDot += dots.sum()
			refSquares += squares.sum()
		}
		for i := range n {
			axpy[i] += 0.3 * float64(x[i])
			scale[i] *= 0.3
			axpyRef[i] = fma32(0.3, x[i], axpyRef[i])
			scaleRef[i] *= 0.3
			exactDot += float64(x[i]) * float64(y[i])
			exactSquares += float64(x[i]) * float64(x[i])
		}
		eachPath(func() {
			dot := []float32{Dot(x, y)}
			wantClose(t, "Dot", dot, []float64{exactDot}, 1e-4)
			wantBits(t, "Dot", dot, []float32{refDot})
			squares := SumSquares(x)
			if math.Abs(squares-exactSquares) > 1e-12*exactSquares {
				t.Fatalf("SumSquares = %v, want %v", squares, exactSquares)
			}
			if active != isaGo && squares != refSquares {
				t.Fatalf("%v: SumSquares = %v, want %v", active, squares, refSquares)
			}
			u, v := append([]float32(nil), x...), append([]float32(nil), y...)
			Axpy(0.3, u, v)
			wantClose(t, "Axpy", v, axpy, 1e-6)
			wantBits(t, "Axpy", v, axpyRef)
			Scale(0.3, u)
			wantClose(t, "Scale", u, scale, 1e-6)
			wantBits(t, "Scale", u, scaleRef)
		})
	}
}

func TestMaxIndex(t *testing.T) {
	r := newRand(12)
	eachPath(func() {
		for n := range 70 {
			idx := indices(r, n, 1000)
			var want uint32
			for _, v := range idx {
				want = max(want, uint32(v))
			}
			if got := maxIndex(idx); got != want {
				t.Fatalf("%v: maxIndex(%v) = %d, want %d", active, idx, got, want)
			}
			if n > 0 {
				idx[r.IntN(n)] = -1
				if got := maxIndex(idx); got != math.MaxUint32 {
					t.Fatalf("%v: maxIndex(%v) = %d misses the negative index", active, idx, got)
				}
			}
		}
	})
}

// TestPick compares with the definition, of which binary search and comparisons of a register at a
// time are two forms.
func TestPick(t *testing.T) {
	r := newRand(14)
	for options := 1; options <= 40; options++ {
		for _, rows := range []int{0, 1, 7, 1000} {
			sums, random, want := make([]float64, rows*options), make([]float64, rows), make([]int32, rows)
			for i := range rows {
				row, sum := sums[i*options:][:options], 0.0
				at := r.IntN(options) // has a weight
				for j := range row {
					if j == at || r.IntN(3) > 0 {
						sum += r.ExpFloat64()
					}
					row[j] = sum
				}
				random[i] = r.Float64()
				if r.IntN(4) == 0 { // at or near the edge of an option
					random[i] = min(row[r.IntN(options)]/sum, 1-0x1p-53)
				}
				for j := range row {
					if row[j] > random[i]*sum {
						want[i] = int32(j)
						break
					}
				}
			}
			eachPath(func() {
				got := make([]int32, rows+1)
				got[rows] = -7
				Pick(options, sums, random, got)
				for i, w := range want {
					if got[i] != w {
						t.Fatalf("%v: row %d, %v of %v: option %d, want %d", active, i, random[i],
							sums[i*options:][:options], got[i], w)
					}
				}
				if got[rows] != -7 {
					t.Fatalf("%v: Pick wrote beyond %d rows", active, rows)
				}
			})
		}
	}
	wantPanic(t, "Pick without options", func() { Pick(0, nil, nil, nil) })
	wantPanic(t, "Pick with too few sums", func() { Pick(3, make([]float64, 5), make([]float64, 2), make([]int32, 2)) })
	wantPanic(t, "Pick with too few choices", func() { Pick(2, make([]float64, 4), make([]float64, 2), make([]int32, 1)) })
}

// Every element is the largest in its place so far, NaN above all and the first of equals, on all
// instruction sets.
func TestTakeLarger(t *testing.T) {
	nan := float32(math.NaN())
	values := []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.Inf(1)), float32(math.Inf(-1)), nan, 3}
	for _, n := range []int{0, 1, 7, 8, 16, 31, 33, len(values) * len(values)} {
		x, best, from := make([]float32, n), make([]float32, n), make([]int32, n)
		for i := range n {
			x[i], best[i], from[i] = values[i%len(values)], values[i/len(values)%len(values)], int32(-i)
		}
		eachPath(func() {
			got, source := slices.Clone(best), slices.Clone(from)
			TakeLarger(42, x, got, source)
			for i := range n {
				take := x[i] > best[i] || x[i] != x[i] && best[i] == best[i]
				value, row := best[i], from[i]
				if take {
					value, row = x[i], 42
				}
				if math.Float32bits(got[i]) != math.Float32bits(value) || source[i] != row {
					t.Errorf("%v: %v after %v: %v from %d, want %v from %d", active, x[i], best[i], got[i], source[i], value, row)
				}
			}
		})
	}
	wantPanic(t, "short best", func() { TakeLarger(0, make([]float32, 2), make([]float32, 1), make([]int32, 2)) })
	wantPanic(t, "short from", func() { TakeLarger(0, make([]float32, 2), make([]float32, 2), make([]int32, 1)) })
}

func TestTranspose(t *testing.T) {
	r := newRand(33)
	for _, size := range [][2]int{{0, 3}, {1, 1}, {7, 5}, {8, 9}, {13, 40}, {64, 3}} {
		rows, cols := size[0], size[1]
		x := uniform(r, rows*cols)
		eachPath(func() {
			y := make([]float32, len(x))
			Transpose(rows, cols, x, y)
			for k, v := range x {
				if got := y[k%cols*rows+k/cols]; got != v {
					t.Fatalf("%v, %d x %d: row %d, column %d: %v, want %v", active, rows, cols, k%cols, k/cols, got, v)
				}
			}
		})
	}
	wantPanic(t, "short", func() { Transpose(2, 2, make([]float32, 3), make([]float32, 4)) })
}

func TestKeepWhere(t *testing.T) {
	r := newRand(34)
	for _, n := range []int{0, 1, 7, 8, 16, 31, 33} {
		y, from := uniform(r, n), make([]int32, n)
		for i := range from {
			from[i] = []int32{3, math.MaxInt32, 0}[i%3]
		}
		for _, row := range []int32{0, 3, 4, math.MaxInt32} {
			eachPath(func() {
				x := uniform(r, n)
				KeepWhere(row, from, y, x)
				for i, v := range x {
					want := float32(0)
					if from[i] == row {
						want = y[i]
					}
					if v != want {
						t.Fatalf("%v: row %d, from %d: %v, want %v", active, row, from[i], v, want)
					}
				}
			})
		}
	}
	wantPanic(t, "short", func() { KeepWhere(0, make([]int32, 1), make([]float32, 2), make([]float32, 2)) })
}
