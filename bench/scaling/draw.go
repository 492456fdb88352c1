package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// figure writes the panels, three in a row, to base.svg and base.png. All have one scale of time.
func figure(base string, panels []panel) error {
	const cols = 3
	rows := (len(panels) + cols - 1) / cols
	width, height := cols*7*vg.Centimeter, vg.Length(rows)*6.5*vg.Centimeter
	low, high := decades(panels)
	for _, file := range []struct {
		name   string
		canvas vg.CanvasWriterTo
	}{
		{base + ".svg", vgsvg.New(width, height)},
		{base + ".png", vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(144))}},
	} {
		grid := make([][]*plot.Plot, rows)
		for i, p := range panels {
			d, err := p.plot(low, high, i == 0)
			if err != nil {
				return err
			}
			grid[i/cols] = append(grid[i/cols], d)
		}
		for last := rows - 1; len(grid[last]) < cols; {
			grid[last] = append(grid[last], nil)
		}
		tiles := draw.Tiles{
			Rows: rows, Cols: cols, PadX: 0.5 * vg.Centimeter, PadY: 0.5 * vg.Centimeter,
			PadTop: 0.3 * vg.Centimeter, PadBottom: 0.3 * vg.Centimeter, PadLeft: 0.3 * vg.Centimeter, PadRight: 0.3 * vg.Centimeter,
		}
		areas := plot.Align(grid, tiles, draw.New(file.canvas))
		for r, row := range grid {
			for c, d := range row {
				if d != nil {
					d.Draw(areas[r][c])
				}
			}
		}
		if err := write(file.name, file.canvas); err != nil {
			return fmt.Errorf("figure: %w", err)
		}
	}
	return nil
}

func write(name string, canvas vg.CanvasWriterTo) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// decades returns the powers of ten of a second that enclose all times.
func decades(panels []panel) (low, high int) {
	low, high = math.MaxInt, math.MinInt
	for _, p := range panels {
		for _, l := range []line{p.decide, p.train} {
			for _, s := range l.seconds {
				low, high = min(low, int(math.Floor(math.Log10(s)))), max(high, int(math.Ceil(math.Log10(s))))
			}
		}
	}
	return low, high
}

// plot draws the panel on logarithmic axes, with marks at the sizes that were measured.
func (p *panel) plot(low, high int, legend bool) (*plot.Plot, error) {
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	d := plot.New()
	d.X.Label.Text = p.label
	d.X.Scale, d.Y.Scale = plot.LogScale{}, plot.LogScale{}
	for _, axis := range []*plot.Axis{&d.X, &d.Y} {
		axis.Label.TextStyle.Font = font.From(sans, 10)
		axis.Tick.Label.Font = font.From(sans, 8)
	}
	d.Legend.TextStyle.Font = font.From(sans, 9)
	d.Legend.Top, d.Legend.Left = true, true

	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe0}, color.Gray{0xe0}
	d.Add(grid)
	var x plot.ConstantTicks
	for _, l := range []struct {
		name string
		line
		color color.Color
		shape draw.GlyphDrawer
	}{
		{"training step", p.train, color.RGBA{0xd5, 0x5e, 0x00, 0xff}, draw.BoxGlyph{}},
		{"decision", p.decide, color.RGBA{0x00, 0x72, 0xb2, 0xff}, draw.CircleGlyph{}},
	} {
		if len(l.x) == 0 {
			continue
		}
		points := make(plotter.XYs, len(l.x))
		x = x[:0]
		for i := range points {
			points[i].X, points[i].Y = l.x[i], l.seconds[i]
			x = append(x, plot.Tick{Value: l.x[i], Label: strconv.FormatFloat(l.x[i], 'g', -1, 64)})
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", p.label, l.name, err)
		}
		line.Color, line.Width = l.color, vg.Points(1.5)
		marks.Color, marks.Shape, marks.Radius = l.color, l.shape, vg.Points(2)
		d.Add(line, marks)
		if legend {
			d.Legend.Add(l.name, line, marks)
		}
	}
	d.X.Tick.Marker = x
	var y plot.ConstantTicks
	for e := low; e <= high; e++ {
		y = append(y, plot.Tick{Value: math.Pow10(e), Label: seconds(e)})
	}
	d.Y.Tick.Marker = y
	d.Y.Min, d.Y.Max = math.Pow10(low), math.Pow10(high)
	return d, nil
}

// seconds writes 10^e seconds with a unit, such as 10 ms.
func seconds(e int) string {
	unit, shift := "s", 0
	switch {
	case e < -6:
		unit, shift = "ns", 9
	case e < -3:
		unit, shift = "µs", 6
	case e < 0:
		unit, shift = "ms", 3
	}
	return strconv.FormatFloat(math.Pow10(e+shift), 'f', -1, 64) + " " + unit
}
