package lydroo

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/nnls"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// queueValue is a learned value of queues, for droo.LongTerm. LyDROO weighs a Mbit of user i by Q_i +
// V w_i and a J by 10 Y_i: the slopes of a quadratic function of the queues, chosen so that it proves
// them stable. The reward here is minus such a function of the queues q that a frame leaves,
//
//	r(q) = -sum_i Q_i^2/2 - energyCharge sum_i Y_i^2/2
//
// and the discounted sum of the rewards of all later frames is learned from what decisions lead to:
//
//	V(q) = v0 - a sum_i w_i Q_i - b sum_i Q_i^2/2 - c sum_i Y_i - d sum_i Y_i^2/2,    a, b, c, d >= 0
//
// With virtual queues in the critic, reward and V leave out the energy queues Y. The slopes of r +
// gamma V are the worth of a Mbit and the price of a J, so the allocation stays convex and [Solver]
// exact. All users share the coefficients: the value serves any number of them.
//
// V is linear in its coefficients, so training solves for them by least squares. It starts from
// LyDROO's slopes and stays near them where nothing was observed.
type queueValue struct {
	gamma   float64
	weights []float64 // w of the users
	energy  bool      // reward and V depend on the energy queues, which follow the data queues
	most    float64   // value of a Mbit

	coefficients []float64 // v0, a, b and, with energy, c, d
	prior        []float64

	basis []float64
	fit   *nnls.Fit
}

var (
	_ droo.AfterstateValue = (*queueValue)(nil)
	_ checkpoints.Stateful = (*queueValue)(nil)
)

// energyCharge is the charge of the reward on energy queues in mJ. LyDROO's is 10/1000.
const energyCharge = 0.001

// newQueueValue returns a value that weighs queues as LyDROO does.
func newQueueValue(p Params, users int, gamma float64, energy bool) *queueValue {
	prior, most := []float64{0, p.V / gamma, 0}, float64(mostWorth)
	if energy {
		most = mostWorthPriced
		prior = append(prior, 0, max(p.EnergyWeight/energyScale-energyCharge, 0)/gamma)
	}
	n := len(prior)
	return &queueValue{
		gamma: gamma, weights: Weights(users), energy: energy, most: most,
		coefficients: append([]float64(nil), prior...), prior: prior, basis: make([]float64, n), fit: nnls.New(n, 1),
	}
}

// The largest value of a Mbit, in Mbit, and that where energy has a learned price, which is higher than
// LyDROO's. Where the queues are stable they are hardly ever reached. Beyond, queues and what is
// learned from them grow without bound, and with them the energy that data seems to be worth. With a
// bound on it no user spends energy once its energy queue is long enough: the energy queues are
// bounded, and the power limit holds even there.
const (
	mostWorth       = 1000
	mostWorthPriced = 5000
)

// worth returns the value of a Mbit of user i.
func (v *queueValue) worth(i int, q float64) float64 {
	return min(q+v.gamma*(v.coefficients[1]*v.weights[i]+v.coefficients[2]*q), v.most)
}

// price returns the price of a J, if the value depends on the energy queues.
func (v *queueValue) price(y float64) float64 {
	return energyScale * (energyCharge*y + v.gamma*(v.coefficients[3]+v.coefficients[4]*y))
}

// rewardOf returns the reward of a frame that leaves queues.
func (v *queueValue) rewardOf(queues []float32) float64 {
	sum := 0.0
	for k, q := range queues {
		weight := 1.0
		if k >= len(v.weights) {
			weight = energyCharge
		}
		sum -= weight * float64(q) * float64(q) / 2
	}
	return sum
}

// size is the number of queues that V depends on.
func (v *queueValue) size() int {
	if v.energy {
		return 2 * len(v.weights)
	}
	return len(v.weights)
}

// expand writes the basis of V at queues.
func (v *queueValue) expand(queues []float32) {
	clear(v.basis)
	v.basis[0] = 1
	for k, q := range queues {
		at, weight := 3, 1.0
		if k < len(v.weights) {
			at, weight = 1, v.weights[k]
		}
		v.basis[at] -= weight * float64(q)
		v.basis[at+1] -= float64(q) * float64(q) / 2
	}
}

func (v *queueValue) at(queues []float32) (sum float64) {
	v.expand(queues)
	for k, x := range v.basis {
		sum += x * v.coefficients[k]
	}
	return sum
}

// Values implements droo.AfterstateValue.
func (v *queueValue) Values(queues []float32, k int, dst []float64) error {
	if len(queues) != k*v.size() {
		return fmt.Errorf("lydroo: value: %d queues in %d afterstates, want %d in each", len(queues), k, v.size())
	}
	for i := range k {
		dst[i] = v.at(queues[i*v.size():][:v.size()])
	}
	return nil
}

// ridge is the weight of the prior, in users' frames with a queue of 10.
const ridge = 100

