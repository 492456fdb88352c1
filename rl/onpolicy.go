package rl

// onPolicy collects rollouts for A2C and PPO.
type onPolicy[O any] struct {
	*collector[O]
	rollout *Rollout[O, int]

	actions          []int
	logProbs, values []float32
}

// newOnPolicy returns a collector of rollouts of the given number of steps in each of envs environments.
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
			return err
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
		return err
	}
	return c.rollout.Finish(c.values, gamma, lambda)
}
