package lydroo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// Method names a way to decide.
type Method string

// The methods, learned ones first.
const (
	LyDROO            Method = "lydroo"       // with the MLP actor, as published
	LyDROOGraph       Method = "lydroo-graph" // with the graph actor
	LyDROOValue       Method = "lydroo-value" // and a learned worth of data, next to the virtual queues
	LearnedValue      Method = "value"        // and a learned price of energy too: no virtual queues
	Exhaustive        Method = "exhaustive"   // the best decision of each frame
	CoordinateDescent Method = "coordinate-descent"
	Greedy            Method = "greedy"
	Myopic            Method = "myopic" // the best rate of each frame within the mean power limit, whatever the queues
	OffloadOnly       Method = "offload-only"
	LocalOnly         Method = "local-only"
)

// Methods returns all methods.
func Methods() []Method {
	return []Method{LyDROO, LyDROOGraph, LyDROOValue, LearnedValue, Exhaustive, CoordinateDescent, Greedy, Myopic, OffloadOnly, LocalOnly}
}

// Baselines returns the methods that do not learn and are quick enough for the number of users.
func Baselines(users int) []Method {
	all := []Method{Exhaustive, CoordinateDescent, Greedy, Myopic, OffloadOnly, LocalOnly}
	if users > 10 {
		return all[1:]
	}
	return all
}

// Learns reports whether a method has a network.
func (m Method) Learns() bool { return m == LyDROO || m.graph() }

// graph reports whether a method has the graph actor.
func (m Method) graph() bool { return m == LyDROOGraph || m.learnsValue() }

// learnsValue reports whether a method learns what queues are worth.
func (m Method) learnsValue() bool { return m == LyDROOValue || m == LearnedValue }

// energyQueue is what the energy queues of a method start with, in mJ: about what they are later, so
// that the power limit holds over a few hundred frames as well. A learned value weighs data more, so its
// energy queues are longer: with the most that data can be worth, users spend the limit at 833 mJ. LyDROO
// is as published.
func (m Method) energyQueue() float64 {
	switch m {
	case LyDROOValue:
		return 900
	case LearnedValue:
		return 600
	case LyDROO:
		return 0
	}
	return 200
}

// ParseMethod returns the method with a name, ignoring case.
func ParseMethod(name string) (Method, error) {
	return validate.Name("lydroo: unknown method", name, Methods())
}

// QueueSummary is about the data queues, in Mbit: means over users and frames.
type QueueSummary struct {
	Mean        float64 `json:"mean"`
	MiddleThird float64 `json:"-"`
	LastThird   float64 `json:"last_third"`
}

// EnergySummary is about the energy of a user in a frame, in J.
type EnergySummary struct {
	Mean    float64 `json:"mean"`     // over users and frames
	MaxUser float64 `json:"max_user"` // the largest mean of a user
}

// Result is the outcome of a run.
type Result struct {
	Method       Method        `json:"method"`
	Users        int           `json:"users"`
	Frames       int           `json:"frames"`
	Seed         uint64        `json:"-"`
	PowerLimit   float64       `json:"-"` // of every user, W
	QueueMbit    QueueSummary  `json:"queue_mbit"`
	EnergyJ      EnergySummary `json:"energy_j"`
	WeightedRate float64       `json:"weighted_rate"` // mean of sum w r, Mbit a frame
	FrameUS      float64       `json:"frame_us"`      // mean time to decide and learn, microseconds

	Queue []float64 `json:"-"` // [Frames] mean over users before the frame, Mbit
	Power []float64 `json:"-"` // [Frames] mean over users, W
	Rate  []float64 `json:"-"` // [Frames] weighted rate, Mbit
	K     []int32   `json:"-"` // [Frames] number of candidates; nil without any
}

// Run executes cfg. But for the times, equal configurations give equal results.
func Run(ctx context.Context, cfg Config) (*Result, error) { return RunFrom(ctx, cfg, nil, nil) }

// RunFrom is [Run] with a policy that has been trained, see [Checkpoint.Learned], which does not learn
// on; nil: with a new one, which learns. progress, if not nil, is called after every frame.
func RunFrom(ctx context.Context, cfg Config, learned *checkpoints.State, progress func(done int, queue float64)) (*Result, error) {
	e, err := newExecution(cfg, learned)
	if err != nil {
		return nil, err
	}
	for t := range cfg.Frames {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if err := e.step(); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(t+1, e.queue[t])
		}
	}
	return e.result(), nil
}

