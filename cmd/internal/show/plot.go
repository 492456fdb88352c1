package show

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/internal/svgtitle"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Panel is one of the diagrams of a figure.
type Panel struct {
	Title string // above it, or empty
	X, Y  string // labels of the axes
	LogX  bool   // scale X by its logarithm; all X must be positive
	LogY  bool   // scale Y by its logarithm; all Y must be positive
	Lines []Line
}

// Line is a curve in a panel, or a level to compare curves with.
type Line struct {
	Name string // in the legend
	X, Y []float64
	// Low and High, if not nil, are the bounds of a band around Y, such as a confidence interval.
	// NaN bounds leave a gap.
	Low, High []float64
	// Dashed marks a level: curves are solid and have markers.
	Dashed bool
	// Dots are points without a line.
	Dots bool
}

// palette is the colour-blind safe palette of M. Okabe and K. Ito, "Color Universal Design" (2008).
var palette = [...]color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff},
	{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x00, 0x00, 0x00, 0xff},
}

// Readers who see no colours distinguish curves by their markers and levels by their dashes
// [points].
var (
	markers = [...]draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}}
	dashes  = [...][]vg.Length{{6, 3}, {1.5, 2}, {10, 3, 2, 3}, {3, 5}, {12, 4}, {6, 2, 1.5, 2, 1.5, 2}}
)

// Sizes of a figure. Two panels, shrunk to 500 pixels, have letters 10 pixels high.
const (
	panelWidth  = 8 * vg.Centimeter
	panelHeight = 6.2 * vg.Centimeter
	margin      = 0.3 * vg.Centimeter
	legendWidth = 4.6 * vg.Centimeter // of one column
	legendRow   = 14                  // points
	fontSize    = 10
	dpi         = 144
)

// SaveFigure draws panels in rows of two, with one legend below them, and writes them to base.svg,
// base.png and base.pdf. The SVG holds [Describe] for screen readers.
func SaveFigure(base string, panels ...Panel) error {
	columns := min(len(panels), 2)
	width, height := vg.Length(columns)*panelWidth, vg.Length((len(panels)+1)/2)*panelHeight+legendHeight(panels, columns)+2*margin
	for _, file := range []struct {
		name   string
		canvas vg.CanvasWriterTo
	}{
		{base + ".svg", vgsvg.New(width, height)},
		{base + ".png", vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))}},
		{base + ".pdf", vgpdf.New(width, height)},
	} {
		if err := drawFigure(draw.New(file.canvas), columns, panels); err != nil {
			return fmt.Errorf("figure %s: %w", file.name, err)
		}
		var b bytes.Buffer
		if _, err := file.canvas.WriteTo(&b); err != nil {
			return fmt.Errorf("figure %s: %w", file.name, err)
		}
		data := b.Bytes()
		if strings.HasSuffix(file.name, ".svg") {
			data = svgtitle.Add(data, Describe(panels...))
		}
		if err := atomicfile.Write(file.name, data); err != nil {
			return fmt.Errorf("figure: %w", err)
		}
	}
	return nil
}

// Describe describes a figure in words: where each line of each panel ends.
func Describe(panels ...Panel) string {
	var texts []string
	for _, p := range panels {
		about := p.Y
		if about == "" {
			about = p.Title
		}
		var ends []string
		for _, l := range p.Lines {
			if n := len(l.Y); n > 0 {
				ends = append(ends, fmt.Sprintf("%s %.3g", l.Name, l.Y[n-1]))
			}
		}
		texts = append(texts, fmt.Sprintf("%s by %s, at the end: %s", about, p.X, strings.Join(ends, ", ")))
	}
	return strings.Join(texts, "; ")
}

// legend holds the names in a figure with their lines, each once.
type legend struct {
	names  []string
	thumbs [][]plot.Thumbnailer
}

func legendColumns(columns int) int { return int(vg.Length(columns) * panelWidth / legendWidth) }

func legendHeight(panels []Panel, columns int) vg.Length {
	names := map[string]bool{}
	for _, p := range panels {
		for _, l := range p.Lines {
			names[l.Name] = true
		}
	}
	per := legendColumns(columns)
	return vg.Length((len(names)+per-1)/per) * legendRow
}

