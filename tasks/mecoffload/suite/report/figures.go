package report

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
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

// SVG returns the figure as an SVG document.
func (f *Figure) SVG() ([]byte, error) {
	canvas := vgsvg.New(f.size())
	f.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	// Use another sans serif where the font is missing.
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif")), nil
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

// style defines how a subject is drawn in all figures.
type style struct {
	color  color.RGBA
	dashes []vg.Length
	glyph  draw.GlyphDrawer
}

// styleOf returns the style of a subject. A method has a colour of the colour-blind safe palette of
// M. Okabe and K. Ito ("Color Universal Design", 2008), its own dashes, and a shape by exits and
// critic, filled for graph actors. Subjects that do not learn are grey.
func styleOf(s suite.Subject) style {
	methods := map[string]style{
		string(agent.GRLELT):  {color.RGBA{0x00, 0x72, 0xb2, 0xff}, nil, draw.CircleGlyph{}},
		string(agent.GRLE):    {color.RGBA{0xd5, 0x5e, 0x00, 0xff}, dashes(7, 2), draw.BoxGlyph{}},
		string(agent.GRL):     {color.RGBA{0x00, 0x9e, 0x73, 0xff}, dashes(2, 2), draw.PyramidGlyph{}},
		string(agent.DROOE):   {color.RGBA{0xcc, 0x79, 0xa7, 0xff}, dashes(7, 2, 2, 2), draw.SquareGlyph{}},
		string(agent.DROO):    {color.RGBA{0xe6, 0x9f, 0x00, 0xff}, dashes(1, 2), draw.TriangleGlyph{}},
		string(agent.DROOELT): {color.RGBA{0x56, 0xb4, 0xe9, 0xff}, dashes(3, 1), draw.RingGlyph{}},
		"shadow-price":        {color.RGBA{0x00, 0x00, 0x00, 0xff}, dashes(5, 2), draw.CrossGlyph{}},
		"search":              {color.RGBA{0x50, 0x50, 0x50, 0xff}, dashes(2, 2), draw.PlusGlyph{}},
		"best-exit-in-time":   {color.RGBA{0x80, 0x80, 0x80, 0xff}, dashes(1, 2), draw.PlusGlyph{}},
	}
	if st, ok := methods[s.Name]; ok {
		return st
	}
	return style{color.RGBA{0xa8, 0xa8, 0xa8, 0xff}, dashes(1, 3), draw.CrossGlyph{}}
}

func dashes(points ...float64) []vg.Length {
	var d []vg.Length
	for _, p := range points {
		d = append(d, vg.Points(p))
	}
	return d
}

func (s style) line() draw.LineStyle {
	return draw.LineStyle{Color: s.color, Width: vg.Points(1.4), Dashes: s.dashes}
}

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
	worlds := panels(c, scenario)
	low, high := 1.0, 0.0
	f := newFigure(fmt.Sprintf("learning-%s%s", fileName(scenario), set.suffix),
		fmt.Sprintf("Scenario %s, %s: average accuracy over the slots. Lines are means over the "+
			"seeds, bands reach from the lowest to the highest seed.", scenario, set.recipes),
		len(worlds), len(worlds[0]), 6*vg.Centimeter, 5*vg.Centimeter)
	f.labels("slot", "average accuracy")
	f.clear(worlds)
	for _, s := range set.subjects {
		st := styleOf(s)
		var thumbnail plot.Thumbnailer
		for i, row := range worlds {
			for j, w := range row {
				if w == nil {
					continue
				}
				p := f.panels[i][j]
				if p.Title.Text == "" {
					addGrid(p)
				}
				p.Title.Text = fmt.Sprintf("%v, %s", w.Slot, sizeOf(c, *w))
				band, mean := bandOf(c.Curves(*w, s))
				area, err := plotter.NewPolygon(band)
				if err != nil {
					return nil, err
				}
				area.Color = color.NRGBA{st.color.R, st.color.G, st.color.B, 0x30}
				area.LineStyle.Width = 0
				line, err := plotter.NewLine(mean)
				if err != nil {
					return nil, err
				}
				line.LineStyle = st.line()
				p.Add(area, line)
				for _, point := range band {
					low, high = min(low, point.Y), max(high, point.Y)
				}
				p.X.Min, p.X.Max = 0, float64(c.Suite.Slots)
				p.X.Tick.Marker = slotTicks(c.Suite.Slots)
				thumbnail = line
			}
		}
		f.explain(s.Name, thumbnail)
	}
	f.sameHeight(low, high)
	return f, nil
}

