package main

import (
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/rl"
)

// summary summarises the trainings with one algorithm: means over the seeds with 95 % intervals.
type summary struct {
	Env            string   `json:"env"`
	Algo           string   `json:"algo"`
	Seeds          int      `json:"seeds"`
	Return         interval `json:"return"`
	FinalReturn    interval `json:"final_return"`
	Solved         int      `json:"solved"`           // seeds with an evaluation of at least the target
	MedianSolvedAt *int     `json:"median_solved_at"` // null: fewer than half of the seeds were
	LastSolvedAt   *int     `json:"last_solved_at"`   // of those that were
	StepsPerSecond float64  `json:"steps_per_second"` // median
}

// interval is an estimate. For a single seed low and high are the value itself.
type interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func (i interval) String() string { return fmt.Sprintf("%.1f [%.1f, %.1f]", i.Mean, i.Low, i.High) }

var summaryColumns = []column[summary]{
	{"environment", left, func(s summary) string { return s.Env }},
	{"algorithm", left, func(s summary) string { return s.Algo }},
	{"best return", right, func(s summary) string { return s.Return.String() }},
	{"final return", right, func(s summary) string { return s.FinalReturn.String() }},
	{"solved", right, func(s summary) string { return fmt.Sprintf("%d of %d", s.Solved, s.Seeds) }},
	{"after, median", right, func(s summary) string { return optional(s.MedianSolvedAt) }},
	{"after, last", right, func(s summary) string { return optional(s.LastSolvedAt) }},
	{"steps/s", right, func(s summary) string { return thousands(s.StepsPerSecond) }},
}

// summarize returns a summary for each run of rows with one algorithm.
func summarize(rows []row) ([]summary, error) {
	var all []summary
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Algo == rows[0].Algo {
			n++
		}
		s, err := summarizeOne(rows[:n])
		if err != nil {
			return nil, err
		}
		all, rows = append(all, s), rows[n:]
	}
	return all, nil
}

func summarizeOne(rows []row) (summary, error) {
	s := summary{Env: rows[0].Env, Algo: rows[0].Algo, Seeds: len(rows)}
	var best, final, speed []float64
	var solved []int
	for _, r := range rows {
		best, final, speed = append(best, r.Return), append(final, r.FinalReturn), append(speed, r.StepsPerSecond)
		if r.SolvedAt != nil {
			solved = append(solved, *r.SolvedAt)
		}
	}
	slices.Sort(solved)
	slices.Sort(speed)
	s.Solved, s.StepsPerSecond = len(solved), speed[len(speed)/2]
	if k := len(rows) / 2; k < len(solved) {
		s.MedianSolvedAt = &solved[k]
	}
	if len(solved) > 0 {
		s.LastSolvedAt = &solved[len(solved)-1]
	}
	var err error
	if s.Return, err = meanInterval(best); err != nil {
		return s, err
	}
	s.FinalReturn, err = meanInterval(final)
	return s, err
}

// meanInterval bootstraps with its own random source, so the bounds depend only on the scores.
func meanInterval(scores []float64) (interval, error) {
	e, err := rl.NewBootstrap(rl.NewRand(1, 0)).Estimate(rl.Mean, scores)
	if len(scores) == 1 {
		e.Low, e.High = e.Value, e.Value
	}
	return interval{e.Value, e.Low, e.High}, err
}

// optional returns a number of steps for readers.
func optional(steps *int) string {
	if steps == nil {
		return "-"
	}
	return fmt.Sprint(*steps)
}
