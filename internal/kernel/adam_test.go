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
			p := uniform(r, n)
			m, v := make([]float32, n), make([]float32, n)
			wantP, wantM, wantV := wide(p), make([]float64, n), make([]float64, n)
			for step := 1; step <= 10; step++ {
				g := uniform(r, n)
				Adam(p, g, m, v, lr, beta1, beta2, eps, float32(decay), step)
				for i, g := range wide(g) {
					wantM[i] = beta1*wantM[i] + (1-beta1)*g
					wantV[i] = beta2*wantV[i] + (1-beta2)*g*g
					mh := wantM[i] / (1 - math.Pow(beta1, float64(step)))
					vh := wantV[i] / (1 - math.Pow(beta2, float64(step)))
					wantP[i] -= lr * decay * wantP[i]
					wantP[i] -= lr * mh / (math.Sqrt(vh) + eps)
				}
			}
			wantClose(t, "p", p, wantP, 2e-6)
			wantClose(t, "m", m, wantM, 1e-6)
			wantClose(t, "v", v, wantV, 1e-6)
		}
	}
	wantPanic(t, "step 0", func() { Adam(nil, nil, nil, nil, lr, beta1, beta2, eps, 0, 0) })
}
