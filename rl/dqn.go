package rl

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/nn"
)

// DQNConfig holds the hyper-parameters of DQN. [DefaultDQNConfig] returns the defaults that the
// comments name; a zero field means what its comment says, not the default. "Paper" is the paper in
// the documentation of DQN, or of the extension that the field belongs to; its values are for Atari
// games, with 50 million steps.
type DQNConfig struct {
	// Steps is the total number of environment steps to train for. Default 500,000.
	Steps int
	// Envs is the number of environments stepped side by side. Default 1 (paper).
	Envs int
	// Goroutines is the number of goroutines that step the environments; it does not change
	// results. Default 1.
	Goroutines int
	// BufferSize is the number of experiences the replay memory keeps. Default 10,000. Paper: 1
	// million.
	BufferSize int
	// LearningStarts is the number of steps before the first update. Default 1000. Paper: 50,000.
	LearningStarts int
	// TrainInterval is the number of steps in each environment from one update to the next. Default
	// 4 (paper).
	TrainInterval int
	// GradientSteps is the number of minibatches in an update. Default 1 (paper).
	GradientSteps int
	// BatchSize is the number of experiences in a minibatch. Default 128. Paper: 32.
	BatchSize int
	// Gamma is the discount factor. Default 0.99 (paper).
	Gamma float64
	// LearningRate is the learning rate of Adam. Default 2.5e-4. Paper: 2.5e-4, of RMSProp.
	LearningRate float64
	// TargetInterval is the number of minibatches from one update of the target network to the
	// next. Default 100. Paper: 10,000.
	TargetInterval int
	// Tau is the share of the way that the target network then moves to the online network. Default
	// 1 (paper).
	Tau float64
	// EpsilonStart, EpsilonEnd and EpsilonFraction are the probability of a random action at the
	// start, its final value, and the part of Steps over which it falls there linearly. Default 1,
	// 0.05 and 0.2. Paper: 1, 0.1 and 0.02.
	EpsilonStart, EpsilonEnd, EpsilonFraction float64
	// Double lets the online network choose the action and the target network value it, against
	// overestimation (H. van Hasselt, A. Guez, D. Silver, "Deep Reinforcement Learning with Double
	// Q-learning", AAAI 2016). Default true.
	Double bool
	// Dueling splits action values into the value of the observation and advantages, Q = V + A -
	// mean A (Z. Wang et al., "Dueling Network Architectures for Deep Reinforcement Learning", ICML
	// 2016, eq. 9). V is the model's value, which is then required, and A its scores. Default
	// false.
	Dueling bool
	// NStep is the number of rewards that returns add up before they bootstrap from the network (M.
	// Hessel et al., "Rainbow", AAAI 2018). Default 1 (paper). Rainbow: 3.
	NStep int
	// PriorityAlpha is the exponent of prioritised replay, which prefers experiences of high error;
	// 0: uniform draws (T. Schaul et al., "Prioritized Experience Replay", ICLR 2016). Default 0.
	// Paper: 0.6.
	PriorityAlpha float64
	// PriorityBeta is the initial exponent of the importance weights that correct this preference;
	// it grows linearly to 1 over Steps. Default 0.4 (paper).
	PriorityBeta float64
	// HuberDelta is the TD error beyond which the loss is linear; 0: half the squared error
	// throughout. Default 1 (paper, which clips errors to [-1, 1]).
	HuberDelta float64
	// ClipNorm bounds the global norm of the gradient; 0: no bound. Default 10, as in the paper on
	// dueling networks.
	ClipNorm float64
	// Seed determines the initial weights, episodes, exploration and minibatches. Default 0.
	Seed uint64
}

