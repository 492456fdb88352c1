package main

import (
	"fmt"
	"strings"

	"github.com/graphrl/graphrl/internal/show"
)

// drawCurves draws a panel for each algorithm with a line for each seed: what a mean would hide is how far seeds lie
// apart.
func drawCurves(base string, t task, rows []row) error {
	var panels []show.Panel
	for i, r := range rows {
		if i == 0 || r.Algo != rows[i-1].Algo {
			panels = append(panels, show.Panel{
				Title: strings.ToUpper(r.Algo) + " on " + t.name,
				X:     "thousands of steps",
				Y:     "mean return",
			})
		}
		p := &panels[len(panels)-1]
		line := show.Line{Name: fmt.Sprintf("seed %d", r.Seed)}
		for _, point := range r.curve {
			line.X = append(line.X, float64(point.Steps)/1000)
			line.Y = append(line.Y, point.Mean)
		}
		p.Lines = append(p.Lines, line)
	}
	for i := range panels {
		p := &panels[i]
		first, last := p.Lines[0].X[0], 0.0
		for _, l := range p.Lines {
			first, last = min(first, l.X[0]), max(last, l.X[len(l.X)-1])
		}
		p.Lines = append(p.Lines, show.Line{Name: "target", X: []float64{first, last}, Y: []float64{t.target, t.target}, Dashed: true})
	}
	return show.SaveFigure(base, panels...)
}
