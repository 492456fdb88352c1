package report

import (
	"fmt"

	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
)

// worldTable returns a table with a column for each world of a scenario.
func worldTable(c *suite.Comparison, scenario, title, note string) (*Table, []suite.World) {
	t := &Table{Title: title, Note: note, Header: []string{""}, Text: 1}
	worlds := worldsOf(c, scenario)
	for _, w := range worlds {
		t.Header = append(t.Header, fmt.Sprintf("%v\n%s", w.Slot, sizeOf(c, w)))
	}
	return t, worlds
}

// scenarioSection reports on one scenario.
func scenarioSection(c *suite.Comparison, scenario string) (Section, error) {
	s := Section{
		Title: "Scenario " + scenario,
		Text:  "The best method of each column is pointed out and, in the table of differences, each whose interval does not reach zero.",
	}
	for _, m := range []suite.Metric{suite.Accuracy(), suite.SSP(), suite.Reward(), suite.Metrics()[3]} {
		t, err := metricTable(c, scenario, m)
		if err != nil {
			return Section{}, err
		}
		s.Tables = append(s.Tables, t)
	}
	for _, of := range []func(*suite.Comparison, string) (*Table, error){shareTable, differenceTable} {
		t, err := of(c, scenario)
		if err != nil {
			return Section{}, err
		}
		if len(t.Rows) > 0 {
			s.Tables = append(s.Tables, t)
		}
	}
	var err error
	s.Figures, err = figures(c, scenario)
	return s, err
}

func metricTable(c *suite.Comparison, scenario string, m suite.Metric) (*Table, error) {
	title := fmt.Sprintf("Scenario %s: %s", scenario, m.Name)
	if m.Unit != "" {
		title += " in " + m.Unit
	}
	t, worlds := worldTable(c, scenario, title, "")
	best := make([]struct {
		row   int
		value float64
	}, len(worlds))
	for i, s := range c.Subjects {
		row := Row{Cells: []string{s.String()}, Rule: newGroup(c.Subjects, i)}
		for k, w := range worlds {
			e, err := c.Mean(w, s, m)
			if err != nil {
				return nil, err
			}
			row.Cells = append(row.Cells, plusMinus(e, m.Decimals))
			if s.Learns() && (i == 0 || e.Value > best[k].value) {
				best[k].row, best[k].value = i, e.Value
			}
		}
		t.Rows = append(t.Rows, row)
	}
	for k, b := range best {
		if len(t.Rows) == 0 || !c.Subjects[b.row].Learns() {
			continue
		}
		r := &t.Rows[b.row]
		if r.Best == nil {
			r.Best = make([]bool, len(r.Cells))
		}
		r.Best[k+1] = true
	}
	if m.Name == suite.Accuracy().Name {
		t.Brief = true
		if err := addOracles(c, t, worlds); err != nil {
			return nil, err
		}
		addBounds(c, t, worlds)
		t.Note = "Upper bounds hold for the long run and whatever the policy; that with deadlines is estimated from a sample, ± three standard errors. " +
			"† over the last sixteenth of the slots alone."
		if c.Recorded(worlds[0]) {
			t.Note += " A stream sees a stretch of the recordings only, which may be better than the recordings as a whole; so a mean may lie above the bound with deadlines."
		}
	}
	return t, nil
}

// addOracles adds the searches on learned values.
func addOracles(c *suite.Comparison, t *Table, worlds []suite.World) error {
	rule := true
	for _, s := range learners(c) {
		row := Row{Cells: []string{"search on the value of " + s.String() + " †"}, Rule: rule}
		for _, w := range worlds {
			rows, ok := c.TestRows(w, s, suite.ValueSearch, w)
			if !ok {
				break
			}
			e, err := suite.TestMean(rows, suite.Accuracy())
			if err != nil {
				return err
			}
			row.Cells = append(row.Cells, plusMinus(e, 3))
		}
		if len(row.Cells) == len(t.Header) {
			t.Rows = append(t.Rows, row)
			rule = false
		}
	}
	return nil
}

func addBounds(c *suite.Comparison, t *Table, worlds []suite.World) {
	for i, of := range []struct {
		name  string
		bound func(suite.BoundValues) suite.Bound
	}{
		{"upper bound", func(b suite.BoundValues) suite.Bound { return b.AllExits }},
		{"upper bound, last exit alone", func(b suite.BoundValues) suite.Bound { return b.LastExit }},
	} {
		capacity, deadline := Row{Cells: []string{of.name}, Rule: i == 0}, Row{Cells: []string{of.name + ", with deadlines"}}
		for _, w := range worlds {
			b := of.bound(c.Bounds(w))
			capacity.Cells = append(capacity.Cells, fmt.Sprintf("%.3f", b.Capacity))
			deadline.Cells = append(deadline.Cells, fmt.Sprintf("%.3f ±%.3f", b.Deadline, 3*b.DeadlineStdErr))
		}
		t.Rows = append(t.Rows, capacity, deadline)
	}
}

func shareTable(c *suite.Comparison, scenario string) (*Table, error) {
	t, worlds := worldTable(c, scenario, fmt.Sprintf("Scenario %s: average accuracy in %% of the upper bound", scenario),
		"Of the lower of both bounds, that with deadlines raised by three standard errors. ‡ uses the last exit alone and is held against the bound of that.")
	if c.Recorded(worlds[0]) {
		t.Note = "Of the bound without deadlines: that with deadlines is about the recordings as a whole, of which a stream sees a stretch that may be better. " +
			"‡ uses the last exit alone and is held against the bound of that."
	}
	for i, s := range c.Subjects {
		row := Row{Cells: []string{s.String()}, Rule: newGroup(c.Subjects, i)}
		if suite.LastExitOnly(s) {
			row.Cells[0] += " ‡"
		}
		for _, w := range worlds {
			e, err := c.Mean(w, s, suite.Accuracy())
			if err != nil {
				return nil, err
			}
			row.Cells = append(row.Cells, fmt.Sprintf("%.1f", 100*e.Value/c.Bound(w, s)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// differenceTable shows the difference of each subject to GRLE on the same stream.
func differenceTable(c *suite.Comparison, scenario string) (*Table, error) {
	t, worlds := worldTable(c, scenario, fmt.Sprintf("Scenario %s: average accuracy less that of GRLE", scenario),
		"Paired by stream. GRLE with the same recipe; for policies that do not learn, with the recipe tuned.")
	for i, s := range c.Subjects {
		ref, ok := c.Reference(s)
		if !ok || ref == s {
			continue
		}
		row := Row{Cells: []string{s.String()}, Best: []bool{false}, Rule: len(t.Rows) > 0 && newGroup(c.Subjects, i)}
		for _, w := range worlds {
			d, err := c.Difference(w, s, ref, suite.Accuracy())
			if err != nil {
				return nil, err
			}
			row.Cells = append(row.Cells, signed(d, 3))
			row.Best = append(row.Best, d.Low > 0 || d.High < 0)
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}