func sans(size vg.Length) font.Font {
	return font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size)
}

func drawFigure(c draw.Canvas, columns int, panels []Panel) error {
	var key legend
	var rows [][]*plot.Plot
	for i, panel := range panels {
		p, err := key.plot(panel)
		if err != nil {
			return err
		}
		if i%columns == 0 {
			rows = append(rows, make([]*plot.Plot, columns))
		}
		rows[i/columns][i%columns] = p
	}
	c = draw.Crop(c, margin, -margin, margin, -margin)
	below := legendHeight(panels, columns)
	tiles := draw.Tiles{Cols: columns, Rows: len(rows), PadX: 2 * margin, PadY: margin}
	for i, row := range plot.Align(rows, tiles, draw.Crop(c, 0, 0, below+margin, 0)) {
		for j, area := range row {
			if rows[i][j] != nil {
				rows[i][j].Draw(area)
			}
		}
	}
	key.draw(c, below, legendColumns(columns))
	return nil
}

// plot draws a panel and adds its lines to the legend.
func (k *legend) plot(panel Panel) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = panel.Title, panel.X, panel.Y
	p.Title.TextStyle.Font = sans(fontSize)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font, axis.Tick.Label.Font = sans(fontSize), sans(fontSize-1)
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe0}, color.Gray{0xe0}
	p.Add(grid)
	var front []plot.Plotter // bands are behind all lines
	curves, levels := 0, 0
	for _, l := range panel.Lines {
		style := lineStyle(k.index(l.Name))
		if err := l.check(panel); err != nil {
			return nil, err
		}
		if l.Dots {
			dots, err := plotter.NewScatter(l.points(1, 0))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.Name, err)
			}
			dots.GlyphStyle = draw.GlyphStyle{Color: style.Color, Radius: vg.Points(0.8), Shape: draw.CircleGlyph{}}
			p.Add(dots)
			k.note(l.Name, []plot.Thumbnailer{dots})
			continue
		}
		if band := l.band(style.Color); band != nil {
			p.Add(band)
		}
		line, err := plotter.NewLine(l.points(1, 0))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		line.LineStyle = style
		front = append(front, line)
		thumbs := []plot.Thumbnailer{line}
		if l.Dashed {
			line.Width, line.Dashes = vg.Points(1.3), dashes[levels%len(dashes)]
			levels++
		} else {
			marks, err := plotter.NewScatter(l.points(max(len(l.X)/8, 1), curves))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.Name, err)
			}
			marks.GlyphStyle = draw.GlyphStyle{Color: style.Color, Radius: vg.Points(2.7), Shape: markers[curves%len(markers)]}
			front, thumbs = append(front, marks), append(thumbs, marks)
			curves++
		}
		k.note(l.Name, thumbs)
	}
	p.Add(front...)
	panel.scale(p)
	return p, nil
}

func lineStyle(index int) draw.LineStyle {
	return draw.LineStyle{Color: palette[index%len(palette)], Width: vg.Points(1.6)}
}

// index returns the index of a name, new or known, in the legend: it has the same colour in all
// panels.
func (k *legend) index(name string) int {
	if i := slices.Index(k.names, name); i >= 0 {
		return i
	}
	return len(k.names)
}

func (k *legend) note(name string, thumbs []plot.Thumbnailer) {
	if !slices.Contains(k.names, name) {
		k.names, k.thumbs = append(k.names, name), append(k.thumbs, thumbs)
	}
}

// draw writes the names row by row at the bottom of c.
func (k *legend) draw(c draw.Canvas, height vg.Length, columns int) {
	c = draw.Crop(c, 0, 0, 0, height-(c.Max.Y-c.Min.Y))
	width := (c.Max.X - c.Min.X) / vg.Length(columns)
	for i, name := range k.names {
		entry := plot.NewLegend()
		entry.TextStyle.Font = sans(fontSize)
		entry.Top, entry.Left = true, true
		entry.ThumbnailWidth = 1.1 * vg.Centimeter
		entry.Add(name, k.thumbs[i]...)
		left, top := vg.Length(i%columns)*width, vg.Length(i/columns)*legendRow
		entry.Draw(draw.Crop(c, left, 0, 0, -top))
	}
}

