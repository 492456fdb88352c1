package agent

import (
	"errors"
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Agent is a learning method at work on one scenario. It implements Policy and checkpoints.Stateful.
//
// In each slot to be learned from, call Decide, Learn before the environment's Step, and Observe after it. Deciding alone
// changes nothing that is learned.
type Agent struct {
	method    Method
	traits    traits
	exits     int // of the profile
	actor     *Actor
	learner   *droo.Learner[mecoffload.Observation]
	longTerm  *droo.LongTerm[mecoffload.Observation] // nil without
	value     *BacklogValue                          // nil without
	deadlines *DeadlineModel                         // nil: nominal times are taken at their word

	objective mecoffload.Objective  // what the critic scores decisions by
	model     *mecoffload.Evaluator // the critic's

	// The slot at hand, from Learn to Observe.
	last     mecoffload.Action // as the method sees it
	deadline []float64         // [M] s
	ratio    []float64         // [M] nominal T/delta
}

// Streams of an agent's random numbers.
const (
	streamWeights = iota + 1
	streamQuantizer
)

// Config determines an agent: equal configurations give equal agents, bit for bit.
type Config struct {
	Method   Method
	Scenario mecoffload.Scenario
	Profile  mecoffload.Profile
	Recipe   Recipe
	// Seed determines the initial weights and the draws of candidates and minibatches.
	Seed uint64
	// Workers is the number of goroutines that share a training step of the actor; 0: 1.
	Workers int
}

// Architecture describes the method's networks as far as their weights depend on it.
func (c Config) Architecture() string {
	t, err := c.Method.traits()
	if err != nil {
		return "none"
	}
	exits := 1
	if t.earlyExits {
		exits = c.Profile.Exits()
	}
	if t.graph {
		return fmt.Sprintf("graph actor: features %d/%d/%d, hidden %d, layers %d",
			deviceFeatures, optionFeatures, edgeFeatures, c.Recipe.GraphHidden, c.Recipe.GraphLayers)
	}
	return fmt.Sprintf("MLP actor: devices %d, servers %d, exits %d, hidden %v", c.Scenario.Devices, c.Scenario.Servers, exits, c.Recipe.Hidden)
}

// New makes the agent of a method. Methods without early exits live in a world whose only exit is the last.
func New(c Config) (*Agent, error) {
	method, sc, p, r, seed, workers := c.Method, c.Scenario, c.Profile, c.Recipe, c.Seed, c.Workers
	t, err := method.traits()
	if err != nil {
		return nil, err
	}
	a := &Agent{method: method, traits: t, exits: p.Exits()}
	if !t.earlyExits {
		p = p.LastExit()
	}
	fail := func(err error) (*Agent, error) { return nil, fmt.Errorf("mecoffload: %s: %w", method, err) }
	cfg := ActorConfig{Loss: r.Loss, LearningRate: r.LearningRate, ClipNorm: r.ClipNorm, Workers: workers}
	weights := rl.NewRand(seed, streamWeights)
	if t.graph {
		a.actor, err = NewGraphActor(sc, p, GraphActorConfig{cfg, r.GraphHidden, r.GraphLayers}, weights.Rand)
	} else {
		a.actor, err = NewMLPActor(sc, p, MLPActorConfig{cfg, r.Hidden}, weights.Rand)
	}
	if err != nil {
		return fail(err)
	}
	a.objective.Weight = r.LatencyWeight
	if r.LatencyWeight < 0 {
		a.objective.Weight = sc.RewardWeight
	}
	if r.LearnDeadlines {
		a.deadlines = NewDeadlineModel()
		a.objective.OnTime = a.deadlines.Table()
	}
	model, err := mecoffload.NewCriticOf(sc, p, a.objective)
	if err != nil {
		return fail(err)
	}
	a.model = model.Evaluator()
	var critic droo.Critic[mecoffload.Observation] = model
	if t.longTerm {
		a.value = newBacklogValue(sc.Servers, len(p.Servers), sc.Slot)
		lt := droo.DefaultLongTermConfig()
		lt.Gamma, lt.TrainInterval, lt.BatchSize, lt.MemorySize = r.Gamma, r.ValueInterval, 0, r.ValueMemory
		if a.longTerm, err = droo.NewLongTerm(backlogModel{model}, a.value, lt); err != nil {
			return fail(err)
		}
		critic = a.longTerm
		a.objective.Terminal = discounted{a.value, r.Gamma}
	}
	quantizer, err := r.quantizer(rl.NewRand(seed, streamQuantizer))
	if err != nil {
		return fail(err)
	}
	a.learner, err = droo.New(a.actor, quantizer, critic, mecoffload.ObservationCodec{}, droo.Config{
		Candidates:    r.candidates(sc.Devices),
		AdaptInterval: r.AdaptInterval,
		TrainInterval: r.TrainInterval,
		StepsPerTrain: r.StepsPerTrain,
		BatchSize:     r.BatchSize,
		MemorySize:    r.MemorySize,
		Seed:          seed,
	})
	if err != nil {
		return fail(err)
	}
	var refine *refiner
	if t.longTerm && r.RefineTrials > 0 {
		e, err := mecoffload.NewEvaluator(sc, p, a.objective)
		if err != nil {
			return fail(err)
		}
		refine = &refiner{e, r.RefineTrials}
		a.learner.SetImprover(refine)
	}
	if r.ProposeGreedy {
		g, err := mecoffload.NewBestExitInTime(p)
		if err != nil {
			return fail(err)
		}
		a.learner.SetProposer(&proposer{g, refine})
	}
	return a, nil
}

// Name implements Policy.
func (a *Agent) Name() string { return string(a.method) }

// Method returns the method.
func (a *Agent) Method() Method { return a.method }

// Close stops the goroutines of the training.
func (a *Agent) Close() { a.actor.Close() }

// world is the observation as the method sees it.
func (a *Agent) world(obs mecoffload.Observation) mecoffload.Observation {
	if !a.traits.earlyExits {
		obs.Exits = 1
	}
	return obs
}

// Objective returns what the agent's critic scores a decision by. A [Search] on it is the near-oracle that the agent's own
// search, through actor and candidates, is measured against; with the long-term critic it changes as the agent learns.
func (a *Agent) Objective() mecoffload.Objective { return a.objective }

// Decide implements Policy.
func (a *Agent) Decide(obs mecoffload.Observation, dst mecoffload.Action) error {
	if len(dst) != obs.Devices {
		return fmt.Errorf("mecoffload: room for %d choices of %d devices", len(dst), obs.Devices)
	}
	if obs.Devices == 0 {
		return nil
	}
	decision, err := a.learner.Decide(a.world(obs))
	if err != nil {
		return fmt.Errorf("mecoffload: %s: %w", a.method, err)
	}
	copy(dst, decision)
	if !a.traits.earlyExits {
		for i, server := range decision {
			dst[i] = server*int32(a.exits) + int32(a.exits-1)
		}
	}
	return nil
}

// Learn stores what Decide chose for obs and trains the actor when that is due. Call it before the environment's Step.
func (a *Agent) Learn(obs mecoffload.Observation, action mecoffload.Action) error {
	a.last = append(a.last[:0], action...)
	if !a.traits.earlyExits {
		for i, option := range action {
			a.last[i] = option / int32(a.exits)
		}
	}
	obs = a.world(obs)
	a.deadline = append(a.deadline[:0], obs.Deadline...)
	_, _, err := a.learner.Learn(obs, a.last)
	if err == nil && a.longTerm != nil {
		err = a.longTerm.Executed(obs, a.last)
	}
	if err == nil && a.deadlines != nil {
		err = a.noteRatios(obs)
	}
	if err != nil {
		return fmt.Errorf("mecoffload: %s: %w", a.method, err)
	}
	return nil
}

// noteRatios notes T/delta of the slot's tasks as the decision has planned them.
func (a *Agent) noteRatios(obs mecoffload.Observation) error {
	if err := a.model.Begin(&obs); err != nil {
		return err
	}
	if err := a.model.Choose(a.last); err != nil {
		return err
	}
	a.ratio = slices.Grow(a.ratio[:0], obs.Devices)[:obs.Devices]
	a.model.Ratios(a.ratio)
	return nil
}

// Observe tells the agent what its action has led to. Call it after the environment's Step, with its transition and the outcome of
// the slot.
func (a *Agent) Observe(t rl.Transition[mecoffload.Observation], out *mecoffload.Outcome) error {
	if len(out.Status) != len(a.deadline) {
		return fmt.Errorf("mecoffload: %s: the outcome of %d tasks, after a decision for %d", a.method, len(out.Status), len(a.deadline))
	}
	if a.deadlines != nil {
		a.deadlines.Observe(a.ratio, out.Status)
	}
	if a.longTerm == nil {
		return nil
	}
	t.Reward = a.gain(out)
	if _, _, err := a.longTerm.Observe(t); err != nil {
		return fmt.Errorf("mecoffload: %s: %w", a.method, err)
	}
	return nil
}

// gain is the reward of a slot with the critic's weight on latency in place of the scenario's.
func (a *Agent) gain(out *mecoffload.Outcome) float64 {
	sum := 0.0
	for i, status := range out.Status {
		if status == mecoffload.InTime {
			sum += out.Accuracy[i] * mecoffload.Timeliness(out.Latency[i], a.objective.Weight/a.deadline[i])
		}
	}
	return sum / float64(max(len(out.Status), 1))
}

// SaveState implements checkpoints.Stateful.
func (a *Agent) SaveState(s *checkpoints.State) error {
	s.PutString("method", string(a.method))
	err := a.learner.SaveState(s)
	if err == nil && a.deadlines != nil {
		err = a.deadlines.SaveState(s.Sub("deadlines"))
	}
	return err
}

// LoadState implements checkpoints.Stateful. The agent must have been made like the one that was saved.
func (a *Agent) LoadState(s *checkpoints.State) error {
	method, err := s.String("method")
	if err != nil {
		return err
	}
	if Method(method) != a.method {
		return fmt.Errorf("mecoffload: the checkpoint is of method %s, not %s", method, a.method)
	}
	err = a.learner.LoadState(s)
	if err == nil && a.deadlines != nil {
		err = a.deadlines.LoadState(s.Sub("deadlines"))
	}
	return err
}

// LoadLearned restores what decisions depend on of what SaveState has saved: actor, value and deadline model, without the memories.
func (a *Agent) LoadLearned(s *checkpoints.State) error {
	err := a.actor.LoadState(s.Sub("actor"))
	if a.value != nil {
		err = errors.Join(err, a.value.LoadState(s.Sub("critic/value")))
	}
	if a.deadlines != nil {
		err = errors.Join(err, a.deadlines.LoadState(s.Sub("deadlines")))
	}
	return err
}
