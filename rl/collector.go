package rl

import (
	"errors"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
)

// counter counts the steps and episodes of a training run.
type counter struct {
	steps    int       // that executed an action
	episodes int       // that ended
	recent   []float64 // returns of the last episodes, a ring of at most recentEpisodes
}

// recentEpisodes is the number of episodes whose mean return learners report.
const recentEpisodes = 100

// ended counts an episode of the given return.
func (c *counter) ended(total float64) {
	if len(c.recent) < recentEpisodes {
		c.recent = append(c.recent, total)
	} else {
		c.recent[c.episodes%recentEpisodes] = total
	}
	c.episodes++
}

func (c *counter) progress() Progress {
	p := Progress{Steps: c.steps, Episodes: c.episodes, Return: math.NaN()}
	if len(c.recent) > 0 {
		p.Return = Mean(c.recent)
	}
	return p
}

// left returns the share of a training run of the given number of steps that remains.
func (c *counter) left(steps int) float64 { return 1 - float64(c.steps)/float64(steps) }

// SaveState implements checkpoints.Stateful.
func (c *counter) SaveState(s *checkpoints.State) error {
	s.PutInt("steps", int64(c.steps))
	s.PutInt("episodes", int64(c.episodes))
	s.PutFloat64("recent", nil, c.recent)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (c *counter) LoadState(s *checkpoints.State) error {
	if err := errors.Join(
		checkpoints.LoadInt(s, "steps", &c.steps, 0, math.MaxInt),
		checkpoints.LoadInt(s, "episodes", &c.episodes, 0, math.MaxInt),
	); err != nil {
		return err
	}
	c.recent = make([]float64, min(c.episodes, recentEpisodes))
	return s.Float64("recent", c.recent)
}

// collector steps a learner's environments and counts steps and episodes.
type collector[O any] struct {
	counter
	env     *VecEnv[O, int]
	returns []float64 // sums of rewards of the running episodes
}

// newCollector creates n environments and starts their first episodes.
func newCollector[O any](problem Problem[O], n, goroutines int, seed uint64) (*collector[O], error) {
	if err := problem.check(); err != nil {
		return nil, err
	}
	all, err := problem.newEnvs(n)
	if err != nil {
		return nil, err
	}
	env, err := NewVecEnv(all, goroutines, problem.Codec, IntCodec{})
	if err != nil {
		return nil, err
	}
	if _, err := env.Reset(seed); err != nil {
		return nil, err
	}
	return &collector[O]{env: env, returns: make([]float64, n)}, nil
}

// step executes one action in each environment. An action may be -1 only where an episode is over.
func (c *collector[O]) step(actions []int) ([]VecStep[O], error) {
	for i, action := range actions {
		if action < 0 && !c.env.steps[i].Done() {
			return nil, c.env.at(i, ErrNoAction)
		}
	}
	steps, err := c.env.Step(actions)
	if err != nil {
		return nil, err
	}
	for i, s := range steps {
		if s.Reset {
			continue
		}
		c.steps++
		c.returns[i] += s.Reward
		if s.Done() {
			c.ended(c.returns[i])
			c.returns[i] = 0
		}
	}
	return steps, nil
}

// SaveState implements checkpoints.Stateful.
func (c *collector[O]) SaveState(s *checkpoints.State) error {
	s.PutFloat64("returns", nil, c.returns)
	return errors.Join(c.counter.SaveState(s), c.env.SaveState(s.Sub("env")))
}

// LoadState implements checkpoints.Stateful.
func (c *collector[O]) LoadState(s *checkpoints.State) error {
	return errors.Join(
		s.Float64("returns", c.returns),
		c.counter.LoadState(s),
		c.env.LoadState(s.Sub("env")),
	)
}

// onPolicy collects rollouts for A2C and PPO.
type onPolicy[O any] struct {
	*collector[O]
	rollout *Rollout[O, int]

	actions          []int
	logProbs, values []float32
}

// newOnPolicy returns a collector of rollouts of the given number of steps in each of envs
// environments.
func newOnPolicy[O any](problem Problem[O], steps, envs, goroutines int, seed uint64) (*onPolicy[O], error) {
	c, err := newCollector(problem, envs, goroutines, seed)
	if err != nil {
		return nil, err
	}
	rollout, err := NewRollout(steps, envs, problem.Codec, IntCodec{})
	if err != nil {
		return nil, err
	}
	return &onPolicy[O]{
		collector: c,
		rollout:   rollout,
		actions:   make([]int, envs),
		logProbs:  make([]float32, envs),
		values:    make([]float32, envs),
	}, nil
}

// collect fills the rollout with steps of a policy and estimates their advantages.
func (c *onPolicy[O]) collect(p *ActorCritic[O], gamma, lambda float64) error {
	c.rollout.Clear()
	for range c.rollout.Steps {
		obs := c.env.Observations()
		if err := p.Act(obs, c.actions, c.logProbs, c.values); err != nil {
			return c.env.locate(err)
		}
		if err := c.rollout.Act(obs, c.actions, c.logProbs, c.values); err != nil {
			return err
		}
		steps, err := c.step(c.actions)
		if err != nil {
			return err
		}
		if err := c.rollout.Observe(steps); err != nil {
			return err
		}
	}
	if err := p.Values(c.env.Observations(), c.values); err != nil {
		return c.env.locate(err)
	}
	return c.rollout.Finish(c.values, gamma, lambda)
}

// policyLearner is the common part of PPO, A2C and REINFORCE: a policy and the progress of its
// training.
type policyLearner[O any] struct {
	policy  *ActorCritic[O]
	counts  *counter
	updates int
	stats   PolicyStats // of the last update
	parts   Parts       // of a checkpoint
}

// newPolicyLearner adds the policy and the number of updates to the parts of a checkpoint.
func newPolicyLearner[O any](policy *ActorCritic[O], counts *counter, parts Parts) policyLearner[O] {
	parts["policy"] = policy
	return policyLearner[O]{policy: policy, counts: counts, parts: parts}
}

// Decide implements Policy.
func (l *policyLearner[O]) Decide(obs []O, actions []int) error { return l.policy.Decide(obs, actions) }

// Policy returns the policy.
func (l *policyLearner[O]) Policy() *ActorCritic[O] { return l.policy }

// Progress implements Learner.
func (l *policyLearner[O]) Progress() Progress {
	p := l.counts.progress()
	p.Updates, p.Loss, p.Policy = l.updates, l.stats.Loss, l.stats
	return p
}

// SaveState implements checkpoints.Stateful. Save between updates, in a Callback or outside Train.
// A learner restored from the state continues bit for bit.
func (l *policyLearner[O]) SaveState(s *checkpoints.State) error {
	s.PutInt("updates", int64(l.updates))
	return l.parts.SaveState(s)
}

// LoadState implements checkpoints.Stateful. The learner must have the configuration of the saved
// one.
func (l *policyLearner[O]) LoadState(s *checkpoints.State) error {
	err := checkpoints.LoadInt(s, "updates", &l.updates, 0, math.MaxInt)
	return errors.Join(err, l.parts.LoadState(s))
}
