package agent

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/nnls"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// backlogValue is V of the long-term critic: the discounted value of all later slots after a slot
// that leaves server n with a backlog of b_n slots [N],
//
//	V(b) = v0 - 1/N sum_n sum_k u_{kind(n),k} relu(b_n - x_k) - sum_k z_k relu(mean(b) - x_k),   u, z >= 0
//
// with fixed knots x_k. Servers of one kind, which have the same times in the profile, share their
// coefficients: they are exchangeable, and a value learned with some of them serves for more. The
// signs make V concave and non-increasing in every backlog, as the true value is: more work left
// over is never better, and costs more the fuller the servers are. This saves data, and it matters
// for control. Candidates are chosen to maximise V, so they seek out anything it overrates, and an
// unconstrained function overrates the empty servers that a busy system never visits
// (docs/decisions/0007).
//
// V is linear in its coefficients, so training solves for the best ones directly, by least squares
// under the sign constraints. Repeating this with targets r + gamma V is least-squares policy
// evaluation (A. Nedic and D. Bertsekas, "Least squares policy evaluation algorithms with linear
// function approximation", Discrete Event Dynamic Systems 13, 2003); see docs/decisions/0011.
//
// Where links or loads change for long, the fit follows the last slots, and policies would differ
// in how much they pay for time by when training stopped. So decisions use a running average of
// the fits (B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM
// J. Control and Optimization 30, 1992); training goes on from the last fit.
//
// It implements droo.AfterstateValue and mecoffload.SeparableValue.
type backlogValue struct {
	kinds   int
	slot    float64 // s
	average int     // fits that the running average remembers; 1: only the last

	// v0, then u by kind and knot, then z by knot: the average, for decisions, and the last fit.
	coefficients []float64
	fitted       []float64
	fits         int

	// Scratch buffers of training.
	backlog []float64 // [N] slots
	basis   []float64 // factors of the coefficients
	fit     *nnls.Fit
}

var _ droo.AfterstateValue = (*backlogValue)(nil)
var _ checkpoints.Stateful = (*backlogValue)(nil)
var _ mecoffload.SeparableValue = (*backlogValue)(nil)

// knots are where V may bend, in slots: dense where the backlogs of a well-run system lie.
var knots = [...]float64{0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3}

// ridge pulls all coefficients except v0 towards 0, with the weight of one observation at a
// distance of 1 slot: what was never observed costs nothing.
const ridge = 1

// newBacklogValue returns V = 0 for the given numbers of servers and kinds. Server n is of kind n
// modulo kinds.
func newBacklogValue(servers, kinds int, slot mecoffload.Seconds) *backlogValue {
	v := &backlogValue{slot: float64(slot), backlog: make([]float64, servers)}
	v.resize(min(kinds, servers))
	return v
}

// resize allocates the coefficients for a number of kinds.
func (v *backlogValue) resize(kinds int) {
	n := 1 + (kinds+1)*len(knots)
	v.kinds = kinds
	v.coefficients, v.fitted, v.basis = make([]float64, n), make([]float64, n), make([]float64, n)
	v.fit = nnls.New(n, 1)
}

// hinges returns the part of the coefficients or the basis s that belongs to one kind of server, or
// with kind = kinds to the mean.
func (v *backlogValue) hinges(s []float64, kind int) []float64 {
	return s[1+kind*len(knots):][:len(knots)]
}

// at returns V of backlogs in a unit in which a slot is that long, with the given coefficients.
func (v *backlogValue) at(coefficients, backlog []float64, slot float64) float64 {
	sum, total := 0.0, 0.0
	for n, b := range backlog {
		b /= slot
		total += b
		sum += cost(v.hinges(coefficients, n%v.kinds), b)
	}
	share := 1 / float64(len(backlog))
	return coefficients[0] - share*sum - cost(v.hinges(coefficients, v.kinds), share*total)
}

// cost returns sum_k u_k relu(b - x_k).
func cost(u []float64, b float64) float64 {
	sum := 0.0
	for k, x := range knots {
		if b <= x {
			break
		}
		sum += u[k] * (b - x)
	}
	return sum
}

// expand writes the basis of backlogs in slots.
func (v *backlogValue) expand(backlog []float64) {
	clear(v.basis)
	v.basis[0] = 1
	add := func(hinges []float64, b, weight float64) {
		for k, x := range knots {
			if b <= x {
				break
			}
			hinges[k] -= weight * (b - x)
		}
	}
	share, total := 1/float64(len(backlog)), 0.0
	for n, b := range backlog {
		total += b
		add(v.hinges(v.basis, n%v.kinds), b, share)
	}
	add(v.hinges(v.basis, v.kinds), share*total, 1)
}

// row copies afterstate i of features [k x N] to the backlog buffer and returns it.
func (v *backlogValue) row(features []float32, i int) []float64 {
	for n, b := range features[i*len(v.backlog):][:len(v.backlog)] {
		v.backlog[n] = float64(b)
	}
	return v.backlog
}