// DefaultDQNConfig returns the defaults listed with the fields.
func DefaultDQNConfig() DQNConfig {
	return DQNConfig{
		Steps:           500_000,
		Envs:            1,
		Goroutines:      1,
		BufferSize:      10_000,
		LearningStarts:  1000,
		TrainInterval:   4,
		GradientSteps:   1,
		BatchSize:       128,
		Gamma:           0.99,
		LearningRate:    2.5e-4,
		TargetInterval:  100,
		Tau:             1,
		EpsilonStart:    1,
		EpsilonEnd:      0.05,
		EpsilonFraction: 0.2,
		Double:          true,
		NStep:           1,
		PriorityBeta:    0.4,
		HuberDelta:      1,
		ClipNorm:        10,
	}
}

// Check reports invalid fields.
func (c DQNConfig) Check() error {
	check := validate.Fields{Name: "rl: DQN"}
	check.Want(c.Steps >= 1, "Steps is %d, want at least 1", c.Steps)
	check.Want(c.Envs >= 1, "Envs is %d, want at least 1", c.Envs)
	check.Want(c.Goroutines >= 1, "Goroutines is %d, want at least 1", c.Goroutines)
	check.Want(c.BufferSize >= c.BatchSize, "BufferSize is %d, want at least BatchSize, %d", c.BufferSize, c.BatchSize)
	check.Want(c.LearningStarts >= 0 && c.LearningStarts <= c.Steps, "LearningStarts is %d, want 0 to Steps, %d", c.LearningStarts, c.Steps)
	check.Want(c.TrainInterval >= 1, "TrainInterval is %d, want at least 1", c.TrainInterval)
	check.Want(c.GradientSteps >= 1, "GradientSteps is %d, want at least 1", c.GradientSteps)
	check.Want(c.BatchSize >= 1, "BatchSize is %d, want at least 1", c.BatchSize)
	check.Fraction("Gamma", c.Gamma)
	check.Positive("LearningRate", c.LearningRate)
	check.Want(c.TargetInterval >= 1, "TargetInterval is %d, want at least 1", c.TargetInterval)
	check.Want(c.Tau > 0 && c.Tau <= 1, "Tau is %v, want it in (0, 1]", c.Tau)
	check.Fraction("EpsilonStart", c.EpsilonStart)
	check.Fraction("EpsilonEnd", c.EpsilonEnd)
	check.Fraction("EpsilonFraction", c.EpsilonFraction)
	check.Want(c.NStep >= 1, "NStep is %d, want at least 1", c.NStep)
	check.NotNegative("PriorityAlpha", c.PriorityAlpha)
	check.Fraction("PriorityBeta", c.PriorityBeta)
	check.NotNegative("HuberDelta", c.HuberDelta)
	check.NotNegative("ClipNorm", c.ClipNorm)
	return check.Err()
}

// DQN is deep Q-learning (V. Mnih et al., "Human-level control through deep reinforcement
// learning", Nature 518, 2015) with the extensions that its configuration names. Each update
//
//	1  acts, mostly greedily and otherwise at random, and stores the experiences in the replay memory
//	2  draws a minibatch of experiences from the memory
//	3  computes a target for each action: the rewards that followed plus the discounted value of the
//	   best action after them, by the target network, an old copy of the network
//	4  makes one step that moves the network's action values towards the targets
//
// A DQN is not safe for concurrent use.
type DQN[O any] struct {
	cfg    DQNConfig
	env    *collector[O]
	online *qNetwork[O]
	target *qNetwork[O]
	adam   *nn.Adam
	nstep  []*NStep[O] // one per environment
	memory *PrioritizedReplay[Experience[O]]
	rand   *Rand // for exploration
	draws  *Rand // for minibatches

	minibatches int
	updates     int
	loss        float64 // of the last update

	remember  func(Experience[O]) // adds to the replay memory
	memoryErr error               // error of remember

	actions []int
	batch   []Experience[O]
	slots   []int
	obs     []O
	next    []O
	choices []int
}

