package main

import (
	"fmt"
	"image/color"
	"io"
	"os"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// palette is the colour-blind safe palette of M. Okabe and K. Ito, "Color Universal Design" (2008).
var palette = [...]color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff},
	{0xcc, 0x79, 0xa7, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x00, 0x00, 0x00, 0xff},
}

const (
	panelWidth  = 9 * vg.Centimeter
	legendWidth = 4.5 * vg.Centimeter
	height      = 0.8 * panelWidth
	margin      = 0.3 * vg.Centimeter
)

// sans is the font of all text.
var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// drawCurves writes BASE.svg and BASE.png: a panel for each algorithm with a line for each seed,
// because a mean hides how far seeds lie apart.
func drawCurves(base string, t task, rows []row) error {
	legend := plot.NewLegend()
	legend.TextStyle.Font = font.From(sans, 10)
	legend.Top, legend.Left = true, true
	legend.ThumbnailWidth = 0.8 * vg.Centimeter
	var panels []*plot.Plot
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Algo == rows[0].Algo {
			n++
		}
		key := &legend
		if len(panels) > 0 {
			key = nil // the lines of all panels have the same names
		}
		p, err := newPanel(t, rows[:n], key)
		if err != nil {
			return err
		}
		panels, rows = append(panels, p), rows[n:]
	}
	width := vg.Length(len(panels))*panelWidth + legendWidth
	png := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(144))}
	if err := save(base+".png", png, panels, legend); err != nil {
		return err
	}
	return save(base+".svg", vgsvg.New(width, height), panels, legend)
}

// newPanel draws the curves of one algorithm and the target, and adds their names to the legend if
// it is not nil.
func newPanel(t task, rows []row, legend *plot.Legend) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = strings.ToUpper(rows[0].Algo) + " on " + t.name
	p.Title.TextStyle.Font = font.From(sans, 11)
	p.X.Label.Text, p.Y.Label.Text = "thousands of steps", "mean return"
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = font.From(sans, 11)
		axis.Tick.Label.Font = font.From(sans, 9)
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe0}, color.Gray{0xe0}
	p.Add(grid)

	add := func(name string, points plotter.XYs, c color.Color, dashes ...vg.Length) error {
		line, err := plotter.NewLine(points)
		if err != nil {
			return fmt.Errorf("curve %s: %w", name, err)
		}
		line.Color, line.Width, line.Dashes = c, vg.Points(1.5), dashes
		p.Add(line)
		if legend != nil {
			legend.Add(name, line)
		}
		return nil
	}
	for i, r := range rows {
		points := make(plotter.XYs, len(r.curve))
		for k, point := range r.curve {
			points[k] = plotter.XY{X: float64(point.Steps) / 1000, Y: point.Mean}
		}
		if err := add(fmt.Sprintf("seed %d", r.Seed), points, palette[i%len(palette)]); err != nil {
			return nil, err
		}
	}
	target := plotter.XYs{{X: p.X.Min, Y: t.target}, {X: p.X.Max, Y: t.target}}
	if err := add("target", target, palette[len(rows)%len(palette)], vg.Points(4), vg.Points(3)); err != nil {
		return nil, err
	}
	p.Y.Min = min(p.Y.Min, 0)
	p.Y.Max += 0.05 * (p.Y.Max - p.Y.Min)
	return p, nil
}

type canvas interface {
	vg.CanvasSizer
	io.WriterTo
}

// save draws the panels side by side, with the legend to their right.
func save(name string, to canvas, panels []*plot.Plot, legend plot.Legend) error {
	c := draw.Crop(draw.New(to), margin, -margin, margin, -margin)
	tiles := draw.Tiles{Cols: len(panels), Rows: 1, PadX: 2 * margin}
	for i, area := range plot.Align([][]*plot.Plot{panels}, tiles, draw.Crop(c, 0, -legendWidth, 0, 0))[0] {
		panels[i].Draw(area)
	}
	legend.Draw(draw.Crop(c, c.Max.X-c.Min.X-legendWidth+2*margin, 0, 0, 0))
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := to.WriteTo(file); err != nil {
		file.Close()
		return fmt.Errorf("figure %s: %w", name, err)
	}
	return file.Close()
}
