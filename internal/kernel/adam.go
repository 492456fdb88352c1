package kernel

import (
	"fmt"
	"math"
)

// Adam makes the update of step t = step (counted from 1) on the parameters p
// with gradient g and moments m and v, as PyTorch does:
//
//	m = beta1 m + (1-beta1) g
//	v = beta2 v + (1-beta2) g²
//	p = (1 - lr weightDecay) p - lr/(1-beta1^t) m / (sqrt(v/(1-beta2^t)) + eps)
//
// With weightDecay > 0 it is AdamW, whose decay is decoupled from the gradient.
//
// Source: Kingma and Ba, Adam (2015); Loshchilov and Hutter, Decoupled Weight
// Decay Regularization (2019).
func Adam(p, g, m, v []float32, lr, beta1, beta2, eps, weightDecay float32, step int) {
	if step < 1 {
		panic(fmt.Sprintf("kernel: Adam: step = %d, steps count from 1", step))
	}
	checkLen("Adam", "g", len(g), len(p))
	checkLen("Adam", "m", len(m), len(p))
	checkLen("Adam", "v", len(v), len(p))
	b1, b2, t := float64(beta1), float64(beta2), float64(step)
	adam(p, g[:len(p)], m[:len(p)], v[:len(p)], adamStep{
		beta1: beta1, rest1: float32(1 - b1),
		beta2: beta2, rest2: float32(1 - b2),
		rate:  float32(float64(lr) / (1 - math.Pow(b1, t))),
		norm:  float32(1 / math.Sqrt(1-math.Pow(b2, t))),
		eps:   eps,
		decay: float32(1 - float64(lr)*float64(weightDecay)),
	})
}

// adamStep holds the coefficients of one step, the bias corrections folded in.
type adamStep struct {
	beta1, rest1 float32 // beta1, 1 - beta1
	beta2, rest2 float32 // beta2, 1 - beta2
	rate         float32 // lr / (1 - beta1^t)
	norm         float32 // 1 / sqrt(1 - beta2^t)
	eps          float32
	decay        float32 // 1 - lr * weightDecay
}

func adamGo(p, g, m, v []float32, s adamStep) {
	for i, gi := range g {
		mi := s.beta1*m[i] + s.rest1*gi
		vi := s.beta2*v[i] + s.rest2*(gi*gi)
		m[i], v[i] = mi, vi
		d := float32(math.Sqrt(float64(vi)))*s.norm + s.eps
		p[i] = p[i]*s.decay - s.rate*mi/d
	}
}
