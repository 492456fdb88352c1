package suite

import (
	"math"
	"slices"

	"github.com/graphrl/graphrl/rl"
)

// StuckBelow is the share of the median accuracy below which a run counts as stuck.
const StuckBelow = 0.9

// Spread describes how far the runs of a subject in a world lie apart, in average accuracy.
type Spread struct {
	Runs          int
	Median, Least float64
	// Stuck is the number of runs below StuckBelow times the median.
	Stuck int
}

// Spread returns the spread of the runs of a subject in a world.
func (c *Comparison) Spread(w World, s Subject) Spread {
	scores := c.scores(w, s, Accuracy())
	slices.Sort(scores)
	n := len(scores)
	sp := Spread{Runs: n, Median: (scores[(n-1)/2] + scores[n/2]) / 2, Least: scores[0]}
	for _, v := range scores {
		if v < StuckBelow*sp.Median {
			sp.Stuck++
		}
	}
	return sp
}

// tenths is the number of parts that long runs are divided into.
const tenths = 10

// CurveFigure is a figure of a learning curve.
type CurveFigure struct {
	Name string
	Of   func(Point) float64
}

// CurveFigures returns the figures of learning curves.
func CurveFigures() []CurveFigure {
	return []CurveFigure{
		{"average accuracy", func(p Point) float64 { return p.Accuracy }},
		{"reward", func(p Point) float64 { return p.Reward }},
	}
}

// Tenths returns the mean over the seeds of a figure of learning curves in each tenth of the slots.
// It returns none for a subject that does not learn or has too few points.
func (c *Comparison) Tenths(w World, s Subject, figure func(Point) float64) ([]rl.Estimate, error) {
	curves := c.Curves(w, s)
	points := len(curves[0])
	if points < tenths {
		return nil, nil
	}
	parts := make([]rl.Estimate, tenths)
	for i := range parts {
		from, to := i*points/tenths, (i+1)*points/tenths
		var means []float64
		for _, curve := range curves {
			sum := 0.0
			for _, p := range curve[from:to] {
				sum += figure(p)
			}
			means = append(means, sum/float64(to-from))
		}
		var err error
		if parts[i], err = bootstrap().Estimate(rl.Mean, means); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// StreamBounds returns the mean over the seeds of the upper bound on the accuracy in each tenth of a
// world's streams; none if the suite does not ask for them.
func (c *Comparison) StreamBounds(w World) []float64 {
	streams := c.streams[w]
	if len(streams) == 0 {
		return nil
	}
	means := make([]float64, tenths)
	for _, bounds := range streams {
		for i, b := range bounds {
			means[i] += b / float64(len(streams))
		}
	}
	return means
}

// StreamSearch returns the search that shows how good streams are, if the suite asks for it.
func (c *Comparison) StreamSearch() (Subject, bool) {
	s := Subject{Name: streamSearch}
	return s, len(c.streams) > 0 && c.Has(s)
}

// relative returns a's means over b's.
func relative(a, b []rl.Estimate) []rl.Estimate {
	ratios := make([]rl.Estimate, len(a))
	for i := range a {
		ratios[i].Value = a[i].Value / b[i].Value
	}
	return ratios
}

// LastOfBest returns the ratio of the last mean to the largest: 1 if the last is the best.
func LastOfBest(parts []rl.Estimate) float64 {
	best := math.Inf(-1)
	for _, p := range parts {
		best = max(best, p.Value)
	}
	return parts[len(parts)-1].Value / best
}
