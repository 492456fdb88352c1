package optimum

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// BoundConfig describes the sample of a Bound and its precision.
type BoundConfig struct {
	LastExitOnly bool // for methods without early exits
	// Slots is the number of slots that the bound is estimated from, Train the number of others that
	// prices and values are found on. 0: 1000 and 150.
	Slots, Train int
	Seed         uint64 // of all slots
	// Bin is the length of the time grid's bins. A longer one makes the bound less tight, not wrong.
	// 0: 0.02 ms.
	Bin mecoffload.Seconds
}

func (c BoundConfig) withDefaults() BoundConfig {
	c.Slots, c.Train, c.Bin = cmp.Or(c.Slots, 1000), cmp.Or(c.Train, 150), cmp.Or(c.Bin, 2e-5)
	return c
}

func (c BoundConfig) check(sc mecoffload.Scenario) error {
	switch {
	case c.Slots < 2 || c.Train < 1 || !(c.Bin > 0) || c.Bin > sc.Slot:
		return fmt.Errorf("optimum: a bound from %d slots, with values from %d, on bins of %v: want at "+
			"least 2 slots, 1 for the values, and bins no longer than a slot", c.Slots, c.Train, c.Bin)
	case len(sc.Trace.Files) > 0 || sc.Churn != (mecoffload.Churn{}):
		return fmt.Errorf("optimum: scenario %q has recorded rates or churn: %w", sc.Name, ErrDependentSlots)
	case sc.Energy.BudgetMJ > 0:
		return fmt.Errorf("optimum: scenario %q has an energy budget, which the bound does not know", sc.Name)
	}
	return nil
}

// ErrDependentSlots says that a bound does not hold in a scenario, because its slots are not drawn
// independently.
var ErrDependentSlots = errors.New("the slots are not independent of each other")

// Bound returns an upper bound on the long-run average accuracy of any policy in sc, estimated from
// a sample of slots: the true bound lies below Accuracy + 3*StdErr with a probability of 99.9 %.
//
// It decouples the servers. For any prices mu >= 0 of the tasks, which may depend on everything drawn
// in the slot, no task is served twice, so the accuracies of a slot sum to at most
//
//	sum_i mu_i + sum_n sum_i x_{i,n} (accuracy - mu_i)
//
// and each server n may then choose its tasks by itself. Its only state is its backlog b. For any
// function V_n, let F_n(b) be the most it can earn in a slot plus V_n of the backlog it leaves. It
// serves first come first served, waits for late arrivals, and drops what is past its deadline, as
// in the simulator. As slots are independent, its long-run average is at most max_b E[F_n(b)] -
// V_n(b): the sum of V_n over slots telescopes. This is weak duality of the linear program of
// average-reward control (D. Adelman and A. Mersereau, "Relaxations of weakly coupled stochastic
// dynamic programs", Operations Research 56(3), 2008). A server knows the real rates of the slot,
// and the jitter of the tasks it has already served; a policy knows less.
//
// It holds for all mu and V. Both are chosen to make it low: V by value iteration on other slots, mu
// by subgradients in each slot, with the distribution of the backlogs in place of the backlogs.
//
// Scenarios with recorded rates or churn are refused with ErrDependentSlots. Energy budgets are
// refused too.
func Bound(sc mecoffload.Scenario, p mecoffload.Profile, cfg BoundConfig) (mecoffload.Bound, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(sc); err != nil {
		return mecoffload.Bound{}, err
	}
	if cfg.LastExitOnly {
		p = p.LastExit()
	}
	linear, err := mecoffload.DeadlineBound(sc, p, mecoffload.DeadlineBoundConfig{Tasks: 2, Seed: cfg.Seed})
	if err != nil {
		return mecoffload.Bound{}, err
	}
	coarse := newRelaxation(sc, p, max(coarseBin, float64(cfg.Bin)))
	coarse.rent = linear.Prices
	fine := newRelaxation(sc, p, float64(cfg.Bin))
	sim, err := mecoffload.NewSimulator(sc, p)
	if err != nil {
		return mecoffload.Bound{}, err
	}
	if _, err := sim.Reset(cfg.Seed); err != nil {
		return mecoffload.Bound{}, err
	}
	draws, err := draw(sim, cfg.Train)
	if err != nil {
		return mecoffload.Bound{}, err
	}
	coarse.train(draws, fine)
	if draws, err = draw(sim, cfg.Slots); err != nil {
		return mecoffload.Bound{}, err
	}
	excess, excessErr := coarse.excess(draws, fine)
	simple, simpleErr, err := coarse.simple(sim, controlSlots)
	return mecoffload.Bound{
		Accuracy: (simple + excess) / coarse.tasks,
		StdErr:   math.Hypot(excessErr, simpleErr) / coarse.tasks,
	}, err
}

