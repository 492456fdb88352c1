package agent

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Agent is a learning method at work on one scenario. It implements mecoffload.Policy and
// checkpoints.Stateful.
//
// To learn from a slot, call Decide and Learn before the environment's Step, and Observe after it.
// Decide alone changes nothing that is learned.
type Agent struct {
	method    Method
	view      view
	actor     *Actor
	learner   *droo.Learner[mecoffload.Observation]
	objective mecoffload.Objective // scores decisions
	planner   *planner
	seed      uint64
	cell      *cell // part of a large slot, to be learned from; nil: the actor needs the whole

	deadlines *DeadlineModel          // nil: trust nominal times
	value     *BacklogValue           // nil: only the slot counts
	valueTD   *droo.AfterstateLearner // learns value

	// The current slot, from Learn to Observe.
	last       mecoffload.Action // as the method sees it
	deadline   []float64         // [M] s
	ratio      []float64         // [M] nominal T/delta
	backlog    []float64         // [N] s, left by the decision
	afterstate []float32         // backlog in slots
}

var _ mecoffload.Policy = (*Agent)(nil)
var _ checkpoints.Stateful = (*Agent)(nil)

// Streams of an agent's random numbers.
const (
	streamWeights = iota + 1
	streamQuantizer
	streamCells // and on from there, one for each slot
)

// New returns an agent of the method c.Method.
func New(c Config) (*Agent, error) {
	if err := c.Method.Validate(); err != nil {
		return nil, err
	}
	a, err := newAgent(c)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: %s: %w", c.Method, err)
	}
	return a, nil
}

func newAgent(c Config) (*Agent, error) {
	t, err := c.Method.traits()
	if err != nil {
		return nil, err
	}
	sc, r := c.Scenario, c.Recipe
	if err := c.validate(); err != nil {
		return nil, err
	}
	a := &Agent{method: c.Method, view: newView(c.Profile, t, c.Recipe), seed: c.Seed}
	p := a.view.profile
	if t.graph {
		a.cell = &cell{kinds: len(p.Servers)}
	}
	if a.actor, err = newActor(c, p, t.graph); err != nil {
		return nil, err
	}
	a.objective = mecoffload.Objective{Weight: r.LatencyWeight, Discount: r.Gamma}
	if r.LatencyWeight < 0 {
		a.objective.Weight = sc.RewardWeight
	}
	if r.TimePrice > 0 && !t.longTerm { // V is the price of the long-term critic
		if a.objective.Prices, err = timePrices(sc, c.Profile, r.TimePrice); err != nil {
			return nil, err
		}
	}
	if r.LearnDeadlines {
		a.deadlines = NewDeadlineModel()
		a.objective.OnTime = a.deadlines.Table()
	}
	if t.longTerm {
		a.value = newBacklogValue(sc.Servers, len(p.Servers), sc.Slot)
		a.objective.Future = a.value
		if a.valueTD, err = droo.NewAfterstateLearner(a.value, r.longTerm()); err != nil {
			return nil, err
		}
	}
	if a.planner, err = newPlanner(sc, p, a.objective, r, t.longTerm); err != nil {
		return nil, err
	}
	quantizer, err := r.quantizer(rl.NewRand(c.Seed, streamQuantizer))
	if err != nil {
		return nil, err
	}
	a.learner, err = droo.New(a.actor, quantizer, a.planner, mecoffload.ObservationCodec{}, r.learner(sc.Devices, c.Seed))
	if err != nil {
		return nil, err
	}
	if a.planner.trials > 0 || a.planner.switches > 0 && sc.Devices > manyDevices {
		a.learner.SetImprover(a.planner)
	}
	if a.planner.greedy != nil {
		a.learner.SetProposer(a.planner)
	}
	return a, nil
}

// timePrices returns the price of a second of each server [N]: a share of its shadow price. Methods
// that use only the last exit pay the prices of the whole network too, so that all methods maximise
// the same objective.
//
// The reward of a slot ignores later slots. A method that maximises it spends server time on
// anything that adds to this slot, until backlogs are so long that deadlines ration them
// (docs/decisions/0014).
func timePrices(sc mecoffload.Scenario, p mecoffload.Profile, share float64) ([]float64, error) {
	prices, err := mecoffload.ShadowPrices(sc, p)
	for n := range prices {
		prices[n] *= share
	}
	return prices, err
}

// Name implements mecoffload.Policy.
func (a *Agent) Name() string { return string(a.method) }

// Method returns the agent's method.
func (a *Agent) Method() Method { return a.method }

// Close stops the goroutines that train.
func (a *Agent) Close() { a.actor.Close() }

// Objective returns the objective that the agent maximises. A [mecoffload.Search] on it is the
// near-oracle against which to measure the agent's own search through actor and candidates. With
// the long-term critic it changes as the agent learns.
func (a *Agent) Objective() mecoffload.Objective { return a.objective }

// Decide implements mecoffload.Policy.
func (a *Agent) Decide(obs mecoffload.Observation, dst mecoffload.Action) error {
	if len(dst) != obs.Devices {
		return fmt.Errorf("mecoffload: the action has %d entries for %d devices",
			len(dst), obs.Devices)
	}
	if obs.Devices == 0 {
		return nil
	}
	seen, err := a.view.observation(obs)
	if err == nil {
		err = a.planner.begin(&seen)
	}
	var decision []int32
	if err == nil {
		decision, err = a.learner.Decide(seen)
	}
	if err != nil {
		return fmt.Errorf("mecoffload: %s: %w", a.method, err)
	}
	a.view.fromMethod(dst, decision, &obs, &seen)
	return nil
}

