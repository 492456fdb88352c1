package kernel

import "math"

// SegmentSoftmax computes the softmax of z within each segment
// z[ptr[s]:ptr[s+1]] into p. Segments may be empty; p may be z. A logit of -Inf
// gets probability 0, as long as its segment has a finite one.
func SegmentSoftmax(ptr []int32, z, p []float32) {
	checkSegments("SegmentSoftmax", ptr, len(z))
	checkLen("SegmentSoftmax", "p", len(p), int(ptr[len(ptr)-1]))
	segmentSoftmax(ptr, z, p)
}

func segmentSoftmaxGo(ptr []int32, z, p []float32) {
	for s := range len(ptr) - 1 {
		lo, hi := ptr[s], ptr[s+1]
		softmaxGo(z[lo:hi], p[lo:hi])
	}
}

func softmaxGo(z, p []float32) {
	if len(z) == 0 {
		return
	}
	top := z[0]
	for _, v := range z {
		top = max(top, v)
	}
	var sum float64
	for i, v := range z {
		e := math.Exp(float64(v) - float64(top))
		sum += e
		p[i] = float32(e)
	}
	scale := float32(1 / sum)
	for i := range z {
		p[i] *= scale
	}
}
