package wpmec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// Method names a way to decide.
type Method string

// The methods, learned ones first.
const (
	DROO               Method = "droo"       // with the MLP actor, as published
	DROOGraph          Method = "droo-graph" // with the graph actor
	Exhaustive         Method = "exhaustive"
	CoordinateDescent  Method = "coordinate-descent" // from everyone local
	LinearRelaxation   Method = "linear-relaxation"
	Greedy             Method = "greedy"
	AllOffload         Method = "all-offload"
	AllLocal           Method = "all-local"
	maxReferenceSearch        = 12 // users up to which the reference rate is that of the exhaustive search
)

// Methods returns all methods.
func Methods() []Method {
	return []Method{DROO, DROOGraph, Exhaustive, CoordinateDescent, LinearRelaxation, Greedy, AllOffload, AllLocal}
}

// Baselines returns the methods that do not learn and take microseconds for the given number of
// users.
func Baselines(users int) []Method {
	all := []Method{Exhaustive, CoordinateDescent, Greedy, LinearRelaxation, AllOffload, AllLocal}
	if users > maxReferenceSearch {
		return all[1:]
	}
	return all
}

// RunConfig describes a run: one method deciding, and learning if it learns, over a sequence of
// frames. Start from [DefaultRunConfig].
type RunConfig struct {
	Method Method
	Frames int
	Seed   uint64 // of generated channels, initial weights and minibatches

	Data     *Dataset // channels to run on; nil: generated ones, for Users users at Distances(Users)
	Users    int      // without Data
	Params   Params
	Schedule Schedule // what changes over the run; nil: nothing

	Learner droo.Config // of DROO and DROOGraph; its Seed is replaced by Seed, Candidates of 0 by the number of users
	MLP     MLPActorConfig
	Graph   GraphActorConfig

	// Noise is the standard deviation of the noise in half of DROO's candidates (see
	// droo.NoisyOrderPreserving); 0: none, as published. Without it the MLP actor of one seed in
	// five ends with a user that it never offers to offload (the mean over 20 seeds is 0.9965, the
	// worst 0.946). The graph actor, which decides for all users with the same weights, does not
	// have that problem.
	Noise float64

	// Learned, if not nil, is the state of a trained actor, which replaces the initial weights: see
	// [Checkpoint.Learned].
	Learned *checkpoints.State
	// Frozen: decide and do not learn.
	Frozen bool

	// Progress is called after every frame with the number of frames done and the frame's
	// normalized rate; may be nil.
	Progress func(done int, normalized float64)
}

// DefaultRunConfig returns the configuration that does best for a method: 10,000 frames of
// generated channels for 10 users, with the learner's published hyper-parameters.
func DefaultRunConfig(m Method) RunConfig {
	learner := droo.DefaultConfig()
	learner.Candidates = 0
	noise := 0.0
	if m == DROO {
		noise = 2
	}
	return RunConfig{
		Noise:   noise,
		Method:  m,
		Frames:  10000,
		Users:   10,
		Params:  PaperParams(),
		Learner: learner,
		MLP:     DefaultMLPActorConfig(),
		Graph:   DefaultGraphActorConfig(),
	}
}

// Result is the outcome of a run. Rates are normalized by the best rate of each frame: the data
// set's, if a run without a schedule uses one that has rates; else from the exhaustive search for
// up to 12 users, and from coordinate descent beyond.
type Result struct {
	Method Method `json:"method"`
	Users  int    `json:"users"`
	Frames int    `json:"frames"`
	Seed   uint64 `json:"seed"`

	Summary            // of the last 20 % of the frames
	Decision   Latency `json:"decision_us"` // to decide, over all frames
	Frame      Latency `json:"frame_us"`    // to decide and learn
	Candidates float64 `json:"k"`           // mean number of candidates over the last 20 % of the frames; 0 without any

	Normalized []float64 `json:"-"` // [Frames] normalized rate of every frame
	K          []int32   `json:"-"` // [Frames] number of candidates; nil without any
}

// tail returns the first frame that a run's Summary covers: the published code's test frames.
func tail(frames int) int { return frames - (frames - frames*8/10) }

