package kernel

import (
	"math"
	"testing"
)

// softmaxFloat64 returns softmax(z) and log sum exp z.
func softmaxFloat64(z []float32) ([]float64, float64) {
	top, sum := math.Inf(-1), 0.0
	for _, v := range z {
		top = max(top, float64(v))
	}
	for _, v := range z {
		sum += math.Exp(float64(v) - top)
	}
	p := make([]float64, len(z))
	for i, v := range z {
		p[i] = math.Exp(float64(v)-top) / sum
	}
	return p, top + math.Log(sum)
}

func TestSegmentSoftmax(t *testing.T) {
	r := newRand(5)
	for range 100 {
		ptr := segments(r, r.IntN(20), 70)
		z := uniform(r, int(ptr[len(ptr)-1]))
		Scale(20, z)
		var want []float64
		for s := range len(ptr) - 1 {
			p, _ := softmaxFloat64(z[ptr[s]:ptr[s+1]])
			want = append(want, p...)
		}
		p := make([]float32, len(z))
		SegmentSoftmax(ptr, z, p)
		wantClose(t, "p", p, want, 1e-6)
		SegmentSoftmax(ptr, z, z)
		wantClose(t, "aliased p", z, want, 1e-6)
	}
	inf := float32(math.Inf(-1))
	z := []float32{inf, 0, 0, inf}
	SegmentSoftmax([]int32{0, 4}, z, z)
	wantClose(t, "masked p", z, []float64{0, 0.5, 0.5, 0}, 0)
}
