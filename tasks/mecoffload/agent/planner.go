package agent

import (
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// planner searches for good decisions on the model of a slot under one objective. It scores
// candidates (droo.Critic), proposes one that needs no learning (droo.Proposer) and improves the
// best (droo.Improver). begin sets the model's observation once per slot; the methods must get the
// same one.
type planner struct {
	model  *mecoffload.SlotModel
	greedy *mecoffload.BestExitInTime // nil: no proposal
	// evaluations of the objective per improved decision; 0: no improvement
	trials int
}

var (
	_ droo.Critic[mecoffload.Observation]   = (*planner)(nil)
	_ droo.Proposer[mecoffload.Observation] = (*planner)(nil)
	_ droo.Improver[mecoffload.Observation] = (*planner)(nil)
)

// newPlanner returns a planner. Only the long-term objective is worth improving on: under the
// one-slot objective a better search is worse in the long run once the servers are saturated.
func newPlanner(sc mecoffload.Scenario, p mecoffload.Profile, o mecoffload.Objective, r Recipe, longTerm bool) (*planner, error) {
	model, err := mecoffload.NewSlotModel(sc, p, o)
	if err != nil {
		return nil, err
	}
	pl := &planner{model: model}
	if longTerm {
		pl.trials = r.RefineTrials
	}
	if r.ProposeGreedy {
		pl.greedy, err = mecoffload.NewBestExitInTime(p)
	}
	return pl, err
}

// begin starts a slot.
func (p *planner) begin(obs *mecoffload.Observation) error { return p.model.Begin(obs) }

// Score implements droo.Critic.
func (p *planner) Score(_ mecoffload.Observation, d *droo.Decisions, dst []float64) error {
	return p.model.Score(d, dst)
}

// Propose implements droo.Proposer: it takes the best exit in time for every task, improved if
// improvement is on.
func (p *planner) Propose(obs mecoffload.Observation, dst []int32) error {
	err := p.greedy.Decide(obs, dst)
	if err == nil && p.trials > 0 {
		_, err = p.Improve(obs, dst)
	}
	return err
}

// Improve implements droo.Improver. Each pass gives each device in turn its best option; it stops
// when a pass changes nothing or the next one could exceed the trials.
func (p *planner) Improve(obs mecoffload.Observation, decision []int32) (float64, error) {
	m := p.model
	if err := m.Choose(decision); err != nil {
		return 0, err
	}
	value := m.Value()
	perPass := obs.Devices * obs.Options()
	for trials := perPass; trials <= p.trials; trials += perPass {
		before := value
		for i := range decision {
			value = m.Improve(i, value)
		}
		if value == before {
			break
		}
	}
	copy(decision, m.Choice())
	return value, nil
}
