package mecoffload

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadTrace(t *testing.T) {
	const missing5, missing6 = "-\n-\n-\n-\n-\n", "-\n-\n-\n-\n-\n-\n"
	for name, c := range map[string]struct {
		csv  string
		want []float64 // kbit/s
	}{
		"plain":           {"DL_bitrate\n1\n2.5\n0\n", []float64{1, 2.5, 0}},
		"other columns":   {"a,DL_bitrate,b\nx,1,y\nx,2,\n", []float64{1, 2}},
		"quotes, spaces":  {"a, DL_bitrate\n\"x,y\", 7 \n", []float64{7}},
		"byte order mark": {"\ufeffDL_bitrate,a\r\n3,4\r\n", []float64{3}},
		"quoted mark":     {"\ufeff\"DL_bitrate\",\"Time\"\n\"1200\",\"x\"\n\"1300\",\"y\"\n", []float64{1200, 1300}},
		"UTF-16":          {"\xff\xfeD\x00L\x00_\x00b\x00i\x00t\x00r\x00a\x00t\x00e\x00\r\x00\n\x005\x00", []float64{5}},
		"semicolons":      {"Timestamp;NetworkMode;DL_bitrate\n1;LTE;1200,5\n2;LTE;1300\n", []float64{1200.5, 1300}},
		"tabs":            {"Timestamp\tDL_bitrate\n1\t1200\n", []float64{1200}},
		"commas in tabs":  {"a,b\tDL_bitrate\nx,y\t0,125\n", []float64{0.125}},
		"other case":      {"a,dl bitrate\nx,1\n", []float64{1}},
		"upper case":      {" DL_BITRATE ;b\n7;x\n", []float64{7}},
		"old Mac":         {"DL_bitrate\r8\r9", []float64{8, 9}},
		"leading":         {"DL_bitrate\n" + missing6 + "4\n", []float64{4}},
		"short gap":       {"DL_bitrate\n1\n" + missing5 + "4\n", []float64{1, 1, 1, 1, 1, 1, 4}},
		"long gap":        {"DL_bitrate\n1\n" + missing6 + "4\n", []float64{1, 4}},
		"trailing":        {"DL_bitrate\n1\n-\n\"\"\n", []float64{1, 1, 1}},
	} {
		got, err := ReadTrace(strings.NewReader(c.csv), "f.csv")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range c.want {
			c.want[i] *= 1e3
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestReadTraceErrors(t *testing.T) {
	for csv, want := range map[string]string{
		"":                                 "f.csv: the file is empty",
		"DL_bitrate\n":                     "f.csv: not a single value of DL_bitrate",
		"DL_bitrate\n-\n-\n":               "f.csv: not a single value of DL_bitrate",
		"UL_bitrate\n1\n":                  `f.csv: 0 columns DL_bitrate in the header, want one: separated by ',' it has ["UL_bitrate"]`,
		"a;b;UL_bitrate\n1;2;3\n":          `separated by ';' it has ["a" "b" "UL_bitrate"]`,
		"a;DL_bitrate\n1;2;3\n":            "record on line 2: wrong number of fields: 3, and the header has 2, separated by ';'",
		"a;DL_bitrate\n1;1,200\n":          `f.csv:2: DL_bitrate is "1,200"`, // 1.2 or 1200
		"a;DL_bitrate\n1;1.200,5\n":        `f.csv:2: DL_bitrate is "1.200,5"`,
		"a;DL_bitrate\n1;1,5\n2;50.000\n":  `f.csv: line 2 has a decimal comma and line 3 a point, so that "50.000" may mean two numbers`,
		"DL_bitrate,DL_bitrate\n1,2\n":     "f.csv: 2 columns DL_bitrate",
		"a,DL_bitrate\n1,2\n3\n":           "f.csv: record on line 3: wrong number of fields",
		"a,DL_bitrate\n1,2\n3,fast\n":      `f.csv:3: DL_bitrate is "fast", want a rate in kbit/s or "-"`,
		"DL_bitrate\n-4\n":                 `f.csv:2: DL_bitrate is "-4"`,
		"DL_bitrate\nNaN\n":                `f.csv:2: DL_bitrate is "NaN"`,
		"DL_bitrate\n1e300\n":              `f.csv:2: DL_bitrate is "1e300"`,
		"DL_bitrate\n\"1\n":                "f.csv: ",
		"PK\x03\x04\x00\x00 DL_bitrate\n1": "f.csv: byte 4 is zero: a binary file",
	} {
		_, err := ReadTrace(strings.NewReader(csv), "f.csv")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", csv, err, want)
		}
	}
	if _, err := LoadTrace(filepath.Join(t.TempDir(), "none.csv")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that does not exist: %v", err)
	}
}

func FuzzTrace(f *testing.F) {
	for _, name := range []string{"a", "b"} {
		data, err := os.ReadFile("testdata/traces/" + name + ".csv")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("DL_bitrate\n\"\n")
	f.Fuzz(func(t *testing.T, csv string) {
		rates, err := ReadTrace(strings.NewReader(csv), "fuzz.csv")
		if err != nil {
			return
		}
		if len(rates) == 0 || len(rates) > len(csv) {
			t.Fatalf("%d rates from %d bytes", len(rates), len(csv))
		}
		for _, r := range rates {
			if !(r >= 0) || math.IsInf(r, 0) {
				t.Fatalf("a rate of %v", r)
			}
		}
	})
}

// Spellings that only some programs read as numbers are refused with file and line.
func TestTraceNumberSpellings(t *testing.T) {
	for _, cell := range []string{"1_000", "0x1p4", "inf", "1e400", "٣"} {
		_, err := ReadTrace(strings.NewReader("DL_bitrate\n5\n"+cell+"\n"), "log.csv")
		if err == nil || !strings.Contains(err.Error(), "log.csv:3: DL_bitrate is \""+cell) {
			t.Errorf("%s: %v", cell, err)
		}
	}
}

// An existing file is not a pattern.
func TestTraceFilesWithBrackets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run[1]")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "log [a-z].csv")
	if err := os.WriteFile(name, []byte("DL_bitrate\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{name, dir} {
		if got, err := (Scenario{Trace: TraceSource{Files: []string{given}}}).TraceFiles(); err != nil || !slices.Equal(got, []string{name}) {
			t.Errorf("%s: %v, error %v", given, got, err)
		}
	}
}

func TestTraceFiles(t *testing.T) {
	for _, c := range []struct{ names, want []string }{
		{[]string{"testdata/traces"}, []string{"a", "b"}},
		{[]string{"testdata/traces/b.csv", "testdata/*/a.csv"}, []string{"b", "a"}},
		{[]string{"testdata"}, []string{"a", "b"}},
	} {
		got, err := Scenario{Trace: TraceSource{Files: c.names}}.TraceFiles()
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i] = strings.TrimSuffix(filepath.Base(got[i]), ".csv")
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.names, got, c.want)
		}
	}
	for _, name := range []string{"testdata/none", "testdata/*.csv", t.TempDir(), "[", "testdata/none.csv"} {
		_, err := Scenario{Trace: TraceSource{Files: []string{name}}}.TraceFiles()
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Links read their traces at the pace of simulated time, wrap around at the end, and never fall
// below the floor.
func TestLinksFollowTraces(t *testing.T) {
	sim, sc, _ := builtin(t, "trace", func(s *Scenario) {
		s.Trace.Files, s.Slot, s.Devices = []string{"testdata/traces"}, 0.25, 5
	})
	if len(sim.traces) != 2 || slices.Min(sim.traces[0]) != sc.Trace.FloorMbit*1e6 {
		t.Fatalf("traces %v", sim.traces)
	}
	obs := reset(t, sim, 4)
	history := make([][]float64, len(obs.Rate))
	const slots = 4 * 12 * 5 // both traces' lengths, 11 and 5 samples, fit in
	for range slots {
		for i, r := range obs.Rate {
			history[i] = append(history[i], r)
		}
		obs, _ = step(t, sim, make(Action, obs.Devices))
	}
	used := map[int]bool{}
	for i, h := range history {
		link := sim.links[i]
		used[link.trace] = true
		samples := sim.traces[link.trace]
		// Compare with the trace written out at four slots a sample.
		var written []float64
		for len(written) < slots+4*len(samples) {
			for _, r := range samples {
				written = append(written, r, r, r, r)
			}
		}
		start := int(link.offset * 4)
		if got, want := h, written[start:start+slots]; !slices.Equal(got, want) {
			t.Errorf("link %d from %.2f s of trace %d:\n%v\nwant\n%v", i, link.offset, link.trace, got, want)
		}
	}
	if len(used) != 2 {
		t.Error("all links read the same trace")
	}
}

// publishedTraces is the path of the 5G dataset, relative to a checkout; see the folder's notes.
const publishedTraces = "../../../shared/data/traces/5g"

// The published logs have the statistics in ReadTrace's documentation.
func TestPublishedTraces(t *testing.T) {
	if _, err := os.Stat(publishedTraces); err != nil {
		t.Skipf("no 5G traces at %s: %v", publishedTraces, err)
	}
	files, err := Scenario{Trace: TraceSource{Files: []string{publishedTraces}}}.TraceFiles()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 6 {
		t.Skipf("only %d traces at %s", len(files), publishedTraces)
	}
	for _, f := range files[:6] {
		rates, err := LoadTrace(f)
		if err != nil {
			t.Error(err)
			continue
		}
		slow := 0
		for _, r := range rates {
			if r < 1e6 {
				slow++
			}
		}
		slices.Sort(rates)
		n := len(rates)
		median, p95, most, share := rates[n/2]/1e6, rates[n*95/100]/1e6, rates[n-1]/1e6, float64(slow)/float64(n)
		t.Logf("%s: %d s, median %.1f, 95%% %.1f, most %.1f Mbit/s, %.1f %% below 1", filepath.Base(f), n, median, p95, most, 100*share)
		if median < 16 || median > 151 || p95 < 175 || p95 > 300 || most > 457 || share < 0.09 || share > 0.23 {
			t.Errorf("%s is not as documented", filepath.Base(f))
		}
	}
	sim, _, _ := builtin(t, "trace", func(s *Scenario) { s.Trace.Files = []string{publishedTraces} })
	reset(t, sim, 1)
}