// Run executes cfg. But for the times, equal configurations give equal results. [Training] does the
// same and can be saved.
func Run(ctx context.Context, cfg RunConfig) (*Result, error) {
	e, err := newExecution(cfg)
	if err != nil {
		return nil, err
	}
	for t := range cfg.Frames {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := e.step(); err != nil {
			return nil, err
		}
		if cfg.Progress != nil {
			cfg.Progress(t+1, e.normalized[t])
		}
	}
	return e.result(), nil
}

// execution is a run at work.
type execution struct {
	cfg       RunConfig
	users     int
	env       *Env
	policy    policy
	reference func(t int, obs Observation) (float64, error)
	obs       Observation

	normalized      []float64       // of every frame so far
	k               []int32         // likewise; nil without candidates
	decision, frame []time.Duration // likewise, those that were measured
}

func newExecution(cfg RunConfig) (*execution, error) {
	gains, err := cfg.gains()
	if err != nil {
		return nil, err
	}
	e := &execution{cfg: cfg, users: gains.Users()}
	if cfg.Method == Exhaustive && e.users > MaxExhaustive {
		return nil, fmt.Errorf("wpmec: exhaustive search over %d users: at most %d", e.users, MaxExhaustive)
	}
	if e.env, err = NewEnv(EnvConfig{Params: cfg.Params, Gains: gains, Frames: cfg.Frames, Schedule: cfg.Schedule}); err != nil {
		return nil, err
	}
	if e.policy, err = cfg.policy(e.users); err != nil {
		return nil, err
	}
	if e.reference, err = cfg.reference(e.users); err != nil {
		return nil, err
	}
	e.obs, err = e.env.Reset(cfg.Seed)
	return e, err
}

// step decides one frame and, unless frozen, learns from it.
func (e *execution) step() error {
	t := len(e.normalized)
	if k := e.policy.candidates(); k > 0 {
		e.k = append(e.k, int32(k))
	}
	start := time.Now()
	x, err := e.policy.decide(e.obs)
	if err != nil {
		return fmt.Errorf("wpmec: %s: frame %d: %w", e.cfg.Method, t, err)
	}
	e.decision = append(e.decision, time.Since(start))
	if !e.cfg.Frozen {
		if err := e.policy.learn(e.obs, x); err != nil {
			return fmt.Errorf("wpmec: %s: frame %d: %w", e.cfg.Method, t, err)
		}
	}
	e.frame = append(e.frame, time.Since(start))

	best, err := e.reference(t, e.obs)
	if err != nil {
		return err
	}
	step, err := e.env.Step(x)
	if err != nil {
		return err
	}
	if e.cfg.published() && step.Reward > best*maxBeaten {
		return e.cfg.Data.mismatch(e.cfg.Data.Row(t, e.cfg.Frames), best, step.Reward, "a decision gives %g bit/s")
	}
	normalized := 1.0 // of nothing, when no active user has a channel
	if best > 0 {
		normalized = step.Reward / best
	}
	e.normalized = append(e.normalized, normalized)
	e.obs = step.Observation
	return nil
}

// result returns the result over all frames.
func (e *execution) result() *Result {
	frames := e.cfg.Frames
	from := tail(frames)
	r := &Result{Method: e.cfg.Method, Users: e.users, Frames: frames, Seed: e.cfg.Seed, Normalized: e.normalized, K: e.k}
	r.Summary = Summarize(r.Normalized[from:])
	r.Decision, r.Frame = latencyOf(slices.Clone(e.decision)), latencyOf(slices.Clone(e.frame))
	if r.K != nil {
		for _, k := range r.K[from:] {
			r.Candidates += float64(k) / float64(frames-from)
		}
	}
	return r
}

// gains returns the channels of the run.
func (c RunConfig) gains() (Gains, error) {
	switch {
	case c.Frames < 1:
		return nil, fmt.Errorf("wpmec: a run of %d frames: at least 1", c.Frames)
	case c.Data != nil:
		return NewReplay(c.Data, c.Frames), nil
	case c.Users < 1:
		return nil, fmt.Errorf("wpmec: a run with %d users: at least 1", c.Users)
	}
	return NewChannels(Distances(c.Users))
}

// published reports whether the data set's rates are the reference.
func (c RunConfig) published() bool { return c.Data != nil && c.Data.Rate != nil && c.Schedule == nil }

