package wpmec

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl/droo"
)

// Solver computes the best weighted sum computation rate of a network for given binary decisions,
// and searches for the best decisions. It owns its scratch memory: use one Solver per goroutine.
//
// # How one decision is solved
//
// With the decisions fixed, what remains is to split the frame into the harvesting time a and the
// offloading times tau_i, a concave problem. Write E_i = w_i * offload for the rate per unit of
// log-SNR of user i, g_i = snr * h_i^2, and y_i = 1/(1 + g_i a/tau_i), a number in (0, 1).
// Stationarity with respect to tau_i (multiplier v of the constraint a + sum tau_i = 1) reads
//
//	y_i - ln y_i = 1 + v/E_i,   that is   y_i = -W0(-exp(-1 - v/E_i)),
//
// so y_i depends on the user through its weight only, and tau_i = a g_i y_i/(1-y_i). Users of equal
// weight form a class: with G_c the sum of g_i over the offloading users of class c, and L the sum
// of the local coefficients over the others, stationarity with respect to a becomes one equation in
// v,
//
//	F(v) = L/3 A^(2/3) + sum_c E_c G_c y_c - v = 0,   A = 1/a = 1 + sum_c G_c y_c/(1-y_c).
//
// So a decision costs one pass over the users to form L and G_c, and then one Lambert W per class
// and step, whatever the number of users. (Equations 17 to 22 of Bi and Zhang, IEEE TWC 17(6),
// 2018, in another parametrisation.)
//
// F is decreasing and convex: y_c is convex in v, 1/(1-y_c) - 1 is log-convex, and log-convexity
// survives the sum and the power 2/3. The tangent of such a function meets zero at or before the
// root, and here always at v > 0. So Newton's method needs no bracket: from any v > 0 the first
// step lands at or left of the root and the following ones approach it from there, monotonically
// and quadratically. Each decision of a frame starts from the solution of the one before it, since
// they are alike, and the first from the same v in every frame, so that results depend on nothing
// but the arguments.
//
// The rate is then evaluated at the feasible point (a, tau) of the last v. That point is optimal to
// first order, so a relative error d in v costs about d^2 in the rate, and never overestimates it.
type Solver struct {
	r rates

	// Of the observation loaded last.
	local []float64 // [N] w_i * local * cbrt(h_i); 0 for inactive users
	gain  []float64 // [N] snr * h_i^2; 0 for inactive users
	class []int32   // [N] index of the user's weight
	slope []float64 // [C] E_c = weight of the class * offload

	sum  []float64 // [C] G_c of the decision at hand
	odds []float64 // [C] y_c/(1-y_c) at its solution
	v    float64   // the solution itself; > 0

	// Of a search.
	order []int     // the active users
	x     []int32   // [N] decision being tried
	unit  []float64 // [N] E_i g_i y_i at a given v
}

// NewSolver returns a solver for networks with constants p.
func NewSolver(p Params) (*Solver, error) {
	r, err := p.rates()
	if err != nil {
		return nil, err
	}
	return &Solver{r: r}, nil
}

// Allocation is how a frame of length 1 is best used under one decision.
type Allocation struct {
	Rate    float64   // weighted sum computation rate, bit/s
	Harvest float64   // a: the share of the frame in which the access point broadcasts energy
	Offload []float64 // [N] tau: the share of the frame in which each user sends; 0 for users that compute locally
}

// Score writes the best weighted sum rate under each candidate decision of d to dst [d.K], in
// bit/s. A choice is 1 to offload and 0 to compute locally; the choices of inactive users do not
// matter. It implements [droo.Critic].
func (s *Solver) Score(obs Observation, d *droo.Decisions, dst []float64) error {
	if d.Rows != len(obs.H) || len(dst) != d.K {
		return fmt.Errorf("wpmec: %d decisions of %d rows into %d scores: the observation has %d users",
			d.K, d.Rows, len(dst), len(obs.H))
	}
	if err := s.load(obs); err != nil {
		return err
	}
	for k := range dst {
		x := d.Candidate(k)
		if err := checkDecision(x); err != nil {
			return err
		}
		dst[k] = s.rate(x)
	}
	return nil
}

// Rate returns the best weighted sum rate under decision x [N], in bit/s.
func (s *Solver) Rate(obs Observation, x []int32) (float64, error) {
	if err := s.loadWith(obs, x); err != nil {
		return 0, err
	}
	return s.rate(x), nil
}

// Allocate solves decision x [N] and writes the times that reach its best rate to dst, whose memory
// it reuses.
func (s *Solver) Allocate(obs Observation, x []int32, dst *Allocation) error {
	if err := s.loadWith(obs, x); err != nil {
		return err
	}
	dst.Rate = s.rate(x)
	dst.Offload = reuse.Slice(dst.Offload, len(x))
	inverse := 1.0
	for c, g := range s.sum {
		if g > 0 {
			inverse += g * s.odds[c]
		}
	}
	dst.Harvest = 1 / inverse
	for i, choice := range x {
		dst.Offload[i] = 0
		if choice == 1 && s.gain[i] > 0 {
			dst.Offload[i] = dst.Harvest * s.gain[i] * s.odds[s.class[i]]
		}
	}
	return nil
}

