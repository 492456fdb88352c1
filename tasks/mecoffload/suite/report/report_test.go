package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
)

// newReport computes a suite of very few slots and returns its report.
func newReport(t testing.TB, name string, o suite.Options) *Report {
	t.Helper()
	s, err := suite.New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	store, err := suite.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := suite.Compute(context.Background(), s.Cells, store, suite.ComputeOptions{Jobs: 1}); err != nil {
		t.Fatal(err)
	}
	results, err := store.LoadAll(s.Cells)
	if err != nil {
		t.Fatal(err)
	}
	c, err := suite.Compare(s, results)
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func quick() suite.Options {
	return suite.Options{Seeds: 2, Slots: 40, Slot: 0.01, Methods: []agent.Method{agent.GRLELT, agent.GRLE, agent.GRL}}
}

// files returns all files below a folder by name.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		relative, _ := filepath.Rel(dir, name)
		all[filepath.ToSlash(relative)] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func write(t testing.TB, r *Report) map[string][]byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "report")
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	return files(t, dir)
}

// memoryRow is a line of the table of memory.
var memoryRow = regexp.MustCompile(`(?s)memory of a cell in MB.*GRLE-LT \(tuned\) +\| +[1-9][0-9]+ \|`)

func TestReport(t *testing.T) {
	first := write(t, newReport(t, "quick", quick()))
	names := []string{"tables.md", "tables.tex", "runs.csv", "summary.csv", "results.json", "timing.md", "report.html"}
	for _, figure := range []string{"learning-dynamic-paper", "learning-dynamic-tuned", "devices-dynamic-paper", "devices-dynamic-tuned", "exits-dynamic", "scatter-dynamic"} {
		names = append(names, "figures/"+figure+".svg", "figures/"+figure+".png", "figures/"+figure+".pdf")
	}
	for _, name := range names {
		if len(first[name]) == 0 {
			t.Errorf("no file %s", name)
		}
	}
	if timing := string(first["timing.md"]); runtime.GOOS == "linux" && !memoryRow.MatchString(timing) {
		t.Errorf("no memory of cells in\n%s", timing)
	}
	if len(first) != len(names) {
		t.Errorf("%d files, want %d", len(first), len(names))
	}

	t.Run("the same again", func(t *testing.T) {
		skipRace(t)
		second := write(t, newReport(t, "quick", quick()))
		for _, name := range names {
			a, b := first[name], second[name]
			switch name {
			case "timing.md":
				continue
			case "report.html":
				a, b = a[:bytes.Index(a, []byte(`id="Decision_times"`))], b[:bytes.Index(b, []byte(`id="Decision_times"`))]
			}
			if !bytes.Equal(a, b) {
				t.Errorf("%s differs", name)
			}
		}
	})
	t.Run("page", func(t *testing.T) { testPage(t, first["report.html"]) })
	t.Run("figures", func(t *testing.T) {
		for name, data := range first {
			switch filepath.Ext(name) {
			case ".png":
				if _, err := png.Decode(bytes.NewReader(data)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			case ".pdf":
				if !bytes.HasPrefix(data, []byte("%PDF-")) || !bytes.Contains(data, []byte("%%EOF")) {
					t.Errorf("%s is no PDF", name)
				}
			case ".svg":
				d := xml.NewDecoder(bytes.NewReader(data))
				for {
					if _, err := d.Token(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Errorf("%s: %v", name, err)
						break
					}
				}
				if bytes.Contains(data, []byte("NaN")) {
					t.Errorf("%s: not a number", name)
				}
			}
		}
	})
	t.Run("runs", func(t *testing.T) {
		lines, err := csv.NewReader(bytes.NewReader(first["runs.csv"])).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		worlds, subjects, seeds := 2, 3*2+6, 2
		if len(lines) != 1+worlds*subjects*seeds || len(lines[0]) != 17+5 {
			t.Errorf("%d lines of %d columns", len(lines), len(lines[0]))
		}
		var all struct {
			Runs    []map[string]any
			Summary []struct {
				Method, Recipe, Metric string
				Devices                int
				Mean                   float64
			}
			Claims []suite.Claim
		}
		if err := json.Unmarshal(first["results.json"], &all); err != nil {
			t.Fatal(err)
		}
		if len(all.Runs) != len(lines)-1 || len(all.Claims) == 0 {
			t.Errorf("%d runs, %d claims", len(all.Runs), len(all.Claims))
		}
		sum, n := 0.0, 0.0
		for i, run := range all.Runs {
			if _, timed := run["decision_us"]; timed || run["method"] != lines[i+1][4] || fmt.Sprint(run["accuracy"]) != lines[i+1][8] {
				t.Fatalf("run %v is line %v", run, lines[i+1])
			}
			if run["method"] == "GRLE" && run["recipe"] == "tuned" && run["devices"] == 14.0 {
				sum += run["accuracy"].(float64)
				n++
			}
		}
		for _, s := range all.Summary {
			if s.Method == "GRLE" && s.Recipe == "tuned" && s.Devices == 14 && s.Metric == "average accuracy" && (n != 2 || math.Abs(s.Mean-sum/n) > 1e-12) {
				t.Errorf("mean of %v runs is %v, want %v", n, s.Mean, sum/n)
			}
		}
	})
	t.Run("tables", func(t *testing.T) {
		for _, want := range []string{"| upper bound |", "| GRLE/GRL paper |", "search on the " +
			"value of GRLE-LT (tuned) †", "| GRL (paper) ‡ |", "(figures/exits-dynamic.svg)"} {
			if !bytes.Contains(first["tables.md"], []byte(want)) {
				t.Errorf("tables.md has no %q", want)
			}
		}
		if n := bytes.Count(first["tables.tex"], []byte(`\toprule`)); n == 0 || n != bytes.Count(first["tables.tex"], []byte(`\end{tabular}`)) {
			t.Errorf("%d tables begin", n)
		}
	})
}

// The page is self-contained.
func testPage(t *testing.T, page []byte) {
	for _, external := range []string{`src="`, `<link`, `<script`, `@import`, `url(`} {
		if bytes.Contains(page, []byte(external)) {
			t.Errorf("the page has %s", external)
		}
	}
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllSubmatch(page, -1) {
		target, internal := strings.CutPrefix(string(m[1]), "#")
		if !internal || !bytes.Contains(page, []byte(`id="`+target+`"`)) {
			t.Errorf("the page refers to %s", m[1])
		}
	}
	if n := bytes.Count(page, []byte("<svg")); n != 6 || bytes.Count(page, []byte("<?xml")) != 0 {
		t.Errorf("%d figures in the page", n)
	}
	profile, err := mecoffload.LoadProfile(mecoffload.DefaultProfile)
	if err != nil {
		t.Fatal(err)
	}
	accuracy := fmt.Sprintf("accuracy: [%v, %v, ", profile.Accuracy[0], profile.Accuracy[1])
	for _, want := range []string{"learning_rate: 0.001", "rate_mbit_s: [20.0, 100.0]", accuracy} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page has no setting %q", want)
		}
	}
}

