package show

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strconv"

	"github.com/graphrl/graphrl/internal/atomicfile"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Panel is one of the diagrams of a figure.
type Panel struct {
	Title string // above it, or empty
	X, Y  string // labels of the axes
	LogY  bool   // scale Y by its logarithm; all Y must be positive
	Lines []Line
}

// Line is a curve in a panel.
type Line struct {
	Name   string // in the legend
	X, Y   []float64
	Dashed bool
}

// palette is that of M. Okabe and K. Ito, "Color Universal Design" (2008), which colour-blind
// readers can tell apart.
var palette = [...]color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff},
	{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x00, 0x00, 0x00, 0xff},
}

// SaveFigure draws panels side by side, with one legend to the right of them, and writes them to
// base.svg and base.png.
func SaveFigure(base string, panels ...Panel) error {
	const (
		side   = 9 * vg.Centimeter
		legend = 4.5 * vg.Centimeter
		dpi    = 144
	)
	width, height := vg.Length(len(panels))*side+legend, 0.8*side
	for _, file := range []struct {
		name   string
		canvas vg.CanvasWriterTo
	}{
		{base + ".svg", vgsvg.New(width, height)},
		{base + ".png", vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))}},
	} {
		if err := drawFigure(draw.New(file.canvas), legend, panels); err != nil {
			return fmt.Errorf("figure %s: %w", file.name, err)
		}
		var b bytes.Buffer
		if _, err := file.canvas.WriteTo(&b); err != nil {
			return fmt.Errorf("figure %s: %w", file.name, err)
		}
		if err := atomicfile.Write(file.name, b.Bytes()); err != nil {
			return fmt.Errorf("figure: %w", err)
		}
	}
	return nil
}

func drawFigure(c draw.Canvas, legendWidth vg.Length, panels []Panel) error {
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	key := plot.NewLegend()
	key.TextStyle.Font = font.From(sans, 10)
	key.Top, key.Left = true, true
	key.ThumbnailWidth = 0.8 * vg.Centimeter
	row := make([]*plot.Plot, len(panels))
	for i, panel := range panels {
		p := plot.New()
		p.Title.Text, p.X.Label.Text, p.Y.Label.Text = panel.Title, panel.X, panel.Y
		p.Title.TextStyle.Font = font.From(sans, 11)
		for _, axis := range []*plot.Axis{&p.X, &p.Y} {
			axis.Label.TextStyle.Font = font.From(sans, 11)
			axis.Tick.Label.Font = font.From(sans, 9)
		}
		grid := plotter.NewGrid()
		grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe0}, color.Gray{0xe0}
		p.Add(grid)
		for k, l := range panel.Lines {
			points := make(plotter.XYs, len(l.X))
			for j := range points {
				points[j].X, points[j].Y = l.X[j], l.Y[j]
				if panel.LogY && !(l.Y[j] > 0) {
					return fmt.Errorf("%s: %v has no place on a logarithmic axis", l.Name, l.Y[j])
				}
			}
			line, err := plotter.NewLine(points)
			if err != nil {
				return fmt.Errorf("%s: %w", l.Name, err)
			}
			line.Color = palette[k%len(palette)]
			line.Width = vg.Points(1.5)
			if l.Dashed {
				line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
			}
			p.Add(line)
			if i == 0 {
				key.Add(l.Name, line)
			}
		}
		scaleY(&p.Y, panel.LogY)
		row[i] = p
	}
	margin := 0.3 * vg.Centimeter
	c = draw.Crop(c, margin, -margin, margin, -margin)
	tiles := draw.Tiles{Cols: len(panels), Rows: 1, PadX: 2 * margin}
	for i, area := range plot.Align([][]*plot.Plot{row}, tiles, draw.Crop(c, 0, -legendWidth, 0, 0))[0] {
		row[i].Draw(area)
	}
	key.Draw(draw.Crop(c, c.Max.X-c.Min.X-legendWidth+2*margin, 0, 0, 0))
	return nil
}

// scaleY makes an axis begin at zero or, if it is logarithmic, begin and end at powers of ten.
func scaleY(y *plot.Axis, log bool) {
	if !log {
		y.Min = min(y.Min, 0)
		y.Max += 0.05 * (y.Max - y.Min)
		return
	}
	low, high := int(math.Floor(math.Log10(y.Min))), int(math.Ceil(math.Log10(y.Max)))
	high = max(high, low+1)
	var ticks plot.ConstantTicks
	for e := low; e <= high; e++ {
		ticks = append(ticks, plot.Tick{Value: math.Pow10(e), Label: strconv.FormatFloat(math.Pow10(e), 'g', -1, 64)})
	}
	y.Scale, y.Tick.Marker = plot.LogScale{}, ticks
	y.Min, y.Max = math.Pow10(low), math.Pow10(high)
}
