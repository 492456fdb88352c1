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

// Agent is a learning method at work on one scenario: a Policy that learns. It implements
// mecoffload.Policy and checkpoints.Stateful.
//
// To learn from a slot, call Decide and Learn before the environment's Step, and Observe after it.
// Decide alone changes nothing that is learned.
type Agent struct {
	*Policy
	actor   *Actor
	learner *droo.Learner[mecoffload.Observation]
	valueTD *droo.AfterstateLearner // learns the policy's value; nil: only the slot counts
	seed    uint64
	excerpt *excerpt // part of a large slot, to be learned from; nil: the actor needs the whole

	// The current slot, from Learn to Observe.
	last       mecoffload.Action // as the method sees it
	deadline   []float64         // [M] s
	ratio      []float64         // [M] nominal T/delta
	backlog    []float64         // [N] s, left by the decision
	afterstate []float32         // backlog in slots
}

var _ mecoffload.Policy = (*Agent)(nil)
var _ checkpoints.Stateful = (*Agent)(nil)

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
	p, err := newPolicy(c)
	if err != nil {
		return nil, err
	}
	a, r := &Agent{Policy: p, seed: c.Seed}, c.Recipe
	if t, err := c.Method.traits(); err == nil && t.graph {
		a.excerpt = &excerpt{kinds: len(p.view.profile.Servers)}
	}
	if a.value != nil {
		if a.valueTD, err = droo.NewAfterstateLearner(a.value, r.longTerm()); err != nil {
			return nil, err
		}
	}
	network, err := c.network()
	if err != nil {
		return nil, err
	}
	a.model = network
	if a.actor, err = networkActor(network, r.actor(c.Workers)); err != nil {
		return nil, err
	}
	quantizer, err := r.quantizer(p.random)
	if err != nil {
		return nil, err
	}
	a.learner, err = droo.New(a.actor, quantizer, a.planner, mecoffload.ObservationCodec{}, r.learner(c.Scenario.Devices, c.Seed))
	if err != nil {
		return nil, err
	}
	a.decideBy(&a.learner.Policy, c.Scenario.Devices)
	return a, nil
}

// Close stops the goroutines that train.
func (a *Agent) Close() { a.actor.Close() }

// Learn stores the decision for obs and trains the actor when due. Call it before the environment's
// Step.
func (a *Agent) Learn(obs mecoffload.Observation, action mecoffload.Action) error {
	if err := a.learn(obs, action, action); err != nil {
		return fmt.Errorf("mecoffload: %s: %w", a.method, err)
	}
	return nil
}

// LearnOther is Learn where another policy's action is executed: the actor learns to imitate the
// agent's own decision, and what Observe learns is about the executed one. It is an error that wraps
// [ErrCannotDecide] if the method has no way to decide so; then there is nothing to Observe.
func (a *Agent) LearnOther(obs mecoffload.Observation, own, executed mecoffload.Action) error {
	if err := a.learn(obs, own, executed); err != nil {
		return fmt.Errorf("mecoffload: %s: %w", a.method, err)
	}
	return nil
}

func (a *Agent) learn(obs mecoffload.Observation, action, executed mecoffload.Action) error {
	seen, err := a.view.observation(obs)
	if err != nil {
		return err
	}
	a.last = reuse.Slice(a.last, len(action))
	if err := a.view.toMethod(a.last, action, a.decision, &obs, &seen); err != nil {
		return err
	}
	a.deadline = append(a.deadline[:0], obs.Deadline...)
	sample, decision := seen, []int32(a.last)
	if a.excerpt != nil && seen.Devices > excerptDevices {
		sample, decision = a.excerpt.cut(&seen, a.last, rl.NewRand(a.seed, uint64(streamExcerpts+a.learner.Slots())))
	}
	if _, _, err := a.learner.Learn(sample, decision); err != nil {
		return err
	}
	if len(executed) != len(action) || len(action) > 0 && &executed[0] != &action[0] {
		if err := a.view.toMethod(a.last, executed, a.decision, &obs, &seen); err != nil {
			return err
		}
	}
	if a.value == nil && a.deadlines == nil {
		return nil
	}
	return a.noteDecision(seen)
}

// Afterstate returns what the long-term critic remembers of the slot before, empty if nothing. An
// agent that learns from several sources of slots in turn keeps one for each.
func (a *Agent) Afterstate() []float32 {
	if a.valueTD == nil {
		return nil
	}
	return a.valueTD.Previous()
}

// SetAfterstate restores what Afterstate returned, or starts an episode if it is empty.
func (a *Agent) SetAfterstate(previous []float32) {
	if a.valueTD != nil {
		a.valueTD.SetPrevious(previous)
	}
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
	methodState   = "method"
	actorState    = "actor"
	valueTDState  = "critic"
	valueState    = "critic/value"
	deadlineState = "deadlines"
	drawsState    = "draws"
)

// SaveState implements checkpoints.Stateful.
func (a *Agent) SaveState(s *checkpoints.State) error {
	s.PutString(methodState, string(a.method))
	err := errors.Join(a.learner.SaveState(s), a.random.SaveState(s.Sub(drawsState)))
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
	method, err := s.String(methodState)
	if err != nil {
		return err
	}
	if Method(method) != a.method {
		return fmt.Errorf("mecoffload: the checkpoint is of method %s, not %s", method, a.method)
	}
	err = a.learner.LoadState(s)
	if draws := s.Sub(drawsState); len(draws.Names()) > 0 { // a run from when only quantizers drew has none
		err = errors.Join(err, a.random.LoadState(draws))
	}
	if a.valueTD != nil {
		err = errors.Join(err, a.valueTD.LoadState(s.Sub(valueTDState)))
	}
	if a.deadlines != nil {
		err = errors.Join(err, a.deadlines.LoadState(s.Sub(deadlineState)))
	}
	return err
}

// SaveLearned saves only the part that LoadLearned restores, which is much smaller than a full
// state.
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
	return errors.Join(a.actor.LoadState(s.Sub(actorState)), a.loadLearned(s))
}