// NewDQN returns a learner.
func NewDQN[O any](problem Problem[O], cfg DQNConfig) (*DQN[O], error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	env, err := newCollector(problem, cfg.Envs, cfg.Goroutines, cfg.Seed)
	if err != nil {
		return nil, err
	}
	memory, err := NewPrioritizedReplay(cfg.BufferSize, cfg.PriorityAlpha, ExperienceCodec[O]{problem.Codec})
	if err != nil {
		return nil, err
	}
	l := &DQN[O]{
		cfg:     cfg,
		env:     env,
		memory:  memory,
		rand:    NewRand(cfg.Seed, streamActions),
		draws:   NewRand(cfg.Seed, streamMinibatches),
		actions: make([]int, cfg.Envs),
		batch:   make([]Experience[O], cfg.BatchSize),
		slots:   make([]int, cfg.BatchSize),
		obs:     make([]O, cfg.BatchSize),
		next:    make([]O, cfg.BatchSize),
		choices: make([]int, cfg.BatchSize),
	}
	l.remember = func(e Experience[O]) {
		if err := memory.Add(e); err != nil {
			l.memoryErr = err
		}
	}
	for range cfg.Envs {
		nstep, err := NewNStep(cfg.NStep, cfg.Gamma, problem.Codec)
		if err != nil {
			return nil, err
		}
		l.nstep = append(l.nstep, nstep)
	}
	for _, q := range []**qNetwork[O]{&l.online, &l.target} { // with equal weights
		model, err := problem.newModel(cfg.Seed)
		if err != nil {
			return nil, err
		}
		if *q, err = newQNetwork(model, cfg.Dueling); err != nil {
			return nil, err
		}
	}
	if l.adam, err = nn.NewAdam(l.online.params, nn.AdamConfig{LearningRate: cfg.LearningRate}); err != nil {
		return nil, err
	}
	if err := l.online.train(l.adam, cfg.HuberDelta, cfg.ClipNorm, cfg.BatchSize); err != nil {
		return nil, err
	}
	return l, nil
}

// Train trains until cfg.Steps steps are made; see the function Train.
func (l *DQN[O]) Train(ctx context.Context, callbacks ...Callback) error {
	return Train(ctx, "DQN", l, l.cfg.Steps, callbacks...)
}

// Update implements Learner: it acts for TrainInterval steps in all environments and then learns.
func (l *DQN[O]) Update() error {
	for range l.cfg.TrainInterval {
		if err := l.act(); err != nil {
			return err
		}
	}
	if l.env.steps < l.cfg.LearningStarts || l.memory.Len() < l.cfg.BatchSize {
		return nil
	}
	l.loss = 0
	for range l.cfg.GradientSteps {
		loss, err := l.learn()
		if err != nil {
			return l.failed(err)
		}
		l.loss += loss / float64(l.cfg.GradientSteps)
		l.minibatches++
		if l.minibatches%l.cfg.TargetInterval == 0 {
			l.target.approach(l.online, l.cfg.Tau)
		}
	}
	l.updates++
	return nil
}

// act makes one step in each environment and remembers it.
func (l *DQN[O]) act() error {
	obs := l.env.env.Observations()
	progress := float64(l.env.steps) / float64(l.cfg.Steps)
	epsilon := l.cfg.EpsilonEnd
	if progress < l.cfg.EpsilonFraction {
		epsilon = l.cfg.EpsilonStart + (l.cfg.EpsilonEnd-l.cfg.EpsilonStart)*progress/l.cfg.EpsilonFraction
	}
	if err := l.online.explore(obs, l.actions, epsilon, l.rand); err != nil {
		return l.env.env.locate(l.failed(err))
	}
	for i, nstep := range l.nstep {
		if err := nstep.Act(obs[i], l.actions[i]); err != nil {
			return err
		}
	}
	steps, err := l.env.step(l.actions)
	if err != nil {
		return err
	}
	for i, s := range steps {
		if s.Reset {
			l.nstep[i].Reset()
			continue
		}
		if err := l.nstep[i].Observe(s.Transition, l.remember); err != nil {
			return err
		}
	}
	if l.memoryErr != nil {
		return l.memoryErr
	}
	for _, q := range []*qNetwork[O]{l.online, l.target} {
		if err := observe(q.model, l.env.env.Observations()); err != nil {
			return l.env.env.locate(err)
		}
	}
	return nil
}

