package report

import (
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

// panels arranges the worlds of a scenario as the diagrams of a figure: as their grid or, if that
// has gaps, in rows of at most three.
func panels(c *suite.Comparison, scenario string) [][]*suite.World {
	const columns = 3
	rows, worlds := grid(c, scenario), worldsOf(c, scenario)
	if len(rows)*len(rows[0]) == len(worlds) {
		return rows
	}
	rows = nil
	for i := range worlds {
		if i%columns == 0 {
			rows = append(rows, make([]*suite.World, columns))
		}
		rows[i/columns][i%columns] = &worlds[i]
	}
	return rows
}

// grid arranges the worlds of a scenario in rows of slot lengths and columns of sizes; nil marks a
// gap.
func grid(c *suite.Comparison, scenario string) [][]*suite.World {
	worlds := worldsOf(c, scenario)
	var slots []mecoffload.Seconds
	var sizes []string
	for _, w := range worlds {
		if !slices.Contains(slots, w.Slot) {
			slots = append(slots, w.Slot)
		}
		if s := sizeOf(c, w); !slices.Contains(sizes, s) {
			sizes = append(sizes, s)
		}
	}
	rows := make([][]*suite.World, len(slots))
	for i := range rows {
		rows[i] = make([]*suite.World, len(sizes))
	}
	for i, w := range worlds {
		rows[slices.Index(slots, w.Slot)][slices.Index(sizes, sizeOf(c, w))] = &worlds[i]
	}
	return rows
}

// overWorlds returns a figure with a diagram for each world of a scenario, which has its title.
func overWorlds(c *suite.Comparison, scenario, name, caption string, height vg.Length, x, y string) (*Figure, [][]*suite.World) {
	worlds := panels(c, scenario)
	f := newFigure(name+"-"+fileName(scenario), fmt.Sprintf("Scenario %s", scenario)+caption, len(worlds), len(worlds[0]), 6*vg.Centimeter, height)
	f.labels(x, y)
	f.clear(worlds)
	for i, row := range worlds {
		for j, w := range row {
			if w != nil {
				f.panels[i][j].Title.Text = fmt.Sprintf("%v, %s", w.Slot, sizeOf(c, *w))
			}
		}
	}
	return f, worlds
}

// each calls draw with the diagram of each world.
func (f *Figure) each(worlds [][]*suite.World, draw func(p *plot.Plot, w suite.World) error) error {
	for i, row := range worlds {
		for j, w := range row {
			if w == nil {
				continue
			}
			if err := draw(f.panels[i][j], *w); err != nil {
				return err
			}
		}
	}
	return nil
}

// addGrids draws a grid in the diagram of each world.
func (f *Figure) addGrids(worlds [][]*suite.World) {
	for i, row := range worlds {
		for j, w := range row {
			if w != nil {
				addGrid(f.panels[i][j])
			}
		}
	}
}
