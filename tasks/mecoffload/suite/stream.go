package suite

import (
	"context"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// streamSearch is the policy whose curve shows how good a stream is in the course of it: a search that
// learns nothing, and knows the prices of server time.
const streamSearch = "shadow-price"

// stream finds what can be reached in each tenth of a stream. With recorded rates, tenths differ in
// how good the links are; a method that loses accuracy where the search loses it too has not
// forgotten anything.
func (r *Result) stream(ctx context.Context) error {
	c := r.Cell
	edges := make([]int64, tenths+1)
	for i := range edges {
		edges[i] = c.Slots * int64(i) / tenths
	}
	var err error
	if r.Stream, err = mecoffload.StreamBound(c.Scenario, c.Profile, false, c.Seed, edges); err != nil {
		return err
	}
	policies, err := mecoffload.Baselines(c.Scenario, c.Profile, c.Seed)
	if err != nil {
		return err
	}
	for _, p := range policies {
		if p.Name() == streamSearch {
			return r.follow(ctx, p)
		}
	}
	return nil
}

// follow lets a policy decide the whole stream, for a row and a curve like those of a method.
func (r *Result) follow(ctx context.Context, p mecoffload.Policy) error {
	c := r.Cell
	point, err := mecoffload.NewMetrics(c.Scenario, c.Profile)
	if err != nil {
		return err
	}
	interval := max(c.Slots/curvePoints, 1)
	e := experiment.Evaluation{Scenario: c.Scenario, Profile: c.Profile, Seed: c.Seed, Slots: c.Slots, From: experiment.TailStart(c.Slots)}
	e.Outcome = func(slot int64, out *mecoffload.Outcome) {
		point.Add(out, 0)
		if done := slot + 1; done%interval == 0 || done == c.Slots {
			row := point.Row(p.Name(), c.Seed)
			r.Curve = append(r.Curve, Point{done, row.Accuracy, row.Reward})
			point.Reset()
		}
	}
	row, err := e.Policy(ctx, p)
	r.Rows = []mecoffload.Row{row}
	return err
}
