package mecoffload

import (
	"errors"
	"fmt"
	"strings"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

// Method names a learning method.
type Method string

// The methods of the comparison. DROO: Huang, Bi and Zhang, IEEE TMC 2020. GRLE, GRL and DROOE: Li, Iosifidis and Zhang,
// GLOBECOM 2022. The long-term critic (-LT) is this project's addition.
const (
	DROO    Method = "DROO"     // MLP actor, last exit only
	DROOE   Method = "DROOE"    // MLP actor, all exits
	GRL     Method = "GRL"      // graph actor, last exit only
	GRLE    Method = "GRLE"     // graph actor, all exits
	DROOELT Method = "DROOE-LT" // DROOE with the long-term critic
	GRLELT  Method = "GRLE-LT"  // GRLE with the long-term critic
)

// Methods are all learning methods, in the order of tables.
func Methods() []Method { return []Method{GRLELT, GRLE, GRL, DROOE, DROO, DROOELT} }

// traits are what the methods differ in; everything else is shared.
type traits struct {
	graph      bool // actor: graph neural network, else MLP
	earlyExits bool
	longTerm   bool
}

func (m Method) traits() (traits, error) {
	switch m {
	case DROO:
		return traits{}, nil
	case DROOE:
		return traits{earlyExits: true}, nil
	case GRL:
		return traits{graph: true}, nil
	case GRLE:
		return traits{graph: true, earlyExits: true}, nil
	case DROOELT:
		return traits{earlyExits: true, longTerm: true}, nil
	case GRLELT:
		return traits{graph: true, earlyExits: true, longTerm: true}, nil
	}
	return traits{}, fmt.Errorf("mecoffload: unknown method %q: want one of %s", m, strings.Trim(fmt.Sprint(Methods()), "[]"))
}

// Recipe holds the hyper-parameters of a learning method, in the YAML of a run's configuration. The same recipe serves all
// methods; each reads what concerns it.
type Recipe struct {
	// Name says where the values come from: paper, tuned, or anything else for values of your own.
	Name string `yaml:"name"`

	// Candidates is the number K of candidate decisions per slot; 0: four per device, but at least 64 and at most 128.
	Candidates int `yaml:"candidates"`
	// AdaptInterval is the number of slots after which K adapts (DROO, section 4.3); 0: K is constant.
	AdaptInterval int `yaml:"adapt_interval"`
	// Quantizer makes candidates of scores: order (order-preserving), noisy (LyDROO) or gumbel.
	Quantizer string `yaml:"quantizer"`
	// Noise is the standard deviation of the noisy quantizer or the temperature of gumbel.
	Noise float64 `yaml:"noise"`

	// ProposeGreedy adds a candidate that needs no learning, the best exit in time for every task. See BestExitInTime.
	ProposeGreedy bool `yaml:"propose_greedy"`

	// LatencyWeight is w of the reward that the critic maximises, phi * (1 - w*T/delta). Below 0: that of the scenario's reward.
	LatencyWeight float64 `yaml:"latency_weight"`
	// LearnDeadlines makes the critic weigh every task with the learned probability that it is served in time, rather than take nominal
	// times at their word. See DeadlineModel.
	LearnDeadlines bool `yaml:"learn_deadlines"`

	// Loss is binary or softmax; see rl.Loss.
	Loss rl.Loss `yaml:"loss"`
	// LearningRate is that of the actor's Adam.
	LearningRate float64 `yaml:"learning_rate"`
	// ClipNorm bounds the global norm of the actor's gradient; 0: no bound.
	ClipNorm float64 `yaml:"clip_norm"`
	// TrainInterval is the number of slots between trainings, StepsPerTrain the minibatches of one.
	TrainInterval int `yaml:"train_interval"`
	StepsPerTrain int `yaml:"steps_per_train"`
	// BatchSize is the minibatch's size, MemorySize the number of latest slots it is drawn from.
	BatchSize  int `yaml:"batch_size"`
	MemorySize int `yaml:"memory_size"`

	// Hidden are the widths of the MLP actor's hidden layers.
	Hidden []int `yaml:"hidden,flow"`
	// GraphHidden is the width of the graph actor's embeddings, GraphLayers its rounds of message passing.
	GraphHidden int `yaml:"graph_hidden"`
	GraphLayers int `yaml:"graph_layers"`

	// The long-term critic (-LT methods). RefineTrials is how many evaluations of the critic a local search around the best
	// candidate may take per decision; 0: none. See refiner.
	RefineTrials int `yaml:"refine_trials"`
	// Gamma is the discount factor.
	Gamma float64 `yaml:"gamma"`
	// ValueInterval is the number of slots between trainings of the value, ValueMemory the number of latest slots it is fitted to.
	ValueInterval int `yaml:"value_interval"`
	ValueMemory   int `yaml:"value_memory"`
}

// PaperRecipe trains as DROO does: independent binary cross-entropy, order-preserving candidates, the published memory of 1024 slots, one
// step every 10 slots. The learning rate, the batch and the sizes of the networks are this project's; see docs/decisions/0006 for the
// number of candidates.
func PaperRecipe() Recipe {
	return Recipe{
		Name:          "paper",
		Quantizer:     "order",
		Loss:          rl.BinaryCrossEntropy,
		LearningRate:  1e-3,
		TrainInterval: 10,
		StepsPerTrain: 1,
		BatchSize:     64,
		MemorySize:    1024,
		Hidden:        []int{128, 64},
		GraphHidden:   32,
		GraphLayers:   2,

		LatencyWeight: -1,

		Gamma:         0.9,
		ValueInterval: 10,
		ValueMemory:   1024,
	}
}

// TunedRecipe is the recipe that our measurements favour, the same for all methods. Each device's options are alternatives (softmax
// cross-entropy), candidates are drawn from the actor's own probabilities, and the best exit in time is one more. The critic values
// accuracy rather than the reward: the learned probability of being in time takes the place of most of the reward's preference for early
// results, which costs accuracy where there is time to spare. The long-term critic's decisions are refined.
func TunedRecipe() Recipe {
	r := PaperRecipe()
	r.Name = "tuned"
	r.Quantizer, r.Noise = "gumbel", 1
	r.ProposeGreedy = true
	r.LatencyWeight, r.LearnDeadlines = 0.1, true
	r.Loss = rl.SoftmaxCrossEntropy
	r.GraphLayers = 1 // no worse than two with this loss
	r.RefineTrials = 300
	return r
}

// Agent is a learning method at work on one scenario. It implements Policy and checkpoints.Stateful.
//
// In each slot to be learned from, call Decide, Learn before the environment's Step, and Observe after it. Deciding alone
// changes nothing that is learned.
type Agent struct {
	method   Method
	traits   traits
	exits    int // of the profile
	actor    *Actor
	learner  *rl.DROO[Observation]
	longTerm *rl.LongTerm[Observation] // nil without
	value    *BacklogValue             // nil without

	objective Objective  // what the critic scores decisions by
	model     *Evaluator // the critic's

	// The slot at hand, from Learn to Observe.
	last     Action    // as the method sees it
	deadline []float64 // [M] s
	ratio    []float64 // [M] nominal T/delta
}

// candidates is the number of candidates for a number of devices. With fewer, order-preserving ones leave a run now and then stuck
// where all devices crowd one server (docs/decisions/0006); with a thousand devices, four each would take longer than a slot.
func (r Recipe) candidates(devices int) int {
	if r.Candidates > 0 {
		return r.Candidates
	}
	return min(max(4*devices, 64), 128)
}

// Streams of an agent's random numbers.
const (
	streamWeights = iota + 1
	streamQuantizer
)

// NewAgent makes the agent of a method. Methods without early exits live in a world whose only exit is the last. The
// agent's randomness follows from seed; workers goroutines share the training of the actor.
func NewAgent(method Method, sc Scenario, p Profile, r Recipe, seed uint64, workers int) (*Agent, error) {
	t, err := method.traits()
	if err != nil {
		return nil, err
	}
	a := &Agent{method: method, traits: t, exits: p.Exits()}
	if !t.earlyExits {
		p = p.lastExit()
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
		a.objective.Deadlines = NewDeadlineModel()
	}
	model, err := criticOf(sc, p, a.objective)
	if err != nil {
		return fail(err)
	}
	a.model = model.evaluator
	var critic rl.Critic[Observation] = model
	if t.longTerm {
		a.value = newBacklogValue(sc.Servers, len(p.Servers), sc.Slot)
		lt := rl.DefaultLongTermConfig()
		lt.Gamma, lt.TrainInterval, lt.BatchSize, lt.MemorySize = r.Gamma, r.ValueInterval, 0, r.ValueMemory
		if a.longTerm, err = rl.NewLongTerm(backlogModel{model}, a.value, lt); err != nil {
			return fail(err)
		}
		critic = a.longTerm
		a.objective.Terminal = discounted{a.value, r.Gamma}
	}
	quantizer, err := r.quantizer(rl.NewRand(seed, streamQuantizer))
	if err != nil {
		return fail(err)
	}
	a.learner, err = rl.NewDROO(a.actor, quantizer, critic, observationCodec{}, rl.DROOConfig{
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
		e, err := NewEvaluator(sc, p, a.objective)
		if err != nil {
			return fail(err)
		}
		refine = &refiner{e, r.RefineTrials}
		a.learner.SetImprover(refine)
	}
	if r.ProposeGreedy {
		g, err := newGreedy(p, true)
		if err != nil {
			return fail(err)
		}
		a.learner.SetProposer(&proposer{g, refine})
	}
	return a, nil
}

// proposer proposes a greedy decision, refined where decisions are. It implements rl.Proposer.
type proposer struct {
	greedy *greedy
	refine *refiner // nil: as it is
}

// Propose implements rl.Proposer.
func (p *proposer) Propose(obs Observation, dst []int32) error {
	err := p.greedy.Decide(obs, dst)
	if err == nil && p.refine != nil {
		_, err = p.refine.Improve(obs, dst)
	}
	return err
}

func (r Recipe) quantizer(rng *rl.Rand) (rl.Quantizer, error) {
	switch r.Quantizer {
	case "order":
		return &rl.OrderPreserving{}, nil
	case "noisy":
		return rl.NewNoisyOrderPreserving(r.Noise, rng)
	case "gumbel":
		return rl.NewGumbel(r.Noise, rng)
	}
	return nil, fmt.Errorf("unknown quantizer %q: want order, noisy or gumbel", r.Quantizer)
}

// Name implements Policy.
func (a *Agent) Name() string { return string(a.method) }

// Method returns the method.
func (a *Agent) Method() Method { return a.method }

// Close stops the goroutines of the training.
func (a *Agent) Close() { a.actor.Close() }

// world is the observation as the method sees it.
func (a *Agent) world(obs Observation) Observation {
	if !a.traits.earlyExits {
		obs.Exits = 1
	}
	return obs
}

// Objective returns what the agent's critic scores a decision by. A [Search] on it is the near-oracle that the agent's own
// search, through actor and candidates, is measured against; with the long-term critic it changes as the agent learns.
func (a *Agent) Objective() Objective { return a.objective }

// Decide implements Policy.
func (a *Agent) Decide(obs Observation, dst Action) error {
	if err := checkRoom(&obs, dst); err != nil {
		return err
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
func (a *Agent) Learn(obs Observation, action Action) error {
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
	if err == nil && a.objective.Deadlines != nil {
		err = a.noteRatios(obs)
	}
	if err != nil {
		return fmt.Errorf("mecoffload: %s: %w", a.method, err)
	}
	return nil
}

// noteRatios notes T/delta of the slot's tasks as the decision has planned them.
func (a *Agent) noteRatios(obs Observation) error {
	if err := a.model.Begin(&obs); err != nil {
		return err
	}
	if err := a.model.Choose(a.last); err != nil {
		return err
	}
	a.ratio = resize(a.ratio, obs.Devices)
	a.model.Ratios(a.ratio)
	return nil
}

// Observe tells the agent what its action has led to. Call it after the environment's Step, with its transition and the outcome of
// the slot.
func (a *Agent) Observe(t rl.Transition[Observation], out *Outcome) error {
	if len(out.Status) != len(a.deadline) {
		return fmt.Errorf("mecoffload: %s: the outcome of %d tasks, after a decision for %d", a.method, len(out.Status), len(a.deadline))
	}
	if a.objective.Deadlines != nil {
		a.objective.Deadlines.Observe(a.ratio, out.Status)
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
func (a *Agent) gain(out *Outcome) float64 {
	sum := 0.0
	for i, status := range out.Status {
		if status == InTime {
			sum += out.Accuracy[i] * timeliness(out.Latency[i], a.objective.Weight/a.deadline[i])
		}
	}
	return sum / float64(max(len(out.Status), 1))
}

// SaveState implements checkpoints.Stateful.
func (a *Agent) SaveState(s *checkpoints.State) error {
	s.PutString("method", string(a.method))
	err := a.learner.SaveState(s)
	if err == nil && a.objective.Deadlines != nil {
		err = a.objective.Deadlines.SaveState(s.Sub("deadlines"))
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
	if err == nil && a.objective.Deadlines != nil {
		err = a.objective.Deadlines.LoadState(s.Sub("deadlines"))
	}
	return err
}

// lastExit is p without its earlier exits.
func (p Profile) lastExit() Profile {
	last := p.Exits() - 1
	p.Accuracy = p.Accuracy[last:]
	servers := make([]ServerProfile, len(p.Servers))
	for i, s := range p.Servers {
		servers[i] = ServerProfile{s.Name, s.Times[last:]}
	}
	p.Servers = servers
	return p
}

// observationCodec keeps observations in replay memories and checkpoints.
type observationCodec struct{}

func (observationCodec) Copy(dst *Observation, src Observation) { src.CopyTo(dst) }

func (observationCodec) Encode(dst []float64, o Observation) []float64 {
	dst = append(dst, float64(o.Devices), float64(o.Servers), float64(o.Exits))
	for _, s := range [][]float64{o.Bits, o.Deadline, o.Rate, o.Capacity, o.Backlog} {
		dst = append(dst, s...)
	}
	for _, id := range o.ID {
		dst = append(dst, float64(id))
	}
	return dst
}

func (observationCodec) Decode(o *Observation, src []float64) error {
	errShape := errors.New("not an observation: a wrong number of values")
	if len(src) < 3 {
		return errShape
	}
	m, n, l := src[0], src[1], src[2]
	for _, v := range src[:3] {
		if !(v >= 0 && v <= maxDevices) || v != float64(int(v)) {
			return errors.New("not an observation: sizes that are no counts")
		}
	}
	if float64(len(src)) != 3+3*m+m*n+2*n {
		return errShape
	}
	o.Devices, o.Servers, o.Exits = int(m), int(n), int(l)
	src = src[3:]
	take := func(dst []float64, count int) []float64 {
		dst = append(dst[:0], src[:count]...)
		src = src[count:]
		return dst
	}
	o.Bits, o.Deadline = take(o.Bits, o.Devices), take(o.Deadline, o.Devices)
	o.Rate = take(o.Rate, o.Devices*o.Servers)
	o.Capacity, o.Backlog = take(o.Capacity, o.Servers), take(o.Backlog, o.Servers)
	o.ID = o.ID[:0]
	for _, v := range src {
		if !(v >= 0 && v < maxDevices) || v != float64(int(v)) {
			return errors.New("not an observation: an ID that is no count")
		}
		o.ID = append(o.ID, int(v))
	}
	return o.check()
}
