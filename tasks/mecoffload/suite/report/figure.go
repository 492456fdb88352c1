package report

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"regexp"

	"github.com/graphrl/graphrl/internal/svgtitle"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is a grid of diagrams with one legend.
type Figure struct {
	// Name is the name of its files, without extension.
	Name    string
	Caption string

	panels        [][]*plot.Plot
	legend        plot.Legend
	entries       int       // of the legend
	width, height vg.Length // of a panel
}

const (
	legendWidth = 5.2 * vg.Centimeter
	legendLine  = 0.5 * vg.Centimeter
	margin      = 0.3 * vg.Centimeter
	dpi         = 110
)

// size returns the size of the whole figure: at least as high as its legend.
func (f *Figure) size() (width, height vg.Length) {
	height = max(vg.Length(len(f.panels))*f.height, vg.Length(f.entries)*legendLine+2*margin)
	return vg.Length(len(f.panels[0]))*f.width + legendWidth, height
}

// explain adds an entry to the legend.
func (f *Figure) explain(text string, marks ...plot.Thumbnailer) {
	f.legend.Add(text, marks...)
	f.entries++
}

func (f *Figure) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	tiles := draw.Tiles{Cols: len(f.panels[0]), Rows: len(f.panels), PadX: 1.5 * margin, PadY: 1.5 * margin}
	areas := plot.Align(f.panels, tiles, draw.Crop(c, 0, -legendWidth, 0, 0))
	for i, row := range f.panels {
		for j, p := range row {
			p.Draw(areas[i][j])
		}
	}
	f.legend.Draw(draw.Crop(c, c.Max.X-c.Min.X-legendWidth+2*margin, 0, 0, 0))
}

// SVG returns the figure as an SVG document, whose title for screen readers is the caption.
func (f *Figure) SVG() ([]byte, error) {
	canvas := vgsvg.New(f.size())
	f.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	svg := svgtitle.Add(b.Bytes(), f.Caption)
	// Use another sans serif where the font is missing.
	return bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif")), nil
}

// PNG returns the figure as a PNG image.
func (f *Figure) PNG() ([]byte, error) {
	width, height := f.size()
	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))}
	f.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

// pdfDates matches the dates in a PDF document.
var pdfDates = regexp.MustCompile(`/(Creation|Mod)Date \(D:\d{14}\)`)

// PDF returns the figure as a PDF document without the date, so equal figures are equal files.
func (f *Figure) PDF() ([]byte, error) {
	canvas := vgpdf.New(f.size())
	f.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return pdfDates.ReplaceAll(b.Bytes(), []byte("/${1}Date (D:20220101000000)")), nil
}

// newFigure returns a figure of empty diagrams of the given size.
func newFigure(name, caption string, rows, columns int, width, height vg.Length) *Figure {
	f := &Figure{Name: name, Caption: caption, width: width, height: height, legend: plot.NewLegend()}
	f.legend.TextStyle.Font = textFont(11)
	f.legend.Top, f.legend.Left = true, true
	f.legend.ThumbnailWidth = 0.8 * vg.Centimeter
	f.legend.Padding = 0.5 * vg.Millimeter
	for range rows {
		var row []*plot.Plot
		for range columns {
			p := plot.New()
			p.Title.TextStyle.Font = textFont(12)
			p.Title.Padding = vg.Millimeter
			for _, axis := range []*plot.Axis{&p.X, &p.Y} {
				axis.Label.TextStyle.Font = textFont(12)
				axis.Tick.Label.Font = textFont(10)
			}
			row = append(row, p)
		}
		f.panels = append(f.panels, row)
	}
	return f
}

func textFont(size vg.Length) font.Font {
	return font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size)
}

// labels writes the axes' names at the left and at the bottom.
func (f *Figure) labels(x, y string) {
	for i, row := range f.panels {
		row[0].Y.Label.Text = y
		for _, p := range row {
			if i == len(f.panels)-1 {
				p.X.Label.Text = x
			}
		}
	}
}

// clear removes the axes of diagrams without a world.
func (f *Figure) clear(worlds [][]*suite.World) {
	for i, row := range worlds {
		for j, w := range row {
			if w == nil {
				p := f.panels[i][j]
				p.HideAxes()
				p.X.Label.Text, p.Y.Label.Text = "", ""
			}
		}
	}
}

func addGrid(p *plot.Plot) {
	g := plotter.NewGrid()
	g.Horizontal.Color, g.Vertical.Color = color.Gray{0xe4}, color.Gray{0xe4}
	p.Add(g)
}

// sameHeight gives all diagrams the same vertical range: the tenths around low and high.
func (f *Figure) sameHeight(low, high float64) {
	for _, row := range f.panels {
		for _, p := range row {
			p.Y.Min, p.Y.Max = math.Floor(10*low)/10, math.Ceil(10*high)/10
		}
	}
}