func (v *backlogValue) check(features []float32, k int) error {
	if len(features) != k*len(v.backlog) {
		return fmt.Errorf("mecoffload: value: %d features of %d backlogs of %d servers",
			len(features), k, len(v.backlog))
	}
	return nil
}

// features appends the afterstate [N] of backlogs in seconds [N] to dst: the backlogs in slots.
func (v *backlogValue) features(dst []float32, backlog []float64) []float32 {
	for _, b := range backlog {
		dst = append(dst, float32(b/v.slot))
	}
	return dst
}

// Values implements droo.AfterstateValue: V of the last fit, for the targets of the next.
func (v *backlogValue) Values(features []float32, k int, dst []float64) error {
	if err := v.check(features, k); err != nil {
		return err
	}
	for i := range k {
		dst[i] = v.at(v.fitted, v.row(features, i), 1)
	}
	return nil
}

// TrainTD implements droo.AfterstateValue: it solves for the coefficients whose V is closest to the
// targets. Pass all remembered afterstates; a minibatch would make it forget the others.
func (v *backlogValue) TrainTD(features []float32, k int, targets []float64) (float64, error) {
	if err := v.check(features, k); err != nil {
		return 0, err
	}
	v.fit.Clear()
	loss := 0.0
	for i := range k {
		backlog := v.row(features, i)
		v.expand(backlog)
		d := targets[i] - v.at(v.fitted, backlog, 1)
		loss += d * d
		v.fit.Add(v.basis, targets[i])
	}
	for a := 1; a < len(v.basis); a++ {
		v.fit.Pull(a, ridge, 0)
	}
	v.fit.Solve(v.fitted, leastChange)
	v.fits = min(v.fits+1, math.MaxInt32)
	share := max(averageGrowth/(averageGrowth-1+float64(v.fits)), 1/float64(max(v.average, 1)))
	for i, c := range v.fitted {
		v.coefficients[i] = share*c + (1-share)*v.coefficients[i]
	}
	return loss / float64(k), nil
}

// averageGrowth is how many times as long the slots so far are as those that the average remembers,
// until it remembers as many fits as it should: the first fits are bad (O. Shamir and T. Zhang,
// "Stochastic gradient descent for non-smooth optimization: convergence results and optimal
// averaging schemes", ICML 2013).
const averageGrowth = 4

// leastChange of a coefficient in a sweep of the fit, in units of accuracy per slot of backlog.
const leastChange = 1e-7

// Value implements mecoffload.ValueFunction: it returns V of backlogs in seconds, of any number of
// servers of which the first is of kind 0, or NaN if there are none.
func (v *backlogValue) Value(backlog []float64) float64 {
	return v.at(v.coefficients, backlog, v.slot)
}

// OfServer implements mecoffload.SeparableValue.
func (v *backlogValue) OfServer(n, servers int, backlog float64) float64 {
	return -cost(v.hinges(v.coefficients, n%v.kinds), backlog/v.slot) / float64(servers)
}

// OfMean implements mecoffload.SeparableValue.
func (v *backlogValue) OfMean(mean float64) float64 {
	return v.coefficients[0] - cost(v.hinges(v.coefficients, v.kinds), mean/v.slot)
}

// SaveState implements checkpoints.Stateful.
func (v *backlogValue) SaveState(s *checkpoints.State) error {
	s.PutFloat64("coefficients", nil, v.coefficients)
	if v.average > 1 {
		s.PutFloat64("fitted", nil, v.fitted)
		s.PutInt("fits", int64(v.fits))
	}
	return nil
}

// LoadState implements checkpoints.Stateful. The saved value may have another number of servers, and
// no average: then that of the next fits starts anew.
func (v *backlogValue) LoadState(s *checkpoints.State) error {
	n, err := s.Len("coefficients")
	if err != nil {
		return err
	}
	kinds := (n-1)/len(knots) - 1
	if kinds < 1 || kinds > mecoffload.MaxServers || n != 1+(kinds+1)*len(knots) {
		return fmt.Errorf("mecoffload: value: %d saved coefficients belong to no number of kinds "+
			"of servers", n)
	}
	v.resize(kinds)
	v.fits = 0
	if err := loadCoefficients(s, "coefficients", v.coefficients); err != nil {
		return err
	}
	if _, err := s.Len("fits"); v.average <= 1 || errors.Is(err, checkpoints.ErrMismatch) {
		copy(v.fitted, v.coefficients)
		return nil
	}
	return errors.Join(
		loadCoefficients(s, "fitted", v.fitted),
		checkpoints.LoadInt(s, "fits", &v.fits, 0, math.MaxInt32),
	)
}

func loadCoefficients(s *checkpoints.State, name string, dst []float64) error {
	if err := s.Float64(name, dst); err != nil {
		return err
	}
	for i, c := range dst {
		if math.IsNaN(c) || math.IsInf(c, 0) || i > 0 && c < 0 {
			return fmt.Errorf("mecoffload: value: saved number %d of %s is %v", i, name, c)
		}
	}
	return nil
}
