package rl

import (
	"errors"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
)

// counter counts the steps and episodes of a training.
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

// collector steps a learner's environments and counts what happens in them.
type collector[O any] struct {
	counter
	env     *VecEnv[O, int]
	returns []float64 // of the running episodes, so far
}

// newCollector makes n environments and starts their first episodes.
func newCollector[O any](problem Problem[O], n, goroutines int, seed uint64) (*collector[O], error) {
	if err := problem.check(); err != nil {
		return nil, err
	}
	all := make([]Env[O, int], n)
	for i := range all {
		all[i] = problem.NewEnv()
	}
	env, err := NewVecEnv(all, goroutines, IntCodec{})
	if err != nil {
		return nil, err
	}
	if _, err := env.Reset(seed); err != nil {
		return nil, err
	}
	return &collector[O]{env: env, returns: make([]float64, n)}, nil
}

// step executes one action in each environment.
func (c *collector[O]) step(actions []int) ([]VecStep[O], error) {
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