// draw returns the next slots of a simulator, in bins of a second.
func draw(sim *mecoffload.Simulator, slots int) ([]slot, error) {
	var draws []slot
	for range slots {
		obs, err := sim.Observation()
		if err != nil {
			return nil, err
		}
		draws = append(draws, newSlot(sim, &obs, 1))
		if _, err := sim.Step(make(mecoffload.Action, obs.Devices)); err != nil {
			return nil, err
		}
	}
	return draws, nil
}

// simple returns the mean sum of first over slots and its standard error.
func (r *relaxation) simple(sim *mecoffload.Simulator, slots int) (mean, stderr float64, err error) {
	sums := make([]float64, slots)
	for i := range sums {
		one, err := draw(sim, 1)
		if err != nil {
			return 0, 0, err
		}
		own := one[0].scaled(r.bin)
		sums[i] = sum(r.first(&own))
	}
	mean, stderr = moments(sums)
	return mean, stderr, nil
}

func sum(xs []float64) float64 {
	total := 0.0
	for _, x := range xs {
		total += x
	}
	return total
}

// moments returns the mean and its standard error.
func moments(xs []float64) (mean, stderr float64) {
	n := float64(len(xs))
	mean = sum(xs) / n
	for _, x := range xs {
		stderr += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(stderr / (n - 1) / n)
}

// relaxation is the decoupled problem on one grid.
type relaxation struct {
	bin     float64   // s
	rent    []float64 // [N] price of a second of each server, from a simpler bound
	tasks   float64   // mean number per slot
	servers []*server
	values  [][]float64 // [N] V by backlog
	mass    [][]float64 // [N] distribution of the backlog
}

func newRelaxation(sc mecoffload.Scenario, p mecoffload.Profile, bin float64) *relaxation {
	bins := int(math.Round(float64(sc.Slot) / bin)) // of a slot
	bin = float64(sc.Slot) / float64(bins)
	r := &relaxation{bin: bin, tasks: sc.MeanTasks()}
	for n := range sc.Servers {
		s := &server{accuracy: p.Accuracy, slot: bins}
		longest := 0.0
		for l := range p.Exits() {
			luck := p.Luck(n, l, sc.Jitter)
			_, high := luck.Range()
			longest = max(longest, p.Time(n, l)*high/sc.Capacity.Low)
			s.lucks = append(s.lucks, luck)
		}
		s.bins = max(int((float64(sc.Deadline.High)+longest)/bin), bins) + 3
		r.servers = append(r.servers, s)
		r.values = append(r.values, make([]float64, s.backlogs()))
		r.mass = append(r.mass, make([]float64, s.backlogs()))
		r.mass[n][0] = 1
	}
	return r
}

const (
	coarseBin    = 2e-4   // s, of the grid that prices are found on
	rounds       = 4      // of prices and values in turn
	sweeps       = 30     // of value iteration per round
	fineSweeps   = 12     // of value iteration on the fine grid
	steps        = 16     // of subgradients
	firstStep    = 0.03   // their length at first, in accuracies
	controlSlots = 20_000 // of the mean of the simpler bound
)

// train finds the values of both grids.
func (r *relaxation) train(draws []slot, fine *relaxation) {
	for n, v := range r.values {
		for k := range v {
			v[k] = -r.rent[n] * float64(k) * r.bin
		}
	}
	mu := make([][]float64, len(draws))
	own := r.scale(draws)
	for i := range own {
		mu[i] = r.first(&own[i])
	}
	r.settle(own, mu)
	for range rounds {
		r.priceAll(own, mu)
		r.settle(own, mu)
		r.iterate(own, mu, sweeps)
	}
	// From here on r only finds prices, in the same way for all slots.
	r.priceAll(own, mu)
	for n, v := range fine.values { // between the grids
		for k := range v {
			at := float64(k) * fine.bin / r.bin
			j := min(int(at), len(r.values[n])-2)
			share := min(at-float64(j), 1)
			v[k] = (1-share)*r.values[n][j] + share*r.values[n][j+1]
		}
	}
	fine.iterate(fine.scale(draws), mu, fineSweeps)
}

func (r *relaxation) priceAll(draws []slot, mu [][]float64) {
	for i := range draws {
		mu[i] = r.price(&draws[i])
	}
}

// scale returns the draws in bins of the grid.
func (r *relaxation) scale(draws []slot) []slot {
	scaled := make([]slot, len(draws))
	for i := range draws {
		scaled[i] = draws[i].scaled(r.bin)
	}
	return scaled
}

// iterate improves the values by value iteration.
func (r *relaxation) iterate(draws []slot, mu [][]float64, sweeps int) {
	for range sweeps {
		for n, s := range r.servers {
			mean := make([]float64, s.backlogs())
			for i := range draws {
				for k, x := range s.best(draws[i].offers[n], mu[i], r.values[n], false) {
					mean[k] += x / float64(len(draws))
				}
			}
			for k, x := range mean {
				r.values[n][k] = x - mean[0]
			}
		}
	}
}

// settle finds the distribution of the backlogs under the servers' own decisions.
func (r *relaxation) settle(draws []slot, mu [][]float64) {
	for n, s := range r.servers {
		now, mean := r.mass[n], make([]float64, s.backlogs())
		for i := range draws {
			s.best(draws[i].offers[n], mu[i], r.values[n], true)
			now = s.forward(draws[i].offers[n], now, make([]float64, draws[i].devices))
			for k, m := range now {
				mean[k] += m / float64(len(draws))
			}
		}
		for k, m := range mean {
			r.mass[n][k] = (r.mass[n][k] + m) / 2 // damped: prices and backlogs answer to each other
		}
	}
}

// price finds prices of a slot's tasks with a low sum of prices and expected earnings. It starts
// from the best multiple of first.
func (r *relaxation) price(d *slot) []float64 {
	var best, served []float64
	lowest := math.Inf(1)
	for multiple := 1.0; multiple >= 0; multiple -= 0.25 {
		mu := r.first(d)
		for i := range mu {
			mu[i] *= multiple
		}
		if total, by := r.evaluate(d, mu); total < lowest {
			lowest, best, served = total, mu, by
		}
	}
	mu := slices.Clone(best)
	for step := range steps {
		length := firstStep / math.Pow(float64(step+1), 0.8)
		for i := range mu {
			mu[i] = max(0, mu[i]+length*(served[i]-1))
		}
		var total float64
		if total, served = r.evaluate(d, mu); total < lowest {
			lowest = total
			copy(best, mu)
		}
	}
	return best
}

// evaluate returns the sum of prices and expected earnings, and the expected number of servers that
// serve each task.
func (r *relaxation) evaluate(d *slot, mu []float64) (total float64, served []float64) {
	total, served = sum(mu), make([]float64, d.devices)
	for n, s := range r.servers {
		for k, x := range s.best(d.offers[n], mu, r.values[n], true) {
			total += r.mass[n][k] * x
		}
		s.forward(d.offers[n], r.mass[n], served)
	}
	return total, served
}

// first returns the prices of tasks that prove the simpler bound: the most that any server would
// earn with a task for the rent of its time.
func (r *relaxation) first(d *slot) []float64 {
	mu := make([]float64, d.devices)
	for n, s := range r.servers {
		for i := range d.offers[n] {
			o := &d.offers[n][i]
			for l, work := range o.work {
				net := s.accuracy[l]*s.inTime(o.arrive, o.deadline, work, l) - r.rent[n]*work*r.bin
				mu[o.device] = max(mu[o.device], net)
			}
		}
	}
	return mu
}

// excess returns by how much the bound of a slot exceeds the sum of first, which is negative, and its
// standard error, from draws that nothing was chosen on. That sum varies from slot to slot as the
// bound does, and its mean is known better than these draws tell. Prices are found on the coarse grid
// r, and what they prove on the fine one.
func (r *relaxation) excess(draws []slot, fine *relaxation) (mean, stderr float64) {
	count := float64(len(draws))
	sums := make([]float64, len(draws))
	earned := make([][][]float64, len(fine.servers))
	for i := range draws {
		own, finer := draws[i].scaled(r.bin), draws[i].scaled(fine.bin)
		mu := r.price(&own)
		sums[i] = sum(mu) - sum(r.first(&own))
		for n, s := range fine.servers {
			earned[n] = append(earned[n], slices.Clone(s.best(finer.offers[n], mu, fine.values[n], false)))
		}
	}
	for n := range fine.servers {
		worst, at := math.Inf(-1), 0
		for k, v := range fine.values[n] {
			mean := 0.0
			for i := range draws {
				mean += earned[n][i][k] / count
			}
			if mean-v > worst {
				worst, at = mean-v, k
			}
		}
		for i := range draws {
			sums[i] += earned[n][i][at] - fine.values[n][at]
		}
	}
	return moments(sums)
}
