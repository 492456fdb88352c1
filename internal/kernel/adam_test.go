package kernel

import (
	"math"
	"testing"
)

func TestAdam(t *testing.T) {
	const lr, beta1, beta2, eps = 0.01, 0.9, 0.999, 1e-8
	r := newRand(9)
	for _, decay := range []float64{0, 0.1} {
		for n := range 70 {
			if n == 69 { // more than one call of a kernel takes
				n = 20001
			}
			start, grads := uniform(r, n), [][]float32{uniform(r, n), uniform(r, n), uniform(r, n)}
			exactP, exactM, exactV := wide(start), make([]float64, n), make([]float64, n)
			refP, refM, refV := append([]float32(nil), start...), make([]float32, n), make([]float32, n)
			for k, grad := range grads {
				step := float64(k + 1)
				rate := float32(float64(float32(lr)) / (1 - math.Pow(float64(float32(beta1)), step)))
				norm := float32(1 / math.Sqrt(1-math.Pow(float64(float32(beta2)), step)))
				keep := float32(1 - float64(float32(lr))*float64(float32(decay)))
				for i, g := range grad {
					exactM[i] = beta1*exactM[i] + (1-beta1)*float64(g)
					exactV[i] = beta2*exactV[i] + (1-beta2)*float64(g)*float64(g)
					mh := exactM[i] / (1 - math.Pow(beta1, step))
					vh := exactV[i] / (1 - math.Pow(beta2, step))
					exactP[i] -= lr * decay * exactP[i]
					exactP[i] -= lr * mh / (math.Sqrt(vh) + eps)

					refM[i] = fma32(refM[i], beta1, g*float32(1-float64(float32(beta1))))
					refV[i] = fma32(refV[i], beta2, g*g*float32(1-float64(float32(beta2))))
					d := fma32(float32(math.Sqrt(float64(refV[i]))), norm, eps)
					refP[i] = fma32(refP[i], keep, -(refM[i] * rate / d))
				}
			}
			eachPath(func() {
				p, m, v := append([]float32(nil), start...), make([]float32, n), make([]float32, n)
				for k, g := range grads {
					Adam(p, g, m, v, lr, beta1, beta2, eps, float32(decay), k+1)
				}
				wantClose(t, "p", p, exactP, 2e-6)
				wantClose(t, "m", m, exactM, 1e-6)
				wantClose(t, "v", v, exactV, 1e-6)
				wantBits(t, "p", p, refP)
				wantBits(t, "m", m, refM)
				wantBits(t, "v", v, refV)
			})
		}
	}
	wantPanic(t, "step 0", func() { Adam(nil, nil, nil, nil, lr, beta1, beta2, eps, 0, 0) })
}
