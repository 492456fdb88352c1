package kernel

import (
	"math"
	"testing"
)

func wantLoss(t *testing.T, name string, got, want, ref float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-6*max(1, want)) {
		t.Fatalf("%v: %s = %v, want %v", active, name, got, want)
	}
	if active != isaGo && got != ref {
		t.Fatalf("%v: %s = %v, want bits of %v", active, name, got, ref)
	}
}

func TestSigmoidBCE(t *testing.T) {
	r := newRand(6)
	for n := range 120 {
		if n == 100 { // more than one call of a kernel takes
			n = 20001
		}
		z, y := uniform(r, n), uniform(r, n)
		Scale(30, z)
		want, ref := make([]float64, n), make([]float32, n)
		var loss, refLoss float64
		var part lanes64
		for i := range n {
			y[i] = absRef(y[i])
			if i%3 == 0 {
				y[i] = float32(i & 1)
			}
			x, p := float64(z[i]), 1/(1+math.Exp(-float64(z[i])))
			loss += max(x, 0) - x*float64(y[i]) + math.Log1p(math.Exp(-math.Abs(x)))
			want[i] = p - float64(y[i])
			ref[i] = sigmoidRef(z[i]) - y[i]
			part[i%16] += float64(fma32(-z[i], y[i], maxRef(0, z[i])) + log1pRef(expNegativeRef(-absRef(z[i]))))
			if i%(1<<14) == 1<<14-1 || i == n-1 {
				refLoss += part.sum()
				part = lanes64{}
			}
		}
		eachPath(func() {
			dz := make([]float32, n)
			wantLoss(t, "SigmoidBCE", SigmoidBCE(z, y, dz), loss, refLoss)
			wantClose(t, "dz", dz, want, 1e-6)
			wantBits(t, "dz", dz, ref)
		})
	}
	// A saturated logit on the right side keeps its tiny loss.
	eachPath(func() {
		for _, x := range []float32{20, 80} {
			got, want := SigmoidBCE([]float32{x}, []float32{1}, make([]float32, 1)), math.Log1p(math.Exp(-float64(x)))
			if math.Abs(got/want-1) > 1e-6 {
				t.Errorf("%v: loss at z = %v, t = 1 is %v, want %v", active, x, got, want)
			}
		}
	})
}

func TestSegmentSoftmaxCE(t *testing.T) {
	r := newRand(7)
	for i := range 150 {
		ptr := segments(r, r.IntN(20), 70)
		if i == 0 { // more than one call of a kernel takes
			ptr = segments(r, 60, 1500)
		}
		n := int(ptr[len(ptr)-1])
		z, y := uniform(r, n), uniform(r, n)
		Scale(20, z)
		for i := range y {
			y[i] = max(y[i], 0)
		}
		var loss, refLoss float64
		var want []float64
		var ref []float32
		for s := range len(ptr) - 1 {
			seg, target := z[ptr[s]:ptr[s+1]], y[ptr[s]:ptr[s+1]]
			if len(seg) == 0 {
				continue
			}
			p, lse := softmaxFloat64(seg)
			e, sum := expBelowTop(seg)
			var mass float64
			var masses, crosses lanes
			top := float32(math.Inf(-1))
			for _, v := range seg {
				top = maxRef(top, v)
			}
			for i, v := range target {
				loss += float64(v) * (lse - float64(seg[i]))
				mass += float64(v)
				masses[i%16] += v
				if v != 0 {
					crosses[i%16] = fma32(-(seg[i] - top), v, crosses[i%16])
				}
			}
			m := masses.sum()
			refLoss += float64(crosses.sum()) + float64(logRef(sum))*float64(m)
			for i, v := range target {
				want = append(want, mass*p[i]-float64(v))
				ref = append(ref, fma32(e[i], m/sum, -v))
			}
		}
		eachPath(func() {
			dz := make([]float32, n)
			wantLoss(t, "SegmentSoftmaxCE", SegmentSoftmaxCE(ptr, z, y, dz), loss, refLoss)
			wantClose(t, "dz", dz, want, 1e-5)
			wantBits(t, "dz", dz, ref)
			copy(dz, z)
			wantLoss(t, "aliased SegmentSoftmaxCE", SegmentSoftmaxCE(ptr, dz, y, dz), loss, refLoss)
			wantBits(t, "aliased dz", dz, ref)
		})
	}
	eachPath(func() {
		z := []float32{float32(math.Inf(-1)), 0, 0}
		loss := SegmentSoftmaxCE([]int32{0, 3}, z, []float32{0, 1, 0}, z)
		if math.Abs(loss-math.Ln2) > 1e-6 {
			t.Errorf("%v: loss with a masked logit = %v, want log 2", active, loss)
		}
		wantClose(t, "masked dz", z, []float64{0, -0.5, 0.5}, 1e-6)
		z[1] = float32(math.NaN())
		if loss := SegmentSoftmaxCE([]int32{0, 3}, z, []float32{1, 0, 0}, z); loss == loss {
			t.Errorf("%v: loss = %v hides a NaN", active, loss)
		}
	})
}
