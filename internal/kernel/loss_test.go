package kernel

import (
	"math"
	"testing"
)

func TestSigmoidBCE(t *testing.T) {
	r := newRand(6)
	for n := range 100 {
		z, y := uniform(r, n), uniform(r, n)
		Scale(30, z)
		dz, want := make([]float32, n), make([]float64, n)
		var loss float64
		for i := range n {
			y[i] = float32(math.Abs(float64(y[i])))
			if i%3 == 0 {
				y[i] = float32(i & 1)
			}
			x, p := float64(z[i]), 1/(1+math.Exp(-float64(z[i])))
			loss += max(x, 0) - x*float64(y[i]) + math.Log1p(math.Exp(-math.Abs(x)))
			want[i] = p - float64(y[i])
		}
		got := SigmoidBCE(z, y, dz)
		if math.Abs(got-loss) > 1e-6*max(1, loss) {
			t.Fatalf("loss of %d = %v, want %v", n, got, loss)
		}
		wantClose(t, "dz", dz, want, 1e-6)
	}
	// A saturated logit on the right side keeps its tiny loss.
	if got, want := SigmoidBCE([]float32{20}, []float32{1}, make([]float32, 1)), math.Log1p(math.Exp(-20)); math.Abs(got/want-1) > 1e-5 {
		t.Errorf("loss at z = 20, t = 1 is %v, want %v", got, want)
	}
}

func TestSegmentSoftmaxCE(t *testing.T) {
	r := newRand(7)
	for range 100 {
		ptr := segments(r, r.IntN(20), 70)
		n := int(ptr[len(ptr)-1])
		z, y := uniform(r, n), uniform(r, n)
		Scale(20, z)
		for i := range y {
			y[i] = max(y[i], 0)
		}
		var loss float64
		var want []float64
		for s := range len(ptr) - 1 {
			seg := z[ptr[s]:ptr[s+1]]
			p, lse := softmaxFloat64(seg)
			var mass float64
			for i := range p {
				v := float64(y[int(ptr[s])+i])
				loss += v * (lse - float64(seg[i]))
				mass += v
			}
			for i := range p {
				want = append(want, mass*p[i]-float64(y[int(ptr[s])+i]))
			}
		}
		dz := make([]float32, n)
		got := SegmentSoftmaxCE(ptr, z, y, dz)
		if math.Abs(got-loss) > 1e-6*max(1, loss) {
			t.Fatalf("loss = %v, want %v", got, loss)
		}
		wantClose(t, "dz", dz, want, 1e-5)
	}
	z := []float32{float32(math.Inf(-1)), 0, 0}
	loss := SegmentSoftmaxCE([]int32{0, 3}, z, []float32{0, 1, 0}, z)
	if math.Abs(loss-math.Ln2) > 1e-6 {
		t.Errorf("loss with a masked logit = %v, want log 2", loss)
	}
	wantClose(t, "masked dz", z, []float64{0, -0.5, 0.5}, 1e-6)
}
