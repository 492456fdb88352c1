package mecoffload

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/graphrl/graphrl/internal/reuse"
)

// Bound is an upper bound on the long-run average accuracy of any method.
type Bound struct {
	Accuracy float64
	StdErr   float64   // standard error of Accuracy, where it is estimated from a sample
	Prices   []float64 // [N] of a second of each server, in units of accuracy; they prove the bound
}

// UpperBound returns a bound on the long-run average accuracy of any method in sc. With
// lastExitOnly it is for methods without early exits.
//
// It is the Lagrangian relaxation of the servers' time. Let free and b be the simulator's times for
// a server, and busy the time it spends on the tasks of one slot. Tasks run one at a time and not
// before b, so free >= b + busy, and the next backlog is b' >= free - slot. Hence busy <= slot + b'
// - b. Summed over T slots, a server works at most T*slot plus its last backlog, which is bounded
// because no task starts after its deadline. So work <= slot on average in the long run, and for
// any prices lambda >= 0
//
//	E[accuracy of a slot] <= E[ sum_m (phi_l 1{in time} - lambda_n work_m) ] + slot sum_n lambda_n.
//
// The method chooses n and l from the observation. A dropped task contributes 0. The work of a
// served task is tau_{n,l}/c_n times a jitter of mean 1, which is independent of the choice and of
// whether the task is served. So no task contributes more than max(0, max_{n,l} (phi_l - lambda_n
// tau_{n,l}/c_n)), and dividing by the mean number of tasks M
//
//	accuracy <= E_c[max(0, max_{n,l} (phi_l - lambda_n tau_{n,l}/c_n))] + slot/M sum_n lambda_n.
//
// This holds for all lambda. The right side is convex in lambda, and the returned prices nearly
// minimise it; a small miss makes the bound less tight, not wrong. The expectation is the integral
// of P(max > x) over x from 0 to phi_L. P is a product of distribution functions of the capacities,
// because servers are independent. The integrand decreases, so its left Riemann sum is an upper
// bound too, by at most phi_L/65536 too high.
//
// The bound ignores deadlines and transmission; [DeadlineBound] does not.
func UpperBound(sc Scenario, p Profile, lastExitOnly bool) (Bound, error) {
	r, err := newRelaxation(sc, p, lastExitOnly)
	if err != nil {
		return Bound{}, err
	}
	lambda := r.capacityPrices()
	return Bound{Accuracy: r.capacityBound(lambda, 1<<16), Prices: r.perServer(lambda)}, nil
}

// ShadowPrices returns the prices of UpperBound with all exits: the long-run value of a second of
// each server [N], in units of accuracy. A price is 0 where there is time for everything.
func ShadowPrices(sc Scenario, p Profile) ([]float64, error) {
	r, err := newRelaxation(sc, p, false)
	if err != nil {
		return nil, err
	}
	return r.perServer(r.capacityPrices()), nil
}

// capacityPrices returns the prices per kind of server for tasks without transmission or deadlines.
func (r *relaxation) capacityPrices() []float64 {
	draw := taskSampler{rng: rand.New(rand.NewPCG(1, 1)), sc: r.sc}
	sample := draw.tasks(priceSample)
	for i := range sample {
		sample[i].bits, sample[i].deadline = 0, math.Inf(1)
	}
	return r.minimise(sample)
}

// DeadlineBoundConfig describes the sample of a DeadlineBound.
type DeadlineBoundConfig struct {
	LastExitOnly bool   // for methods without early exits
	Tasks        int    // of the sample, at least 2; 50,000 give a StdErr of about 0.001
	Seed         uint64 // of the sample
}

// DeadlineBound is UpperBound with deadlines, transmission times, jitter and channel errors taken
// into account. It is estimated from a sample of tasks: the true bound lies below Accuracy +
// 3*StdErr with a probability of 99.9 %.
//
// The derivation follows UpperBound up to the contribution of one task of size d and deadline
// delta. Given the error v of the rate to its server, the task arrives at d/(r v) and does not
// start earlier; its own jitter u is independent of whether it is served. So it contributes at most
//
//	max(0, phi_l P_u(d/(r_n v) + u tau_{n,l}/c_n <= delta) - lambda_n tau_{n,l}/c_n),
//
// and the method can at best choose the maximum over n and l of its expectation over v. P_u is
// exact. The expectation over v is replaced by the mean of the largest values on each of a few
// pieces of its range; that is an upper bound because a better rate is never worse. d, delta, r and
// c are drawn; the prices come from a separate sample.
func DeadlineBound(sc Scenario, p Profile, cfg DeadlineBoundConfig) (Bound, error) {
	if cfg.Tasks < 2 {
		return Bound{}, fmt.Errorf("mecoffload: a sample of %d tasks is too small, want 2 or "+
			"more", cfg.Tasks)
	}
	r, err := newRelaxation(sc, p, cfg.LastExitOnly)
	if err != nil {
		return Bound{}, err
	}
	rates, err := sc.rates()
	if err != nil {
		return Bound{}, fmt.Errorf("mecoffload: scenario %q: %w", sc.Name, err)
	}
	draw := taskSampler{rng: rand.New(rand.NewPCG(cfg.Seed, 1)), sc: sc, traces: rates}
	lambda := r.minimise(draw.tasks(priceSample))
	// Welford's running mean and variance.
	mean, squares := 0.0, 0.0
	var task sampledTask
	for i := range cfg.Tasks {
		draw.task(&task)
		x, _, _ := r.contribution(lambda, &task)
		delta := x - mean
		mean += delta / float64(i+1)
		squares += delta * (x - mean)
	}
	n := float64(cfg.Tasks)
	return Bound{mean + r.rent(lambda), math.Sqrt(squares / (n - 1) / n), r.perServer(lambda)}, nil
}

