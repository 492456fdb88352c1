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
	marks   *decimalMarks
}

// decimalMarks are the lines of the first number with a decimal comma and with a decimal point: 0 for
// none. A file that has both is of no single language, and one of its numbers would be read as a
// thousandth or a thousand times what it says.
type decimalMarks struct{ comma, point int }

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
			return csvTable{rows, columns, len(header), &decimalMarks{}}, nil
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

// number reads the number from 0 to 1e12 in a column of the last row; column counts those asked for.
// If commas do not separate fields, a comma is the decimal sign.
func (t csvTable) number(cell string, column int) (v float64, ok bool, err error) {
	text := cell
	if t.rows.Comma != ',' && strings.Count(cell, ",") == 1 && !strings.Contains(cell, ".") && !groups.MatchString(cell) {
		text = strings.Replace(cell, ",", ".", 1)
	}
	v, err = textfile.Number(text)
	if err != nil || v < 0 || v > 1e12 {
		return 0, false, nil
	}
	line, _ := t.rows.FieldPos(t.columns[column])
	switch {
	case text != cell && t.marks.comma == 0:
		t.marks.comma = line
	case text == cell && strings.Contains(cell, ".") && t.marks.point == 0:
		t.marks.point = line
	}
	if t.marks.comma > 0 && t.marks.point > 0 {
		return 0, false, fmt.Errorf("line %d has a decimal comma and line %d a point, so that %q may mean two numbers: write all numbers in one way, without signs between thousands",
			t.marks.comma, t.marks.point, cell)
	}
	return v, true, nil
}
