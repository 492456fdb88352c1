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

// expBelowTop returns exp(z - max z) and its sum, as the kernels round them.
func expBelowTop(z []float32) (e []float32, sum float32) {
	top := float32(math.Inf(-1))
	for _, v := range z {
		top = maxRef(top, v)
	}
	e = make([]float32, len(z))
	var part lanes
	for i, v := range z {
		e[i] = expNegativeRef(v - top)
		part[i%16] += e[i]
	}
	return e, part.sum()
}

func TestSegmentSoftmax(t *testing.T) {
	r := newRand(5)
	for i := range 150 {
		ptr := segments(r, r.IntN(20), 70)
		if i == 0 { // more than one call of a kernel takes
			ptr = segments(r, 60, 1500)
		}
		z := uniform(r, int(ptr[len(ptr)-1]))
		Scale(20, z)
		var want []float64
		var ref []float32
		for s := range len(ptr) - 1 {
			seg := z[ptr[s]:ptr[s+1]]
			p, _ := softmaxFloat64(seg)
			want = append(want, p...)
			e, sum := expBelowTop(seg)
			for _, v := range e {
				ref = append(ref, v*(1/sum))
			}
		}
		eachPath(func() {
			p := make([]float32, len(z))
			SegmentSoftmax(ptr, z, p)
			wantClose(t, "p", p, want, 1e-6)
			wantBits(t, "p", p, ref)
			copy(p, z)
			SegmentSoftmax(ptr, p, p)
			wantClose(t, "aliased p", p, want, 1e-6)
			wantBits(t, "aliased p", p, ref)
		})
	}
	inf, nan := float32(math.Inf(-1)), float32(math.NaN())
	eachPath(func() {
		z := []float32{inf, 0, 0, inf}
		SegmentSoftmax([]int32{0, 4}, z, z)
		wantClose(t, "masked p", z, []float64{0, 0.5, 0.5, 0}, 0)
		z = []float32{1, nan, 2, 0}
		SegmentSoftmax([]int32{0, 3, 4}, z, z)
		for i := range 3 {
			if z[i] == z[i] {
				t.Errorf("%v: p[%d] = %v hides a NaN", active, i, z[i])
			}
		}
		if z[3] != 1 {
			t.Errorf("%v: a NaN reaches the next segment", active)
		}
	})
}
