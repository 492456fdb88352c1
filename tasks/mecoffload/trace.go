package mecoffload

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/internal/textfile"
)

// TraceSample is the time that one sample of a trace stands for, in seconds.
const TraceSample = 1.0

// longestGap is the longest run of missing samples over which the last value is held.
const longestGap = 5

// ReadTrace reads the link rates, in bit/s, one per second, from a log of a mobile phone: a CSV
// file whose header has a column DL_bitrate in kbit/s, as the app G-NetTrack Pro writes it and the
// 5G dataset of Raca, Leahy, Sreenan and Quinlan ("Beyond Throughput, the Next Generation: a 5G
// Dataset with Channel and Context Metrics", MMSys 2020) publishes it. It ignores all other
// columns. filename is only used in errors.
//
//   - Every row is one second. The timestamps are ignored: they are whole seconds, and the app
//     repeats about as many as it skips.
//   - "-" and an empty cell are missing values. The last value is held over up to 5 of them; a
//     longer gap is cut out, as are missing values at the start.
//   - These are errors: any other cell that is not a finite number of at least 0, a row of another
//     length than the header, a file without the column or without a single value.
//
// Rates are used as they are. The phones only downloaded, so DL_bitrate, not UL_bitrate, is the
// capacity of the link. In six published logs the median is between 16 and 150 Mbit/s, the 95th
// percentile between 175 and 300, the largest value 457, and 9 to 22 % of the seconds are below 1
// Mbit/s. So the links are mostly near the U(20, 100) Mbit/s of the other scenarios, sometimes far
// better, and otherwise as good as dead. ReadTrace keeps zeros; the scenario's floor replaces them
// (see TraceSource).
//
// Text is UTF-8 or UTF-16 with a byte order mark. Fields are separated by commas, semicolons or
// tabs, and the column's name may differ in case, spaces and underscores. With semicolons and tabs
// a comma is the decimal sign.
func ReadTrace(r io.Reader, filename string) ([]float64, error) {
	text, err := textfile.Read(r)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: trace %s: %w", filename, err)
	}
	table, err := readTraceHeader(text)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: trace %s: %w", filename, err)
	}
	var rates []float64
	gap := 0
	for {
		row, err := table.rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, csv.ErrFieldCount) {
			err = fmt.Errorf("%w: %d, and the header has %d, separated by %s", err, len(row), table.columns, separatorName(table.rows.Comma))
		}
		if err != nil {
			return nil, fmt.Errorf("mecoffload: trace %s: %w", filename, err)
		}
		cell := strings.TrimSpace(row[table.column])
		if cell == "-" || cell == "" {
			gap++
			continue
		}
		kbit, ok := parseRate(cell, table.rows.Comma)
		if !ok {
			line, _ := table.rows.FieldPos(table.column)
			return nil, fmt.Errorf("mecoffload: trace %s:%d: %s is %q, want a rate in kbit/s or \"-\"", filename, line, traceColumn, cell)
		}
		rates = bridge(rates, gap)
		gap = 0
		rates = append(rates, kbit*1e3)
	}
	if len(rates) == 0 {
		return nil, fmt.Errorf("mecoffload: trace %s: not a single value of %s", filename, traceColumn)
	}
	return bridge(rates, gap), nil
}

const traceColumn = "DL_bitrate"

// traceTable reads the rows after a trace's header.
type traceTable struct {
	rows            *csv.Reader
	column, columns int // index of the rate column, and number of columns
}

// readTraceHeader finds the separator that splits the header into columns with one of rates.
func readTraceHeader(text []byte) (traceTable, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return traceTable{}, errors.New("the file is empty")
	}
	var found []string // the most columns that any separator finds
	separator, copies := ',', 0
	var failed error
	for _, comma := range []rune{',', ';', '\t'} {
		rows := csv.NewReader(bytes.NewReader(text))
		rows.Comma = comma
		header, err := rows.Read()
		if err != nil {
			if failed == nil {
				failed = err
			}
			continue
		}
		column, n := -1, 0
		for i, h := range header {
			if sameColumn(h, traceColumn) {
				column = i
				n++
			}
		}
		if n == 1 {
			rows.ReuseRecord = true
			return traceTable{rows, column, len(header)}, nil
		}
		if len(header) > len(found) {
			found, separator, copies = header, comma, n
		}
	}
	if found == nil {
		return traceTable{}, failed
	}
	return traceTable{}, fmt.Errorf("%d columns %s in the header, want one: separated by %s it has %q",
		copies, traceColumn, separatorName(separator), found[:min(len(found), 20)])
}

// sameColumn compares column names, ignoring case, spaces and underscores.
func sameColumn(a, b string) bool {
	bare := strings.NewReplacer(" ", "", "_", "", "\u00a0", "").Replace
	return strings.EqualFold(bare(a), bare(b))
}

func separatorName(comma rune) string {
	if comma == '\t' {
		return "tabs"
	}
	return strconv.QuoteRune(comma)
}

// groups matches numbers whose commas may group thousands or mark three decimals: ambiguous.
var groups = regexp.MustCompile(`^[1-9][0-9]{0,2}(,[0-9]{3})+$`)

// parseRate reads a number of at least 0. If commas do not separate fields, a comma is the decimal
// sign.
func parseRate(cell string, separator rune) (float64, bool) {
	if separator != ',' && strings.Count(cell, ",") == 1 && !strings.Contains(cell, ".") && !groups.MatchString(cell) {
		cell = strings.Replace(cell, ",", ".", 1)
	}
	kbit, err := strconv.ParseFloat(cell, 64)
	return kbit, err == nil && kbit >= 0 && kbit <= 1e12
}

// bridge appends the last rate over a gap, unless it is too long.
func bridge(rates []float64, gap int) []float64 {
	if len(rates) == 0 || gap > longestGap {
		return rates
	}
	return append(rates, slices.Repeat(rates[len(rates)-1:], gap)...)
}

// LoadTrace reads the link rates, in bit/s, of a file in the format of ReadTrace.
func LoadTrace(filename string) ([]float64, error) {
	f, err := os.Open(filename)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: trace: %w", err)
	}
	defer f.Close()
	return ReadTrace(f, filename)
}

// rates reads the traces of a scenario and raises rates to its floor. It returns none for a
// scenario without traces.
func (s Scenario) rates() ([][]float64, error) {
	files, err := s.TraceFiles()
	if err != nil {
		return nil, err
	}
	traces := make([][]float64, len(files))
	for i, f := range files {
		if traces[i], err = LoadTrace(f); err != nil {
			return nil, err
		}
		for t, r := range traces[i] {
			traces[i][t] = math.Max(r, s.Trace.FloorMbit*1e6)
		}
	}
	return traces, nil
}

// csvFiles returns the .csv files below path in lexical order, or path itself if it is not a
// folder.
func csvFiles(path string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && (name == path || strings.EqualFold(filepath.Ext(name), ".csv")) {
			files = append(files, name)
		}
		return err
	})
	return files, err
}
