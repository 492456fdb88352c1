package mecoffload

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/graphrl/graphrl/internal/textfile"
)

// csvTable reads the rows after the header of a table. Fields are separated by commas, semicolons
// or tabs; names of columns may differ in case, spaces and underscores.
type csvTable struct {
	rows    *csv.Reader
	columns []int // indices of the columns asked for
	width   int   // number of columns
}

// openTable finds the separator that splits the header into columns with the requested names.
func openTable(text []byte, names ...string) (csvTable, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return csvTable{}, errors.New("the file is empty")
	}
	var found []string // the most columns that any separator finds
	separator := ','
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
		if columns := findColumns(header, names); columns != nil {
			rows.ReuseRecord = true
			return csvTable{rows, columns, len(header)}, nil
		}
		if len(header) > len(found) {
			found, separator = header, comma
		}
	}
	if found == nil {
		return csvTable{}, failed
	}
	for _, name := range names {
		if n := countColumns(found, name); n != 1 {
			return csvTable{}, fmt.Errorf("%d columns %s in the header, want one: separated by %s it has %q",
				n, name, separatorName(separator), found[:min(len(found), 20)])
		}
	}
	return csvTable{}, failed
}

// findColumns returns the index of each name in header, or nil if one is not there once.
func findColumns(header, names []string) []int {
	var columns []int
	for _, name := range names {
		if countColumns(header, name) != 1 {
			return nil
		}
		for i, h := range header {
			if sameColumn(h, name) {
				columns = append(columns, i)
			}
		}
	}
	return columns
}

func countColumns(header []string, name string) (n int) {
	for _, h := range header {
		if sameColumn(h, name) {
			n++
		}
	}
	return n
}

// lengthError adds the lengths to an error about a row of another length than the header.
func (t csvTable) lengthError(err error, row []string) error {
	return fmt.Errorf("%w: %d, and the header has %d, separated by %s", err, len(row), t.width, separatorName(t.rows.Comma))
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

// parseNumber reads a number from 0 to 1e12. If commas do not separate fields, a comma is the
// decimal sign.
func parseNumber(cell string, separator rune) (float64, bool) {
	if separator != ',' && strings.Count(cell, ",") == 1 && !strings.Contains(cell, ".") && !groups.MatchString(cell) {
		cell = strings.Replace(cell, ",", ".", 1)
	}
	v, err := textfile.Number(cell)
	return v, err == nil && v >= 0 && v <= 1e12
}
