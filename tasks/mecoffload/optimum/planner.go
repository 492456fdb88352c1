package optimum

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// PlannerConfig describes a Planner.
type PlannerConfig struct {
	// Stream is the seed of the tasks, which the planner knows beforehand.
	Stream uint64
	// Ahead is the number of later slots whose tasks, rates and capacities it knows.
	Ahead int
	// Trials is the number of decisions it tries per slot.
	Trials int
	// Objective is the value of a slot's decision. Weight and OnTime hold in every slot of the plan,
	// Future after the last one.
	Objective mecoffload.Objective
	Seed      uint64 // of the search
}

// Planner decides by local search on the joint decision of the slot and a few later ones, whose
// tasks, nominal rates and capacities it knows; jitter and the errors of the rates it does not
// know. It gives one task at a time its best option until nothing helps, changes some at random, and
// starts again from the best, which it carries over to the next slot. It implements
// mecoffload.Policy, and must decide every slot of its stream from the first.
type Planner struct {
	cfg     PlannerConfig
	profile mecoffload.Profile
	slot    float64
	tasks   float64 // mean number per slot
	ahead   *mecoffload.Simulator
	random  *rl.Rand

	slots []*planned // this one and those ahead
	last  []float64  // [N] backlog after the last
	trial []float64  // [N] the same of a trial
	value float64    // of last
	best  [][]int32
	left  int // trials
}

// planned is a slot of the plan.
type planned struct {
	obs    mecoffload.Observation
	queue  [][]arrival // [N] in order of arrival
	work   []float64   // [N*L] s
	choice []int32     // [M] options
	server []int32     // [M] of the choices

	backlog []float64 // [N] before the slot
	gain    []float64 // [N] of the slot
}

// arrival is a task that could come to a server.
type arrival struct {
	device int32
	at     float64 // s
}

// NewPlanner returns a planner for one stream of sc.
func NewPlanner(sc mecoffload.Scenario, p mecoffload.Profile, cfg PlannerConfig) (*Planner, error) {
	if cfg.Ahead < 0 || cfg.Trials < 1 {
		return nil, fmt.Errorf("optimum: a planner that knows %d slots and tries %d decisions: want at least 0 and 1",
			cfg.Ahead, cfg.Trials)
	}
	if sc.Energy.BudgetMJ > 0 {
		return nil, fmt.Errorf("optimum: scenario %q: a planner cannot hold tasks back for an energy budget", sc.Name)
	}
	sim, err := mecoffload.NewSimulator(sc, p)
	if err != nil {
		return nil, err
	}
	if _, err := sim.Reset(cfg.Stream); err != nil {
		return nil, err
	}
	return &Planner{
		cfg: cfg, profile: p, slot: float64(sc.Slot), tasks: sc.MeanTasks(), ahead: sim, random: rl.NewRand(cfg.Seed, 0),
		last: make([]float64, sc.Servers), trial: make([]float64, sc.Servers),
	}, nil
}

// Name implements mecoffload.Policy.
func (p *Planner) Name() string { return fmt.Sprintf("planner, %d slots ahead", p.cfg.Ahead) }

// Decide implements mecoffload.Policy.
func (p *Planner) Decide(obs mecoffload.Observation, dst mecoffload.Action) error {
	if len(p.slots) > 0 {
		p.slots = slices.Delete(p.slots, 0, 1)
	}
	for len(p.slots) <= p.cfg.Ahead {
		if err := p.lookAhead(); err != nil {
			return err
		}
	}
	now := p.slots[0]
	if len(dst) != obs.Devices || obs.Devices != now.obs.Devices || !slices.Equal(obs.Rate, now.obs.Rate) {
		return fmt.Errorf("optimum: this is not the slot of stream %d that the planner expects: "+
			"it must decide every slot from the first", p.cfg.Stream)
	}
	copy(now.backlog, obs.Backlog)
	p.search()
	copy(dst, now.choice)
	return nil
}

