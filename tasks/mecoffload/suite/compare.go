package suite

import (
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Comparison holds the results of a suite, in order. Apart from times and builds, its content does
// not depend on how and where the cells were computed.
type Comparison struct {
	Suite    Suite
	Worlds   []World
	Subjects []Subject // learning methods first
	Results  []*Result // of Suite.Cells

	groups   map[place]*group
	bounds   map[World]BoundValues
	streams  map[World][][]float64 // upper bounds in each tenth, [seed][tenth]
	recorded map[World]bool        // whether a world has recorded rates
}

type place struct {
	World
	Subject
}

// group holds the results of one subject in one world, by seed.
type group struct {
	rows      []mecoffload.Row
	decisions []mecoffload.DecisionTime
	peaks     []int64
	curves    [][]Point
	tests     []Test
	outcomes  [][]mecoffload.Row // of the tests, [seed][test]
}

// Compare combines the results of a suite's cells, in the same order.
func Compare(s Suite, results []*Result) (*Comparison, error) {
	if len(results) != len(s.Cells) {
		return nil, fmt.Errorf("suite %s: %d results of %d cells", s.Name, len(results),
			len(s.Cells))
	}
	c := &Comparison{Suite: s, Results: results, groups: make(map[place]*group), bounds: make(map[World]BoundValues),
		streams: make(map[World][][]float64), recorded: make(map[World]bool)}
	for i, r := range results {
		w := worldOf(s.Cells[i].Scenario)
		if !slices.Contains(c.Worlds, w) {
			c.Worlds = append(c.Worlds, w)
		}
		if r.Bounds != nil {
			c.bounds[w] = *r.Bounds
			c.recorded[w] = s.Cells[i].Traces != ""
		}
		if r.Stream != nil {
			c.streams[w] = append(c.streams[w], r.Stream)
		}
		for k, row := range r.Rows {
			subject := s.Cells[i].Subject
			if !subject.Learns() {
				subject = Subject{Name: row.Method}
			}
			if !slices.Contains(c.Subjects, subject) {
				c.Subjects = append(c.Subjects, subject)
			}
			g := c.groups[place{w, subject}]
			if g == nil {
				g = &group{tests: s.Cells[i].Tests}
				c.groups[place{w, subject}] = g
			}
			g.rows = append(g.rows, row)
			g.decisions, g.peaks = append(g.decisions, r.Timing.Rows[k]), append(g.peaks, r.Timing.PeakBytes)
			g.curves = append(g.curves, r.Curve)
			g.outcomes = append(g.outcomes, r.Tests)
		}
	}
	slices.SortStableFunc(c.Subjects, func(a, b Subject) int {
		switch {
		case a.Learns() == b.Learns():
			return 0
		case a.Learns():
			return -1
		}
		return 1
	})
	for _, w := range c.Worlds {
		if _, ok := c.bounds[w]; !ok {
			return nil, fmt.Errorf("suite %s: %v has no bounds", s.Name, w)
		}
		for _, subject := range c.Subjects {
			if g := c.groups[place{w, subject}]; g == nil || len(g.rows) != len(s.Seeds) {
				return nil, fmt.Errorf("suite %s: %v lacks some of the %d seeds of %v", s.Name, w,
					len(s.Seeds), subject)
			}
		}
	}
	return c, nil
}

// Metric is a figure of a row.
type Metric struct {
	Name, Unit string
	// Decimals is the number of decimals to show.
	Decimals int
	Of       func(mecoffload.Row) float64
}

// Metrics returns the metrics of comparisons.
func Metrics() []Metric {
	type row = mecoffload.Row
	return []Metric{
		Accuracy(), SSP(), Reward(),
		{"throughput", "tasks/s", 0, func(r row) float64 { return r.Throughput }},
		{"accuracy of the served", "", 3, func(r row) float64 { return r.AccuracyServed }},
		{"mean latency", "ms", 1, func(r row) float64 { return r.Latency.Mean }},
		{"95th percentile of latency", "ms", 1, func(r row) float64 { return r.Latency.P95 }},
		{"99th percentile of latency", "ms", 1, func(r row) float64 { return r.Latency.P99 }},
		{"utilisation", "", 3, func(r row) float64 { return r.Utilisation }},
	}
}

// Accuracy returns the average accuracy, the metric that methods are compared by.
func Accuracy() Metric {
	return Metric{"average accuracy", "", 3, func(r mecoffload.Row) float64 { return r.Accuracy }}
}

// SSP returns the service success probability.
func SSP() Metric {
	return Metric{"SSP", "", 3, func(r mecoffload.Row) float64 { return r.SSP }}
}

// Reward returns the metric that the methods maximise.
func Reward() Metric {
	return Metric{"reward", "", 3, func(r mecoffload.Row) float64 { return r.Reward }}
}

// Rows returns the rows of a subject in a world, by seed.
func (c *Comparison) Rows(w World, s Subject) []mecoffload.Row { return c.groups[place{w, s}].rows }

// Curves returns the learning curves of a subject in a world, by seed; they are empty for a subject
// that does not learn.
func (c *Comparison) Curves(w World, s Subject) [][]Point { return c.groups[place{w, s}].curves }

// Decision returns the decision time of a subject in a world, averaged over the seeds.
func (c *Comparison) Decision(w World, s Subject) mecoffload.DecisionTime {
	var mean mecoffload.DecisionTime
	all := c.groups[place{w, s}].decisions
	for _, d := range all {
		mean.Mean += d.Mean / float64(len(all))
		mean.P99 += d.P99 / float64(len(all))
	}
	return mean
}

// Peak returns the most memory in bytes that the process took for a cell of a subject in a world; 0: it
// is not known for all cells.
func (c *Comparison) Peak(w World, s Subject) int64 {
	all := c.groups[place{w, s}].peaks
	if slices.Contains(all, 0) {
		return 0
	}
	return slices.Max(all)
}

// Bounds returns the upper bounds in a world.
func (c *Comparison) Bounds(w World) BoundValues { return c.bounds[w] }

// Bound returns the upper bound of the average accuracy of a subject in a world, over all exits or,
// if the subject uses only the last, over that one. With recorded rates it is the bound without
// deadlines: the bound with deadlines covers whole recordings, and a stream may see a better part.
func (c *Comparison) Bound(w World, s Subject) float64 {
	b := c.bounds[w].AllExits
	if LastExitOnly(s) {
		b = c.bounds[w].LastExit
	}
	if c.recorded[w] {
		return b.Capacity
	}
	return b.Value()
}

// Recorded reports whether a world has recorded rates.
func (c *Comparison) Recorded(w World) bool { return c.recorded[w] }

// LastExitOnly reports whether a subject always runs the whole network.
func LastExitOnly(s Subject) bool {
	switch s.Name {
	case string(agent.GRL), string(agent.DROO), (&mecoffload.RoundRobin{}).Name(), (&mecoffload.LeastLoaded{}).Name():
		return true
	}
	return false
}

// Has reports whether the comparison has a subject.
func (c *Comparison) Has(s Subject) bool { return slices.Contains(c.Subjects, s) }

// Recipes returns the names of the recipes, in order.
func (c *Comparison) Recipes() []string {
	var names []string
	for _, s := range c.Subjects {
		if s.Learns() && !slices.Contains(names, s.Recipe) {
			names = append(names, s.Recipe)
		}
	}
	return names
}

// Reference returns the subject to compare s with: GRLE with the same recipe. For a subject that
// does not learn it is GRLE with the recipe tuned, or else the first one. ok is false if there is
// none.
func (c *Comparison) Reference(s Subject) (ref Subject, ok bool) {
	recipes := []string{s.Recipe}
	if !s.Learns() {
		recipes = append([]string{agent.TunedRecipe().Name}, c.Recipes()...)
	}
	for _, r := range recipes {
		if ref := (Subject{string(agent.GRLE), r}); c.Has(ref) {
			return ref, true
		}
	}
	return Subject{}, false
}

// scores returns a metric of a subject in a world, by seed.
func (c *Comparison) scores(w World, s Subject, m Metric) []float64 { return values(c.Rows(w, s), m) }

func values(rows []mecoffload.Row, m Metric) []float64 {
	v := make([]float64, len(rows))
	for i, r := range rows {
		v[i] = m.Of(r)
	}
	return v
}

// bootstrap draws the same resamples for every estimate, so an estimate does not depend on which
// others are made.
func bootstrap() *rl.Bootstrap { return rl.NewBootstrap(rl.NewRand(1, 1)) }

// Mean returns the mean of a metric over the seeds.
func (c *Comparison) Mean(w World, s Subject, m Metric) (rl.Estimate, error) {
	return bootstrap().Estimate(rl.Mean, c.scores(w, s, m))
}

// IQM returns the interquartile mean of a metric over all worlds and seeds.
func (c *Comparison) IQM(s Subject, m Metric) (rl.Estimate, error) {
	var tasks [][]float64
	for _, w := range c.Worlds {
		tasks = append(tasks, c.scores(w, s, m))
	}
	return bootstrap().Estimate(rl.IQM, tasks...)
}

// Share returns the mean over all worlds and seeds of the average accuracy relative to the
// subject's bound.
func (c *Comparison) Share(s Subject) (rl.Estimate, error) {
	var tasks [][]float64
	for _, w := range c.Worlds {
		scores, bound := c.scores(w, s, Accuracy()), c.Bound(w, s)
		for i := range scores {
			scores[i] /= bound
		}
		tasks = append(tasks, scores)
	}
	return bootstrap().Estimate(rl.Mean, tasks...)
}

// Difference returns the mean over the seeds of the difference of s and ref on the same stream.
func (c *Comparison) Difference(w World, s, ref Subject, m Metric) (rl.Estimate, error) {
	return bootstrap().PairedDifference(c.scores(w, s, m), c.scores(w, ref, m))
}

// MeanDifference returns the mean of Difference over all worlds.
func (c *Comparison) MeanDifference(s, ref Subject, m Metric) (rl.Estimate, error) {
	var tasks [][]float64
	for _, w := range c.Worlds {
		x, y := c.scores(w, s, m), c.scores(w, ref, m)
		for i := range x {
			x[i] -= y[i]
		}
		tasks = append(tasks, x)
	}
	return bootstrap().Estimate(rl.Mean, tasks...)
}

// Improvement returns the probability that a run of s scores higher than a run of ref in the same
// world, averaged over the worlds.
func (c *Comparison) Improvement(s, ref Subject, m Metric) (rl.Estimate, error) {
	var tasks [][]float64
	for _, w := range c.Worlds {
		tasks = append(tasks, c.scores(w, s, m), c.scores(w, ref, m))
	}
	return bootstrap().Estimate(func(pooled []float64) float64 {
		sum := 0.0
		for t := 0; t < len(tasks); t += 2 {
			x, y := pooled[:len(tasks[t])], pooled[len(tasks[t]):][:len(tasks[t+1])]
			pooled = pooled[len(x)+len(y):]
			sum += rl.ProbabilityOfImprovement(x, y)
		}
		return sum / float64(len(tasks)/2)
	}, tasks...)
}

// Ratio returns the mean of a metric of s divided by the mean for ref, in a world.
func (c *Comparison) Ratio(w World, s, ref Subject, m Metric) (rl.Estimate, error) {
	return ratio(c.scores(w, s, m), c.scores(w, ref, m))
}

// ratio returns the mean of x over the mean of y, resampled independently. Where y can be 0 the
// interval has no upper end.
func ratio(x, y []float64) (rl.Estimate, error) {
	e, err := bootstrap().Estimate(func(pooled []float64) float64 {
		return rl.Mean(pooled[:len(x)]) / rl.Mean(pooled[len(x):])
	}, x, y)
	if math.IsNaN(e.Value) {
		e.Value = 0
	}
	return e, err
}

// TestRows returns the rows of a subject's test of a kind in a world, by seed, and whether there is
// such a test.
func (c *Comparison) TestRows(trained World, s Subject, kind TestKind, tested World) (rows []mecoffload.Row, ok bool) {
	g := c.groups[place{trained, s}]
	if g == nil {
		return nil, false
	}
	for i, t := range g.tests {
		if t.Kind != kind || worldOf(t.Scenario) != tested {
			continue
		}
		for _, outcome := range g.outcomes {
			rows = append(rows, outcome[i])
		}
		return rows, true
	}
	return nil, false
}

// TestRatio returns the ratio of a metric between two sets of rows, such as a test's and those of
// native training.
func TestRatio(rows, ref []mecoffload.Row, m Metric) (rl.Estimate, error) {
	return ratio(values(rows, m), values(ref, m))
}

// TestMean returns the mean of a metric over rows.
func TestMean(rows []mecoffload.Row, m Metric) (rl.Estimate, error) {
	return bootstrap().Estimate(rl.Mean, values(rows, m))
}

// NearOracle returns the average accuracy of a frozen trained subject divided by that of a local
// search on its critic's objective, and whether there are such tests.
func (c *Comparison) NearOracle(w World, s Subject) (rl.Estimate, bool, error) {
	agent, ok := c.TestRows(w, s, Frozen, w)
	best, ok2 := c.TestRows(w, s, ValueSearch, w)
	if !ok || !ok2 {
		return rl.Estimate{}, false, nil
	}
	e, err := TestRatio(agent, best, Accuracy())
	return e, true, err
}
