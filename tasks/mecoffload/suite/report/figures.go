package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// figures returns the figures of one scenario.
func figures(c *suite.Comparison, scenario string) ([]*Figure, error) {
	var all []*Figure
	for _, set := range methodSets(c) {
		f, err := learningCurves(c, scenario, set)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
		f, err = againstDevices(c, scenario, set)
		if err != nil {
			return nil, err
		}
		if f != nil {
			all = append(all, f)
		}
	}
	for _, make := range []func(*suite.Comparison, string) (*Figure, error){exitShares, scatter} {
		f, err := make(c, scenario)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// methodSet is the set of learning methods in one figure.
type methodSet struct {
	suffix   string // of the figure's file name
	recipes  string // for its caption
	subjects []suite.Subject
}

// methodSets returns all methods in one set if each has a single recipe, else one set per recipe.
func methodSets(c *suite.Comparison) []methodSet {
	all := learners(c)
	var sets []methodSet
	single := true
	for _, recipe := range c.Recipes() {
		subjects := slices.DeleteFunc(slices.Clone(all), func(s suite.Subject) bool { return s.Recipe != recipe })
		sets = append(sets, methodSet{"-" + fileName(recipe), "recipe " + recipe, subjects})
		for _, s := range subjects {
			single = single && !slices.ContainsFunc(all, func(o suite.Subject) bool { return o.Name == s.Name && o != s })
		}
	}
	if single && len(sets) > 1 {
		return []methodSet{{"", "every method with its recipe", all}}
	}
	return sets
}

// learningCurves draws the average accuracy over the slots, a diagram for each world.
func learningCurves(c *suite.Comparison, scenario string, set methodSet) (*Figure, error) {
	f, worlds := overWorlds(c, scenario, "learning",
		fmt.Sprintf(", %s: average accuracy over the slots. Lines are means over the seeds, bands reach from the lowest to the highest seed.", set.recipes),
		5*vg.Centimeter, "slot", "accuracy")
	f.Name += set.suffix
	f.addGrids(worlds)
	low, high := 1.0, 0.0
	for _, s := range set.subjects {
		st := styleOf(s)
		var thumbnail plot.Thumbnailer
		err := f.each(worlds, func(p *plot.Plot, w suite.World) error {
			band, mean := bandOf(c.Curves(w, s))
			area, err := plotter.NewPolygon(band)
			if err != nil {
				return err
			}
			area.Color = color.NRGBA{st.color.R, st.color.G, st.color.B, 0x30}
			area.LineStyle.Width = 0
			line, err := plotter.NewLine(mean)
			if err != nil {
				return err
			}
			line.LineStyle = st.line()
			p.Add(area, line)
			for _, point := range band {
				low, high = min(low, point.Y), max(high, point.Y)
			}
			p.X.Min, p.X.Max = 0, float64(c.Suite.Slots)
			p.X.Tick.Marker = slotTicks(c.Suite.Slots)
			thumbnail = line
			return nil
		})
		if err != nil {
			return nil, err
		}
		f.explain(s.Name, thumbnail)
	}
	f.sameHeight(low, high)
	return f, nil
}

// bandOf returns the outline of all curves, and their mean.
func bandOf(curves [][]suite.Point) (band, mean plotter.XYs) {
	n := len(curves[0])
	band, mean = make(plotter.XYs, 2*n), make(plotter.XYs, n)
	for i := range n {
		x := float64(curves[0][i].Slot)
		low, high, sum := math.Inf(1), math.Inf(-1), 0.0
		for _, curve := range curves {
			a := curve[i].Accuracy
			low, high, sum = min(low, a), max(high, a), sum+a
		}
		band[i] = plotter.XY{X: x, Y: high}
		band[2*n-1-i] = plotter.XY{X: x, Y: low}
		mean[i] = plotter.XY{X: x, Y: sum / float64(len(curves))}
	}
	return band, mean
}

// slotTicks marks the quarters of a run and names the first, the middle and the last slot.
func slotTicks(slots int64) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for quarter := range int64(5) {
		t := plot.Tick{Value: float64(slots*quarter) / 4}
		if quarter%2 == 0 {
			t.Label = fmt.Sprint(slots * quarter / 4)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// scatter draws accuracy against SSP, a diagram for each world.
func scatter(c *suite.Comparison, scenario string) (*Figure, error) {
	f, worlds := overWorlds(c, scenario, "scatter",
		": average accuracy against service success probability, means over the seeds. Marks of the last recipe are solid, those of others faint.",
		5*vg.Centimeter, "SSP", "average accuracy")
	f.addGrids(worlds)
	recipes := c.Recipes()
	for _, s := range c.Subjects {
		st := styleOf(s)
		shade := st.color
		if s.Learns() && s.Recipe != recipes[len(recipes)-1] {
			shade = faint(shade)
		}
		var thumbnail plot.Thumbnailer
		err := f.each(worlds, func(p *plot.Plot, w suite.World) error {
			x, err := c.Mean(w, s, suite.SSP())
			if err != nil {
				return err
			}
			y, err := c.Mean(w, s, suite.Accuracy())
			if err != nil {
				return err
			}
			mark, err := plotter.NewScatter(plotter.XYs{{X: x.Value, Y: y.Value}})
			if err != nil {
				return err
			}
			mark.GlyphStyle = draw.GlyphStyle{Color: shade, Radius: vg.Points(3), Shape: st.glyph}
			p.Add(mark)
			p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
			thumbnail = mark
			return nil
		})
		if err != nil {
			return nil, err
		}
		f.explain(s.String(), thumbnail)
	}
	return f, nil
}

// fileName returns name without characters that are special in file systems.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, name)
}
