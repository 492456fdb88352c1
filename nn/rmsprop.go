package nn

import (
	"errors"
	"math"

	"gorgonia.org/gorgonia"
)

// RMSProp divides each gradient by a running root mean square of its past (Tieleman and Hinton,
// 2012), in PyTorch's form.
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
func NewRMSProp(params Params, cfg RMSPropConfig) (*RMSProp, error) {
	b, err := newBase(params, cfg.LearningRate, 0.01)
	err = errors.Join(err, inRange("an alpha", cfg.Alpha, 1), inRange("an epsilon", cfg.Epsilon, math.Inf(1)))
	if err != nil {
		return nil, err
	}
	cfg.Alpha, cfg.Epsilon = orDefault(cfg.Alpha, 0.99), orDefault(cfg.Epsilon, 1e-8)
	r := &RMSProp{base: b, cfg: cfg}
	r.square = r.slots("rmsprop.square")
	return r, nil
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
