package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
)

func claims(c *suite.Comparison) (Section, error) {
	all, err := c.Claims()
	if err != nil || len(all) == 0 {
		return Section{}, err
	}
	t := &Table{Title: "What was claimed, and what was measured", Header: []string{"claim", "measured", "holds"}, Text: 2, Brief: true}
	for _, claim := range all {
		holds := "no"
		if claim.Holds {
			holds = "yes"
		}
		t.Rows = append(t.Rows, Row{Cells: []string{claim.Text, claim.Measured, holds}, Best: []bool{false, false, !claim.Holds}})
	}
	return Section{Title: "Claims", Tables: []*Table{t}}, nil
}

// learners returns the subjects that learn.
func learners(c *suite.Comparison) []suite.Subject {
	return slices.DeleteFunc(slices.Clone(c.Subjects), func(s suite.Subject) bool { return !s.Learns() })
}

// newGroup reports whether subject i begins another part of a table: another method, or the
// policies that do not learn.
func newGroup(subjects []suite.Subject, i int) bool {
	if i == 0 {
		return false
	}
	a, b := subjects[i-1], subjects[i]
	return a.Learns() != b.Learns() || b.Learns() && a.Name != b.Name
}

func summary(c *suite.Comparison) (Section, error) {
	t := &Table{
		Title: fmt.Sprintf("All %d worlds together", len(c.Worlds)),
		Note: "IQM: interquartile mean over all worlds and seeds. Of its bound: average accuracy over the upper bound of the world, for whoever uses the last exit " +
			"alone that of the last exit. Against GRLE: mean of the paired differences in average accuracy, and the probability that a run is better than one of " +
			"GRLE, with the same recipe; policies that do not learn are held against the recipe tuned.",
		Header: []string{"", "accuracy, IQM", "SSP, IQM", "reward, IQM", "of its bound, %", "against GRLE", "P(better than GRLE)"},
		Text:   1,
		Brief:  true,
	}
	for i, s := range c.Subjects {
		row := []string{s.String()}
		for _, m := range []suite.Metric{suite.Accuracy(), suite.SSP(), suite.Reward()} {
			e, err := c.IQM(s, m)
			if err != nil {
				return Section{}, err
			}
			row = append(row, plusMinus(e, m.Decimals))
		}
		share, err := c.Share(s)
		if err != nil {
			return Section{}, err
		}
		row = append(row, plusMinus(percent(share), 1))
		if ref, ok := c.Reference(s); ok && ref != s {
			d, err := c.MeanDifference(s, ref, suite.Accuracy())
			if err != nil {
				return Section{}, err
			}
			p, err := c.Improvement(s, ref, suite.Accuracy())
			if err != nil {
				return Section{}, err
			}
			row = append(row, signed(d, 3), plusMinus(p, 2))
		} else {
			row = append(row, "", "")
		}
		t.Rows = append(t.Rows, Row{Cells: row, Rule: newGroup(c.Subjects, i)})
	}
	return Section{Title: "Summary", Tables: []*Table{t}}, nil
}

func percent(e rl.Estimate) rl.Estimate {
	return rl.Estimate{Value: 100 * e.Value, Low: 100 * e.Low, High: 100 * e.High}
}

// ratios compares GRLE with GRL and DROOE in every world.
func ratios(c *suite.Comparison) (Section, error) {
	type pair struct{ above, below suite.Subject }
	var pairs []pair
	t := &Table{
		Title: "Average accuracy of GRLE over that of GRL and DROOE",
		Note: "The paper says that GRLE has up to 3.41 times the average accuracy of GRL and up to 1.45 times that of DROOE under dynamic scenarios. " +
			"Its scenarios are not known in detail; these are our own.",
		Header: []string{"world"},
		Text:   1,
		Brief:  true,
	}
	for _, recipe := range c.Recipes() {
		for _, below := range []agent.Method{agent.GRL, agent.DROOE} {
			p := pair{suite.Subject{Name: string(agent.GRLE), Recipe: recipe}, suite.Subject{Name: string(below), Recipe: recipe}}
			if c.Has(p.above) && c.Has(p.below) {
				pairs = append(pairs, p)
				t.Header = append(t.Header, fmt.Sprintf("%s/%s\n%s", p.above.Name, p.below.Name, recipe))
			}
		}
	}
	if len(pairs) == 0 {
		return Section{}, nil
	}
	largest := make([]rl.Estimate, len(pairs))
	for _, w := range c.Worlds {
		row := []string{w.String()}
		for i, p := range pairs {
			e, err := c.Ratio(w, p.above, p.below, suite.Accuracy())
			if err != nil {
				return Section{}, err
			}
			if e.Value > largest[i].Value {
				largest[i] = e
			}
			row = append(row, plusMinus(e, 2))
		}
		t.Rows = append(t.Rows, Row{Cells: row, Rule: len(t.Rows) > 0 && w.Scenario != scenarioOf(t.Rows[len(t.Rows)-1])})
	}
	most, paper := []string{"largest"}, []string{"the paper's, up to"}
	for i, p := range pairs {
		most = append(most, plusMinus(largest[i], 2))
		said := suite.PaperOverGRL
		if p.below.Name == string(agent.DROOE) {
			said = suite.PaperOverDROOE
		}
		paper = append(paper, fmt.Sprintf("%.2f", said))
	}
	t.Rows = append(t.Rows, Row{Cells: most, Rule: true}, Row{Cells: paper})
	return Section{Title: "GRLE, GRL and DROOE", Tables: []*Table{t}}, nil
}

