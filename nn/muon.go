package nn

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/internal/cores"
	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"gorgonia.org/gorgonia"
)

// Muon is momentum with orthogonal steps for the weight matrices of hidden layers (K. Jordan and
// others, Muon: an optimizer for hidden layers in neural networks, 2024): with the singular value
// decomposition U S V' of g + Momentum v, where v = Momentum v + g, the matrix moves by about U V',
//
//	W -= rate sqrt(max(1, out/in)) U V'
//
// so that directions which the gradient hardly sees are learned as fast as those which dominate it.
// U V' is approximated by Newton-Schulz iterations, which bring every singular value that is not
// tiny to between 0.7 and 1.2. All other parameters are updated as by [SGD].
type Muon struct {
	base
	cfg      MuonConfig
	velocity Params
	hidden   []bool // by parameter
	momentum muonMomentum
	sgd      sgdUpdate
	factor   orthogonalFactor
}

// MuonConfig holds the hyper-parameters of [Muon].
type MuonConfig struct {
	// Hidden are the weight matrices [in x out] that move in orthogonal steps: those of hidden layers.
	// Filters of convolutions are such matrices. First and last layers are better left to SGD.
	Hidden       Params
	LearningRate float64 // of Hidden; 0: 0.02
	Momentum     float64 // of Hidden
	// Iterations of Newton-Schulz; 0: 5.
	Iterations int
	// WeightDecay shrinks Hidden by rate*WeightDecay in each step.
	WeightDecay float64
	// FixedNorm keeps the Frobenius norm of each of Hidden at the square root of the number of its
	// outputs, for layers before a normalisation, whose results do not depend on it. The rate then says
	// how far they turn.
	FixedNorm bool
	// SGD is of all other parameters. A schedule scales its learning rate in proportion.
	SGD SGDConfig
}

// NewMuon makes an optimiser of params, which include the hidden ones.
func NewMuon(params Params, cfg MuonConfig) (*Muon, error) {
	b, err := newBase(params, cfg.LearningRate, 0.02)
	rest, errSGD := newBase(params, cfg.SGD.LearningRate, defaultSGDRate)
	err = errors.Join(err, inRange("a momentum", cfg.Momentum, 1), inRange("a weight decay", cfg.WeightDecay, math.Inf(1)),
		errSGD, cfg.SGD.check())
	if err != nil {
		return nil, err
	}
	if cfg.Iterations < 0 || cfg.Iterations > 100 {
		return nil, fmt.Errorf("nn: optimizer: want from 1 to 100 iterations of Newton-Schulz (0: 5), got %d", cfg.Iterations)
	}
	if cfg.Iterations == 0 {
		cfg.Iterations = 5
	}
	cfg.LearningRate, cfg.SGD.LearningRate = b.rate, rest.rate
	m := &Muon{base: b, cfg: cfg, hidden: make([]bool, len(params)), factor: orthogonalFactor{iterations: cfg.Iterations}}
	for k, p := range cfg.Hidden {
		i := slices.Index(params, p)
		switch {
		case i < 0:
			return nil, fmt.Errorf("nn: optimizer: hidden parameter %d is not among the parameters", k)
		case len(p.Shape()) != 2:
			return nil, fmt.Errorf("nn: optimizer: hidden parameter %q is no matrix but of shape %v: %w", p.Name, p.Shape(), ErrShape)
		}
		m.hidden[i] = true
	}
	m.velocity = m.slots("muon.velocity")
	return m, nil
}

// State returns the velocities.
func (m *Muon) State() OptimizerState { return OptimizerState{m.step, m.velocity} }

// Step updates every parameter once.
func (m *Muon) Step(model []gorgonia.ValueGrad) error {
	m.sgd.configure(m.cfg.SGD, m.cfg.SGD.LearningRate*m.rate/m.cfg.LearningRate)
	return m.gradients(model, func(i int, p, g []float32) {
		v := m.velocity[i].Data()
		if !m.hidden[i] {
			m.sgd.apply(p, g, v)
			return
		}
		shape := m.params[i].Shape()
		m.turn(shape[0], shape[1], p, m.momentum.apply(float32(m.cfg.Momentum), g, v))
	})
}

