package serve

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Range is an interval of usual values.
type Range struct{ Low, High float64 }

// Ranges say which observations are usual: like those of the world that a policy was trained in.
//
// Checkpoints hold no statistics of their training, so they are learned when a policy is loaded,
// from slots of the world with the policy deciding. On half of the slots each quantity has a least
// and a greatest value. The score of an observation is how far it lies outside of them, as a share
// of their distance (sizes, deadlines and rates by their logarithms). Of the scores of the other
// half the conformal quantile is the threshold (V. Vovk, A. Gammerman, G. Shafer, "Algorithmic
// Learning in a Random World", 2005): a new slot of the same world lies above it with a probability
// of at most 1/(n+1) for n slots, a thousand by default.
type Ranges struct {
	Bits     Range // of a task, bit
	Deadline Range // s
	Rate     Range // of a link, bit/s
	Capacity Range // share
	Backlog  Range // of a server, slots
	// Threshold is the score above which an observation is out of range.
	Threshold float64
	// Slots is the number of slots that the threshold was learned from.
	Slots int

	slot     float64 // s
	accepted [quantities]Range
	drift    *reference
	odds     *agent.DeadlineModel // of being in time, for the twins
}

// Quantities of an observation.
const (
	ofBits = iota
	ofDeadline
	ofRate
	ofCapacity
	ofBacklog
	quantities
)

var quantityNames = [quantities]string{"bits", "deadline", "rate", "capacity", "backlog"}

// logarithmic quantities are above 0 and spread over orders of magnitude.
var logarithmic = [quantities]bool{ofBits: true, ofDeadline: true, ofRate: true}

const (
	rangeSlots    = 2000      // to learn from
	rangeLinks    = 4_000_000 // bounds the work in large worlds
	leastSlots    = 20
	leastScore    = 0.05 // no threshold is lower: the edge of a range is known no better
	leastDistance = 0.01 // of the ends of a range: 1 % of a share or a slot, or of a value
)

// learnRanges plays slots of a world with a policy.
func learnRanges(sc mecoffload.Scenario, p mecoffload.Profile, policy mecoffload.Policy, seed uint64) (*Ranges, error) {
	sim, err := mecoffload.NewSimulator(sc, p)
	if err != nil {
		return nil, err
	}
	obs, err := sim.Reset(seed)
	if err != nil {
		return nil, err
	}
	slots := max(min(rangeSlots, rangeLinks/(sc.Devices*sc.Degree())), leastSlots)
	r := &Ranges{slot: float64(sc.Slot), drift: newReference(), odds: agent.NewDeadlineModel()}
	model, err := mecoffload.NewSlotModel(sc, p, mecoffload.Objective{})
	if err != nil {
		return nil, err
	}
	var ratio []float64
	var seen [quantities]Range
	for i := range seen {
		seen[i] = Range{math.Inf(1), math.Inf(-1)}
	}
	var extremes [][quantities]Range // of the slots to calibrate with
	action := make(mecoffload.Action, sc.Devices)
	var work pace
	for slot := range slots {
		work.rest()
		if err := policy.Decide(obs, action[:obs.Devices]); err != nil {
			return nil, fmt.Errorf("serve: the range of usual observations: %w", err)
		}
		r.drift.learn(&obs, action[:obs.Devices], r.slot)
		e := r.extremes(&obs)
		if slot < slots/2 {
			for i := range seen {
				seen[i].Low, seen[i].High = min(seen[i].Low, e[i].Low), max(seen[i].High, e[i].High)
			}
		} else {
			extremes = append(extremes, e)
		}
		if err := errors.Join(model.Begin(&obs), model.Choose(action[:obs.Devices])); err != nil {
			return nil, err
		}
		ratio = reuse.Slice(ratio, obs.Devices)
		model.Ratios(ratio)
		step, err := sim.Step(action[:obs.Devices])
		if err != nil {
			return nil, err
		}
		r.odds.Observe(ratio, sim.Outcome().Status)
		obs = step.Observation
	}
	scores := make([]float64, len(extremes))
	for i, e := range extremes {
		scores[i] = score(&seen, &e)
	}
	r.Bits, r.Deadline, r.Rate, r.Capacity, r.Backlog = seen[ofBits], seen[ofDeadline], seen[ofRate], seen[ofCapacity], seen[ofBacklog]
	r.Slots, r.Threshold = len(scores), max(slices.Max(scores), leastScore)
	r.accept(&seen)
	r.drift.done()
	return r, nil
}

// extremes are the least and greatest values of an observation's quantities.
func (r *Ranges) extremes(obs *mecoffload.Observation) [quantities]Range {
	var e [quantities]Range
	for i, values := range [quantities][]float64{obs.Bits, obs.Deadline, obs.Rate, obs.Capacity, obs.Backlog} {
		e[i] = Range{math.Inf(1), math.Inf(-1)}
		for _, v := range values {
			e[i].Low, e[i].High = min(e[i].Low, v), max(e[i].High, v)
		}
	}
	e[ofBacklog].Low /= r.slot
	e[ofBacklog].High /= r.slot
	return e
}

// scale is the scale on which distances of a quantity count.
func scale(quantity int, x float64) float64 {
	if logarithmic[quantity] {
		return math.Log(x)
	}
	return x
}

// distance is the distance of the ends of a range of a quantity.
func distance(quantity int, r Range) float64 {
	return max(scale(quantity, r.High)-scale(quantity, r.Low), leastDistance)
}

// score is how far extremes lie outside of ranges.
func score(usual, e *[quantities]Range) float64 {
	s := 0.0
	for i, r := range usual {
		if !(e[i].Low <= e[i].High) || !(r.Low <= r.High) {
			continue // no values
		}
		outside := max(scale(i, r.Low)-scale(i, e[i].Low), scale(i, e[i].High)-scale(i, r.High), 0)
		s = max(s, outside/distance(i, r))
	}
	return s
}

// accept sets the values whose score is not above the threshold, on their own scale.
func (r *Ranges) accept(usual *[quantities]Range) {
	for i, u := range usual {
		if !(u.Low <= u.High) {
			r.accepted[i] = Range{math.Inf(-1), math.Inf(1)}
			continue
		}
		margin := r.Threshold * distance(i, u)
		if logarithmic[i] {
			r.accepted[i] = Range{u.Low * math.Exp(-margin), u.High * math.Exp(margin)}
		} else {
			r.accepted[i] = Range{max(u.Low-margin, 0), u.High + margin} // shares and times are never below 0
		}
	}
}

// check returns what about a request is out of range, or an empty text. Links over which nothing
// arrives do not count.
func (r *Ranges) check(q *request) string {
	o := &q.obs
	for i, values := range [quantities][]float64{o.Bits, o.Deadline, o.Rate, o.Capacity, o.Backlog} {
		usual, unit := r.accepted[i], 1.0
		if i == ofBacklog {
			unit = r.slot
		}
		low, high := usual.Low*unit, usual.High*unit
		for at, v := range values {
			if v >= low && v <= high || i == ofRate && q.dead(at/o.Degree(), at%o.Degree()) {
				continue
			}
			return fmt.Sprintf("%s %d is %.4g, trained with %.4g to %.4g", quantityNames[i], at, v, low, high)
		}
	}
	return ""
}
