package mecoffload

// OnTimeBins is the number of bins of an OnTimeTable.
const OnTimeBins = 100

const onTimeBinsPerDeadline = OnTimeBins / 2

// OnTimeTable is P(T/delta), the probability that a task is served in time given its nominal
// latency T relative to its deadline delta, as a step function: entry b holds for T/delta in [b/50,
// (b+1)/50). A task with T/delta of 2 or more is taken as lost.
type OnTimeTable [OnTimeBins]float64

// NominalOnTime is the table that trusts nominal values: 1 before the deadline and 0 after it.
func NominalOnTime() OnTimeTable {
	var t OnTimeTable
	for b := range onTimeBinsPerDeadline {
		t[b] = 1
	}
	return t
}

// At is the probability that a task is served in time whose nominal latency is the given multiple
// of its deadline.
func (t *OnTimeTable) At(ratio float64) float64 {
	if b := OnTimeBin(ratio); b < OnTimeBins {
		return t[b]
	}
	return 0
}

// OnTimeBin is the bin of a ratio T/delta, OnTimeBins if it is too large for any or NaN.
func OnTimeBin(ratio float64) int {
	if !(ratio < OnTimeBins/onTimeBinsPerDeadline) {
		return OnTimeBins
	}
	return int(ratio * onTimeBinsPerDeadline)
}
