package droo

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/validate"
	"github.com/graphrl/graphrl/rl"
)

// Config holds the hyper-parameters of a Learner. [DefaultConfig] returns the published ones; a
// zero field means what its comment says, not the default.
type Config struct {
	// Candidates is the initial number K of candidate decisions per slot, and its maximum. Default
	// 10: the published code starts with the number of rows, 10.
	Candidates int
	// AdaptInterval is the number of slots after which K adapts (see AdaptiveK); 0 keeps it at
	// Candidates. Default 32 (published code).
	AdaptInterval int
	// TrainInterval is the number of slots between trainings. Default 10 (published code).
	TrainInterval int
	// StepsPerTrain is the number of minibatches per training. Default 1 (published code).
	StepsPerTrain int
	// BatchSize is the number of samples in a minibatch. Unless Replace is set they are
	// drawn without replacement, so training starts once that many are stored. Default 128 (published code).
	BatchSize int
	// Replace draws minibatches with replacement, from the first sample on. Default false, unlike the
	// published code.
	Replace bool
	// MemorySize is the number of samples the replay memory keeps. Default 1024 (published code).
	MemorySize int
	// Window restricts minibatches to the newest samples of the memory; 0 draws from all of it.
	// Default 0.
	Window int
	// Warmup is the number of samples before the first training. Default 0: BatchSize alone
	// decides.
	Warmup int
	// Seed determines the draws of minibatches. Default 0.
	Seed uint64
}

// DefaultConfig returns the hyper-parameters of the code that the authors of DROO published, as
// listed with the fields.
func DefaultConfig() Config {
	return Config{
		Candidates:    10,
		AdaptInterval: 32,
		TrainInterval: 10,
		StepsPerTrain: 1,
		BatchSize:     128,
		MemorySize:    1024,
	}
}

// Check reports invalid fields.
func (c Config) Check() error {
	check := validate.Fields{Name: "droo: DROO"}
	check.Want(c.Candidates >= 1, "Candidates is %d, want at least 1", c.Candidates)
	check.Want(c.AdaptInterval >= 0, "AdaptInterval is %d, want at least 0", c.AdaptInterval)
	check.Want(c.TrainInterval >= 1, "TrainInterval is %d, want at least 1", c.TrainInterval)
	check.Want(c.StepsPerTrain >= 1, "StepsPerTrain is %d, want at least 1", c.StepsPerTrain)
	check.Want(c.BatchSize >= 1, "BatchSize is %d, want at least 1", c.BatchSize)
	check.Want(c.MemorySize >= c.BatchSize, "MemorySize is %d, want at least BatchSize, %d", c.MemorySize, c.BatchSize)
	check.Want(c.Window == 0 || c.Window >= c.BatchSize, "Window is %d, want 0 or at least BatchSize, %d", c.Window, c.BatchSize)
	check.Want(c.Warmup >= 0, "Warmup is %d, want at least 0", c.Warmup)
	return check.Err()
}

// Learner is DROO of L. Huang, S. Bi, Y. J. Zhang, "Deep Reinforcement Learning for Online
// Computation Offloading in Wireless Powered Mobile-Edge Computing Networks" (IEEE TMC 19(11),
// 2020, arXiv 1808.01977), Algorithm 1, for any observation O. Each slot:
//
//	1  the actor maps the observation to relaxed scores         Decide
//	2  the quantizer turns them into K candidate decisions
//	3  the critic scores the candidates
//	4  the best one is executed                                 by the caller
//	5  and is stored with the observation                       Learn
//	6  every TrainInterval slots the actor learns from a
//	   random minibatch to propose the best decisions
//	7  every AdaptInterval slots K adapts
//
// The candidates are the only exploration and the critic is the only reward signal: the actor
// learns to imitate a search that its own proposals make better and better.
//
// A Learner is not safe for concurrent use.
type Learner[O any] struct {
	Policy[O] // decides
	cfg       Config
	actor     Actor[O]
	memory    *rl.ReplayBuffer[Sample[O]]
	adaptive  *AdaptiveK
	rand      *rl.Rand
	slots     int // learned from
	batch     []Sample[O]
}

// New returns a learner. The codec says how its memory keeps observations.
func New[O any](actor Actor[O], quantizer Quantizer, critic Critic[O], codec rl.Codec[O], cfg Config) (*Learner[O], error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	memory, err := rl.NewReplayBuffer[Sample[O]](cfg.MemorySize, sampleCodec[O]{codec})
	if err != nil {
		return nil, err
	}
	adaptive, err := NewAdaptiveK(cfg.Candidates, cfg.AdaptInterval)
	if err != nil {
		return nil, err
	}
	return &Learner[O]{
		Policy:   Policy[O]{scorer: actor, quantizer: quantizer, critic: critic, k: cfg.Candidates},
		cfg:      cfg,
		actor:    actor,
		memory:   memory,
		adaptive: adaptive,
		rand:     rl.NewRand(cfg.Seed, 0),
		batch:    make([]Sample[O], cfg.BatchSize),
	}, nil
}