// execution is a run at work.
type execution struct {
	cfg    Config
	env    *Env
	policy policy
	obs    Observation

	queue, power, rate []float64 // of every frame so far
	energy             []float64 // of every user, sum over frames
	k                  []int32
	times              []time.Duration // of the frames that were measured
}

func newExecution(cfg Config, learned *checkpoints.State) (*execution, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	source, err := cfg.source()
	if err != nil {
		return nil, err
	}
	e := &execution{cfg: cfg, energy: make([]float64, source.Users())}
	solver, err := cfg.solver(source.Users())
	if err != nil {
		return nil, err
	}
	if e.env, err = NewEnv(EnvConfig{Params: cfg.params(), Source: source, Frames: cfg.Frames, Solver: solver, EnergyQueue: cfg.Method.energyQueue()}); err != nil {
		return nil, err
	}
	if e.policy, err = cfg.policy(source.Users(), solver, e.env.energy, learned); err != nil {
		return nil, err
	}
	e.obs, err = e.env.Reset(cfg.Seed)
	return e, err
}

// step decides one frame and learns from it.
func (e *execution) step() error {
	t := len(e.queue)
	if k := e.policy.candidates(); k > 0 {
		e.k = append(e.k, int32(k))
	}
	start := time.Now()
	x, err := e.policy.step(e.obs)
	if err != nil {
		return fmt.Errorf("lydroo: %s: frame %d: %w", e.cfg.Method, t, err)
	}
	spent := time.Since(start)
	queue := mean(e.obs.Q)
	transition, err := e.env.Step(x)
	if err != nil {
		return err
	}
	a := e.env.Allocation()
	for i, v := range a.Energy {
		e.energy[i] += v
	}
	e.queue, e.power, e.rate = append(e.queue, queue), append(e.power, mean(a.Energy)), append(e.rate, transition.Reward)
	e.obs = transition.Observation
	start = time.Now()
	if err := e.policy.observe(e.obs); err != nil {
		return fmt.Errorf("lydroo: %s: frame %d: %w", e.cfg.Method, t, err)
	}
	e.times = append(e.times, spent+time.Since(start))
	return nil
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(len(x), 1))
}

// result returns the result over all frames.
func (e *execution) result() *Result {
	n := len(e.queue)
	r := &Result{
		Method: e.cfg.Method, Users: len(e.energy), Frames: n, Seed: e.cfg.Seed, PowerLimit: e.cfg.PowerLimit,
		QueueMbit:    QueueSummary{mean(e.queue), mean(e.queue[n/3 : n-n/3]), mean(e.queue[n-n/3:])},
		WeightedRate: mean(e.rate),
		Queue:        e.queue, Power: e.power, Rate: e.rate, K: e.k,
	}
	r.EnergyJ.Mean = mean(e.power)
	r.EnergyJ.MaxUser = slices.Max(append([]float64{0}, e.energy...)) / float64(max(n, 1))
	var total time.Duration
	for _, d := range e.times {
		total += d
	}
	r.FrameUS = total.Seconds() * 1e6 / float64(max(len(e.times), 1))
	return r
}

// policy is a method at work.
type policy interface {
	step(Observation) ([]int32, error) // decides and, if it learns, learns from the decision
	observe(next Observation) error    // learns from what the decision has led to
	candidates() int                   // that the next decision is chosen from; 0: not chosen from candidates
}

// Streams of rl.NewRand that initial weights and the noise of candidates are drawn from.
const (
	weightStream = 0x6e6e
	noiseStream  = 0x6e7a
)

// solver returns the solver that allocates and scores decisions.
func (c Config) solver(users int) (*Solver, error) {
	if c.Method == Myopic {
		return NewMyopicSolver(c.params())
	}
	s, err := NewSolver(c.params())
	if err == nil && c.Method.learnsValue() {
		s.value = newQueueValue(c.params(), users, c.Gamma, c.Method == LearnedValue)
	}
	return s, err
}