// sameHeight gives all diagrams the same vertical range: the tenths around low and high.
func (f *Figure) sameHeight(low, high float64) {
	for _, row := range f.panels {
		for _, p := range row {
			p.Y.Min, p.Y.Max = math.Floor(10*low)/10, math.Ceil(10*high)/10
		}
	}
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
			for k, s := range subjects {
				st := styleOf(s)
				var points estimates
				for _, w := range row {
					if w == nil {
						continue
					}
					if i == 0 {
						p.Title.Text = fmt.Sprint(w.Slot)
					}
					e, err := c.Mean(*w, s, m)
					if err != nil {
						return nil, err
					}
					points.add(float64(w.Devices), e)
				}
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
				if i == 0 && j == 0 {
					f.explain(subjects[k].Name, line, marks)
				}
			}
			if i == 0 {
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

// exitShares draws how often tasks are sent to each exit, a diagram for each world.
func exitShares(c *suite.Comparison, scenario string) (*Figure, error) {
	worlds := panels(c, scenario)
	subjects := slices.DeleteFunc(slices.Clone(c.Subjects), func(s suite.Subject) bool {
		return suite.LastExitOnly(s) || s.Name == "random"
	})
	slices.Reverse(subjects) // bars are drawn from the bottom
	names := make([]string, len(subjects))
	for i, s := range subjects {
		names[i] = s.String()
	}
	f := newFigure("exits-"+fileName(scenario),
		fmt.Sprintf("Scenario %s: share of all tasks, late and dropped ones included, that is "+
			"sent to each exit.", scenario),
		len(worlds), len(worlds[0]), 6*vg.Centimeter, vg.Length(len(subjects))*0.42*vg.Centimeter+2*vg.Centimeter)
	f.labels("share of the tasks", "")
	f.clear(worlds)
	for i, row := range worlds {
		for j, w := range row {
			if w == nil {
				continue
			}
			p := f.panels[i][j]
			p.Title.Text = fmt.Sprintf("%v, %s", w.Slot, sizeOf(c, *w))
			exits := len(c.Rows(*w, subjects[0])[0].Exits)
			var below *plotter.BarChart
			for l := range exits {
				var shares plotter.Values
				for _, s := range subjects {
					rows := c.Rows(*w, s)
					sum := 0.0
					for _, r := range rows {
						sum += r.Exits[l]
					}
					shares = append(shares, sum/float64(len(rows)))
				}
				bars, err := plotter.NewBarChart(shares, 0.3*vg.Centimeter)
				if err != nil {
					return nil, err
				}
				bars.Horizontal = true
				bars.Color = exitColor(l, exits)
				bars.LineStyle.Width = 0
				if below != nil {
					bars.StackOn(below)
				}
				below = bars
				p.Add(bars)
				if i == 0 && j == 0 {
					f.explain(fmt.Sprintf("exit %d", l+1), bars)
				}
			}
			p.X.Min, p.X.Max = 0, 1
			p.X.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 0.5, Label: "0.5"}, {Value: 1, Label: "1"}}
			if j == 0 {
				p.NominalY(names...)
			} else {
				p.NominalY(make([]string, len(names))...)
			}
			p.Y.Tick.Label.Font = textFont(8)
		}
	}
	return f, nil
}

// exitColor goes from light to dark with the depth of the exit, through three colours of the map
// viridis (S. van der Walt and N. Smith, 2015).
func exitColor(exit, exits int) color.RGBA {
	stops := [...]color.RGBA{{0xfd, 0xe7, 0x25, 0xff}, {0x21, 0x91, 0x8c, 0xff}, {0x44, 0x01, 0x54, 0xff}}
	t := 0.0
	if exits > 1 {
		t = float64(exit) / float64(exits-1) * float64(len(stops)-1)
	}
	i := min(int(t), len(stops)-2)
	t -= float64(i)
	mix := func(a, b uint8) uint8 { return uint8(math.Round((1-t)*float64(a) + t*float64(b))) }
	a, b := stops[i], stops[i+1]
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
}

// scatter draws accuracy against SSP, a diagram for each world.
func scatter(c *suite.Comparison, scenario string) (*Figure, error) {
	worlds := panels(c, scenario)
	f := newFigure("scatter-"+fileName(scenario),
		fmt.Sprintf("Scenario %s: average accuracy against service success probability, means "+
			"over the seeds. Marks of the last recipe are solid, those of others faint.", scenario),
		len(worlds), len(worlds[0]), 6*vg.Centimeter, 5*vg.Centimeter)
	f.labels("SSP", "average accuracy")
	f.clear(worlds)
	recipes := c.Recipes()
	for _, s := range c.Subjects {
		st := styleOf(s)
		shade := st.color
		if s.Learns() && s.Recipe != recipes[len(recipes)-1] {
			shade = faint(shade)
		}
		var thumbnail plot.Thumbnailer
		for i, row := range worlds {
			for j, w := range row {
				if w == nil {
					continue
				}
				p := f.panels[i][j]
				if p.Title.Text == "" {
					addGrid(p)
				}
				p.Title.Text = fmt.Sprintf("%v, %s", w.Slot, sizeOf(c, *w))
				x, err := c.Mean(*w, s, suite.SSP())
				if err != nil {
					return nil, err
				}
				y, err := c.Mean(*w, s, suite.Accuracy())
				if err != nil {
					return nil, err
				}
				mark, err := plotter.NewScatter(plotter.XYs{{X: x.Value, Y: y.Value}})
				if err != nil {
					return nil, err
				}
				mark.GlyphStyle = draw.GlyphStyle{Color: shade, Radius: vg.Points(3), Shape: st.glyph}
				p.Add(mark)
				p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
				thumbnail = mark
			}
		}
		f.explain(s.String(), thumbnail)
	}
	return f, nil
}

func faint(c color.RGBA) color.RGBA {
	mix := func(v uint8) uint8 { return uint8((int(v) + 2*0xff) / 3) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
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
