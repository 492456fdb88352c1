package agent

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Policy is a learning method without the parts for learning: it only decides. [LoadPolicy] loads a
// trained one.
//
// A Policy is not safe for concurrent use: load one per goroutine.
type Policy struct {
	method    Method
	view      view
	decider   *droo.Policy[mecoffload.Observation]
	objective mecoffload.Objective // scores decisions
	planner   *planner
	deadlines *DeadlineModel // nil: trust nominal times
	value     *backlogValue  // nil: only the slot counts
	random    *rl.Rand       // draws of candidates
	scenario  mecoffload.Scenario
	recipe    Recipe
	model     rl.Model[mecoffload.Observation] // the actor's
	network   exportable                       // the same; nil in an Agent
	city      *city                            // decides large networks by cells; nil: decided as a whole

	// The last decision and what it was about, as the method sees them.
	decision []int32
	seen     mecoffload.Observation
	byCells  bool
	recalled bool // the planner's model has begun what cells saw
}

// Streams of the random numbers of agents and policies.
const (
	streamWeights = iota + 1
	streamQuantizer
	streamExcerpts // and on from there, one for each slot
)

// newPolicy returns an untrained policy. decideBy completes it.
func newPolicy(c Config) (*Policy, error) {
	t, err := c.Method.traits()
	if err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	sc, r := c.Scenario, c.Recipe
	p := &Policy{method: c.Method, view: newView(c.Profile, t, c.Recipe), random: rl.NewRand(c.Seed, streamQuantizer), scenario: c.Scenario, recipe: r}
	p.objective = mecoffload.Objective{Weight: r.LatencyWeight, Discount: r.Gamma}
	if r.LatencyWeight < 0 {
		p.objective.Weight = sc.RewardWeight
	}
	if r.TimePrice > 0 && !t.longTerm { // V is the price of the long-term critic
		if p.objective.Prices, err = timePrices(sc, c.Profile, r.TimePrice); err != nil {
			return nil, err
		}
	}
	if r.LearnDeadlines {
		p.deadlines = NewDeadlineModel()
		p.objective.OnTime = p.deadlines.Table()
	}
	if t.longTerm {
		p.value = newBacklogValue(sc.Servers, len(p.view.profile.Servers), sc.Slot)
		p.value.average = r.ValueAverage
		p.objective.Future = p.value
	}
	p.planner, err = newPlanner(sc, p.view.profile, p.objective, r, t.longTerm, p.random)
	return p, err
}

// decideBy sets the source of candidates, for a number of devices.
func (p *Policy) decideBy(d *droo.Policy[mecoffload.Observation], devices int) {
	p.decider = d
	if p.planner.trials > 0 || p.planner.switches > 0 && devices > manyDevices {
		d.SetImprover(p.planner)
	}
	if p.planner.greedy != nil {
		d.SetProposer(p.planner)
	}
	if count := p.recipe.cells(p.scenario); count > 1 && p.view.links > 0 {
		p.view.cells = mecoffload.NewCells(count, p.scenario.Servers, len(p.view.profile.Servers))
		p.city = &city{whole: p, cells: p.view.cells}
	}
}

// LoadPolicy returns the policy that an Agent saved in s. c describes the world to decide in, which
// may differ from the trained one in anything that leaves the network shapes unchanged (see
// [Config.Architecture]): graph networks take any number of devices, servers and exits. From the
// recipe it uses only the network and the settings of decisions, not those of learning. An empty
// Method means the saved one.
//
// If s holds another method or network, the error wraps checkpoints.ErrMismatch.
func LoadPolicy(s *checkpoints.State, c Config) (*Policy, error) {
	method, err := s.String(methodState)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: load policy: %w", err)
	}
	if c.Method == "" {
		c.Method = Method(method)
	}
	if Method(method) != c.Method {
		return nil, fmt.Errorf("mecoffload: load policy: the checkpoint is of method %s, not %s: %w", method, c.Method, checkpoints.ErrMismatch)
	}
	p, err := loadPolicy(s, c)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: load policy: %s: %w", c.Method, err)
	}
	return p, nil
}

func loadPolicy(s *checkpoints.State, c Config) (*Policy, error) {
	p, err := newPolicy(c)
	if err != nil {
		return nil, err
	}
	network, err := c.network()
	if err != nil {
		return nil, err
	}
	quantizer, err := c.Recipe.quantizer(p.random)
	if err != nil {
		return nil, err
	}
	scorer, err := droo.LoadScorer(s, network)
	if err != nil {
		return nil, err
	}
	decider, err := droo.NewPolicy(scorer, quantizer, p.planner, c.Recipe.candidates(c.Scenario.Devices))
	if err != nil {
		return nil, err
	}
	p.network, p.model = network, network
	p.decideBy(decider, c.Scenario.Devices)
	return p, p.loadLearned(s)
}

// loadLearned restores the learned parts of decisions other than the network.
func (p *Policy) loadLearned(s *checkpoints.State) error {
	var err error
	if p.value != nil {
		err = p.value.LoadState(s.Sub(valueState))
	}
	if p.deadlines != nil {
		err = errors.Join(err, p.deadlines.LoadState(s.Sub(deadlineState)))
	}
	return err
}