func (c Config) policy(users int, solver *Solver, queues *droo.VirtualQueues, learned *checkpoints.State) (policy, error) {
	x := make([]int32, users)
	from := func(search func(Observation, []int32) (float64, error)) policy {
		return &searcher{func(obs Observation, x []int32) (float64, error) {
			clear(x)
			return search(obs, x)
		}, x}
	}
	switch c.Method {
	case Exhaustive:
		return from(solver.Exhaustive), nil
	case CoordinateDescent:
		return from(solver.CoordinateDescent), nil
	case Greedy:
		return from(solver.Greedy), nil
	case LocalOnly, OffloadOnly:
		for i := range x {
			if c.Method == OffloadOnly {
				x[i] = 1
			}
		}
		return &searcher{nil, x}, nil
	case Myopic:
		return from(func(obs Observation, x []int32) (float64, error) {
			if _, err := solver.Greedy(obs, x); err != nil {
				return 0, err
			}
			return solver.CoordinateDescent(obs, x)
		}), nil
	}
	return c.learner(users, solver, queues, learned)
}

// learner returns the policy of a method that learns.
func (c Config) learner(users int, solver *Solver, queues *droo.VirtualQueues, learned *checkpoints.State) (policy, error) {
	if err := c.checkMemory(users); err != nil {
		return nil, err
	}
	var actor *Actor
	var err error
	weights := rl.NewRand(c.Seed, weightStream)
	if c.Method.graph() {
		actor, err = NewGraphActor(solver, GraphActorConfig{c.GraphHidden, c.GraphRounds, c.LearningRate}, weights)
	} else {
		actor, err = NewMLPActor(users, c.Hidden, c.LearningRate, weights)
	}
	if err != nil {
		return nil, err
	}
	var quantizer droo.Quantizer = &droo.OrderPreserving{}
	if c.Noise > 0 {
		noisy := droo.NewNoisyOrderPreserving
		if c.Method == LyDROO {
			noisy = droo.NewNoisyProbabilities
		}
		if quantizer, err = noisy(c.Noise, rl.NewRand(c.Seed, noiseStream)); err != nil {
			return nil, err
		}
	}
	cfg := droo.Config{
		Candidates: c.Candidates, AdaptInterval: c.AdaptInterval, TrainInterval: c.TrainInterval, StepsPerTrain: 1,
		BatchSize: c.BatchSize, Replace: c.Method == LyDROO, MemorySize: c.MemorySize, Seed: c.Seed,
	}
	if cfg.Candidates == 0 {
		cfg.Candidates = max(2*users, 1)
	}
	var critic droo.Critic[Observation] = solver
	var beyond *longTerm
	if c.Method.learnsValue() {
		if critic, beyond, err = c.longTerm(solver, queues); err != nil {
			return nil, err
		}
	}
	if learned != nil {
		err := actor.LoadState(learned.Sub("actor"))
		if beyond != nil {
			err = errors.Join(err, critic.(droo.Learned).LoadLearned(learned.Sub("critic")))
		}
		if err != nil {
			return nil, fmt.Errorf("lydroo: %s: what was learned: %w", c.Method, err)
		}
	}
	l, err := droo.New(actor, quantizer, critic, ObservationCodec{}, cfg)
	if err != nil {
		return nil, err
	}
	if beyond != nil {
		beyond.learner = learner{l, learned != nil}
		return beyond, nil
	}
	return learner{l, learned != nil}, nil
}

// searcher decides by search, or always alike if there is none.
type searcher struct {
	search func(Observation, []int32) (float64, error)
	x      []int32
}

func (s *searcher) step(obs Observation) ([]int32, error) {
	if s.search == nil {
		return s.x, nil
	}
	_, err := s.search(obs, s.x)
	return s.x, err
}
func (s *searcher) observe(Observation) error { return nil }
func (s *searcher) candidates() int           { return 0 }

// learner decides and learns.
type learner struct {
	*droo.Learner[Observation]
	frozen bool
}

func (l learner) step(obs Observation) ([]int32, error) {
	if l.frozen {
		return l.Decide(obs)
	}
	return l.Step(obs)
}
func (l learner) observe(Observation) error { return nil }
func (l learner) candidates() int           { return l.K() }
