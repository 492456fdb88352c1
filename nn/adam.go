package nn

import (
	"math"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// Adam is the optimiser of Kingma and Ba (ICLR 2015) and, with a weight decay,
// AdamW (Loshchilov and Hutter, ICLR 2019): the decay is decoupled from the
// gradient. Rounding and bias correction follow PyTorch's.
type Adam struct {
	base
	cfg  AdamConfig
	m, v Params
}

// AdamConfig holds the hyper-parameters of [Adam].
type AdamConfig struct {
	LearningRate float64 // 0: 0.001
	Beta1        float64 // decay of the mean; 0: 0.9
	Beta2        float64 // decay of the second moment; 0: 0.999
	Epsilon      float64 // 0: 1e-8
	WeightDecay  float64 // AdamW's; 0: none
}

// NewAdam makes an optimiser of params.
func NewAdam(params Params, cfg AdamConfig) *Adam {
	cfg.Beta1, cfg.Beta2, cfg.Epsilon = orDefault(cfg.Beta1, 0.9), orDefault(cfg.Beta2, 0.999), orDefault(cfg.Epsilon, 1e-8)
	a := &Adam{base: base{params: params, rate: orDefault(cfg.LearningRate, 0.001)}, cfg: cfg}
	a.m, a.v = a.slots("adam.m"), a.slots("adam.v")
	return a
}

// State returns the first and second moments.
func (a *Adam) State() OptimizerState {
	return OptimizerState{a.step, append(append(Params(nil), a.m...), a.v...)}
}

// Step updates every parameter once.
func (a *Adam) Step(model []gorgonia.ValueGrad) error {
	c := a.cfg
	return a.gradients(model, func(i int, p, g []float32) {
		kernel.Adam(p, g, a.m[i].Data(), a.v[i].Data(),
			float32(a.rate), float32(c.Beta1), float32(c.Beta2), float32(c.Epsilon), float32(c.WeightDecay), a.step)
	})
}

// RMSProp divides each gradient by a running root mean square of its past
// (Tieleman and Hinton, 2012), in PyTorch's form.
type RMSProp struct {
	base
	cfg    RMSPropConfig
	square Params
}

// RMSPropConfig holds the hyper-parameters of [RMSProp].
type RMSPropConfig struct {
	LearningRate float64 // 0: 0.01
	Alpha        float64 // decay of the mean square; 0: 0.99
	Epsilon      float64 // 0: 1e-8
}

// NewRMSProp makes an optimiser of params.
func NewRMSProp(params Params, cfg RMSPropConfig) *RMSProp {
	cfg.Alpha, cfg.Epsilon = orDefault(cfg.Alpha, 0.99), orDefault(cfg.Epsilon, 1e-8)
	r := &RMSProp{base: base{params: params, rate: orDefault(cfg.LearningRate, 0.01)}, cfg: cfg}
	r.square = r.slots("rmsprop.square")
	return r
}

// State returns the mean squares.
func (r *RMSProp) State() OptimizerState { return OptimizerState{r.step, r.square} }

// Step updates every parameter once.
func (r *RMSProp) Step(model []gorgonia.ValueGrad) error {
	alpha, rate, eps := float32(r.cfg.Alpha), float32(r.rate), float32(r.cfg.Epsilon)
	return r.gradients(model, func(i int, p, g []float32) {
		s := r.square[i].Data()
		for j, gj := range g {
			s[j] = alpha*s[j] + (1-alpha)*gj*gj
			p[j] -= rate * gj / (float32(math.Sqrt(float64(s[j]))) + eps)
		}
	})
}
