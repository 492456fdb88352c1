package rl_test

import (
	"math"
	"testing"

	"github.com/graphrl/graphrl/rl"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

var (
	scoresX = []float64{3.1, 0.2, 5.5, 2.2, 9.7, 1.1, 4.4}
	scoresY = []float64{2.2, 1.0, 4.4, 0.1}
)

// The references are scipy 1.x: stats.trim_mean(x, 0.25), mannwhitneyu, and
// bootstrap(method="percentile") with 200,000 to 400,000 resamples.
func TestStatisticsAgainstScipy(t *testing.T) {
	if got := rl.IQM(scoresX); !near(got, 3.26, 1e-12) {
		t.Errorf("IQM of 7 = %v, want 3.26", got)
	}
	if got := rl.IQM(scoresX[:5]); !near(got, 3.6, 1e-12) {
		t.Errorf("IQM of 5 = %v, want 3.6", got)
	}
	if got := rl.ProbabilityOfImprovement(scoresX, scoresY); !near(got, 0.7142857142857143, 1e-12) {
		t.Errorf("probability of improvement = %v, want 0.714", got)
	}
	b := rl.NewBootstrap(rl.NewRand(1, 0))
	b.Resamples = 50000
	check := func(what string, got rl.Estimate, err error, low, high float64) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if !near(got.Low, low, 0.03) || !near(got.High, high, 0.03) {
			t.Errorf("%s: %v, want [%.3f, %.3f]", what, got, low, high)
		}
	}
	mean, err := b.Estimate(rl.Mean, scoresX)
	check("mean", mean, err, 1.757, 6.071)
	iqm, err := b.Estimate(rl.IQM, scoresX)
	check("IQM", iqm, err, 1.36, 6.3)
	poi, err := b.ProbabilityOfImprovement(scoresX, scoresY)
	check("probability of improvement", poi, err, 0.357, 1)
}

// The interval contains the true mean about as often as its level claims. The percentile bootstrap
// of 20 scores is known to fall slightly short.
func TestBootstrapCoverage(t *testing.T) {
	rng := rl.NewRand(2, 0)
	b := rl.NewBootstrap(rl.NewRand(3, 0))
	b.Level, b.Resamples = 0.9, 400
	const trials = 1000
	covered := 0
	scores := make([]float64, 20)
	for range trials {
		for i := range scores {
			scores[i] = 7 + rng.NormFloat64()
		}
		e, err := b.Estimate(rl.Mean, scores)
		if err != nil {
			t.Fatal(err)
		}
		if e.Low <= 7 && 7 <= e.High {
			covered++
		}
	}
	if share := float64(covered) / trials; share < 0.84 || share > 0.92 {
		t.Errorf("intervals of level 0.9 contain the mean in %v of the trials", share)
	}
}

// Differences between seeds cancel in the paired difference, and between tasks in the stratified
// resamples.
func TestBootstrapPairsAndStrata(t *testing.T) {
	b := rl.NewBootstrap(rl.NewRand(4, 0))
	x, y := []float64{1, 20, 300, 4000}, []float64{0.5, 19.5, 299.5, 3999.5}
	paired, err := b.PairedDifference(x, y)
	if err != nil {
		t.Fatal(err)
	}
	if paired != (rl.Estimate{Value: 0.5, Low: 0.5, High: 0.5}) {
		t.Errorf("paired difference %v, want exactly 0.5", paired)
	}
	strata, err := b.Estimate(rl.Mean, []float64{1, 1, 1}, []float64{100, 100, 100})
	if err != nil {
		t.Fatal(err)
	}
	if strata != (rl.Estimate{Value: 50.5, Low: 50.5, High: 50.5}) {
		t.Errorf("mean over two tasks %v, want exactly 50.5", strata)
	}
}

func TestSummarize(t *testing.T) {
	b := rl.NewBootstrap(rl.NewRand(5, 0))
	s, err := b.Summarize(scoresX)
	if err != nil {
		t.Fatal(err)
	}
	if s.Runs != 7 || !near(s.StdDev, 3.1973203065781726, 1e-12) || !near(s.Mean.Value, 26.2/7, 1e-12) || s.IQM.Value != rl.IQM(scoresX) {
		t.Errorf("summary %+v", s)
	}
	one, err := b.Summarize([]float64{3})
	if err != nil {
		t.Fatal(err)
	}
	if one.Mean.Value != 3 || !math.IsNaN(one.Mean.Low) || !math.IsNaN(one.StdDev) {
		t.Errorf("summary of one run: %+v; want the mean 3 without an interval", one)
	}
	if _, err := b.Summarize(nil); err == nil {
		t.Error("no scores: no error")
	}
	if _, err := b.Summarize([]float64{1, math.NaN()}); err == nil {
		t.Error("NaN: no error")
	}
	if _, err := b.PairedDifference(scoresX, scoresY); err == nil {
		t.Error("pairs of 7 and 4: no error")
	}
	b.Level = 95
	if _, err := b.Summarize(scoresX); err == nil {
		t.Error("level 95: no error")
	}
}
