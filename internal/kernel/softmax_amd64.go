//go:build !purego

package kernel

func segmentSoftmax(ptr []int32, z, p []float32) {
	if active == isaGo {
		segmentSoftmaxGo(ptr, z, p)
		return
	}
	if len(z) == 0 || len(p) == 0 {
		return
	}
	for len(ptr) > 1 {
		n := batch(ptr, burst)
		segmentSoftmaxKernel(n, &ptr[0], &z[0], &p[0])
		ptr = ptr[n:]
	}
}

func segmentSoftmaxCE(ptr []int32, z, t, dz []float32) (loss float64) {
	if active == isaGo {
		return segmentSoftmaxCEGo(ptr, z, t, dz)
	}
	if len(z) == 0 || len(t) == 0 || len(dz) == 0 {
		return 0
	}
	for len(ptr) > 1 {
		n := batch(ptr, burst)
		loss = segmentSoftmaxCEKernel(n, &ptr[0], &z[0], &t[0], &dz[0], loss)
		ptr = ptr[n:]
	}
	return loss
}

func sigmoidBCE(z, t, dz []float32) (loss float64) {
	if active == isaGo {
		return sigmoidBCEGo(z, t, dz)
	}
	for len(z) > 0 {
		n := min(len(z), burst)
		loss += sigmoidBCEKernel(n, &z[0], &t[0], &dz[0])
		z, t, dz = z[n:], t[n:], dz[n:]
	}
	return loss
}
