package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type reading struct {
	Name  string `json:"name"`
	Sizes struct {
		Width float64   `json:"width"`
		Tags  []float64 `json:"tags"`
	} `json:"sizes"`
	Good bool `json:"good"`
}

func readings() []reading {
	rows := make([]reading, 2)
	rows[0].Name, rows[0].Good = "first, of two", true
	rows[0].Sizes.Width, rows[0].Sizes.Tags = 1.0/3, []float64{1, 1e21}
	rows[1].Name = "second"
	rows[1].Sizes.Tags = []float64{2, 3}
	return rows
}

var readingColumns = []Column[reading]{
	{Header: "name", Left: true, Cell: func(r reading) string { return r.Name }},
	{Header: "width m (outer)", Cell: func(r reading) string { return fmt.Sprintf("%.1f", r.Sizes.Width) }},
}

func TestWriteTable(t *testing.T) {
	for format, want := range map[Format]string{
		ASCII: `Two readings

+---------------+-----------+
| name          |     width |
|               | m (outer) |
+---------------+-----------+
| first, of two |       0.3 |
| second        |       0.0 |
+---------------+-----------+
`,
		Markdown: `Two readings

| name          | width m (outer) |
|:--------------|----------------:|
| first, of two |             0.3 |
| second        |             0.0 |
`,
		CSV: `name,sizes.width,sizes.tags.1,sizes.tags.2,good
"first, of two",0.3333333333333333,1,1e+21,true
second,0,2,3,false
`,
	} {
		var b bytes.Buffer
		if err := WriteTable(&b, format, "Two readings", readingColumns, readings()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, b.String()); d != "" {
			t.Errorf("%s: -want +got:\n%s", format, d)
		}
	}
	for _, rows := range [][]reading{readings(), {}, nil} {
		var b bytes.Buffer
		if err := WriteTable(&b, JSON, "Two readings", readingColumns, rows); err != nil {
			t.Fatal(err)
		}
		var back []reading
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back) != len(rows) || len(rows) > 0 && !cmp.Equal(rows, back) {
			t.Errorf("%v comes back as %v, error %v, from\n%s", rows, back, err, b.String())
		}
	}
	if err := WriteTable(&bytes.Buffer{}, "html", "", readingColumns, nil); err == nil {
		t.Error("an unknown format")
	}
}

func TestProgressLines(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, "GRLE", "slots", 0, 200)
	for done := int64(1); done <= 200; done++ {
		p.Set(done, func() string { return fmt.Sprintf("reward %d", done) })
	}
	p.End()
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 10 || !strings.HasPrefix(lines[0], "GRLE  10%: 20/200 slots, ") || !strings.HasSuffix(lines[9], "/s, reward 200") ||
		!strings.Contains(lines[4], ", ETA ") || strings.Contains(lines[9], "ETA") {
		t.Errorf("lines:\n%s", b.String())
	}
}

// Work done before a run was resumed does not count towards the rate.
func TestProgressOfResumed(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, "GRLE", "slots", 900, 1000)
	p.begin = time.Now().Add(-10 * time.Second)
	p.Set(950, nil)
	if b.Len() > 0 {
		t.Errorf("too early: %q", b.String())
	}
	p.shown = p.begin
	p.Set(951, nil)
	if got := b.String(); got != "GRLE  95%: 951/1000 slots, 5/s, ETA 10s\n" {
		t.Errorf("%q", got)
	}
}

func TestProgressGrace(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, "GRLE", "slots", 0, 3)
	p.Grace = time.Hour
	for done := range int64(4) {
		p.Set(done, nil)
	}
	p.End()
	if b.Len() > 0 {
		t.Errorf("%q", b.String())
	}
}

func TestSaveFigure(t *testing.T) {
	base := filepath.Join(t.TempDir(), "curve")
	panel := Panel{X: "slot", Y: "reward", Lines: []Line{
		{Name: "GRLE", X: []float64{1, 2, 3}, Y: []float64{0.1, 0.3, 0.2}},
		{Name: "random", X: []float64{0, 3}, Y: []float64{0.2, 0.2}, Dashed: true},
	}}
	log := panel
	log.Title, log.LogY = "logarithmic", true
	both := log
	both.LogX, both.Lines = true, []Line{{Name: "GRLE", X: []float64{2, 320}, Y: []float64{1, 40}}}
	one := panel
	one.Lines = []Line{{Name: "GRLE", X: []float64{1}, Y: []float64{0.1}}}
	for _, panels := range [][]Panel{{panel, log}, {both}, {one}} {
		if err := SaveFigure(base, panels...); err != nil {
			t.Fatal(err)
		}
		svg, err := os.ReadFile(base + ".svg")
		if err != nil || !bytes.Contains(svg, []byte("<svg")) || !bytes.Contains(svg, []byte("GRLE")) || !bytes.Contains(svg, []byte("reward")) {
			t.Errorf("error %v, SVG %.100s", err, svg)
		}
		png, err := os.ReadFile(base + ".png")
		if err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
			t.Errorf("error %v, PNG %.10q", err, png)
		}
	}
	if err := SaveFigure(filepath.Join(base+".svg", "x"), panel); err == nil {
		t.Error("saved in a file")
	}
	log.Lines = []Line{{Name: "zero", X: []float64{1, 2}, Y: []float64{1, 0}}}
	if err := SaveFigure(base, log); err == nil || !strings.Contains(err.Error(), "zero: 0 cannot be shown") {
		t.Errorf("the logarithm of zero: %v", err)
	}
	both.Lines[0].X[0] = -2
	if err := SaveFigure(base, both); err == nil || !strings.Contains(err.Error(), "GRLE: -2 cannot be shown") {
		t.Errorf("the logarithm of -2: %v", err)
	}
}

func TestRoundTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      string
	}{
		{0, 600, "0 200 400 600"},
		{0, 10_000, "0 2000 4000 6000 8000 10000"},
		{0.07, 0.75, "0.2 0.4 0.6"},
		{-0.5, 0.5, "-0.4 -0.2 0 0.2 0.4"},
	} {
		var labels []string
		for _, tick := range (roundTicks{}).Ticks(c.low, c.high) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("%v to %v: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}
