package kernel

import "testing"

func TestGatherScatter(t *testing.T) {
	r := newRand(8)
	for f := 1; f < 80; f += 3 {
		idx := indices(r, 50, 20)
		x, y := uniform(r, 20*f), make([]float32, 50*f)
		GatherRows(f, idx, x, y)
		want, ref := wide(x), append([]float32(nil), x...)
		for i, n := range idx {
			for j := range f {
				if y[i*f+j] != x[int(n)*f+j] {
					t.Fatalf("f = %d: row %d differs from row %d of x", f, i, n)
				}
				want[int(n)*f+j] += float64(y[i*f+j])
				ref[int(n)*f+j] += y[i*f+j]
			}
		}
		eachPath(func() {
			sum := append([]float32(nil), x...)
			ScatterAddRows(f, idx, y, sum)
			wantClose(t, "sum", sum, want, 1e-5)
			wantBits(t, "sum", sum, ref)
		})
	}
	wantPanic(t, "index too large", func() { GatherRows(2, []int32{1}, make([]float32, 3), make([]float32, 2)) })
	wantPanic(t, "negative index", func() { ScatterAddRows(1, []int32{-1}, make([]float32, 1), make([]float32, 1)) })
}