// Learn stores the decision for obs and trains the actor when due. Call it before the environment's
// Step.
func (a *Agent) Learn(obs mecoffload.Observation, action mecoffload.Action) error {
	if err := a.learn(obs, action); err != nil {
		return fmt.Errorf("mecoffload: %s: %w", a.method, err)
	}
	return nil
}

func (a *Agent) learn(obs mecoffload.Observation, action mecoffload.Action) error {
	seen, err := a.view.observation(obs)
	if err != nil {
		return err
	}
	a.last = reuse.Slice(a.last, len(action))
	if err := a.view.toMethod(a.last, action, &obs, &seen); err != nil {
		return err
	}
	a.deadline = append(a.deadline[:0], obs.Deadline...)
	sample, decision := seen, []int32(a.last)
	if a.cell != nil && seen.Devices > cellDevices {
		sample, decision = a.cell.cut(&seen, a.last, rl.NewRand(a.seed, uint64(streamCells+a.learner.Slots())))
	}
	if _, _, err := a.learner.Learn(sample, decision); err != nil {
		return err
	}
	if a.value == nil && a.deadlines == nil {
		return nil
	}
	return a.noteDecision(seen)
}

// noteDecision records the model's predictions for the decision: T/delta of the tasks and the
// backlogs it leaves.
func (a *Agent) noteDecision(obs mecoffload.Observation) error {
	model := a.planner.model
	if err := model.Begin(&obs); err != nil {
		return err
	}
	if err := model.Choose(a.last); err != nil {
		return err
	}
	a.ratio = reuse.Slice(a.ratio, obs.Devices)
	model.Ratios(a.ratio)
	if a.value == nil {
		return nil
	}
	a.backlog = reuse.Slice(a.backlog, obs.Servers)
	model.NextBacklog(a.backlog)
	a.afterstate = a.value.features(a.afterstate[:0], a.backlog)
	return a.valueTD.Executed(a.afterstate)
}

// Observe learns from the result of the action. Call it after the environment's Step, with its
// transition and the outcome of the slot.
func (a *Agent) Observe(t rl.Transition[mecoffload.Observation], out *mecoffload.Outcome) error {
	if len(out.Status) != len(a.deadline) {
		return fmt.Errorf("mecoffload: %s: the outcome has %d tasks, the decision had %d",
			a.method, len(out.Status), len(a.deadline))
	}
	if a.deadlines != nil {
		a.deadlines.Observe(a.ratio, out.Status)
	}
	if a.valueTD == nil {
		return nil
	}
	reward := a.objective.Reward(out, a.deadline)
	if _, _, err := a.valueTD.Observe(reward, t.Terminated, t.Truncated); err != nil {
		return fmt.Errorf("mecoffload: %s: %w", a.method, err)
	}
	return nil
}

// Names of the parts of an agent's state, stored next to the learner's parts, which include the
// actor.
const (
	actorState    = "actor"
	valueTDState  = "critic"
	valueState    = "critic/value"
	deadlineState = "deadlines"
)

// SaveState implements checkpoints.Stateful.
func (a *Agent) SaveState(s *checkpoints.State) error {
	s.PutString("method", string(a.method))
	err := a.learner.SaveState(s)
	if a.valueTD != nil {
		err = errors.Join(err, a.valueTD.SaveState(s.Sub(valueTDState)))
	}
	if a.deadlines != nil {
		err = errors.Join(err, a.deadlines.SaveState(s.Sub(deadlineState)))
	}
	return err
}

// LoadState implements checkpoints.Stateful. The agent must have the configuration of the saved
// one.
func (a *Agent) LoadState(s *checkpoints.State) error {
	method, err := s.String("method")
	if err != nil {
		return err
	}
	if Method(method) != a.method {
		return fmt.Errorf("mecoffload: the checkpoint is of method %s, not %s", method, a.method)
	}
	err = a.learner.LoadState(s)
	if a.valueTD != nil {
		err = errors.Join(err, a.valueTD.LoadState(s.Sub(valueTDState)))
	}
	if a.deadlines != nil {
		err = errors.Join(err, a.deadlines.LoadState(s.Sub(deadlineState)))
	}
	return err
}

// SaveLearned saves what LoadLearned restores, which is much less than what SaveState saves.
func (a *Agent) SaveLearned(s *checkpoints.State) error {
	err := a.actor.SaveState(s.Sub(actorState))
	if a.value != nil {
		err = errors.Join(err, a.value.SaveState(s.Sub(valueState)))
	}
	if a.deadlines != nil {
		err = errors.Join(err, a.deadlines.SaveState(s.Sub(deadlineState)))
	}
	return err
}

// LoadLearned restores only what decisions depend on: actor, value and deadlines, not the replay
// memories.
func (a *Agent) LoadLearned(s *checkpoints.State) error {
	err := a.actor.LoadState(s.Sub(actorState))
	if a.value != nil {
		err = errors.Join(err, a.value.LoadState(s.Sub(valueState)))
	}
	if a.deadlines != nil {
		err = errors.Join(err, a.deadlines.LoadState(s.Sub(deadlineState)))
	}
	return err
}