// skipRace skips tests that the race detector slows down too much. It has nothing to find in them,
// because one goroutine writes a report.
func skipRace(t *testing.T) {
	if race.Enabled {
		t.Skip("slow under the race detector")
	}
}

func TestOtherSuites(t *testing.T) {
	skipRace(t)
	sections := func(r *Report) []string {
		var titles []string
		for _, s := range r.Sections {
			titles = append(titles, s.Title)
		}
		return titles
	}
	r := newReport(t, "transfer", suite.Options{Seeds: 1, Slots: 24, Slot: 0.01, Methods: []agent.Method{agent.GRLE}})
	if d := cmp.Diff([]string{"Summary", "Transfer", "Scenario dynamic"}, sections(r)[1:]); d != "" {
		t.Errorf("transfer: -want +got\n%s", d)
	}
	if rows := r.Sections[2].Tables[0].Rows; len(rows) != 6 || len(rows[0].Cells) != 6 {
		t.Errorf("transfer: %v", rows)
	}
	r = newReport(t, "claims", suite.Options{Seeds: 10, Slots: 8, Slot: 0.03, Methods: []agent.Method{agent.GRLE, agent.GRL}})
	if d := cmp.Diff([]string{"Claims", "Summary", "GRLE, GRL and DROOE", "Single runs", "Scenario dynamic"}, sections(r)); d != "" {
		t.Errorf("claims: -want +got\n%s", d)
	}
	folds := suite.Options{Seeds: 1, Slots: 16, Devices: 6, Methods: []agent.Method{agent.GRLE}, Traces: []string{"../../testdata/traces"}}
	r = newReport(t, "leave-one-out", folds)
	if d := cmp.Diff([]string{"Claims", "Summary", "Leave one recording out", "Scenario trace " +
		"fold 1", "Scenario trace fold 2"}, sections(r)); d != "" {
		t.Errorf("leave-one-out: -want +got\n%s", d)
	}
	tune := suite.Options{Seeds: 1, Slots: 8, Devices: 6, Methods: []agent.Method{agent.DROO, agent.DROOE}}
	r = newReport(t, "tune", tune)
	if len(r.Sections) != 1 || len(r.Sections[0].Tables) != 3 || len(r.Sections[0].Tables[2].Rows) != 2+5+3+3 {
		t.Errorf("tune: %v", sections(r))
	}
	var b bytes.Buffer
	if err := r.Print(&b, ASCII); err != nil || !strings.Contains(b.String(), "quantizer gumbel "+
		"0.5") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestPrint(t *testing.T) {
	r := newReport(t, "quick", suite.Options{Seeds: 1, Slots: 8, Devices: 6, Slot: 0.01, Methods: []agent.Method{agent.DROO}})
	for f, want := range map[Format]string{ASCII: "+-----", Markdown: "|:--|--:", LaTeX: `\midrule`, CSV: "scenario,devices", JSON: `"method": "DROO"`} {
		var b bytes.Buffer
		if err := r.Print(&b, f); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s: %v, no %q in\n%s", f, err, want, b.String())
		}
	}
	if err := r.Print(io.Discard, "word"); err == nil {
		t.Error("an unknown format: no error")
	}
}

