package rl

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// IQM returns the interquartile mean of scores: the mean without the floor(n/4) smallest and as
// many largest. It is as robust to outlying seeds as the median, but uses half of the scores
// instead of one or two (R. Agarwal et al., "Deep Reinforcement Learning at the Edge of the
// Statistical Precipice", NeurIPS 2021; as in their library rliable, scores are dropped whole). IQM
// of no scores is NaN.
func IQM(scores []float64) float64 {
	sorted := slices.Sorted(slices.Values(scores))
	cut := len(sorted) / 4
	return stat.Mean(sorted[cut:len(sorted)-cut], nil)
}

// ProbabilityOfImprovement returns the probability that a run of x scores higher than a run of y,
// estimated from all pairs, with a tie counting one half (Agarwal et al. 2021): the Mann-Whitney U
// statistic divided by len(x) len(y).
func ProbabilityOfImprovement(x, y []float64) float64 {
	wins := 0.0
	for _, a := range x {
		for _, b := range y {
			switch {
			case a > b:
				wins++
			case a == b:
				wins += 0.5
			}
		}
	}
	return wins / float64(len(x)*len(y))
}

// Estimate is a statistic with its confidence interval. The bounds are NaN if there is only one
// score.
type Estimate struct {
	Value     float64 // of the original scores
	Low, High float64 // bounds of the interval
}

// String returns the estimate as "0.912 [0.893, 0.930]".
func (e Estimate) String() string { return fmt.Sprintf("%.3g [%.3g, %.3g]", e.Value, e.Low, e.High) }

// Bootstrap estimates confidence intervals of statistics over the seeds of an experiment by the
// percentile bootstrap: it recomputes the statistic for random resamples, with replacement, of the
// scores.
type Bootstrap struct {
	// Level is the nominal coverage of the intervals. NewBootstrap sets 0.95.
	Level float64
	// Resamples is the number of resamples. NewBootstrap sets 2000, enough for two digits of the
	// bounds; rliable uses up to 50,000.
	Resamples int

	rand *Rand
}

// NewBootstrap returns a Bootstrap that draws its resamples from rand.
func NewBootstrap(rand *Rand) *Bootstrap {
	return &Bootstrap{Level: 0.95, Resamples: 2000, rand: rand}
}

// Estimate returns statistic with its interval. Each of tasks holds the scores of the runs on one
// task. statistic gets all of them in one slice. Resamples are stratified: every task keeps its
// number of runs.
//
//	b.Estimate(rl.IQM, scores)             // one task
//	b.Estimate(rl.IQM, pong, breakout)     // aggregated over tasks with comparable scores
//
// statistic must not modify its argument.
func (b *Bootstrap) Estimate(statistic func(scores []float64) float64, tasks ...[]float64) (Estimate, error) {
	if err := checkScores(tasks); err != nil {
		return Estimate{}, err
	}
	pooled := slices.Concat(tasks...)
	resample := make([]float64, len(pooled))
	return b.interval(statistic(pooled), enoughScores(tasks), func() float64 {
		rest := resample
		for _, scores := range tasks {
			b.resample(rest[:len(scores)], scores)
			rest = rest[len(scores):]
		}
		return statistic(resample)
	})
}

// PairedDifference returns the mean of x[i] - y[i] with its interval. If run i of both had the same
// conditions (the same seed of the environment), the difference is often much clearer than the two
// means show.
func (b *Bootstrap) PairedDifference(x, y []float64) (Estimate, error) {
	if len(x) != len(y) {
		return Estimate{}, fmt.Errorf("rl: bootstrap: paired difference of %d and %d scores", len(x), len(y))
	}
	difference := make([]float64, len(x))
	for i := range x {
		difference[i] = x[i] - y[i]
	}
	return b.Estimate(Mean, difference)
}

// ProbabilityOfImprovement returns the function of that name with its interval. Both x and y are
// resampled.
func (b *Bootstrap) ProbabilityOfImprovement(x, y []float64) (Estimate, error) {
	tasks := [][]float64{x, y}
	if err := checkScores(tasks); err != nil {
		return Estimate{}, err
	}
	rx, ry := make([]float64, len(x)), make([]float64, len(y))
	return b.interval(ProbabilityOfImprovement(x, y), enoughScores(tasks), func() float64 {
		b.resample(rx, x)
		b.resample(ry, y)
		return ProbabilityOfImprovement(rx, ry)
	})
}

// Mean returns the mean of scores.
func Mean(scores []float64) float64 { return stat.Mean(scores, nil) }

func (b *Bootstrap) resample(dst, scores []float64) {
	for i := range dst {
		dst[i] = scores[b.rand.IntN(len(scores))]
	}
}

// interval returns value with the quantiles of the results of draw.
func (b *Bootstrap) interval(value float64, enough bool, draw func() float64) (Estimate, error) {
	if !(0 < b.Level && b.Level < 1) || b.Resamples < 1 {
		return Estimate{}, fmt.Errorf("rl: bootstrap: level %v with %d resamples; want a level in (0, 1) and at least 1", b.Level, b.Resamples)
	}
	if !enough {
		return Estimate{Value: value, Low: math.NaN(), High: math.NaN()}, nil
	}
	draws := make([]float64, b.Resamples)
	for i := range draws {
		draws[i] = draw()
	}
	slices.Sort(draws)
	tail := (1 - b.Level) / 2
	return Estimate{
		Value: value,
		Low:   stat.Quantile(tail, stat.Empirical, draws, nil),
		High:  stat.Quantile(1-tail, stat.Empirical, draws, nil),
	}, nil
}

func checkScores(tasks [][]float64) error {
	if len(tasks) == 0 {
		return fmt.Errorf("rl: bootstrap: no scores")
	}
	for t, scores := range tasks {
		if len(scores) == 0 {
			return fmt.Errorf("rl: bootstrap: task %d has no scores", t)
		}
		for i, v := range scores {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("rl: bootstrap: score %d of task %d is %v", i, t, v)
			}
		}
	}
	return nil
}

func enoughScores(tasks [][]float64) bool {
	return !slices.ContainsFunc(tasks, func(scores []float64) bool { return len(scores) < 2 })
}

// Summary describes the scores of one method over its seeds.
type Summary struct {
	Runs   int      // how many scores
	Mean   Estimate // with its interval
	IQM    Estimate // interquartile mean, with its interval
	StdDev float64  // of the sample, with n-1 in the denominator; NaN for one run
}

// Summarize returns the summary of scores.
func (b *Bootstrap) Summarize(scores []float64) (Summary, error) {
	mean, err := b.Estimate(Mean, scores)
	if err != nil {
		return Summary{}, err
	}
	iqm, err := b.Estimate(IQM, scores)
	if err != nil {
		return Summary{}, err
	}
	return Summary{Runs: len(scores), Mean: mean, IQM: iqm, StdDev: stat.StdDev(scores, nil)}, nil
}
