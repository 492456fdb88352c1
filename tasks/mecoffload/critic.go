package mecoffload

import (
	"fmt"

	"github.com/graphrl/graphrl/rl/droo"
)

var _ droo.Critic[Observation] = (*Critic)(nil)

// Critic scores decisions by the reward the slot would have if everything were as the observation says: the model-based critic
// of DROO, for this task. It is exact in a scenario without jitter and channel errors, and knows nothing of later slots.
type Critic struct{ evaluator *Evaluator }

// NewCritic returns a critic for observations of sc with the network and servers of p.
func NewCritic(sc Scenario, p Profile) (*Critic, error) {
	return NewCriticOf(sc, p, Objective{Weight: sc.RewardWeight})
}

// NewCriticOf returns a critic that scores decisions by an objective other than the reward.
func NewCriticOf(sc Scenario, p Profile, objective Objective) (*Critic, error) {
	e, err := NewEvaluator(sc, p, objective)
	if err != nil {
		return nil, err
	}
	return &Critic{e}, nil
}

// Evaluator returns the evaluator that the critic scores with.
func (c *Critic) Evaluator() *Evaluator { return c.evaluator }

// Score implements droo.Critic: dst[k] is the nominal reward of candidate k.
func (c *Critic) Score(obs Observation, d *droo.Decisions, dst []float64) error {
	return c.Evaluate(obs, d, dst, nil)
}

// Afterstates writes to next [K x N] the backlog of each server, in slots, with which each candidate would leave the next slot if
// everything were as the observation says. It is what remains of a decision once its reward is paid.
func (c *Critic) Afterstates(obs Observation, d *droo.Decisions, next []float32) error {
	return c.Evaluate(obs, d, nil, next)
}

// Evaluate does what Score and Afterstates do in one pass. A nil value or next is not written.
func (c *Critic) Evaluate(obs Observation, d *droo.Decisions, value []float64, next []float32) error {
	if d.Rows != obs.Devices {
		return fmt.Errorf("mecoffload: decisions for %d devices on an observation of %d", d.Rows, obs.Devices)
	}
	if value != nil && len(value) != d.K {
		return fmt.Errorf("mecoffload: room for %d values of %d candidates", len(value), d.K)
	}
	if next != nil && len(next) != d.K*obs.Servers {
		return fmt.Errorf("mecoffload: room for %d backlogs of %d candidates and %d servers", len(next), d.K, obs.Servers)
	}
	e := c.evaluator
	if err := e.Begin(&obs); err != nil {
		return err
	}
	for k := range d.K {
		if err := e.Choose(d.Candidate(k)); err != nil {
			return fmt.Errorf("%w (candidate %d)", err, k)
		}
		if value != nil {
			value[k] = e.Value()
		}
		if next != nil {
			for n, free := range e.free {
				next[k*obs.Servers+n] = float32(carryOver(free, e.slot) / e.slot)
			}
		}
	}
	return nil
}