// Learn stores obs with the decision to imitate, normally the result of the last Decide for it, and
// trains the actor when due. It returns the mean loss of the training steps and whether there were
// any.
//
// A slot with nothing to decide (a decision without rows) counts as a slot, but is not stored.
func (l *Learner[O]) Learn(obs O, decision []int32) (loss float64, trained bool, err error) {
	if len(decision) > 0 {
		l.memory.Add(Sample[O]{obs, decision})
	}
	if l.decided {
		l.adaptive.Observe(l.best)
		l.k = l.adaptive.K()
		l.decided = false
	}
	l.slots++
	least := l.cfg.BatchSize
	if l.cfg.Replace {
		least = 1
	}
	if l.slots%l.cfg.TrainInterval != 0 || l.memory.Len() < least || l.slots < l.cfg.Warmup {
		return 0, false, nil
	}
	for range l.cfg.StepsPerTrain {
		if err := l.draw(); err != nil {
			return 0, false, err
		}
		stepLoss, err := l.actor.Train(l.batch)
		if err != nil {
			return 0, false, fmt.Errorf("droo: train actor: %w", err)
		}
		if math.IsNaN(stepLoss) || math.IsInf(stepLoss, 0) {
			return 0, false, fmt.Errorf("droo: training has diverged: the actor's loss is %v; try a lower learning rate", stepLoss)
		}
		loss += stepLoss / float64(l.cfg.StepsPerTrain)
	}
	return loss, true, nil
}

// draw fills the minibatch.
func (l *Learner[O]) draw() error {
	if !l.cfg.Replace {
		return l.memory.Draw(l.rand, l.cfg.Window, l.batch)
	}
	n := l.memory.Len()
	if l.cfg.Window > 0 {
		n = min(n, l.cfg.Window)
	}
	for i := range l.batch {
		l.batch[i] = l.memory.At(l.rand.IntN(n))
	}
	return nil
}

// Step combines Decide and Learn for problems whose next observation does not depend on the
// decision. It returns the best decision for obs, valid until the next call, and learns from it.
func (l *Learner[O]) Step(obs O) ([]int32, error) {
	decision, err := l.Decide(obs)
	if err != nil {
		return nil, err
	}
	_, _, err = l.Learn(obs, decision)
	return decision, err
}

// Slots returns the number of calls of Learn.
func (l *Learner[O]) Slots() int { return l.slots }

// Memory returns the replay memory.
func (l *Learner[O]) Memory() *rl.ReplayBuffer[Sample[O]] { return l.memory }

// Names of the parts of a learner's state that a policy needs.
const (
	actorState    = "actor"
	criticState   = "critic"
	adaptiveState = "adaptive_k"
)

// SaveState implements checkpoints.Stateful. The state includes those of the actor, the quantizer
// and the critic if they implement checkpoints.Stateful. Save between slots, after Learn and before
// the next Decide: a restored learner then continues exactly as this one.
func (l *Learner[O]) SaveState(s *checkpoints.State) error {
	s.PutInt("slots", int64(l.slots))
	return errors.Join(
		l.memory.SaveState(s.Sub("memory")),
		l.adaptive.SaveState(s.Sub(adaptiveState)),
		l.rand.SaveState(s.Sub("rand")),
		checkpoints.SaveOptional(s, actorState, l.actor),
		checkpoints.SaveOptional(s, "quantizer", l.quantizer),
		checkpoints.SaveOptional(s, criticState, l.critic),
		checkpoints.SaveOptional(s, "improver", l.improver),
		checkpoints.SaveOptional(s, "proposer", l.proposer),
	)
}

// LoadState implements checkpoints.Stateful. The learner must have the configuration of the saved
// one.
func (l *Learner[O]) LoadState(s *checkpoints.State) error {
	l.decided = false
	err := l.adaptive.LoadState(s.Sub(adaptiveState))
	l.k = l.adaptive.K()
	return errors.Join(
		err,
		checkpoints.LoadInt(s, "slots", &l.slots, 0, math.MaxInt),
		l.memory.LoadState(s.Sub("memory")),
		l.rand.LoadState(s.Sub("rand")),
		checkpoints.LoadOptional(s, actorState, l.actor),
		checkpoints.LoadOptional(s, "quantizer", l.quantizer),
		checkpoints.LoadOptional(s, criticState, l.critic),
		checkpoints.LoadOptional(s, "improver", l.improver),
		checkpoints.LoadOptional(s, "proposer", l.proposer),
	)
}
