package mecoffload

import (
	"fmt"

	"github.com/graphrl/graphrl/rl/droo"
)

var _ droo.Critic[Observation] = (*Critic)(nil)

// Critic scores candidate decisions by an [Objective]: the model-based critic of DROO for this
// task. With the objective [Scenario.RewardObjective] it is exact in a scenario without jitter and
// channel errors, and ignores later slots.
type Critic struct{ model *SlotModel }

// NewCritic returns a critic for observations of sc with the network and servers of p.
func NewCritic(sc Scenario, p Profile, objective Objective) (*Critic, error) {
	model, err := NewSlotModel(sc, p, objective)
	if err != nil {
		return nil, err
	}
	return &Critic{model}, nil
}

// Score implements droo.Critic: it writes the value of candidate k to dst[k].
func (c *Critic) Score(obs Observation, d *droo.Decisions, dst []float64) error {
	return c.Predict(obs, d, dst, nil)
}

// AfterstateSize implements droo.AfterstateModel. In the next observation only the backlogs depend
// on the decision.
func (c *Critic) AfterstateSize(obs Observation) int { return obs.Servers }

// Predict implements droo.AfterstateModel. It writes the value of candidate k to dst[k] and, unless
// next is nil, the backlog in slots that each server is left with to next [K x N]. Both assume the
// observation's nominal values.
func (c *Critic) Predict(obs Observation, d *droo.Decisions, dst []float64, next []float32) error {
	if d.Rows != obs.Devices {
		return fmt.Errorf("mecoffload: decisions for %d devices, the observation has %d", d.Rows,
			obs.Devices)
	}
	if next != nil && len(next) != d.K*obs.Servers {
		return fmt.Errorf("mecoffload: %d entries for the backlogs of %d candidates and %d servers",
			len(next), d.K, obs.Servers)
	}
	if err := c.model.Begin(&obs); err != nil {
		return err
	}
	return c.model.score(d, dst, next)
}

// Score writes the value of each candidate for the current observation to dst [K]. The last
// candidate becomes the decision.
func (m *SlotModel) Score(d *droo.Decisions, dst []float64) error { return m.score(d, dst, nil) }

func (m *SlotModel) score(d *droo.Decisions, dst []float64, next []float32) error {
	if len(dst) != d.K {
		return fmt.Errorf("mecoffload: %d entries for the values of %d candidates", len(dst), d.K)
	}
	for k := range d.K {
		if err := m.Choose(d.Candidate(k)); err != nil {
			return fmt.Errorf("%w (candidate %d)", err, k)
		}
		dst[k] = m.Value()
		if next == nil {
			continue
		}
		for n, did := range m.did {
			next[k*m.servers+n] = float32(carryOver(did.free, m.slot) / m.slot)
		}
	}
	return nil
}