// network returns the method's network, with initial weights.
func (c Config) network() (exportable, error) {
	t, err := c.Method.traits()
	if err != nil {
		return nil, err
	}
	r, weights := c.Recipe, rl.NewRand(c.Seed, streamWeights)
	profile := newView(c.Profile, t, r).profile
	if t.graph {
		return newGraphNet(c.Scenario, profile, r.GraphHidden, r.GraphLayers, weights.Rand)
	}
	return newMLPNet(c.Scenario, profile, r.Hidden, weights.Rand)
}

// Name implements mecoffload.Policy.
func (p *Policy) Name() string { return string(p.method) }

// Method returns the method.
func (p *Policy) Method() Method { return p.method }

// Objective returns the objective that the policy maximises. A [mecoffload.Search] on it is the
// near-oracle against which to measure the policy's own search through actor and candidates. With
// the long-term critic it changes as an agent learns.
func (p *Policy) Objective() mecoffload.Objective { return p.objective }

// Decide implements mecoffload.Policy.
func (p *Policy) Decide(obs mecoffload.Observation, dst mecoffload.Action) error {
	if len(dst) != obs.Devices {
		return fmt.Errorf("mecoffload: the action has %d entries for %d devices",
			len(dst), obs.Devices)
	}
	p.decision = p.decision[:0]
	if obs.Devices == 0 {
		return nil
	}
	err := p.decide(obs)
	if err == nil {
		p.view.fromMethod(dst, p.decision, &obs, &p.seen)
		err = p.holdBack(dst)
	}
	if err != nil {
		return fmt.Errorf("mecoffload: %s: %w", p.method, err)
	}
	return nil
}

// decide sets the decision about an observation, as the method sees both.
func (p *Policy) decide(obs mecoffload.Observation) error {
	seen, err := p.view.observation(obs)
	if err != nil {
		return err
	}
	p.seen, p.recalled = seen, false
	if p.byCells = p.city != nil && p.city.cells.Apart(); p.byCells {
		p.decision, err = p.city.decide(&p.seen)
		return err
	}
	if err := p.planner.begin(&p.seen); err != nil {
		return err
	}
	decision, err := p.decider.Decide(seen)
	if failed := p.planner.wait(); err == nil { // also where there are no scores
		err = failed
	}
	if err == nil {
		p.decision = decision
	}
	return err
}

// holdBack writes mecoffload.Held to the actions [M] of the devices that hold their tasks back.
func (p *Policy) holdBack(dst mecoffload.Action) error {
	switch {
	case len(p.seen.EnergyPrice) == 0:
		return nil
	case p.byCells:
		p.city.holdBack(dst)
		return nil
	}
	if err := p.planner.model.Choose(p.decision); err != nil {
		return err
	}
	p.planner.model.HoldBack(dst)
	return nil
}

// SetLimit makes Decide return the best decision so far once spent returns true. It has no effect on
// the time that the network takes. Nil, the default, is no limit. A large network is decided by cells,
// side by side: then several goroutines call spent.
func (p *Policy) SetLimit(spent func() bool) {
	p.decider.SetLimit(spent)
	p.planner.spent = spent
}

// Cut reports whether the limit ended the last decision early.
func (p *Policy) Cut() bool {
	if p.byCells {
		return len(p.decision) > 0 && p.city.cut()
	}
	return len(p.decision) > 0 && (p.decider.Cut() || p.planner.spent != nil && p.planner.spent())
}

// Value returns what the policy's critic expects of the last decision; 0 if there was nothing to
// decide. The observation must not have changed since.
func (p *Policy) Value() float64 {
	if len(p.decision) == 0 {
		return 0
	}
	if p.byCells { // cells know their own values only, whose means of backlogs differ
		if err := p.recall(); err != nil {
			return math.NaN()
		}
		return p.planner.model.Value()
	}
	return p.decider.BestValue()
}

// Finishes writes to dst [M] when the tasks of the last decision will be done, at nominal rates and
// times: seconds from the start of the slot, +Inf for a task that its server will drop. The
// observation must not have changed since.
func (p *Policy) Finishes(dst []float64) error {
	if len(dst) != len(p.decision) {
		return fmt.Errorf("mecoffload: %d entries for the times of %d tasks", len(dst), len(p.decision))
	}
	if err := p.recall(); err != nil {
		return err
	}
	p.planner.model.Finishes(dst)
	return nil
}

// recall makes the model hold the last decision, which it does not yet if that was made by cells.
func (p *Policy) recall() error {
	if p.byCells && !p.recalled {
		if err := p.planner.model.Begin(&p.seen); err != nil {
			return err
		}
		p.recalled = true
	}
	return p.planner.model.Choose(p.decision)
}

// AppendDraws appends the state of the random numbers that candidates are drawn with: [Policy.SetDraws]
// restores it in this policy or another of the same configuration.
func (p *Policy) AppendDraws(b []byte) ([]byte, error) { return p.random.AppendBinary(b) }

// SetDraws restores a state of AppendDraws.
func (p *Policy) SetDraws(state []byte) error {
	if err := p.random.UnmarshalBinary(state); err != nil {
		return fmt.Errorf("mecoffload: state of draws: %w", err)
	}
	return nil
}

// Reseed starts the draws of candidates again, as a policy of another Config.Seed does.
func (p *Policy) Reseed(seed uint64) { p.random.Reseed(seed, streamQuantizer) }
