package rl

import (
	"context"
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/nn"
)

// REINFORCEConfig holds the hyper-parameters of REINFORCE. [DefaultREINFORCEConfig] returns the
// defaults that the comments name; a zero field means what its comment says, not the default.
type REINFORCEConfig struct {
	// Steps is the number of steps of the environment to train for. Default 500,000.
	Steps int
	// Episodes is the number of episodes per update, played side by side. Default 16; the published
	// algorithm learns from one.
	Episodes int
	// Gamma is the discount factor. Default 0.99.
	Gamma float64
	// LearningRate is the learning rate of Adam. Default 1e-3.
	LearningRate float64
	// Anneal lets LearningRate fall linearly to 0 over Steps. Default false.
	Anneal bool
	// ValueCoef is the weight of the baseline's squared error, halved. Default 0.5.
	ValueCoef float64
	// EntropyCoef is the weight of the policy's entropy, which delays premature certainty. Default
	// 0.01; the published algorithm has none.
	EntropyCoef float64
	// NormalizeAdvantages gives the advantages of each update mean 0 and standard deviation 1.
	// Default true; the published algorithm does not.
	NormalizeAdvantages bool
	// ClipNorm bounds the global norm of the gradient; 0: no bound. Default 0.5.
	ClipNorm float64
	// Seed determines the initial weights, episodes and actions. Default 0.
	Seed uint64
}

// DefaultREINFORCEConfig returns the defaults listed with the fields.
func DefaultREINFORCEConfig() REINFORCEConfig {
	return REINFORCEConfig{
		Steps:               500_000,
		Episodes:            16,
		Gamma:               0.99,
		LearningRate:        1e-3,
		ValueCoef:           0.5,
		EntropyCoef:         0.01,
		NormalizeAdvantages: true,
		ClipNorm:            0.5,
	}
}

// Check reports invalid fields.
func (c REINFORCEConfig) Check() error {
	check := validate.Fields{Name: "rl: REINFORCE"}
	check.Want(c.Steps >= 1, "Steps is %d, want at least 1", c.Steps)
	check.Want(c.Episodes >= 1, "Episodes is %d, want at least 1", c.Episodes)
	check.Fraction("Gamma", c.Gamma)
	check.Positive("LearningRate", c.LearningRate)
	check.NotNegative("ValueCoef", c.ValueCoef)
	check.NotNegative("EntropyCoef", c.EntropyCoef)
	check.NotNegative("ClipNorm", c.ClipNorm)
	return check.Err()
}

// REINFORCE is the policy gradient in its first form (R. Williams, "Simple Statistical
// Gradient-Following Algorithms for Connectionist Reinforcement Learning", Machine Learning 8,
// 1992). If the model has a value, it is the baseline (R. Sutton, A. Barto, "Reinforcement
// Learning", 2nd ed., section 13.4). Each update
//
//	1  lets the policy play some episodes to their end
//	2  computes for each action the discounted rewards that followed, minus the baseline
//	3  makes one step along the policy gradient, and one of the baseline towards these returns
//
// REINFORCE learns from whole episodes and does not bootstrap from estimates. So it is slow on long
// episodes, and a good first choice for short ones whose final outcome counts, such as building a
// solution step by step. A truncated episode counts as complete.
//
// A REINFORCE is not safe for concurrent use.
type REINFORCE[O any] struct {
	policyLearner[O]
	cfg      REINFORCEConfig
	codec    Codec[O]
	envs     []Env[O, int]
	seeds    *Rand // draws seeds of episodes
	episodes []trajectory[O]

	// State of the running episodes.
	playing          []int // their environments
	obs              []O
	actions          []int
	logProbs, values []float32

	minibatch Minibatch[O]
}

// trajectory is an episode in progress.
type trajectory[O any] struct {
	seed         uint64
	steps        int
	observations []O // at least steps; the rest is reused memory
	actions      []int
	rewards      []float64
	logProbs     []float32
	values       []float32
}

// NewREINFORCE returns a learner.
func NewREINFORCE[O any](problem Problem[O], cfg REINFORCEConfig) (*REINFORCE[O], error) {
	if err := errors.Join(cfg.Check(), problem.check()); err != nil {
		return nil, err
	}
	model, err := problem.newModel(cfg.Seed)
	if err != nil {
		return nil, err
	}
	adam, err := nn.NewAdam(model.Params(), nn.AdamConfig{LearningRate: cfg.LearningRate})
	if err != nil {
		return nil, err
	}
	loss := PolicyLoss{ValueCoef: cfg.ValueCoef, EntropyCoef: cfg.EntropyCoef}
	policy, err := NewActorCritic(model, adam, loss, cfg.ClipNorm, NewRand(cfg.Seed, streamActions))
	if err != nil {
		return nil, err
	}
	l := &REINFORCE[O]{
		cfg:      cfg,
		codec:    problem.Codec,
		seeds:    NewRand(cfg.Seed, 0),
		episodes: make([]trajectory[O], cfg.Episodes),
		actions:  make([]int, cfg.Episodes),
		logProbs: make([]float32, cfg.Episodes),
		values:   make([]float32, cfg.Episodes),
	}
	counts := new(counter)
	if l.envs, err = problem.newEnvs(cfg.Episodes); err != nil {
		return nil, err
	}
	parts := Parts{"seeds": l.seeds, "counts": counts}
	for i, env := range l.envs { // updates begin and end between episodes: of most, nothing remains
		if stateful, ok := env.(checkpoints.Stateful); ok {
			parts[fmt.Sprintf("env/%d", i)] = stateful
		}
	}
	l.policyLearner = newPolicyLearner(policy, counts, parts)
	return l, nil
}