// loadWith loads obs and checks that x is a decision for it.
func (s *Solver) loadWith(obs Observation, x []int32) error {
	if len(x) != len(obs.H) {
		return fmt.Errorf("wpmec: decision for %d users, the observation has %d", len(x), len(obs.H))
	}
	if err := checkDecision(x); err != nil {
		return err
	}
	return s.load(obs)
}

// search loads obs and readies s.order and s.x for a search that ends in decision x.
func (s *Solver) search(obs Observation, x []int32) error {
	if len(x) != len(obs.H) {
		return fmt.Errorf("wpmec: decision for %d users, the observation has %d", len(x), len(obs.H))
	}
	if err := s.load(obs); err != nil {
		return err
	}
	s.order = s.order[:0]
	for i := range x {
		if obs.active(i) {
			s.order = append(s.order, i)
		}
	}
	s.x = reuse.Slice(s.x, len(x))
	return nil
}

func checkDecision(x []int32) error {
	for i, choice := range x {
		if choice != 0 && choice != 1 {
			return fmt.Errorf("wpmec: choice of user %d is %d: it must be 0 (local) or 1 (offload)", i, choice)
		}
	}
	return nil
}

// load checks obs and computes the common values of the decisions of its frame.
func (s *Solver) load(obs Observation) error {
	if err := obs.Check(); err != nil {
		return err
	}
	n := len(obs.H)
	s.local = reuse.Slice(s.local, n)
	s.gain = reuse.Slice(s.gain, n)
	s.class = reuse.Slice(s.class, n)
	s.unit = reuse.Slice(s.unit, n)
	s.slope = s.slope[:0]
	s.v = s.r.offload // E of weight 1, the order of magnitude of v
	for i, h := range obs.H {
		slope := s.r.offload * obs.W[i]
		s.class[i] = int32(s.classOf(slope))
		s.local[i], s.gain[i] = 0, 0
		if obs.active(i) {
			s.local[i] = s.r.local * obs.W[i] * math.Cbrt(h)
			s.gain[i] = s.r.snr * h * h
		}
		if math.IsInf(s.gain[i], 0) || math.IsInf(slope, 0) {
			return fmt.Errorf("wpmec: user %d: channel gain %v or weight %v is too large", i, h, obs.W[i])
		}
	}
	s.sum = reuse.Slice(s.sum, len(s.slope))
	s.odds = reuse.Slice(s.odds, len(s.slope))
	return nil
}

// classOf returns the index of slope in s.slope, adding a new one. Weights are few in practice, and
// a scan of even 30 costs far less than a class saves.
func (s *Solver) classOf(slope float64) int {
	for c, known := range s.slope {
		if known == slope {
			return c
		}
	}
	s.slope = append(s.slope, slope)
	return len(s.slope) - 1
}

// rate solves decision x of the loaded observation. It leaves G_c and y_c/(1-y_c) in s.sum and
// s.odds.
func (s *Solver) rate(x []int32) float64 {
	clear(s.sum)
	local := 0.0
	for i, choice := range x {
		offload := float64(choice) // arithmetic instead of a branch nobody can predict
		local += s.local[i] * (1 - offload)
		s.sum[s.class[i]] += s.gain[i] * offload
	}
	total := 0.0
	for _, g := range s.sum {
		total += g
	}
	if total == 0 { // nobody offloads: all of the frame is for harvesting
		return local
	}

	const (
		tolerance = 1e-7 // relative, on v: about 1e-14 on the rate
		maxSteps  = 100  // never reached: the tests count how many are needed
	)
	v, rate := s.v, 0.0
	for range maxSteps {
		// A, A', F without its first term, and the rate of offloading per unit of a.
		inverse, slope, marginal, offload := 1.0, 0.0, -v, 0.0
		for c, g := range s.sum {
			if g == 0 {
				continue
			}
			e := s.slope[c]
			u := v / e
			y, rest := lambert(u)
			odds := y / rest
			s.odds[c] = odds
			inverse += g * odds
			slope -= g * odds / (rest * rest * e)
			marginal += e * g * y
			offload += e * g * odds * (u + rest) // u + rest = -ln y = ln(1 + SNR)
		}
		root := math.Cbrt(inverse)
		rate = local/root + offload/inverse
		step := (local/3*root*root + marginal) / (local*(2./9)/root*slope - inverse)
		if math.Abs(step) <= tolerance*v {
			break
		}
		v -= step
	}
	s.v = v
	return rate
}