// learn makes one step on a minibatch and returns the loss before it.
func (l *DQN[O]) learn() (float64, error) {
	progress := min(1, float64(l.env.steps)/float64(l.cfg.Steps))
	beta := l.cfg.PriorityBeta + (1-l.cfg.PriorityBeta)*progress
	td := &l.online.td
	if err := l.memory.Draw(l.draws, beta, l.batch, l.slots, td.weights); err != nil {
		return 0, err
	}
	for i, e := range l.batch {
		l.obs[i], l.next[i], td.actions[i] = e.Observation, e.Next, e.Action
	}
	// The target is Return + Discount Q_target(Next, a*), where a* is the best action by Q_target
	// or, with Double, by Q_online.
	best := l.target
	if l.cfg.Double {
		best = l.online
	}
	if err := best.act.decide(l.next, l.choices); err != nil {
		return 0, err
	}
	q, err := l.target.values(l.next)
	if err != nil {
		return 0, err
	}
	for i, e := range l.batch {
		target := e.Return
		if own, _ := l.target.act.Choices.Of(i, q); l.choices[i] >= 0 {
			target += e.Discount * float64(own[l.choices[i]])
		}
		td.targets[i] = float32(target)
	}
	loss, err := l.online.learn(l.obs)
	if err != nil {
		return 0, err
	}
	if l.cfg.PriorityAlpha > 0 {
		err = l.memory.Update(l.slots, td.errors)
	}
	return loss, err
}

// Decide implements Policy.
func (l *DQN[O]) Decide(obs []O, actions []int) error {
	if err := l.online.act.decide(obs, actions); err != nil {
		return l.failed(err)
	}
	return nil
}

// failed explains errors of the networks.
func (l *DQN[O]) failed(err error) error {
	return fmt.Errorf("rl: action values: %w", diverged(err, l.adam, l.online.td.targets))
}

// Params returns the weights of the online network.
func (l *DQN[O]) Params() nn.Params { return l.online.params }

// Progress implements Learner.
func (l *DQN[O]) Progress() Progress {
	p := l.env.progress()
	p.Updates, p.Loss = l.updates, l.loss
	return p
}

// SaveState implements checkpoints.Stateful. The state includes the replay memory. Save between
// updates, in a Callback or outside Train. A learner restored from the state continues bit for bit.
func (l *DQN[O]) SaveState(s *checkpoints.State) error {
	s.PutInt("minibatches", int64(l.minibatches))
	s.PutInt("updates", int64(l.updates))
	checkpoints.SaveOptimizer(s.Sub("optimizer"), l.adam)
	return l.parts().SaveState(s)
}

// LoadState implements checkpoints.Stateful. The learner must have the configuration of the saved
// one.
func (l *DQN[O]) LoadState(s *checkpoints.State) error {
	return errors.Join(
		checkpoints.LoadInt(s, "minibatches", &l.minibatches, 0, math.MaxInt),
		checkpoints.LoadInt(s, "updates", &l.updates, 0, math.MaxInt),
		checkpoints.LoadOptimizer(s.Sub("optimizer"), l.adam),
		l.parts().LoadState(s),
	)
}

func (l *DQN[O]) parts() Parts {
	parts := Parts{
		"collector":   l.env,
		"online":      l.online,
		"target":      l.target,
		"memory":      l.memory,
		"exploration": l.rand,
		"draws":       l.draws,
	}
	for i, nstep := range l.nstep {
		parts[fmt.Sprintf("nstep/%d", i)] = nstep
	}
	return parts
}
