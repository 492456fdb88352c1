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
	"strconv"
	"strings"
)

// TraceSample is the time that one sample of a trace stands for, in seconds.
const TraceSample = 1.0

// longestGap is the longest run of missing samples over which the last value is held.
const longestGap = 5

// ReadTrace reads the link rates, in bit/s, one per second, from a log of a mobile phone: a CSV file whose header has a
// column DL_bitrate in kbit/s, as the app G-NetTrack Pro writes it and the 5G dataset of Raca, Leahy, Sreenan and Quinlan
// ("Beyond Throughput, the Next Generation: a 5G Dataset with Channel and Context Metrics", MMSys 2020) publishes it. Other
// columns may be there, in any order, and are not read. filename is only used in errors.
//
//   - Every row is one second. The timestamps are not read: they have whole seconds, of which the app repeats about as many
//     as it skips.
//   - "-" and an empty cell are missing values. The last value is held over up to 5 of them; a longer gap is cut out, as are
//     missing values at the start.
//   - Anything else that is not a finite number of at least 0, a row of another length than the header, a file without the
//     column or without a single value is an error.
//
// Rates are used as they are. The phones only downloaded, so DL_bitrate, not UL_bitrate, stands for what the link can carry. In
// the six published logs that this was checked with the median is between 16 and 150 Mbit/s, the 95th
// percentile between 175 and 300, the largest value 457, and 9 to 22 % of the seconds are below 1 Mbit/s: links near the U(20, 100)
// Mbit/s of the other scenarios most of the time, far better sometimes, and as good as dead for the rest. Zeros are kept here; the
// scenario's floor replaces them (see TraceSource).
func ReadTrace(r io.Reader, filename string) ([]float64, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("mecoffload: trace %s: the file is empty", filename)
	}
	if err != nil {
		return nil, fmt.Errorf("mecoffload: trace %s: %w", filename, err)
	}
	if len(header) > 0 {
		header[0] = strings.TrimPrefix(header[0], "\ufeff") // byte order mark of spreadsheet programs
	}
	const name = "DL_bitrate"
	column, copies := -1, 0
	for i, h := range header {
		if strings.TrimSpace(h) == name {
			column = i
			copies++
		}
	}
	if copies != 1 {
		return nil, fmt.Errorf("mecoffload: trace %s: %d columns %s in the header, want one", filename, copies, name)
	}
	var rates []float64
	gap := 0
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("mecoffload: trace %s: %w", filename, err)
		}
		cell := strings.TrimSpace(row[column])
		if cell == "-" || cell == "" {
			gap++
			continue
		}
		kbit, err := strconv.ParseFloat(cell, 64)
		if err != nil || !(kbit >= 0 && kbit <= 1e12) {
			line, _ := rows.FieldPos(column)
			return nil, fmt.Errorf("mecoffload: trace %s:%d: %s is %q, want a rate in kbit/s or \"-\"", filename, line, name, cell)
		}
		rates = bridge(rates, gap)
		gap = 0
		rates = append(rates, kbit*1e3)
	}
	if len(rates) == 0 {
		return nil, fmt.Errorf("mecoffload: trace %s: not a single value of %s", filename, name)
	}
	return bridge(rates, gap), nil
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

// rates reads the traces of a scenario, none lower than its floor. A scenario without traces has none.
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

// csvFiles are the .csv files below path in lexical order, or path itself if it is no folder.
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
