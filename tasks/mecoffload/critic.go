package mecoffload

import (
	"fmt"

	"github.com/graphrl/graphrl/rl/droo"
)

var _ droo.Critic[Observation] = (*Critic)(nil)

// Critic scores candidate decisions by an [Objective]: the model-based critic of DROO, for this
// task. With the objective [Scenario.RewardObjective] it is exact in a scenario without jitter and
// channel errors, and knows nothing of later slots.
type Critic struct{ model *SlotModel }

// NewCritic returns a critic for observations of sc with the network and servers of p.
func NewCritic(sc Scenario, p Profile, objective Objective) (*Critic, error) {
	model, err := NewSlotModel(sc, p, objective)
	if err != nil {
		return nil, err
	}
	return &Critic{model}, nil
}

// Score implements droo.Critic: dst[k] is what candidate k is worth.
func (c *Critic) Score(obs Observation, d *droo.Decisions, dst []float64) error {
	return c.Predict(obs, d, dst, nil)
}

// AfterstateSize implements droo.AfterstateModel: of all that the next observation says, only the
// backlogs depend on the decision.
func (c *Critic) AfterstateSize(obs Observation) int { return obs.Servers }

// Predict implements droo.AfterstateModel: dst[k] is what candidate k is worth, and next [K x N]
// the backlog of each server, in slots, that it leaves if everything is as the observation says. A
// nil next is not written.
func (c *Critic) Predict(obs Observation, d *droo.Decisions, dst []float64, next []float32) error {
	if d.Rows != obs.Devices {
		return fmt.Errorf("mecoffload: decisions for %d devices on an observation of %d", d.Rows,
			obs.Devices)
	}
	if next != nil && len(next) != d.K*obs.Servers {
		return fmt.Errorf("mecoffload: room for %d backlogs of %d candidates and %d servers",
			len(next), d.K, obs.Servers)
	}
	if err := c.model.Begin(&obs); err != nil {
		return err
	}
	return c.model.score(d, dst, next)
}

// Score writes to dst [K] what each of the candidates is worth for the observation at hand. The
// last one becomes the decision.
func (m *SlotModel) Score(d *droo.Decisions, dst []float64) error { return m.score(d, dst, nil) }

func (m *SlotModel) score(d *droo.Decisions, dst []float64, next []float32) error {
	if len(dst) != d.K {
		return fmt.Errorf("mecoffload: room for %d values of %d candidates", len(dst), d.K)
	}
	for k := range d.K {
		if err := m.Choose(d.Candidate(k)); err != nil {
			return fmt.Errorf("%w (candidate %d)", err, k)
		}
		dst[k] = m.Value()
		if next == nil {
			continue
		}
		for n, free := range m.free {
			next[k*m.servers+n] = float32(carryOver(free, m.slot) / m.slot)
		}
	}
	return nil
}