// Train trains until at least cfg.Steps steps are made; see the function Train.
func (l *REINFORCE[O]) Train(ctx context.Context, callbacks ...Callback) error {
	return Train(ctx, "REINFORCE", l, l.cfg.Steps, callbacks...)
}

// Update implements Learner: it plays episodes and learns from them.
func (l *REINFORCE[O]) Update() error {
	if l.cfg.Anneal {
		left := l.counts.left(l.cfg.Steps)
		l.policy.Optimizer().SetLearningRate(l.cfg.LearningRate * left)
	}
	if err := l.play(); err != nil {
		return err
	}
	m := &l.minibatch
	m.Reset()
	for i := range l.episodes {
		e := &l.episodes[i]
		m.Observations = append(m.Observations, e.observations[:e.steps]...)
		m.Actions = append(m.Actions, e.actions...)
		m.LogProbs = append(m.LogProbs, e.logProbs...)
		m.Values = append(m.Values, e.values...)
		begin := len(m.Returns)
		for range e.steps {
			m.Returns, m.Advantages = append(m.Returns, 0), append(m.Advantages, 0)
		}
		total := 0.0
		for t := e.steps - 1; t >= 0; t-- {
			total = e.rewards[t] + l.cfg.Gamma*total
			m.Returns[begin+t] = float32(total)
			m.Advantages[begin+t] = float32(total - float64(e.values[t]))
		}
	}
	if l.cfg.NormalizeAdvantages && len(m.Actions) > 1 {
		m.NormalizeAdvantages()
	}
	var err error
	if l.stats, err = l.policy.Update(m); err != nil {
		return err
	}
	l.updates++
	return l.policy.Observe(m.Observations)
}

// play plays one episode in each environment.
func (l *REINFORCE[O]) play() error {
	l.playing, l.obs = l.playing[:0], l.obs[:0]
	for i, env := range l.envs {
		seed := l.seeds.Uint64()
		obs, err := env.Reset(seed)
		if err != nil {
			return atStep(err, i, 0, seed)
		}
		l.episodes[i].reset(seed)
		l.playing, l.obs = append(l.playing, i), append(l.obs, obs)
	}
	for len(l.playing) > 0 {
		n := len(l.playing)
		if err := l.policy.Act(l.obs, l.actions[:n], l.logProbs[:n], l.values[:n]); err != nil {
			return l.locate(err)
		}
		left := 0
		for k, i := range l.playing {
			e := &l.episodes[i]
			e.act(l.codec, l.obs[k], l.actions[k], l.logProbs[k], l.values[k])
			t, err := step(l.envs[i], l.actions[k])
			if err == nil {
				e.steps++
				err = checkReward(t.Reward)
			}
			if err != nil {
				return l.at(i, err)
			}
			e.rewards = append(e.rewards, t.Reward)
			l.counts.steps++
			if t.Done() {
				l.counts.ended(e.total())
				continue
			}
			l.playing[left], l.obs[left] = i, t.Observation
			left++
		}
		l.playing, l.obs = l.playing[:left], l.obs[:left]
	}
	return nil
}

// at adds the position of an environment to its error.
func (l *REINFORCE[O]) at(env int, err error) error {
	return atStep(err, env, l.episodes[env].steps, l.episodes[env].seed)
}

// locate replaces the index of an observation by its environment and step.
func (l *REINFORCE[O]) locate(err error) error {
	var bad *observationError
	if errors.As(err, &bad) {
		return l.at(l.playing[bad.index], bad.err)
	}
	return err
}

func (e *trajectory[O]) reset(seed uint64) {
	e.seed, e.steps = seed, 0
	e.actions, e.rewards, e.logProbs, e.values = e.actions[:0], e.rewards[:0], e.logProbs[:0], e.values[:0]
}

// total returns the sum of the rewards.
func (e *trajectory[O]) total() float64 {
	sum := 0.0
	for _, r := range e.rewards {
		sum += r
	}
	return sum
}

// act stores the policy's observation and action.
func (e *trajectory[O]) act(codec Codec[O], obs O, action int, logProb, value float32) {
	if e.steps == len(e.observations) {
		var o O
		e.observations = append(e.observations, o)
	}
	codec.Copy(&e.observations[e.steps], obs)
	e.actions, e.logProbs, e.values = append(e.actions, action), append(e.logProbs, logProb), append(e.values, value)
}