// check reports values that the axes of a panel cannot show.
func (l Line) check(p Panel) error {
	for _, axis := range []struct {
		log    bool
		values []float64
	}{{p.LogX, l.X}, {p.LogY, l.Y}} {
		for _, v := range axis.values {
			if axis.log && !(v > 0) {
				return fmt.Errorf("%s: %v cannot be shown on a logarithmic axis", l.Name, v)
			}
		}
	}
	return nil
}

// points returns every step-th point, starting with first.
func (l Line) points(step, first int) plotter.XYs {
	if first = first * step / 3; first >= len(l.X) {
		first = 0
	}
	var points plotter.XYs
	for i := first; i < len(l.X); i += step {
		points = append(points, plotter.XY{X: l.X[i], Y: l.Y[i]})
	}
	return points
}

// band returns the area between Low and High, or nil.
func (l Line) band(c color.Color) *plotter.Polygon {
	var outline plotter.XYs
	for i := range l.Low {
		if !math.IsNaN(l.Low[i]) && !math.IsNaN(l.High[i]) {
			outline = append(outline, plotter.XY{X: l.X[i], Y: l.Low[i]})
		}
	}
	for i := len(l.Low) - 1; i >= 0; i-- {
		if !math.IsNaN(l.Low[i]) && !math.IsNaN(l.High[i]) {
			outline = append(outline, plotter.XY{X: l.X[i], Y: l.High[i]})
		}
	}
	if len(outline) < 4 {
		return nil
	}
	area, err := plotter.NewPolygon(outline)
	if err != nil {
		return nil
	}
	tint := color.NRGBAModel.Convert(c).(color.NRGBA)
	tint.A = 0x40
	area.Color, area.LineStyle.Width = tint, 0
	return area
}

// scale sets the ends and the ticks of the axes. A linear Y axis leaves a twentieth of the range free
// above and below the lines.
func (panel Panel) scale(p *plot.Plot) {
	x, y := &p.X, &p.Y
	x.Tick.Marker, y.Tick.Marker = roundTicks{}, roundTicks{}
	if panel.LogX {
		scaleLog(x)
	}
	if panel.LogY {
		scaleLog(y)
		return
	}
	space := 0.05 * (y.Max - y.Min)
	if low := y.Min - space; y.Min < 0 || low >= 0 {
		y.Min = low
	} else {
		y.Min = 0
	}
	y.Max += space
}

// scaleLog makes an axis logarithmic, from a power of ten to another.
func scaleLog(axis *plot.Axis) {
	low, high := int(math.Floor(math.Log10(axis.Min))), int(math.Ceil(math.Log10(axis.Max)))
	high = max(high, low+1)
	var ticks plot.ConstantTicks
	for e := low; e <= high; e++ {
		ticks = append(ticks, plot.Tick{Value: math.Pow10(e), Label: strconv.FormatFloat(math.Pow10(e), 'g', -1, 64)})
	}
	axis.Scale, axis.Tick.Marker = plot.LogScale{}, ticks
	axis.Min, axis.Max = math.Pow10(low), math.Pow10(high)
}

// roundTicks places about five ticks at round numbers, all with labels.
type roundTicks struct{}

// Ticks implements plot.Ticker.
func (roundTicks) Ticks(low, high float64) []plot.Tick {
	const most = 6
	step := math.Pow10(int(math.Floor(math.Log10(high-low))) - 1)
	for _, factor := range []float64{1, 2, 2.5, 5, 10, 20, 25, 50} {
		if (high-low)/(factor*step) < most {
			step *= factor
			break
		}
	}
	var ticks []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+1e-9*step; i++ {
		value := i*step + 0 // never -0
		ticks = append(ticks, plot.Tick{Value: value, Label: strconv.FormatFloat(value, 'g', 6, 64)})
	}
	return ticks
}
