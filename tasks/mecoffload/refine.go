package mecoffload

import "github.com/graphrl/graphrl/rl"

// refiner improves a decision by local search on an objective: pass after pass it gives each device in turn its best option,
// until a pass changes nothing or the next one could exceed the trials. It implements rl.Improver.
//
// What Search does with thousands of evaluations from a greedy start, an actor's proposal leaves little to do. It is meant
// for the long-term critic: under the one-slot critic a better search is worse in the long run once the servers are saturated.
type refiner struct {
	evaluator *Evaluator
	trials    int // evaluations of the objective per decision
}

var _ rl.Improver[Observation] = (*refiner)(nil)

// Improve implements rl.Improver.
func (r *refiner) Improve(obs Observation, decision []int32) (float64, error) {
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
			best, pick := value+leastGain, int32(-1)
			for o := range int32(obs.Options()) {
				if o == e.Choice()[i] {
					continue
				}
				if v := e.TryMove(i, o); v > best {
					best, pick = v, o
				}
			}
			if pick >= 0 {
				e.Move(i, pick)
				value = best
			}
		}
		if value == before {
			break
		}
	}
	copy(decision, e.Choice())
	return value, nil
}