// TrainTD implements droo.AfterstateValue: it fits V to all targets.
func (v *queueValue) TrainTD(queues []float32, k int, targets []float64) (loss float64, err error) {
	if len(queues) != k*v.size() {
		return 0, fmt.Errorf("lydroo: value: %d queues in %d afterstates, want %d in each", len(queues), k, v.size())
	}
	v.fit.Clear()
	for i := range k {
		q := queues[i*v.size():][:v.size()]
		d := targets[i] - v.at(q)
		loss += d * d / float64(k)
		v.expand(q)
		v.fit.Add(v.basis, targets[i])
	}
	const usual = 10.
	for a := 1; a < len(v.prior); a += 2 {
		v.fit.Pull(a, ridge*usual*usual, v.prior[a])
		v.fit.Pull(a+1, ridge*math.Pow(usual*usual/2, 2), v.prior[a+1])
	}
	v.fit.Solve(v.coefficients, 1e-6)
	return loss, nil
}

// SaveState implements checkpoints.Stateful.
func (v *queueValue) SaveState(s *checkpoints.State) error {
	s.PutFloat64("coefficients", nil, v.coefficients)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (v *queueValue) LoadState(s *checkpoints.State) error {
	c := make([]float64, len(v.coefficients))
	if err := s.Float64("coefficients", c); err != nil {
		return err
	}
	for i, x := range c {
		if math.IsNaN(x) || math.IsInf(x, 0) || i > 0 && x < 0 {
			return fmt.Errorf("lydroo: value: saved coefficient %d is %v", i, x)
		}
	}
	copy(v.coefficients, c)
	return nil
}

// queueModel predicts what a frame leaves in the queues and what energy it takes. Both follow from
// the allocation, so it is exact. It implements droo.AfterstateModel and droo.Uses.
type queueModel struct {
	solver *Solver // weighs by value
	value  *queueValue

	energy []float64 // [K x N] of the candidates of the last Predict
}

var (
	_ droo.AfterstateModel[Observation] = (*queueModel)(nil)
	_ droo.Uses[Observation]            = (*queueModel)(nil)
)

// AfterstateSize implements droo.AfterstateModel.
func (m *queueModel) AfterstateSize(Observation) int { return m.value.size() }

// Predict implements droo.AfterstateModel.
func (m *queueModel) Predict(obs Observation, d *droo.Decisions, rewards []float64, queues []float32) error {
	m.energy = m.energy[:0]
	for k := range d.K {
		a, err := m.solver.Allocate(obs, d.Candidate(k))
		if err != nil {
			return err
		}
		m.energy = append(m.energy, a.Energy...)
		left := queues[k*m.value.size():][:m.value.size()]
		for i, r := range a.Rate {
			left[i] = float32(max(obs.Q[i]-r, 0))
			if m.value.energy {
				left[len(a.Rate)+i] = float32(max(obs.Y[i]+energyScale*(a.Energy[i]-m.solver.p.PowerLimit), 0))
			}
		}
		rewards[k] = m.value.rewardOf(left)
	}
	return nil
}

// Uses implements droo.Uses for the candidates of the last Predict, which droo.DriftPlusPenalty
// scores before.
func (m *queueModel) Uses(_ Observation, d *droo.Decisions, users int, dst []float64) error {
	if len(m.energy) != d.K*users {
		return errors.New("lydroo: uses of other decisions than were predicted")
	}
	copy(dst, m.energy)
	return nil
}

// longTerm is a learner whose critic looks beyond the frame.
type longTerm struct {
	learner
	critic *droo.LongTerm[Observation]
	value  *queueValue
	queues []float32
}

// longTerm returns the critic of a method with a learned value, and what learns it. queues are the
// environment's energy queues.
func (c Config) longTerm(solver *Solver, queues *droo.VirtualQueues) (droo.Critic[Observation], *longTerm, error) {
	model := &queueModel{solver: solver, value: solver.value}
	cfg := droo.DefaultLongTermConfig()
	cfg.Gamma, cfg.TrainInterval, cfg.BatchSize, cfg.MemorySize = c.Gamma, c.ValueInterval, 0, c.ValueMemory
	value, err := droo.NewLongTerm(model, model.value, cfg)
	if err != nil {
		return nil, nil, err
	}
	l := &longTerm{critic: value, value: model.value}
	if model.value.energy {
		return value, l, nil
	}
	// LyDROO weighs Y_i e_i by EnergyWeight
	return &droo.DriftPlusPenalty[Observation]{
		Value: value, Uses: model, Queues: queues, V: 1 / solver.p.EnergyWeight,
	}, l, nil
}

func (l *longTerm) step(obs Observation) ([]int32, error) {
	x, err := l.learner.step(obs)
	if err == nil && !l.frozen {
		err = l.critic.Executed(obs, x)
	}
	return x, err
}

// observe learns from the queues of the next frame. A run can be made longer, so it does not
// matter whether it ends here.
func (l *longTerm) observe(next Observation) error {
	if l.frozen {
		return nil
	}
	l.queues = reuse.Slice(l.queues, l.value.size())
	for i, q := range next.Q {
		l.queues[i] = float32(q)
		if l.value.energy {
			l.queues[len(next.Q)+i] = float32(next.Y[i])
		}
	}
	_, _, err := l.critic.Observe(rl.Transition[Observation]{Reward: l.value.rewardOf(l.queues)})
	return err
}