// scenarioOf returns the scenario in the first cell of a row, which is a world.
func scenarioOf(r Row) string { name, _, _ := strings.Cut(r.Cells[0], ","); return name }

// nearOracle compares methods with searches on their critic's objective.
func nearOracle(c *suite.Comparison) (Section, error) {
	t := &Table{
		Title: "Average accuracy in % of that of a local search on the same value",
		Note: "GRLE and GRLE-LT, trained and learning no more, beside a search on the value their critic scores decisions by, over the last sixteenth of the " +
			"slots. More than 100 % is possible: what is best for a slot, or by a learned value, is not the best in the long run.",
		Header: []string{"world"},
		Text:   1,
	}
	var tested []suite.Subject
	for _, s := range learners(c) {
		if hasTest(c, s, suite.ValueSearch) {
			tested = append(tested, s)
			t.Header = append(t.Header, s.Name+"\n"+s.Recipe)
		}
	}
	if len(tested) == 0 {
		return Section{}, nil
	}
	for _, w := range c.Worlds {
		row := Row{Cells: []string{w.String()}}
		for _, s := range tested {
			e, _, err := c.NearOracle(w, s)
			if err != nil {
				return Section{}, err
			}
			row.Cells = append(row.Cells, plusMinus(percent(e), 1))
		}
		row.Rule = len(t.Rows) > 0 && w.Scenario != scenarioOf(t.Rows[len(t.Rows)-1])
		t.Rows = append(t.Rows, row)
	}
	return Section{Title: "Beside searches on the same value", Tables: []*Table{t}}, nil
}

// hasTest reports whether a subject has a test of a kind in every world where it was trained.
func hasTest(c *suite.Comparison, s suite.Subject, kind suite.TestKind) bool {
	return !slices.ContainsFunc(c.Worlds, func(w suite.World) bool {
		_, ok := c.TestRows(w, s, kind, w)
		return !ok
	})
}

// transfer shows tests in other worlds than the trained one.
func transfer(c *suite.Comparison) (Section, error) {
	t := &Table{
		Title: "Trained in one world, deciding in another",
		Note: "Average accuracy; in brackets, in % of that of the same method trained natively. Frozen learns nothing in the new world; " +
			"online goes on learning there, from 50 slots before those that are measured.",
		Header: []string{"method", "trained in", "decides in", "native", "frozen", "online"},
		Text:   3,
		Brief:  true,
	}
	for _, s := range learners(c) {
		first := true
		for _, from := range c.Worlds {
			for _, to := range c.Worlds {
				row := Row{Cells: []string{s.String(), from.String(), to.String()}, Rule: first && len(t.Rows) > 0}
				native, err := c.Mean(to, s, suite.Accuracy())
				if err != nil {
					return Section{}, err
				}
				row.Cells = append(row.Cells, plusMinus(native, 3))
				for _, kind := range []suite.TestKind{suite.Frozen, suite.Online} {
					rows, ok := c.TestRows(from, s, kind, to)
					if !ok || from == to {
						break
					}
					e, err := suite.TestMean(rows, suite.Accuracy())
					if err != nil {
						return Section{}, err
					}
					ratio, err := suite.TestRatio(rows, c.Rows(to, s), suite.Accuracy())
					if err != nil {
						return Section{}, err
					}
					row.Cells = append(row.Cells, fmt.Sprintf("%s (%.1f)", plusMinus(e, 3), 100*ratio.Value))
				}
				if len(row.Cells) == len(t.Header) {
					t.Rows = append(t.Rows, row)
					first = false
				}
			}
		}
	}
	if len(t.Rows) == 0 {
		return Section{}, nil
	}
	return Section{Title: "Transfer", Tables: []*Table{t}}, nil
}
