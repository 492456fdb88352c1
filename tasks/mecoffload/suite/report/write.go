package report

import (
	"bytes"
	"embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/graphrl/graphrl/internal/atomicfile"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
)

// Format is an output format of a report.
type Format string

// Formats. ASCII has the most important tables, Markdown and LaTeX have all, CSV and JSON every run
// with all digits.
const (
	ASCII    Format = "ascii"
	Markdown Format = "markdown"
	LaTeX    Format = "latex"
	CSV      Format = "csv"
	JSON     Format = "json"
)

// Print writes the report to w.
func (r *Report) Print(w io.Writer, f Format) error {
	switch f {
	case ASCII:
		return r.printASCII(w)
	case Markdown:
		return r.printMarkdown(w, r.Sections)
	case LaTeX:
		return r.printLaTeX(w)
	case CSV:
		return r.printRuns(w)
	case JSON:
		return encode(w, r.runs())
	}
	return fmt.Errorf("report: unknown format %q", f)
}

func (r *Report) printASCII(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s\n\n%s\n", r.Title, wrap(r.About, 2*columnWidth)); err != nil {
		return err
	}
	for _, s := range r.Sections {
		for _, t := range s.Tables {
			if !t.Brief {
				continue
			}
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
			if err := t.WriteASCII(w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Report) printMarkdown(w io.Writer, sections []Section) error {
	if _, err := fmt.Fprintf(w, "# %s\n\n%s\n", r.Title, r.About); err != nil {
		return err
	}
	for _, s := range sections {
		if _, err := fmt.Fprintf(w, "\n## %s\n\n%s\n", s.Title, lineOf(s.Text)); err != nil {
			return err
		}
		for _, t := range s.Tables {
			if err := t.WriteMarkdown(w); err != nil {
				return err
			}
		}
		for _, f := range s.Figures {
			if _, err := fmt.Fprintf(w, "![%s](figures/%s.svg)\n\n", f.Caption, f.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Report) printLaTeX(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%% %s Needs \\usepackage{booktabs,textcomp}.\n\n", r.Title); err != nil {
		return err
	}
	for _, s := range r.Sections {
		for _, t := range s.Tables {
			if err := t.WriteLaTeX(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// run is a row with its recipe and without decision times, which differ from run to run.
type run struct {
	mecoffload.Row
	Recipe   string    `json:"recipe"`
	Decision *struct{} `json:"decision_us,omitempty"`
}

func (r *Report) runs() []run {
	var runs []run
	c := r.comparison
	for _, w := range c.Worlds {
		for _, s := range c.Subjects {
			for _, row := range c.Rows(w, s) {
				runs = append(runs, run{Row: row, Recipe: s.Recipe})
			}
		}
	}
	return runs
}

// printRuns writes every run as a line of CSV.
func (r *Report) printRuns(w io.Writer) error {
	out := csv.NewWriter(w)
	header := []string{"scenario", "devices", "servers", "slot_ms", "method", "recipe", "seed", "slots",
		"accuracy", "ssp", "throughput", "reward", "accuracy_served", "latency_ms.mean", "latency_ms.p95", "latency_ms.p99", "utilisation"}
	exits := r.comparison.Suite.Cells[0].Profile.Exits()
	for l := range exits {
		header = append(header, fmt.Sprintf("exits.%d", l+1))
	}
	out.Write(header) // errors show in out.Error
	for _, run := range r.runs() {
		line := []string{run.Scenario, strconv.Itoa(run.Devices), strconv.Itoa(run.Servers), number(run.SlotMS), run.Method, run.Recipe,
			strconv.FormatUint(run.Seed, 10), strconv.FormatInt(run.Slots, 10)}
		for _, v := range append([]float64{run.Accuracy, run.SSP, run.Throughput, run.Reward, run.AccuracyServed,
			run.Latency.Mean, run.Latency.P95, run.Latency.P99, run.Utilisation}, run.Exits...) {
			line = append(line, number(v))
		}
		out.Write(line)
	}
	out.Flush()
	return out.Error()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// summaryLine is a metric of a subject in a world over its seeds. Without an interval its ends are
// null.
type summaryLine struct {
	Scenario string   `json:"scenario"`
	Devices  int      `json:"devices"`
	Servers  int      `json:"servers"`
	SlotMS   float64  `json:"slot_ms"`
	Method   string   `json:"method"`
	Recipe   string   `json:"recipe"`
	Seeds    int      `json:"seeds"`
	Metric   string   `json:"metric"`
	Mean     float64  `json:"mean"`
	Low      *float64 `json:"low"`
	High     *float64 `json:"high"`
}

func (r *Report) summaryLines() ([]summaryLine, error) {
	var lines []summaryLine
	c := r.comparison
	for _, w := range c.Worlds {
		for _, s := range c.Subjects {
			for _, m := range suite.Metrics() {
				e, err := c.Mean(w, s, m)
				if err != nil {
					return nil, err
				}
				line := summaryLine{w.Scenario, w.Devices, w.Servers, w.Slot.Milliseconds(), s.Name, s.Recipe, len(c.Rows(w, s)), m.Name, e.Value, nil, nil}
				if hasInterval(e) {
					line.Low, line.High = &e.Low, &e.High
				}
				lines = append(lines, line)
			}
		}
	}
	return lines, nil
}

func hasInterval(e rl.Estimate) bool { return e.Low <= e.High }

// printSummary writes the summary as CSV.
func (r *Report) printSummary(w io.Writer) error {
	lines, err := r.summaryLines()
	if err != nil {
		return err
	}
	optional := func(v *float64) string {
		if v == nil {
			return ""
		}
		return number(*v)
	}
	out := csv.NewWriter(w)
	out.Write([]string{"scenario", "devices", "servers", "slot_ms", "method", "recipe", "seeds", "metric", "mean", "low", "high"})
	for _, l := range lines {
		out.Write([]string{l.Scenario, strconv.Itoa(l.Devices), strconv.Itoa(l.Servers), number(l.SlotMS), l.Method, l.Recipe, strconv.Itoa(l.Seeds),
			l.Metric, number(l.Mean), optional(l.Low), optional(l.High)})
	}
	out.Flush()
	return out.Error()
}

// printResults writes all results.
func (r *Report) printResults(w io.Writer) error {
	lines, err := r.summaryLines()
	if err != nil {
		return err
	}
	claims, err := r.comparison.Claims()
	if err != nil {
		return err
	}
	type bounds struct {
		World  suite.World       `json:"world"`
		Bounds suite.BoundValues `json:"bounds"`
	}
	var all []bounds
	for _, world := range r.comparison.Worlds {
		all = append(all, bounds{world, r.comparison.Bounds(world)})
	}
	return encode(w, struct {
		Suite    string        `json:"suite"`
		Slots    int64         `json:"slots"`
		Seeds    []uint64      `json:"seeds"`
		Claims   []suite.Claim `json:"claims"`
		Summary  []summaryLine `json:"summary"`
		Bounds   []bounds      `json:"bounds"`
		Runs     []run         `json:"runs"`
		Settings []Setting     `json:"settings"`
	}{r.comparison.Suite.Name, r.comparison.Suite.Slots, r.comparison.Suite.Seeds, claims, lines, all, r.runs(), r.Settings})
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(v)
}

//go:embed report.gohtml
var page embed.FS

// printHTML writes the self-contained page.
func (r *Report) printHTML(w io.Writer, svg map[*Figure][]byte) error {
	t, err := template.New("report.gohtml").Funcs(template.FuncMap{
		"svg": func(f *Figure) template.HTML {
			text := svg[f]
			// generated here, so safe; the XML declaration has no place in a page
			return template.HTML(text[bytes.Index(text, []byte("<svg")):])
		},
		"anchor": fileName,
		"number": func(t *Table, column int) bool { return column >= t.Text },
		"best":   Row.best,
	}).ParseFS(page, "report.gohtml")
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}

// Write writes all files to a folder and creates it if necessary.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "figures"), 0o777); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	svg := make(map[*Figure][]byte)
	for _, s := range append(slices.Clone(r.Sections), r.Times) {
		for _, f := range s.Figures {
			var err error
			if svg[f], err = f.SVG(); err != nil {
				return err
			}
			for _, file := range []struct {
				ending string
				draw   func() ([]byte, error)
			}{{".svg", func() ([]byte, error) { return svg[f], nil }}, {".png", f.PNG}, {".pdf", f.PDF}} {
				data, err := file.draw()
				if err != nil {
					return err
				}
				name := filepath.Join(dir, "figures", f.Name+file.ending)
				if err := atomicfile.Write(name, data); err != nil {
					return fmt.Errorf("report: %w", err)
				}
			}
		}
	}
	for _, file := range []struct {
		name  string
		print func(io.Writer) error
	}{
		{"tables.md", func(w io.Writer) error { return r.printMarkdown(w, r.Sections) }},
		{"tables.tex", r.printLaTeX},
		{"runs.csv", r.printRuns},
		{"summary.csv", r.printSummary},
		{"results.json", r.printResults},
		{"timing.md", func(w io.Writer) error { return r.printMarkdown(w, []Section{r.Times}) }},
		{"report.html", func(w io.Writer) error { return r.printHTML(w, svg) }},
	} {
		var b bytes.Buffer
		if err := file.print(&b); err != nil {
			return fmt.Errorf("report: %s: %w", file.name, err)
		}
		if err := atomicfile.Write(filepath.Join(dir, file.name), b.Bytes()); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}
