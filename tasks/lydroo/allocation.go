package lydroo

import (
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl/droo"
)

// Allocation is how the resources of a frame are used. All slices have a value per user.
type Allocation struct {
	Rate   []float64 // processed data r, Mbit
	Energy []float64 // e, J
	Time   []float64 // share tau of the frame in which the user offloads; 0 if it computes locally
	// Objective is the sum of (Q_i + V w_i) r_i - EnergyWeight Y_i e_i.
	Objective float64
}

// Solver finds the best allocation for given decisions. It is not safe for concurrent use.
//
// For fixed decisions the users that compute locally are independent of each other, and those that
// offload share the frame's time:
//
//	maximise sum_i F_i(tau_i)   with   sum_i tau_i <= 1
//
// F_i(tau) is the best of (Q_i + V w_i) r - 10 Y_i e in a share tau. With the rate rho = r/tau the
// power is g(rho) = N0/h (2^(v rho / B) - 1). F_i is concave. It begins as a line, on which the user
// sends at its best rate rho*, until its queue is empty at tau = Q/rho*. Beyond, more time saves
// energy, as rho = Q/tau falls. The price lambda of time fixes every tau_i: where the line is
// steeper than lambda, tau_i solves F_i'(tau_i) = lambda, which is a Lambert W function. The total
// falls as lambda rises, so one bracketed root gives the optimum.
type Solver struct {
	p Params
	a float64 // ln 2 Overhead / Bandwidth: g(rho) = N0/h (exp(a rho) - 1)

	// myopic replaces the queues: the objective is sum w r, and no user takes more energy in a frame
	// than the mean limit.
	myopic bool

	value *queueValue // replaces the weights of the queues; nil: LyDROO's

	users  []offloader // of the decision being solved
	result Allocation
}

var _ droo.Critic[Observation] = (*Solver)(nil)

// NewSolver makes a solver.
func NewSolver(p Params) (*Solver, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &Solver{p: p, a: math.Ln2 * p.Overhead / p.Bandwidth}, nil
}

// NewMyopicSolver makes a solver that looks at no queue: it maximises sum w r in every frame, with
// the mean power limit in every frame, as the paper's myopic baseline does.
func NewMyopicSolver(p Params) (*Solver, error) {
	s, err := NewSolver(p)
	if err == nil {
		s.myopic = true
	}
	return s, err
}

// Allocate returns the best allocation for the decision x [users], 1 to offload and 0 to compute
// locally. The result is valid until the next call.
func (s *Solver) Allocate(obs Observation, x []int32) (Allocation, error) {
	if err := obs.Check(); err != nil {
		return Allocation{}, err
	}
	if len(x) != obs.Users() {
		return Allocation{}, fmt.Errorf("lydroo: a decision for %d users, observed are %d", len(x), obs.Users())
	}
	for i, mode := range x {
		if mode != 0 && mode != 1 {
			return Allocation{}, fmt.Errorf("lydroo: the decision for user %d is %d: want 0 (local) or 1 (offload)", i, mode)
		}
	}
	s.solve(obs, x)
	return s.result, nil
}

// Score implements droo.Critic: the objective of each candidate.
func (s *Solver) Score(obs Observation, d *droo.Decisions, dst []float64) error {
	if err := obs.Check(); err != nil {
		return err
	}
	if d.Rows != obs.Users() {
		return fmt.Errorf("lydroo: decisions for %d users, observed are %d", d.Rows, obs.Users())
	}
	for k := range d.K {
		s.solve(obs, d.Choice[k*d.Rows:(k+1)*d.Rows])
		dst[k] = s.result.Objective
	}
	return nil
}

func (s *Solver) solve(obs Observation, x []int32) {
	n := len(x)
	r := &s.result
	r.Rate, r.Energy, r.Time = reuse.Slice(r.Rate, n), reuse.Slice(r.Energy, n), reuse.Slice(r.Time, n)
	r.Objective = 0
	s.users = s.users[:0]
	for i, offload := range x {
		r.Rate[i], r.Energy[i], r.Time[i] = 0, 0, 0
		worth, price := s.weights(obs, i)
		if offload == 0 {
			r.Rate[i], r.Energy[i] = s.local(obs.Q[i], worth, price)
		} else if u := s.offloader(i, obs.H[i], obs.Q[i], worth, price); u.slope > 0 {
			s.users = append(s.users, u)
		}
	}
	s.share()
	for _, u := range s.users {
		r.Time[u.user] = u.tau
		r.Rate[u.user] = u.rate
		r.Energy[u.user] = u.tau * u.power(s.a, u.rate/max(u.tau, math.SmallestNonzeroFloat64))
	}
	for i := range x {
		worth, price := s.weights(obs, i)
		r.Objective += worth*r.Rate[i] - price*r.Energy[i]
	}
}

// weights returns the value of a Mbit and of a J in the objective.
func (s *Solver) weights(obs Observation, i int) (worth, price float64) {
	if s.myopic {
		return obs.W[i], 0
	}
	worth, price = obs.Q[i]+s.p.V*obs.W[i], s.p.EnergyWeight*obs.Y[i]
	if s.value != nil {
		worth = s.value.worth(i, obs.Q[i])
		if s.value.energy {
			price = s.value.price(obs.Y[i])
		}
	}
	return worth, price
}

// local returns rate and energy of a user that computes locally, at the frequency where the
// derivative of worth f/c - price k f^3 is 0, within its limits.
func (s *Solver) local(q, worth, price float64) (rate, energy float64) {
	f := min(s.p.CyclesPerBit*q, s.p.MaxFrequency)
	if price > 0 {
		f = min(f, math.Sqrt(worth/(3*s.p.CyclesPerBit*s.p.Capacitance*price)))
	}
	if s.myopic {
		f = min(f, math.Cbrt(s.p.PowerLimit/s.p.Capacitance))
	}
	return f / s.p.CyclesPerBit, s.p.Capacitance * f * f * f
}

