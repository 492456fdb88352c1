package report

import (
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
)

// manySeeds is the number of seeds from which single runs are worth a table.
const manySeeds = 10

// spreads shows how far the runs of each method lie apart, if there are many seeds.
func spreads(c *suite.Comparison) (Section, error) {
	if len(c.Suite.Seeds) < manySeeds {
		return Section{}, nil
	}
	t := &Table{
		Title: "How far single runs lie apart",
		Note: fmt.Sprintf("Average accuracy of %d runs. Stuck: share of the runs below %v of "+
			"the median.", len(c.Suite.Seeds), suite.StuckBelow),
		Header: []string{"world", "method", "mean", "median", "least run", "of the median", "stuck, %"},
		Text:   2,
		Brief:  true,
	}
	for _, w := range c.Worlds {
		for i, s := range learners(c) {
			mean, err := c.Mean(w, s, suite.Accuracy())
			if err != nil {
				return Section{}, err
			}
			sp := c.Spread(w, s)
			t.Rows = append(t.Rows, Row{Rule: i == 0 && len(t.Rows) > 0, Cells: []string{
				w.String(), s.String(), plusMinus(mean, 3), fmt.Sprintf("%.3f", sp.Median), fmt.Sprintf("%.3f", sp.Least),
				fmt.Sprintf("%.2f", sp.Least/sp.Median), fmt.Sprintf("%.1f", 100*float64(sp.Stuck)/float64(sp.Runs)),
			}})
		}
	}
	return Section{Title: "Single runs", Tables: []*Table{t}}, nil
}

// longFrom is the number of slots from which a run is shown in tenths.
const longFrom = 20_000

// tenths shows accuracy and reward in the course of long runs.
func tenths(c *suite.Comparison) (Section, error) {
	if c.Suite.Slots < longFrom {
		return Section{}, nil
	}
	s := Section{Title: "In the course of long runs"}
	for _, figure := range suite.CurveFigures() {
		t := &Table{
			Title: fmt.Sprintf("The %s in each tenth of %d slots", figure.Name, c.Suite.Slots),
			Note: "Means over the seeds. Last column: the last tenth in % of the best. Recorded " +
				"rates make some tenths better than others: there, compare with a search that learns " +
				"nothing and with the upper bound of the same slots.",
			Header: []string{"world", "method"},
			Text:   2,
			Brief:  true,
		}
		for _, w := range c.Worlds {
			subjects := learners(c)
			if search, ok := c.StreamSearch(); ok {
				subjects = append(subjects, search)
			}
			for i, subject := range subjects {
				parts, err := c.Tenths(w, subject, figure.Of)
				if err != nil {
					return Section{}, err
				}
				if len(t.Header) == t.Text {
					for k := range parts {
						t.Header = append(t.Header, fmt.Sprint(k+1))
					}
					t.Header = append(t.Header, "last/best, %")
				}
				row := Row{Rule: i == 0 && len(t.Rows) > 0, Cells: []string{w.String(), subject.String()}}
				for _, e := range parts {
					row.Cells = append(row.Cells, fmt.Sprintf("%.3f", e.Value))
				}
				row.Cells = append(row.Cells, fmt.Sprintf("%.1f", 100*suite.LastOfBest(parts)))
				t.Rows = append(t.Rows, row)
			}
			if bounds := c.StreamBounds(w); bounds != nil && figure.Name == "average accuracy" {
				row := Row{Cells: []string{w.String(), "upper bound"}}
				for _, b := range bounds {
					row.Cells = append(row.Cells, fmt.Sprintf("%.3f", b))
				}
				row.Cells = append(row.Cells, fmt.Sprintf("%.1f", 100*bounds[len(bounds)-1]/slices.Max(bounds)))
				t.Rows = append(t.Rows, row)
			}
		}
		s.Tables = append(s.Tables, t)
	}
	return s, nil
}

// leaveOneOut shows all folds in one table.
func leaveOneOut(c *suite.Comparison) (Section, error) {
	if !c.LeavesOneOut() {
		return Section{}, nil
	}
	t := &Table{
		Title: "Average accuracy with a recording that was not trained on",
		Note: "Trained on the other recordings, then frozen. Policies below the line do not " +
			"learn, and need no other recordings. " +
			"The upper bound is about the whole recording that was left out; a stream sees " +
			"stretches of it, which may be better.",
		Header: []string{""},
		Text:   1,
		Brief:  true,
	}
	for _, w := range c.Worlds {
		t.Header = append(t.Header, fmt.Sprintf("%s\n%s", w.Scenario, sizeOf(c, w)))
	}
	for i, s := range c.Subjects {
		row := Row{Cells: []string{s.String()}, Rule: newGroup(c.Subjects, i)}
		for _, w := range c.Worlds {
			e, err := c.Mean(w, s, suite.Accuracy())
			if err != nil {
				return Section{}, err
			}
			row.Cells = append(row.Cells, plusMinus(e, 3))
		}
		t.Rows = append(t.Rows, row)
	}
	bound := Row{Cells: []string{"upper bound"}, Rule: true}
	for _, w := range c.Worlds {
		bound.Cells = append(bound.Cells, fmt.Sprintf("%.3f", c.Bounds(w).AllExits.Capacity))
	}
	t.Rows = append(t.Rows, bound)
	return Section{Title: "Leave one recording out", Tables: []*Table{t}}, nil
}
