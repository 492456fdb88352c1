package agent

import (
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// refiner improves a decision by local search on an objective: pass after pass it gives each device in turn its best option,
// until a pass changes nothing or the next one could exceed the trials. It implements droo.Improver.
//
// What Search does with thousands of evaluations from a greedy start, an actor's proposal leaves little to do. It is meant
// for the long-term critic: under the one-slot critic a better search is worse in the long run once the servers are saturated.
type refiner struct {
	evaluator *mecoffload.Evaluator
	trials    int // evaluations of the objective per decision
}

var _ droo.Improver[mecoffload.Observation] = (*refiner)(nil)

// Improve implements droo.Improver.
func (r *refiner) Improve(obs mecoffload.Observation, decision []int32) (float64, error) {
	e := r.evaluator
	if err := e.Begin(&obs); err != nil {
		return 0, err
	}
	if err := e.Choose(decision); err != nil {
		return 0, err
	}
	value := e.Value()
	perPass := obs.Devices * obs.Options()
	for trials := perPass; trials <= r.trials; trials += perPass {
		before := value
		for i := range decision {
			value = e.Improve(i, value)
		}
		if value == before {
			break
		}
	}
	copy(decision, e.Choice())
	return value, nil
}

// proposer proposes a greedy decision, refined where decisions are. It implements droo.Proposer.
type proposer struct {
	greedy *mecoffload.BestExitInTime
	refine *refiner // nil: as it is
}

// Propose implements droo.Proposer.
func (p *proposer) Propose(obs mecoffload.Observation, dst []int32) error {
	err := p.greedy.Decide(obs, dst)
	if err == nil && p.refine != nil {
		_, err = p.refine.Improve(obs, dst)
	}
	return err
}
