package report

import (
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// exitShares draws how often tasks are sent to each exit, a diagram for each world.
func exitShares(c *suite.Comparison, scenario string) (*Figure, error) {
	subjects := slices.DeleteFunc(slices.Clone(c.Subjects), func(s suite.Subject) bool {
		return suite.LastExitOnly(s) || s.Name == "random"
	})
	slices.Reverse(subjects) // bars are drawn from the bottom
	names := make([]string, len(subjects))
	for i, s := range subjects {
		names[i] = s.String()
	}
	f, worlds := overWorlds(c, scenario, "exits", ": share of all tasks, late and dropped ones included, that is sent to each exit.",
		vg.Length(len(subjects))*0.42*vg.Centimeter+2*vg.Centimeter, "share of the tasks", "")
	err := f.each(worlds, func(p *plot.Plot, w suite.World) error {
		bars, err := stackExits(p, c, w, subjects)
		if err != nil {
			return err
		}
		if p == f.panels[0][0] {
			for exit, b := range bars {
				f.explain(fmt.Sprintf("exit %d", exit+1), b)
			}
		}
		p.X.Min, p.X.Max = 0, 1
		p.X.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 0.5, Label: "0.5"}, {Value: 1, Label: "1"}}
		labels := make([]string, len(names))
		if slices.ContainsFunc(f.panels, func(row []*plot.Plot) bool { return row[0] == p }) {
			labels = names // on the left of each row alone
		}
		p.NominalY(labels...)
		p.Y.Tick.Label.Font = textFont(8)
		return nil
	})
	return f, err
}

// stackExits draws a bar per subject, of a part for each exit.
func stackExits(p *plot.Plot, c *suite.Comparison, w suite.World, subjects []suite.Subject) ([]*plotter.BarChart, error) {
	exits := len(c.Rows(w, subjects[0])[0].Exits)
	var all []*plotter.BarChart
	for exit := range exits {
		var shares plotter.Values
		for _, s := range subjects {
			rows := c.Rows(w, s)
			sum := 0.0
			for _, r := range rows {
				sum += r.Exits[exit]
			}
			shares = append(shares, sum/float64(len(rows)))
		}
		bars, err := plotter.NewBarChart(shares, 0.3*vg.Centimeter)
		if err != nil {
			return nil, err
		}
		bars.Horizontal = true
		bars.Color = exitColor(exit, exits)
		bars.LineStyle.Width = 0
		if exit > 0 {
			bars.StackOn(all[exit-1])
		}
		p.Add(bars)
		all = append(all, bars)
	}
	return all, nil
}
