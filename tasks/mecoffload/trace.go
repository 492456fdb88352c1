package mecoffload

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
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
// a comma is the decimal sign; a file that has decimal points too is refused.
func ReadTrace(r io.Reader, filename string) ([]float64, error) {
	text, err := textfile.Read(r)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: trace %s: %w", filename, err)
	}
	table, err := openTable(text, traceColumn)
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
			err = table.lengthError(err, row)
		}
		if err != nil {
			return nil, fmt.Errorf("mecoffload: trace %s: %w", filename, err)
		}
		cell := strings.TrimSpace(row[table.columns[0]])
		if cell == "-" || cell == "" {
			gap++
			continue
		}
		kbit, ok, err := table.number(cell, 0)
		if err != nil {
			return nil, fmt.Errorf("mecoffload: trace %s: %w", filename, err)
		}
		if !ok {
			line, _ := table.rows.FieldPos(table.columns[0])
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
