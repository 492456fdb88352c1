package agent

import (
	"sync/atomic"

	"github.com/graphrl/graphrl/internal/cores"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// city decides an observation that falls apart into cells: each cell by itself, by a policy that sees
// nothing else. Several cores take cells as they come. A cell's draws depend on the slot and its
// number only, so the decision is the same whatever the number of cores.
type city struct {
	whole *Policy
	cells *mecoffload.Cells
	lanes []*lane

	// The slot.
	seen     *mecoffload.Observation
	seed     uint64
	next     atomic.Int64 // cell
	decision []int32      // [M] of all cells
	held     []bool       // [M]; empty where energy is free
}

// lane is what one core decides cells with, one after the other.
type lane struct {
	city   *city
	policy *Policy
	obs    mecoffload.Observation
	action mecoffload.Action
	cut    bool
	err    error
}

// cellTime is about how long a core takes to decide for a device, in nanoseconds.
const cellTime = 2000

// addLanes makes lanes for a number of cores.
func (c *city) addLanes(n int) error {
	for len(c.lanes) < n {
		p, err := c.whole.ofCell(c.cells)
		if err != nil {
			return err
		}
		c.lanes = append(c.lanes, &lane{city: c, policy: p})
	}
	return nil
}

// ofCell returns a policy that decides for one cell at a time, with what p has learned and learns.
func (p *Policy) ofCell(cells *mecoffload.Cells) (*Policy, error) {
	r := p.recipe
	r.Cells = 1
	cell := &Policy{
		method: p.method, recipe: r, scenario: p.scenario, objective: p.objective, value: p.value,
		random: rl.NewRand(0, 0),
		view:   view{profile: p.view.profile, exits: int32(p.view.profile.Exits()), links: p.view.links},
	}
	devices := p.scenario.Devices / cells.Count()
	var err error
	if cell.planner, err = newPlanner(p.scenario, p.view.profile, p.objective, r, p.value != nil, cell.random); err != nil {
		return nil, err
	}
	quantizer, err := r.quantizer(cell.random)
	if err != nil {
		return nil, err
	}
	scorer, err := droo.NewScorer(p.model)
	if err != nil {
		return nil, err
	}
	decider, err := droo.NewPolicy(scorer, quantizer, cell.planner, r.candidates(devices))
	if err != nil {
		return nil, err
	}
	cell.decideBy(decider, devices)
	return cell, nil
}

// decide returns the decision for seen [M], valid until the next call.
func (c *city) decide(seen *mecoffload.Observation) ([]int32, error) {
	c.seen, c.seed = seen, c.whole.random.Uint64()
	c.decision, c.held = reuse.Slice(c.decision, seen.Devices), reuse.Slice(c.held, len(seen.EnergyPrice))
	c.next.Store(0)
	parts := cores.Parts(seen.Devices*cellTime, c.cells.Count())
	if err := c.addLanes(parts); err != nil {
		return nil, err
	}
	for _, l := range c.lanes {
		l.cut, l.err = false, nil
		l.policy.SetLimit(c.whole.planner.spent)
	}
	cores.Run(parts, c)
	c.seen = nil
	for _, l := range c.lanes[:parts] {
		if l.err != nil {
			return nil, l.err
		}
	}
	return c.decision, nil
}

// Part implements cores.Task: a lane takes cells until none is left.
func (c *city) Part(i int) {
	l := c.lanes[i]
	for l.err == nil {
		cell := int(c.next.Add(1)) - 1
		if cell >= c.cells.Count() {
			return
		}
		if devices := c.cells.Devices(cell); len(devices) > 0 {
			l.err = l.decide(cell, devices)
		}
	}
}

// decide decides one cell.
func (l *lane) decide(cell int, devices []int32) error {
	c, p := l.city, l.policy
	c.cells.Part(c.seen, cell, &l.obs)
	l.action = reuse.Slice(l.action, len(devices))
	p.random.Reseed(c.seed, uint64(cell))
	if prices := p.objective.Prices; prices != nil {
		first, end := c.cells.Servers(cell)
		p.planner.model.SetPrices(prices[first:end])
	}
	if err := p.Decide(l.obs, l.action); err != nil {
		return err
	}
	l.cut = l.cut || p.Cut()
	for at, device := range devices {
		c.decision[device] = p.decision[at]
		if len(c.held) > 0 {
			c.held[device] = l.action[at] == mecoffload.Held
		}
	}
	return nil
}

// holdBack writes mecoffload.Held to the actions [M] of the devices that hold their tasks back.
func (c *city) holdBack(dst mecoffload.Action) {
	for i, held := range c.held {
		if held {
			dst[i] = mecoffload.Held
		}
	}
}

// cut reports whether the limit ended the decision of a cell early.
func (c *city) cut() bool {
	for _, l := range c.lanes {
		if l.cut {
			return true
		}
	}
	return false
}
