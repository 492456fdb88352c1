package serve

import (
	"math"

	"github.com/graphrl/graphrl/serve/servepb"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// pairs estimates the mean of differences that depend on their neighbours, by batch means: batches of
// consecutive slots are nearly independent, so the means of mostBatches/2 to mostBatches of them give
// an interval by Student's t. When there are more, two at a time become one.
type pairs struct {
	slots   uint64
	size    int // slots in a batch
	batches []float64
	sum     float64 // of the batch under way
	n       int
}

const (
	mostBatches  = 40
	leastBatches = 10
	firstBatch   = 10 // slots
)

func (p *pairs) add(difference float64) {
	p.slots++
	p.size = max(p.size, firstBatch)
	p.sum += difference
	if p.n++; p.n < p.size {
		return
	}
	p.batches = append(p.batches, p.sum/float64(p.n))
	p.sum, p.n = 0, 0
	if len(p.batches) < mostBatches {
		return
	}
	for i := range mostBatches / 2 {
		p.batches[i] = (p.batches[2*i] + p.batches[2*i+1]) / 2
	}
	p.batches, p.size = p.batches[:mostBatches/2], 2*p.size
}

// estimate is a mean difference with its interval.
type estimate struct {
	slots           uint64
	mean, low, high float64
}

// interval returns the mean with an interval of a confidence such as 0.95. It is infinite as long as
// there are too few slots.
func (p *pairs) interval(confidence float64) estimate {
	e := estimate{p.slots, 0, math.Inf(-1), math.Inf(1)}
	n := len(p.batches)
	if n == 0 {
		if p.n > 0 {
			e.mean = p.sum / float64(p.n)
		}
		return e
	}
	mean, deviation := stat.MeanStdDev(p.batches, nil)
	e.mean = mean
	if n >= leastBatches {
		t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile((1 + confidence) / 2)
		half := t * deviation / math.Sqrt(float64(n))
		e.low, e.high = mean-half, mean+half
	}
	return e
}

// Verdicts about a shadow.
const (
	better    = "better"
	worse     = "worse"
	undecided = "undecided"
)

func (e estimate) verdict() string {
	switch {
	case e.low > 0:
		return better
	case e.high < 0:
		return worse
	}
	return undecided
}

func (e estimate) message() *servepb.Shadow {
	return &servepb.Shadow{Slots: e.slots, Difference: e.mean, Low: e.low, High: e.high, Verdict: e.verdict()}
}

// PromotionRule lets a shadow act without a command. After a promotion the former policy is the
// shadow, so the rule also rolls back. The zero value does nothing.
type PromotionRule struct {
	// After is the number of compared slots after which the rule first looks; it looks again each
	// time they have doubled, since each look is a chance to be wrong. 0: never.
	After uint64
	// Margin is the least difference of expected rewards that the interval of 99 % must lie above.
	Margin float64
}

const ruleConfidence = 0.99

// due reports whether the rule looks after a number of slots.
func (r PromotionRule) due(slots uint64) bool {
	if r.After == 0 || slots == 0 || slots%r.After != 0 {
		return false
	}
	times := slots / r.After
	return times&(times-1) == 0
}

// promotes reports whether the shadow is to act.
func (r PromotionRule) promotes(p *pairs) bool {
	return r.due(p.slots) && p.interval(ruleConfidence).low > r.Margin
}