// priceSample is the number of tasks used to find prices.
const priceSample = 2048

// relaxation is the Lagrangian with one price per kind of server. Servers of one kind are
// exchangeable and the Lagrangian is convex, so some minimum has equal prices for them.
type relaxation struct {
	sc        Scenario
	accuracy  []float64 // of the allowed exits
	times     [][]float64
	lucks     [][]Luck  // of the times
	servers   []float64 // number of servers of each kind
	meanTasks float64
}

func newRelaxation(sc Scenario, p Profile, lastExitOnly bool) (*relaxation, error) {
	if err := sc.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: scenario %q: %w", sc.Name, err)
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: profile %q: %w", p.Name, err)
	}
	first := 0
	if lastExitOnly {
		first = p.Exits() - 1
	}
	r := &relaxation{sc: sc, accuracy: p.Accuracy[first:], meanTasks: sc.MeanTasks()}
	for kind := range min(len(p.Servers), sc.Servers) {
		times, lucks := make([]float64, 0, p.Exits()), make([]Luck, 0, p.Exits())
		for l := first; l < p.Exits(); l++ {
			times = append(times, p.Time(kind, l))
			lucks = append(lucks, p.Luck(kind, l, sc.Jitter))
		}
		r.times, r.lucks = append(r.times, times), append(r.lucks, lucks)
		r.servers = append(r.servers, 0)
	}
	for n := range sc.Servers {
		r.servers[n%len(r.servers)]++
	}
	return r, nil
}

// perServer expands prices per kind of server to prices per server.
func (r *relaxation) perServer(lambda []float64) []float64 {
	prices := make([]float64, r.sc.Servers)
	for n := range prices {
		prices[n] = lambda[n%len(lambda)]
	}
	return prices
}

// rent is the cost of all servers for one slot, per task.
func (r *relaxation) rent(lambda []float64) float64 {
	sum := 0.0
	for kind, count := range r.servers {
		sum += count * lambda[kind]
	}
	return float64(r.sc.Slot) * sum / r.meanTasks
}

// minimise finds prices with a low mean contribution plus rent over the sample, by the ellipsoid
// method (Bland, Goldfarb and Todd, Operations Research 29(6), 1981). The method needs only
// subgradients, so the kinks that constant capacities cause are harmless.
func (r *relaxation) minimise(sample []sampledTask) []float64 {
	dim := len(r.times)
	n := float64(dim)
	center, best := make([]float64, dim), make([]float64, dim)
	// No useful price exceeds the one at which even the shortest inference does not pay. Start with
	// a ball around the box of all others.
	shape := make([]float64, dim*dim) // the ellipsoid { x : (x-center)' shape^-1 (x-center) <= 1 }
	for i := range dim {
		highest := r.accuracy[len(r.accuracy)-1] / r.times[i][0]
		center[i] = highest / 2
		shape[i*dim+i] = n * highest * highest / 4
	}
	g, step := make([]float64, dim), make([]float64, dim)
	// at prices of 0, which is optimal where there is time enough
	lowest := r.lagrangian(best, sample, g)
	// Each iteration shrinks the mean radius by about exp(-1/(2 dim (dim+1))).
	iterations := 60 * dim * (dim + 1)
	for range iterations {
		clear(g)
		if i := slices.IndexFunc(center, func(x float64) bool { return x < 0 }); i >= 0 {
			g[i] = -1 // cut off negative prices
		} else if f := r.lagrangian(center, sample, g); f < lowest {
			lowest = f
			copy(best, center)
		}
		// The minimum lies in the half where g'(x - center) <= 0: continue with the smallest
		// ellipsoid around that half.
		length := 0.0
		for i := range dim {
			step[i] = 0
			for j := range dim {
				step[i] += shape[i*dim+j] * g[j]
			}
			length += g[i] * step[i]
		}
		if !(length > 0) {
			break // a zero subgradient: this is the minimum
		}
		length = math.Sqrt(length)
		for i := range dim {
			step[i] /= length
			center[i] -= step[i] / (n + 1)
		}
		if dim == 1 { // the general formula's limit: halve an interval
			shape[0] /= 4
			continue
		}
		for i := range dim {
			for j := range dim {
				shape[i*dim+j] = n * n / (n*n - 1) * (shape[i*dim+j] - 2/(n+1)*step[i]*step[j])
			}
		}
	}
	return best
}

