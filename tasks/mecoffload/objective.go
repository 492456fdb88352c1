package mecoffload

import "fmt"

// ValueFunction is V: the value of all later slots when the servers start the next slot with a
// backlog [N], in seconds.
type ValueFunction interface {
	Value(backlog []float64) float64
}

// Objective defines the value of a decision under the nominal values of an observation:
//
//	(1/M) sum_m P(T/delta) phi (1 - Weight min(T/delta, 1)) - (1/M) sum_n Prices[n] busy_n + Discount Future(b')
//	- (1/M) sum_m EnergyPrice[m] e_m
//
// where e_m is the energy that device m sends its task with, if the observation has a price for it,
// busy_n is the time server n spends on the slot's tasks and b' the backlog they leave, both
// in seconds. In a slot without tasks only the last term remains. The zero value is the slot's
// average accuracy.
type Objective struct {
	// Weight is w of the reward; see Scenario.RewardWeight.
	Weight float64
	// OnTime is P, the probability that a task is served in time. Nil trusts T: 1 for T <= delta,
	// else 0.
	OnTime *OnTimeTable
	// Prices are the prices of a second of each server [N], in units of accuracy. Nil means 0.
	Prices []float64
	// Future is V of the backlogs after the slot. Nil means 0.
	Future ValueFunction
	// Discount is gamma in [0, 1]: the value now of a reward of 1 one slot later.
	Discount float64
}

// RewardObjective returns the objective that equals the simulator's reward of one slot.
func (s Scenario) RewardObjective() Objective { return Objective{Weight: s.RewardWeight} }

// validate reports the first invalid value.
func (o Objective) validate() error {
	if !(o.Weight >= 0 && o.Weight <= 1) {
		return fmt.Errorf("mecoffload: objective: the weight %v of latencies is not in [0, 1]",
			o.Weight)
	}
	if !(o.Discount >= 0 && o.Discount <= 1) {
		return fmt.Errorf("mecoffload: objective: the discount %v is not in [0, 1]", o.Discount)
	}
	for n, price := range o.Prices {
		if !(price >= 0) {
			return fmt.Errorf("mecoffload: objective: price %v of server %d is below 0", price,
				n)
		}
	}
	return nil
}

// Reward returns the objective's reward of a slot that has happened: the mean over its tasks, with
// deadlines in seconds [M], of phi (1 - Weight T/delta) for those in time. With the scenario's
// weight it equals Outcome.Reward.
func (o Objective) Reward(out *Outcome, deadline []float64) float64 {
	sum := 0.0
	for i, status := range out.Status {
		if status == InTime {
			sum += out.Accuracy[i] * timeliness(out.Latency[i], o.Weight/deadline[i])
		}
	}
	return sum / float64(max(len(out.Status), 1))
}

// OnTimeBins is the number of bins of an OnTimeTable.
const OnTimeBins = 100

const onTimeBinsPerDeadline = OnTimeBins / 2

// OnTimeTable is P(T/delta), the probability that a task is served in time given its nominal
// latency T relative to its deadline delta, as a step function: entry b holds for T/delta in [b/50,
// (b+1)/50). A task with T/delta of 2 or more counts as lost.
type OnTimeTable [OnTimeBins]float64

// NominalOnTime returns the table that trusts nominal values: 1 up to the deadline, 0 after it.
func NominalOnTime() OnTimeTable {
	var t OnTimeTable
	for b := range onTimeBinsPerDeadline {
		t[b] = 1
	}
	return t
}

// At returns the probability that a task is served in time if its nominal latency is ratio times
// its deadline.
func (t *OnTimeTable) At(ratio float64) float64 {
	if b := OnTimeBin(ratio); b < OnTimeBins {
		return t[b]
	}
	return 0
}

// OnTimeBin returns the bin of a ratio T/delta, or OnTimeBins if the ratio is NaN or too large.
func OnTimeBin(ratio float64) int {
	if !(ratio < OnTimeBins/onTimeBinsPerDeadline) {
		return OnTimeBins
	}
	return int(ratio * onTimeBinsPerDeadline)
}
