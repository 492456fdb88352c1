package mecoffload

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