// lagrangian returns the sample's mean contribution plus the rent and adds a subgradient in the
// prices to g.
func (r *relaxation) lagrangian(lambda []float64, sample []sampledTask, g []float64) float64 {
	sum := 0.0
	for i := range sample {
		value, kind, work := r.contribution(lambda, &sample[i])
		sum += value
		if value > 0 {
			g[kind] -= work
		}
	}
	for kind, count := range r.servers {
		g[kind] = g[kind]/float64(len(sample)) + float64(r.sc.Slot)*count/r.meanTasks
	}
	return sum/float64(len(sample)) + r.rent(lambda)
}

// capacityBound returns the bound of UpperBound for prices per kind of server, by a Riemann sum
// with the given number of steps.
func (r *relaxation) capacityBound(lambda []float64, steps int) float64 {
	top := r.accuracy[len(r.accuracy)-1]
	width := top / float64(steps)
	sum := 0.0
	reached, short := r.inReach(), make([]float64, len(r.times))
	for step := range steps {
		x := float64(step) * width
		for kind, times := range r.times {
			needed := math.Inf(1) // capacity
			for l, phi := range r.accuracy {
				if phi > x {
					needed = min(needed, lambda[kind]*times[l]/(phi-x))
				}
			}
			short[kind] = uniformBelow(r.sc.Capacity, needed)
		}
		for _, servers := range reached {
			below := 1.0 // P(no server offers more than x)
			for kind, count := range servers {
				below *= math.Pow(short[kind], count)
			}
			sum += (1 - below) / float64(len(reached))
		}
	}
	return sum*width + r.rent(lambda)
}

// inReach lists how many servers of each kind a device can reach: the same for all devices without
// a reach, else by the kind of the first, each equally likely.
func (r *relaxation) inReach() [][]float64 {
	if r.sc.links() == 0 {
		return [][]float64{r.servers}
	}
	all := make([][]float64, len(r.times))
	for first := range all {
		all[first] = make([]float64, len(r.times))
		for n := range r.sc.Reach {
			all[first][(first+n)%len(r.times)]++
		}
	}
	return all
}

// sampledTask is a task with the values of its links and servers.
type sampledTask struct {
	bits, deadline float64
	server         []int     // [R] in reach; nil: all
	rate, capacity []float64 // [R] of the servers in reach
}

type taskSampler struct {
	rng    *rand.Rand
	sc     Scenario
	traces [][]float64
}

// tasks draws a sample of tasks.
func (s *taskSampler) tasks(n int) []sampledTask {
	sample := make([]sampledTask, n)
	for i := range sample {
		s.task(&sample[i])
	}
	return sample
}

func (s *taskSampler) task(t *sampledTask) {
	t.bits = s.sc.SizeKByte.at(s.rng.Float64()) * 8000
	t.deadline = s.sc.Deadline.at(s.rng.Float64())
	if s.sc.links() > 0 {
		first := s.rng.IntN(s.sc.Servers)
		t.server = reuse.Slice(t.server, s.sc.Reach)
		for n := range t.server {
			t.server[n] = first + n // as far as kinds go
		}
	}
	t.rate, t.capacity = reuse.Slice(t.rate, s.sc.Degree()), reuse.Slice(t.capacity, s.sc.Degree())
	for n := range t.rate {
		t.capacity[n] = s.sc.Capacity.at(s.rng.Float64())
		if len(s.traces) > 0 {
			trace := s.traces[s.rng.IntN(len(s.traces))]
			t.rate[n] = trace[s.rng.IntN(len(trace))]
		} else {
			t.rate[n] = s.sc.RateMbit.at(s.rng.Float64()) * 1e6
		}
	}
}

// contribution returns the most that a task can add to the Lagrangian of DeadlineBound, the kind of
// server that achieves it, and the expected work this causes.
func (r *relaxation) contribution(lambda []float64, t *sampledTask) (best float64, bestKind int, bestWork float64) {
	const pieces = 4
	for n, capacity := range t.capacity {
		kind := n % len(r.times)
		if t.server != nil {
			kind = t.server[n] % len(r.times)
		}
		for l, phi := range r.accuracy {
			work := r.times[kind][l] / capacity
			price := lambda[kind] * work
			if phi-price <= best {
				continue
			}
			value, worked := 0.0, 0.0
			for piece := 1; piece <= pieces; piece++ {
				v := 1 + r.sc.CSI*(2*float64(piece)/pieces-1)
				left := t.deadline - t.bits/(t.rate[n]*v)
				if x := phi*r.lucks[kind][l].Below(left/work) - price; x > 0 {
					value += x / pieces
					worked += work / pieces
				}
			}
			if value > best {
				best, bestKind, bestWork = value, kind, worked
			}
		}
	}
	return best, bestKind, bestWork
}

// uniformBelow returns P(U <= x) for a uniform draw U from an interval.
func uniformBelow(r Interval[float64], x float64) float64 {
	switch {
	case x >= r.High:
		return 1
	case x < r.Low:
		return 0
	}
	return (x - r.Low) / (r.High - r.Low)
}
