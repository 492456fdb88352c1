package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// times shows how long decisions took.
func times(c *suite.Comparison) (Section, error) {
	s := Section{Title: "Decision times"}
	for _, scenario := range scenarioNames(c) {
		t, worlds := worldTable(c, scenario, fmt.Sprintf("Scenario %s: time of a decision in µs, mean (99th percentile)", scenario), "")
		for i, subject := range c.Subjects {
			row := Row{Cells: []string{subject.String()}, Rule: newGroup(c.Subjects, i)}
			for _, w := range worlds {
				d := c.Decision(w, subject)
				row.Cells = append(row.Cells, fmt.Sprintf("%.0f (%.0f)", d.Mean, d.P99))
			}
			t.Rows = append(t.Rows, row)
		}
		s.Tables = append(s.Tables, t)
		if t := memoryTable(c, scenario); t != nil {
			s.Tables = append(s.Tables, t)
		}
		f, err := growth(c, scenario, worlds)
		if err != nil {
			return s, err
		}
		if f != nil {
			s.Figures = append(s.Figures, f)
		}
	}
	total := 0.0
	for _, r := range c.Results {
		total += r.Timing.Seconds
	}
	builds := suite.Builds(c.Results)
	s.Text = fmt.Sprintf("They are about the machine as well, all the more where cells ran side by side, and not the same the next time. The cells took %.0f s, one after "+
		"another. They come from build %s of the program.", total, strings.Join(builds, ", "))
	if len(builds) > 1 {
		s.Text += " Results of several builds are only comparable if nothing that they follow from has changed between them."
	}
	return s, nil
}

// memoryTable shows the memory of cells, or is nil where it is known for none.
func memoryTable(c *suite.Comparison, scenario string) *Table {
	t, worlds := worldTable(c, scenario, fmt.Sprintf("Scenario %s: memory of a cell in MB", scenario),
		"The most that the process had at once while it computed the cell, with its program and, for methods, the training. Policies that do not learn share a cell.")
	known := false
	for i, subject := range c.Subjects {
		row := Row{Cells: []string{subject.String()}, Rule: newGroup(c.Subjects, i)}
		for _, w := range worlds {
			text := "-"
			if peak := c.Peak(w, subject); peak > 0 {
				text, known = fmt.Sprintf("%.0f", float64(peak)/1e6), true
			}
			row.Cells = append(row.Cells, text)
		}
		t.Rows = append(t.Rows, row)
	}
	if !known {
		return nil
	}
	return t
}

// wide is how far the numbers of devices must lie apart for a figure of the times.
const wide = 100

// growth draws the time of a decision against the number of devices, both logarithmic, and names the
// slope of each line: the exponent at which the time grows. It returns nil unless the numbers lie
// far apart.
func growth(c *suite.Comparison, scenario string, worlds []suite.World) (*Figure, error) {
	fewest, most := math.Inf(1), 0.0
	for _, w := range worlds {
		fewest, most = min(fewest, float64(w.Devices)), max(most, float64(w.Devices))
	}
	if most < wide*fewest {
		return nil, nil
	}
	f := newFigure("times-"+fileName(scenario), fmt.Sprintf("Scenario %s: mean time of a decision against the number of devices, "+
		"with the slopes of the lines that fit best.", scenario), 1, 1, 12*vg.Centimeter, 8*vg.Centimeter)
	f.labels("devices M", "time of a decision, s")
	p := f.panels[0][0]
	addGrid(p)
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: 6}, plot.LogTicks{Prec: 3}
	for _, s := range c.Subjects {
		var points plotter.XYs
		for _, w := range worlds {
			if d := c.Decision(w, s).Mean; d > 0 {
				points = append(points, plotter.XY{X: float64(w.Devices), Y: d / 1e6})
			}
		}
		if len(points) < 2 {
			continue
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		st := styleOf(s)
		line.LineStyle = st.line()
		marks.GlyphStyle = draw.GlyphStyle{Color: st.color, Radius: vg.Points(2.5), Shape: st.glyph}
		p.Add(line, marks)
		f.explain(fmt.Sprintf("%s: %.2f", s.Name, slope(points)), line, marks)
	}
	return f, nil
}

// slope returns the exponent a of the power law y = b x^a that fits points best.
func slope(points plotter.XYs) float64 {
	var x, y []float64
	for _, p := range points {
		x, y = append(x, math.Log(p.X)), append(y, math.Log(p.Y))
	}
	_, a := stat.LinearRegression(x, y, nil, false)
	return a
}