// reference returns a function that returns the best rate of frame t.
func (c RunConfig) reference(users int) (func(t int, obs Observation) (float64, error), error) {
	s, err := NewSolver(c.Params)
	if err != nil {
		return nil, err
	}
	if c.published() {
		if err := c.Data.checkRates(s); err != nil {
			return nil, err
		}
		return func(t int, _ Observation) (float64, error) { return c.Data.Rate[c.Data.Row(t, c.Frames)], nil }, nil
	}
	x := make([]int32, users)
	return func(_ int, obs Observation) (float64, error) {
		if users <= maxReferenceSearch {
			return s.Exhaustive(obs, x)
		}
		clear(x)
		return s.CoordinateDescent(obs, x)
	}, nil
}

// policy is a method at work.
type policy interface {
	decide(Observation) ([]int32, error)
	learn(Observation, []int32) error
	candidates() int // that the next decision is chosen from; 0: not chosen from candidates
}

func (c RunConfig) policy(users int) (policy, error) {
	solver, err := NewSolver(c.Params)
	if err != nil {
		return nil, err
	}
	search := map[Method]func(Observation, []int32) (float64, error){
		Exhaustive: solver.Exhaustive,
		CoordinateDescent: func(obs Observation, x []int32) (float64, error) {
			clear(x)
			return solver.CoordinateDescent(obs, x)
		},
		LinearRelaxation: solver.LinearRelaxation,
		Greedy:           solver.Greedy,
		AllOffload:       solver.AllOffload,
		AllLocal:         solver.AllLocal,
	}
	if f, ok := search[c.Method]; ok {
		return &searcher{f, make([]int32, users)}, nil
	}

	if err := c.checkMemory(users); err != nil {
		return nil, err
	}
	var actor *Actor
	weights := rl.NewRand(c.Seed, weightStream)
	switch c.Method {
	case DROO:
		actor, err = NewMLPActor(users, c.MLP, weights)
	case DROOGraph:
		actor, err = NewGraphActor(c.Graph, weights)
	default:
		_, err = ParseMethod(string(c.Method))
	}
	if err != nil {
		return nil, err
	}
	cfg := c.Learner
	cfg.Seed = c.Seed
	if cfg.Candidates == 0 {
		cfg.Candidates = users
	}
	var quantizer droo.Quantizer = &droo.OrderPreserving{}
	if c.Noise != 0 {
		if quantizer, err = droo.NewNoisyOrderPreserving(c.Noise, rl.NewRand(c.Seed, noiseStream)); err != nil {
			return nil, err
		}
	}
	if c.Learned != nil {
		if err := actor.LoadState(c.Learned); err != nil {
			return nil, fmt.Errorf("wpmec: %s: the actor that was learned: %w", c.Method, err)
		}
	}
	learner, err := droo.New(actor, quantizer, solver, ObservationCodec{}, cfg)
	if err != nil {
		return nil, err
	}
	return learned{learner}, nil
}

// Streams of rl.NewRand that initial weights and the noise of candidates are drawn from.
const (
	weightStream = 0x6e6e
	noiseStream  = 0x6e7a
)

// searcher decides by search, and learns nothing.
type searcher struct {
	search func(Observation, []int32) (float64, error)
	x      []int32
}

func (s *searcher) decide(obs Observation) ([]int32, error) {
	_, err := s.search(obs, s.x)
	return s.x, err
}
func (s *searcher) learn(Observation, []int32) error { return nil }
func (s *searcher) candidates() int                  { return 0 }

// droo decides and learns with rl's learner.
type learned struct{ *droo.Learner[Observation] }

func (d learned) decide(obs Observation) ([]int32, error) { return d.Decide(obs) }
func (d learned) learn(obs Observation, x []int32) error {
	_, _, err := d.Learn(obs, x)
	return err
}
func (d learned) candidates() int { return d.K() }

// Curve returns the moving average of the normalized rates over the last window frames, for a
// learning curve [Frames].
func (r *Result) Curve(window int) []float64 {
	window = max(window, 1)
	curve := slices.Clone(r.Normalized)
	sum := 0.0
	for t, v := range r.Normalized {
		sum += v
		if t >= window {
			sum -= r.Normalized[t-window]
		}
		curve[t] = sum / float64(min(t+1, window))
	}
	return curve
}