// offloader is a user that offloads, with its function F of the time.
type offloader struct {
	user  int
	noise float64 // N0/h
	queue float64 // Q, the most that it can send
	price float64 // of energy
	cap   float64 // of energy in the frame, J; +Inf: none

	best  float64 // rate rho* while there is data, Mbit/s
	slope float64 // of F there
	turn  float64 // tau up to which F is a line
	after float64 // slope of F just beyond

	worth float64
	tau   float64 // solution
	rate  float64 // data sent in it
}

// power returns g(rho), with the constant a of the solver.
func (u *offloader) power(a, rho float64) float64 { return u.noise * math.Expm1(a*rho) }

func (s *Solver) offloader(i int, h, q, worth, price float64) offloader {
	u := offloader{user: i, queue: q, worth: worth, price: price, cap: math.Inf(1)}
	if h == 0 || q == 0 {
		return u
	}
	u.noise = s.p.Noise / h
	u.best = math.Log1p(s.p.MaxPower/u.noise) / s.a
	if price > 0 {
		u.best = min(u.best, max(math.Log(worth/(price*u.noise*s.a))/s.a, 0))
	}
	u.slope = worth*u.best - price*u.power(s.a, u.best)
	if !(u.slope > 0) {
		return u
	}
	u.turn = q / u.best
	if price > 0 {
		u.after = price * u.noise * growth(s.a*u.best)
	}
	if s.myopic {
		u.cap = s.p.PowerLimit
		if limit := u.cap / s.p.MaxPower; limit < u.turn { // energy runs out before data
			u.turn = limit
			z := u.cap / (u.noise * u.turn)
			u.after = worth / s.a * (math.Log1p(z) - z/(1+z))
		}
	}
	u.after = min(u.after, u.slope) // equal where rho* is an inner optimum, but for rounding
	return u
}

// at returns the time that the user takes at the price lambda of time, if that is below the slope
// of its line.
func (s *Solver) at(u *offloader, lambda float64) float64 {
	switch {
	case lambda >= u.after:
		return u.turn
	case s.energyBound(u): // ln(1+z) - z/(1+z) = lambda a / worth, with z = cap / (noise tau)
		z := invShare(lambda * s.a / u.worth)
		return min(u.cap/(u.noise*z), s.timeOfQueue(u))
	}
	return u.queue * s.a / invGrowth(lambda/(u.price*u.noise))
}

// energyBound reports whether the user's energy ends the line of F.
func (s *Solver) energyBound(u *offloader) bool { return u.turn < u.queue/u.best }

// timeOfQueue returns the time in which a user sends all its data with all its energy: the root of
// tau ln(1 + cap / (noise tau)) / a = queue.
func (s *Solver) timeOfQueue(u *offloader) float64 {
	most := u.cap / (u.noise * s.a) // data sent in infinite time
	if u.queue >= most {
		return math.Inf(1)
	}
	low, high := u.turn, u.turn
	sent := func(tau float64) float64 { return tau * math.Log1p(u.cap/(u.noise*tau)) / s.a }
	for sent(high) < u.queue && high < 1e12 {
		low, high = high, 2*high
	}
	for range 200 {
		mid := (low + high) / 2
		if mid == low || mid == high {
			break
		}
		if sent(mid) < u.queue {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// share divides the frame among the users that offload.
func (s *Solver) share() {
	slices.SortFunc(s.users, func(a, b offloader) int {
		switch {
		case a.slope > b.slope:
			return -1
		case a.slope < b.slope:
			return 1
		}
		return a.user - b.user
	})
	// The users whose line is steeper than the price of time are the first n. At the price of the
	// next user's line the total jumps by its turn.
	n := 0
	for n < len(s.users) {
		u := &s.users[n]
		left := 1 - s.total(n, u.slope)
		if left <= 0 {
			break
		}
		if u.turn > left { // it takes what is left, on its line
			s.settle(n, u.slope)
			u.tau, u.rate = left, u.best*left
			s.users = s.users[:n+1]
			return
		}
		n++
	}
	s.users = s.users[:n]
	s.settle(n, s.price(n))
}

// total returns the time that the first n users take at a price.
func (s *Solver) total(n int, lambda float64) (sum float64) {
	for i := range s.users[:n] {
		sum += s.at(&s.users[i], lambda)
	}
	return sum
}

// price returns the price at which the first n users take the whole frame, or 0 if they do not take
// it even for nothing.
func (s *Solver) price(n int) float64 {
	if n == 0 {
		return 0
	}
	high := 0.0 // nobody takes more than its line there
	for i := range s.users[:n] {
		high = max(high, s.users[i].after)
	}
	if high == 0 || s.total(n, high) >= 1 {
		return high
	}
	low := high
	for s.total(n, low) < 1 {
		if high, low = low, low/4; low < 1e-300 {
			return 0
		}
	}
	return root(low, high, func(lambda float64) float64 { return s.total(n, lambda) - 1 })
}

// settle gives the first n users their times at a price.
func (s *Solver) settle(n int, lambda float64) {
	for i := range s.users[:n] {
		u := &s.users[i]
		u.tau = u.turn
		if lambda > 0 || u.after > 0 {
			u.tau = min(s.at(u, max(lambda, math.SmallestNonzeroFloat64)), 1)
		}
		u.rate = min(u.queue, u.best*u.tau)
		if s.energyBound(u) && u.tau > u.turn {
			u.rate = min(u.queue, u.tau*math.Log1p(u.cap/(u.noise*u.tau))/s.a)
		}
	}
}
