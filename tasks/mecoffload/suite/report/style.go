package report

import (
	"image/color"
	"math"

	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

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

func faint(c color.RGBA) color.RGBA {
	mix := func(v uint8) uint8 { return uint8((int(v) + 2*0xff) / 3) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}