// turn moves a matrix against the orthogonal factor of u.
func (m *Muon) turn(in, out int, p, u []float32) {
	if m.cfg.FixedNorm {
		if norm := math.Sqrt(kernel.SumSquares(p)); norm > 0 {
			kernel.Scale(float32(math.Sqrt(float64(out))/norm), p)
		}
	}
	if m.cfg.WeightDecay != 0 {
		kernel.Scale(float32(1-m.rate*m.cfg.WeightDecay), p)
	}
	if o := m.factor.of(in, out, u); o != nil {
		kernel.Axpy(float32(-m.rate*math.Sqrt(max(1, float64(out)/float64(in)))), o, p)
	}
}

// muonMomentum adds a gradient to a velocity and looks ahead as Nesterov did, in parts.
type muonMomentum struct {
	mu    float32
	g, v  []float32
	ahead []float32 // g + mu v
	parts int
}

func (u *muonMomentum) apply(mu float32, g, v []float32) []float32 {
	u.mu, u.g, u.v, u.ahead = mu, g, v, reuse.Slice(u.ahead, len(g))
	const perValue = 2 // nanoseconds
	u.parts = blockParts(len(g), perValue)
	cores.Run(u.parts, u)
	return u.ahead
}

// Part implements cores.Task.
func (u *muonMomentum) Part(i int) {
	eachBlock(len(u.g), i, u.parts, func(from, to int) {
		g, v, ahead := u.g[from:to], u.v[from:to], u.ahead[from:to]
		kernel.Scale(u.mu, v)
		kernel.Axpy(1, g, v)
		copy(ahead, g)
		kernel.Axpy(u.mu, v, ahead)
	})
}

// orthogonalFactor approximates U V' of matrices with the singular value decomposition U S V'.
//
// Newton-Schulz multiplies X by P = a + b R + c R^2, R = X'X, again and again. All P are polynomials
// of the first R and commute. So only R, as small as the shorter side of X, and the product Q of the
// P need be iterated, with R = P R P, and X is multiplied once, by Q.
type orthogonalFactor struct {
	iterations int

	r, p, q, work []float32 // square
	result        []float32
}

// of returns the factor of x [rows x cols], which it scales, or nil if x is as good as 0. It is good until the
// next call.
func (f *orthogonalFactor) of(rows, cols int, x []float32) []float32 {
	norm := math.Sqrt(kernel.SumSquares(x))
	if math.IsInf(float64(float32(1/norm)), 0) {
		return nil
	}
	kernel.Scale(float32(1/norm), x) // no singular value is above 1
	n, wide := min(rows, cols), cols > rows
	for _, square := range []*[]float32{&f.r, &f.p, &f.q, &f.work} {
		*square = reuse.Slice(*square, n*n)
	}
	f.result = reuse.Slice(f.result, len(x))
	// For a wide matrix R = X X', and Q stands on the left.
	kernel.Gemm(!wide, wide, n, n, max(rows, cols), x, cols, x, cols, f.r, n, false)
	for k := range f.iterations {
		f.polynomial(n)
		if k == 0 {
			copy(f.q, f.p)
		} else {
			multiply(n, f.q, f.p, f.work)
			f.q, f.work = f.work, f.q
		}
		if k < f.iterations-1 {
			multiply(n, f.r, f.p, f.work)
			multiply(n, f.p, f.work, f.r)
		}
	}
	if wide {
		kernel.Gemm(false, false, n, cols, n, f.q, n, x, cols, f.result, cols, false)
	} else {
		kernel.Gemm(false, false, rows, n, n, x, n, f.q, n, f.result, n, false)
	}
	return f.result
}

// polynomial sets P = a + b R + c R^2, with Jordan's coefficients, which grow small singular values
// fastest.
func (f *orthogonalFactor) polynomial(n int) {
	const a, b, c = 3.4445, -4.7750, 2.0315
	multiply(n, f.r, f.r, f.p)
	for i, r := range f.r {
		f.p[i] = b*r + c*f.p[i]
	}
	for i := range n {
		f.p[i*n+i] += a
	}
}

// multiply sets z = x y for square matrices.
func multiply(n int, x, y, z []float32) {
	kernel.Gemm(false, false, n, n, n, x, n, y, n, z, n, false)
}
