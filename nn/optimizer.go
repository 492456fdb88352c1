package nn

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/validate"
	"gorgonia.org/gorgonia"
)

// Optimizer updates parameters from their gradients. It is a gorgonia.Solver for a fixed list of
// parameters: Step expects their gradients in their order (see [Tape.Gradients]).
type Optimizer interface {
	gorgonia.Solver
	// LearningRate returns the step size of the next Step.
	LearningRate() float64
	SetLearningRate(float64)
	// State returns everything but the parameters that Step reads and writes. The slots are the
	// optimiser's memory: to restore a state, copy into them.
	State() OptimizerState
	// SetStep restores the number of steps taken.
	SetStep(int)
}

// OptimizerState is the part of an [Optimizer] that a checkpoint keeps, so that training resumes
// bit for bit.
type OptimizerState struct {
	Step  int    // steps taken
	Slots Params // moments, one per parameter and kind, named kind/parameter
}

// newBase checks the common arguments of optimisers.
func newBase(params Params, rate, defaultRate float64) (base, error) {
	if err := params.check(); err != nil {
		return base{}, fmt.Errorf("nn: optimizer: %w", err)
	}
	if !(rate >= 0) || math.IsInf(rate, 0) {
		return base{}, fmt.Errorf("nn: optimizer: want a learning rate of at least 0 (0: the default), got %v", rate)
	}
	if err := keeps32("a learning rate", rate); err != nil {
		return base{}, err
	}
	return base{params: params, rate: orDefault(rate, defaultRate)}, nil
}

// inRange reports a hyper-parameter outside [0, limit), also once it is rounded to 32 bits.
func inRange(name string, v, limit float64) error {
	if !(v >= 0 && v < limit && float64(float32(v)) < limit) {
		return fmt.Errorf("nn: optimizer: want %s in [0, %v), got %v", name, limit, v)
	}
	return keeps32(name, v)
}

// keeps32 reports a value that optimisers, which compute in 32 bits, would take for 0 or infinity: a
// learning rate of 1e-46 teaches nothing, and an epsilon of 1e-46 divides 0 by 0.
func keeps32(name string, v float64) error {
	if r, ok := validate.Keeps32(v); !ok {
		return fmt.Errorf("nn: optimizer: %s of %v is %v in 32-bit floating point: want 0 or from 1e-45 to 3e38", name, v, r)
	}
	return nil
}

func orDefault(v, d float64) float64 {
	if v == 0 {
		return d
	}
	return v
}

// base is shared by all optimisers.
type base struct {
	params Params
	rate   float64
	step   int
	finite bool // gradients are known to be
}

func (b *base) LearningRate() float64     { return b.rate }
func (b *base) SetLearningRate(r float64) { b.rate = r }
func (b *base) SetStep(n int)             { b.step = n }

// slots makes one zero tensor per parameter.
func (b *base) slots(kind string) Params {
	ps := make(Params, len(b.params))
	for i, p := range b.params {
		ps[i] = newParam(kind+"/"+p.Name, p.Shape())
	}
	return ps
}

// knowFinite says whether the gradients of the next Step are known to be finite, so that it need not
// check them.
func (b *base) knowFinite(finite bool) { b.finite = finite }

// gradients calls update for each parameter and its gradient, after checking all of them, so that a
// failing Step changes nothing.
func (b *base) gradients(model []gorgonia.ValueGrad, update func(i int, p, g []float32)) error {
	if len(model) != len(b.params) {
		return fmt.Errorf("nn: the optimiser was made for %d parameters, got %d gradients", len(b.params), len(model))
	}
	for i, m := range model {
		if m == nil || m.Value() != gorgonia.Value(b.params[i].Value) {
			return fmt.Errorf("nn: gradient %d does not belong to parameter %q", i, b.params[i].Name)
		}
		g, err := gradient(m)
		if err != nil {
			return err
		}
		if len(g) != len(b.params[i].Data()) {
			return fmt.Errorf("nn: parameter %q has %d values, its gradient %d: %w",
				b.params[i].Name, len(b.params[i].Data()), len(g), ErrShape)
		}
	}
	if !(b.rate >= 0) || math.IsInf(float64(float32(b.rate)), 0) { // set by a schedule, say
		return fmt.Errorf("nn: the learning rate is %v after %d steps, want a finite one of at least 0", b.rate, b.step)
	}
	if !b.finite {
		if err := checkFinite(model); err != nil {
			return err
		}
	}
	b.step++
	for i, m := range model {
		g, err := gradient(m)
		if err != nil {
			return err
		}
		update(i, b.params[i].Data(), g)
	}
	return nil
}

func gradient(m gorgonia.ValueGrad) ([]float32, error) {
	if m == nil {
		return nil, errors.New("nn: a gradient is nil")
	}
	v, err := m.Grad()
	if err != nil {
		return nil, err
	}
	g, err := AsMatrix(v)
	return g.Data, err
}

// sumSquares returns the sum of the squares of all gradients, or [ErrNotFinite] and the first
// parameter whose gradient is not finite. It is a float64, in which the squares of finite gradients
// cannot overflow.
func sumSquares(model []gorgonia.ValueGrad) (float64, error) {
	sum := 0.0
	for i, m := range model {
		g, err := gradient(m)
		if err != nil {
			return 0, err
		}
		s := kernel.SumSquares(g)
		if sum += s; s-s != 0 {
			name := fmt.Sprintf("parameter %d", i)
			if p, ok := m.(interface{ Name() string }); ok {
				name = fmt.Sprintf("%q", p.Name())
			}
			k := slices.IndexFunc(g, notFinite)
			return sum, fmt.Errorf("nn: the gradient of %s is %v at entry %d: %w", name, g[k], k, ErrNotFinite)
		}
	}
	return sum, nil
}

// checkFinite is sumSquares for its error.
func checkFinite(model []gorgonia.ValueGrad) error {
	for _, m := range model {
		g, err := gradient(m)
		if err != nil {
			return err
		}
		if !kernel.Finite(g) {
			_, err = sumSquares(model)
			return err
		}
	}
	return nil
}

func notFinite(x float32) bool { return x-x != 0 }

// ClipGlobalNorm scales all gradients by one factor so that their joint Euclidean norm is at most
// limit (Pascanu et al., ICML 2013), and returns the norm before. A norm that is not finite is an
// error, and leaves the gradients alone.
func ClipGlobalNorm(model []gorgonia.ValueGrad, limit float64) (float64, error) {
	if !(limit > 0) {
		return 0, fmt.Errorf("nn: the limit of the gradient norm must be positive, got %v", limit)
	}
	sum, err := sumSquares(model)
	norm := math.Sqrt(sum)
	if err != nil {
		return norm, err
	}
	if norm > limit {
		if float32(limit/norm) == 0 {
			return norm, fmt.Errorf("nn: a limit of %v leaves nothing of a gradient whose norm is %v", limit, norm)
		}
		for _, m := range model {
			g, err := gradient(m)
			if err != nil {
				return norm, err
			}
			kernel.Scale(float32(limit/norm), g)
		}
	}
	return norm, nil
}
