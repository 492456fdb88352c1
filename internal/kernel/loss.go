package kernel

import "math"

// SigmoidBCE returns the sum of the binary cross-entropies between sigmoid(z)
// and the targets t, max(z,0) - z*t + log(1+exp(-|z|)), and sets dz to its
// gradient sigmoid(z) - t. dz may be z or t.
func SigmoidBCE(z, t, dz []float32) float64 {
	checkLen("SigmoidBCE", "t", len(t), len(z))
	checkLen("SigmoidBCE", "dz", len(dz), len(z))
	return sigmoidBCE(z, t[:len(z)], dz[:len(z)])
}

// SegmentSoftmaxCE returns the sum over the segments z[ptr[s]:ptr[s+1]] of the
// cross-entropy -sum t log softmax(z), and sets dz to its gradient
// (sum t) softmax(z) - t. Targets need not sum to one. A logit of -Inf whose
// target is 0 contributes nothing. dz may be z, not t.
func SegmentSoftmaxCE(ptr []int32, z, t, dz []float32) float64 {
	checkSegments("SegmentSoftmaxCE", ptr, len(z))
	n := int(ptr[len(ptr)-1])
	checkLen("SegmentSoftmaxCE", "t", len(t), n)
	checkLen("SegmentSoftmaxCE", "dz", len(dz), n)
	return segmentSoftmaxCE(ptr, z, t, dz)
}

func segmentSoftmaxCEGo(ptr []int32, z, t, dz []float32) float64 {
	var loss float64
	for s := range len(ptr) - 1 {
		lo, hi := ptr[s], ptr[s+1]
		loss += softmaxCEGo(z[lo:hi], t[lo:hi], dz[lo:hi])
	}
	return loss
}

func sigmoidBCEGo(z, t, dz []float32) float64 {
	var loss float64
	for i, v := range z {
		x, y := float64(v), float64(t[i])
		e := math.Exp(-math.Abs(x))
		loss += max(x, 0) - x*y + math.Log1p(e)
		p := 1 / (1 + e)
		if x < 0 {
			p = e / (1 + e)
		}
		dz[i] = float32(p - y)
	}
	return loss
}

func softmaxCEGo(z, t, dz []float32) float64 {
	var loss, mass float64
	lse := logSumExpGo(z)
	for i, y := range t {
		if y != 0 {
			loss += float64(y) * (lse - float64(z[i]))
			mass += float64(y)
		}
	}
	if lse != lse {
		loss = lse // a NaN shows even where no target is
	}
	for i, v := range z {
		dz[i] = float32(mass*math.Exp(float64(v)-lse) - float64(t[i]))
	}
	return loss
}

func logSumExpGo(z []float32) float64 {
	if len(z) == 0 {
		return 0
	}
	top := z[0]
	for _, v := range z {
		top = max(top, v)
	}
	var sum float64
	for _, v := range z {
		sum += math.Exp(float64(v) - float64(top))
	}
	return float64(top) + math.Log(sum)
}
