package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// againstDevices draws accuracy and SSP against the number of devices, a column for each slot
// length. It returns nil if there is only one number.
func againstDevices(c *suite.Comparison, scenario string, set methodSet) (*Figure, error) {
	worlds := grid(c, scenario)
	if len(worlds[0]) < 2 {
		return nil, nil
	}
	metrics := []suite.Metric{suite.Accuracy(), suite.SSP()}
	f := newFigure(fmt.Sprintf("devices-%s%s", fileName(scenario), set.suffix),
		fmt.Sprintf("Scenario %s, %s: average accuracy and service success probability against "+
			"the number of devices M, with 95 %% intervals.", scenario, set.recipes),
		len(metrics), len(worlds), 7.5*vg.Centimeter, 6*vg.Centimeter)
	f.labels("devices M", "")
	subjects := append(slices.Clone(set.subjects), slices.DeleteFunc(slices.Clone(c.Subjects), func(s suite.Subject) bool {
		return s.Name != "search" && s.Name != "shadow-price" && s.Name != "best-exit-in-time"
	})...)
	for i, m := range metrics {
		f.panels[i][0].Y.Label.Text = m.Name
		for j, row := range worlds {
			p := f.panels[i][j]
			addGrid(p)
			for _, s := range subjects {
				marks, err := addMeans(p, c, row, s, m)
				if err != nil {
					return nil, err
				}
				if i == 0 && j == 0 {
					f.explain(s.Name, marks...)
				}
			}
			if i == 0 {
				p.Title.Text = slotOf(row)
				line, err := boundLine(c, row)
				if err != nil {
					return nil, err
				}
				p.Add(line)
				if j == 0 {
					f.explain("upper bound", line)
				}
			}
			p.Y.Min, p.Y.Max = 0, 1
			p.X.Min, p.X.Max = p.X.Min-0.5, p.X.Max+0.5
			p.X.Tick.Marker = deviceTicks(c, row)
		}
	}
	return f, nil
}

// slotOf returns the slot length of a row of worlds.
func slotOf(row []*suite.World) string {
	for _, w := range row {
		if w != nil {
			return fmt.Sprint(w.Slot)
		}
	}
	return ""
}

// addMeans draws the means of a subject in a row of worlds, with their intervals.
func addMeans(p *plot.Plot, c *suite.Comparison, row []*suite.World, s suite.Subject, m suite.Metric) ([]plot.Thumbnailer, error) {
	var points estimates
	for _, w := range row {
		if w == nil {
			continue
		}
		e, err := c.Mean(*w, s, m)
		if err != nil {
			return nil, err
		}
		points.add(float64(w.Devices), e)
	}
	st := styleOf(s)
	line, marks, err := plotter.NewLinePoints(points.XYs)
	if err != nil {
		return nil, err
	}
	line.LineStyle = st.line()
	marks.GlyphStyle = draw.GlyphStyle{Color: st.color, Radius: vg.Points(2.5), Shape: st.glyph}
	bars, err := plotter.NewYErrorBars(points)
	if err != nil {
		return nil, err
	}
	bars.LineStyle.Color = st.color
	bars.CapWidth = vg.Points(4)
	p.Add(line, marks, bars)
	return []plot.Thumbnailer{line, marks}, nil
}

func boundLine(c *suite.Comparison, row []*suite.World) (*plotter.Line, error) {
	var points plotter.XYs
	for _, w := range row {
		if w != nil {
			points = append(points, plotter.XY{X: float64(w.Devices), Y: c.Bound(*w, suite.Subject{})})
		}
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return nil, err
	}
	line.LineStyle = draw.LineStyle{Color: color.Black, Width: vg.Points(1)}
	return line, nil
}

// deviceTicks marks the numbers of devices that occur.
func deviceTicks(c *suite.Comparison, row []*suite.World) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, w := range row {
		if w != nil {
			ticks = append(ticks, plot.Tick{Value: float64(w.Devices), Label: strings.TrimPrefix(sizeOf(c, *w), "M ")})
		}
	}
	return ticks
}

// estimates are points with their intervals.
type estimates struct {
	plotter.XYs
	errors plotter.YErrors
}

func (p *estimates) add(x float64, e rl.Estimate) {
	p.XYs = append(p.XYs, plotter.XY{X: x, Y: e.Value})
	low, high := e.Value-e.Low, e.High-e.Value
	if math.IsNaN(low) || math.IsNaN(high) {
		low, high = 0, 0
	}
	p.errors = append(p.errors, struct{ Low, High float64 }{low, high})
}

// YError implements plotter.YErrorer.
func (p estimates) YError(i int) (low, high float64) { return p.errors.YError(i) }