// lookAhead adds the next slot to the plan.
func (p *Planner) lookAhead() error {
	obs, err := p.ahead.Observation()
	if err != nil {
		return err
	}
	var own mecoffload.Observation
	obs.CopyTo(&own)
	obs = own
	u := &planned{
		obs: obs, queue: make([][]arrival, obs.Servers), work: p.profile.Times(obs.Servers, nil),
		choice: make([]int32, obs.Devices), server: make([]int32, obs.Devices),
		backlog: make([]float64, obs.Servers), gain: make([]float64, obs.Servers),
	}
	for at := range u.work {
		u.work[at] /= obs.Capacity[at/obs.Exits]
	}
	for i := range obs.Devices {
		u.choose(i, 0)
		for link, rate := range obs.Rate[i*obs.Degree():][:obs.Degree()] {
			n := obs.ServerOf(i, link)
			u.queue[n] = append(u.queue[n], arrival{int32(i), obs.Bits[i] / rate})
		}
	}
	for _, q := range u.queue {
		slices.SortStableFunc(q, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	}
	p.slots = append(p.slots, u)
	_, err = p.ahead.Step(make(mecoffload.Action, obs.Devices))
	return err
}

func (u *planned) choose(device int, option int32) {
	u.choice[device] = option
	u.server[device] = int32(u.obs.ServerOf(device, int(option)/u.obs.Exits))
}

// search improves the plan until its trials are used up.
func (p *Planner) search() {
	p.left = p.cfg.Trials
	best := p.climb(p.total())
	p.keep()
	for p.left > 0 {
		u := p.slots[p.random.IntN(len(p.slots))]
		if u.obs.Devices == 0 {
			p.left--
			continue
		}
		for range 2 + p.random.IntN(3) {
			u.choose(p.random.IntN(u.obs.Devices), int32(p.random.IntN(u.obs.Options())))
		}
		if v := p.climb(p.total()); v > best+leastGain {
			best = v
			p.keep()
		} else {
			p.restore()
		}
	}
	p.restore()
}

// leastGain is the smallest gain that counts: more than rounding errors.
const leastGain = 1e-9

func (p *Planner) keep() {
	for len(p.best) < len(p.slots) {
		p.best = append(p.best, nil)
	}
	for k, u := range p.slots {
		p.best[k] = append(p.best[k][:0], u.choice...)
	}
}

func (p *Planner) restore() {
	for k, u := range p.slots {
		for i, option := range p.best[k] {
			u.choose(i, option)
		}
	}
}

// climb gives one task at a time its best option until that changes nothing, and returns the value
// of the plan, given the present one.
func (p *Planner) climb(value float64) float64 {
	for changed := true; changed && p.left > 0; {
		changed = false
		for k, u := range p.slots {
			for i := range u.obs.Devices {
				gain, pick := leastGain, int32(-1)
				old := u.choice[i]
				for option := range int32(u.obs.Options()) {
					if option != old {
						if g := p.try(k, i, option); g > gain {
							gain, pick = g, option
						}
					}
				}
				p.left -= u.obs.Options()
				if pick >= 0 {
					from := u.server[i]
					u.choose(i, pick)
					p.settle(int(from), k)
					p.settle(int(u.server[i]), k)
					p.value = p.future(p.last)
					value, changed = value+gain, true
				}
			}
		}
	}
	return value
}

// total serves the whole plan and returns its value.
func (p *Planner) total() float64 {
	sum := 0.0
	for n := range p.last {
		p.settle(n, 0)
		for _, u := range p.slots {
			sum += u.gain[n]
		}
	}
	p.value = p.future(p.last)
	return sum + p.value
}

// settle serves one server from a slot on and notes the outcome.
func (p *Planner) settle(n, from int) {
	backlog := p.slots[from].backlog[n]
	for _, u := range p.slots[from:] {
		u.backlog[n] = backlog
		u.gain[n], backlog = p.serve(u, n, backlog)
	}
	p.last[n] = backlog
}

// try returns by how much the value of the plan would grow if a task had another option.
func (p *Planner) try(k, device int, option int32) float64 {
	u := p.slots[k]
	old, from := u.choice[device], int(u.server[device])
	u.choose(device, option)
	to := int(u.server[device])
	copy(p.trial, p.last)
	gain := p.follow(from, k)
	if to != from {
		gain += p.follow(to, k)
	}
	if !slices.Equal(p.trial, p.last) {
		gain += p.future(p.trial) - p.value
	}
	u.choose(device, old)
	return gain
}

// follow serves one server from a slot on, until nothing differs from what is noted, and returns by
// how much it gains.
func (p *Planner) follow(n, from int) float64 {
	gain, backlog := 0.0, p.slots[from].backlog[n]
	for k := from; k < len(p.slots); k++ {
		u := p.slots[k]
		if k > from && backlog == u.backlog[n] {
			return gain
		}
		var g float64
		g, backlog = p.serve(u, n, backlog)
		gain += g - u.gain[n]
	}
	p.trial[n] = backlog
	return gain
}

// serve serves a slot's tasks at one server and returns what they earn and the next backlog.
func (p *Planner) serve(u *planned, n int, free float64) (gain, backlog float64) {
	o := &p.cfg.Objective
	for _, a := range u.queue[n] {
		if int(u.server[a.device]) != n {
			continue
		}
		deadline := u.obs.Deadline[a.device]
		start := max(free, a.at)
		if start > deadline {
			continue
		}
		exit := int(u.choice[a.device]) % u.obs.Exits
		free = start + u.work[n*u.obs.Exits+exit]
		ratio := free / deadline
		odds := 0.0
		if o.OnTime != nil {
			odds = o.OnTime.At(ratio)
		} else if ratio <= 1 {
			odds = 1
		}
		gain += odds * p.profile.Accuracy[exit] * (1 - o.Weight*min(ratio, 1))
	}
	return gain, max(0, free-p.slot)
}

// future is the value of the backlogs after the plan.
func (p *Planner) future(backlog []float64) float64 {
	if p.cfg.Objective.Future == nil {
		return 0
	}
	return p.tasks * p.cfg.Objective.Discount * p.cfg.Objective.Future.Value(backlog)
}