func TestTableFormats(t *testing.T) {
	table := &Table{
		Title:  "A & B",
		Note:   "50 % more",
		Header: []string{"name", "x\ny"},
		Rows: []Row{
			{Cells: []string{"a|b_c*", "1 ±2"}, Best: []bool{false, true}},
			{Cells: []string{"d<e", "−3"}, Rule: true},
		},
		Text: 1,
	}
	for _, c := range []struct {
		format string
		write  func(io.Writer) error
		want   string
	}{
		{"ASCII", table.WriteASCII, `A & B
50 % more
+--------+-------+
| name   |     x |
|        |     y |
+--------+-------+
| a|b_c* | *1 ±2 |
|        |       |
| d<e    |    −3 |
+--------+-------+

`},
		{"Markdown", table.WriteMarkdown, `**A & B**

50 % more

| name | x y |
|:--|--:|
| a\|b_c\* | **1 ±2** |
| d&lt;e | −3 |

`},
		{"LaTeX", table.WriteLaTeX, `\begin{table}
\centering\footnotesize\setlength{\tabcolsep}{4pt}
\caption{A \& B. 50 \% more}
\begin{tabular}{lr}
\toprule
name & x y \\
\midrule
a|b\_c* & \textbf{1 $\pm$2} \\
\midrule
d\textless{}e & $-$3 \\
\bottomrule
\end{tabular}
\end{table}

`},
	} {
		var b strings.Builder
		if err := c.write(&b); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, b.String()); d != "" {
			t.Errorf("%s: -want +got\n%s", c.format, d)
		}
	}
}

func TestNumbers(t *testing.T) {
	e := rl.Estimate{Value: 0.5, Low: 0.46, High: 0.51}
	if got := plusMinus(e, 2); got != "0.50 ±0.04" {
		t.Error(got)
	}
	if got := signed(e, 1); got != "+0.5 ±0.0" {
		t.Error(got)
	}
	if got := signed(rl.Estimate{Value: -0.25, Low: math.NaN(), High: math.NaN()}, 2); got != "−0.25" {
		t.Error(got)
	}
}

func TestWrap(t *testing.T) {
	if got := wrap("one two three fourfive", 7); got != "one two\nthree\nfourfive" {
		t.Errorf("%q", got)
	}
	if got := wrap("", 7); got != "" {
		t.Errorf("%q", got)
	}
}
