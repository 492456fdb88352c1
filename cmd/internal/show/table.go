package show

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/graphrl/graphrl/internal/jsonleaves"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Format is an output format of rows.
type Format string

// Formats of tables. ASCII and Markdown round for readers; CSV and JSON hold every digit.
const (
	ASCII    Format = "ascii"
	Markdown Format = "markdown"
	CSV      Format = "csv"
	JSON     Format = "json"
)

// FormatFlag is the flag --format.
type FormatFlag struct {
	Format Format `enum:"ascii,markdown,csv,json" default:"ascii" help:"Format of the table: ascii, markdown, csv or json. With json, standard output holds one array of rows and nothing else."`
}

// Column is a column of a table for readers.
type Column[T any] struct {
	Header string
	Cell   func(T) string
	Left   bool // align text to the left; numbers go right
}

// WriteTable writes rows to w. ASCII and Markdown show the caption and the given columns. CSV and
// JSON have the fields of T under their JSON names; CSV joins nested names with dots.
func WriteTable[T any](w io.Writer, f Format, caption string, columns []Column[T], rows []T) error {
	switch f {
	case JSON:
		if rows == nil {
			rows = []T{}
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	case CSV:
		return writeCSV(w, rows)
	case ASCII, Markdown:
	default:
		return fmt.Errorf("unknown table format %q", f)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\n", caption)
	var header []string
	var align []tw.Align
	for _, c := range columns {
		h := c.Header
		if f == ASCII {
			h = strings.Replace(h, " ", "\n", 1) // two short lines
		}
		header = append(header, h)
		a := tw.AlignRight
		if c.Left {
			a = tw.AlignLeft
		}
		align = append(align, a)
	}
	alignment := tw.CellAlignment{PerColumn: align}
	options := []tablewriter.Option{
		tablewriter.WithConfig(tablewriter.Config{
			Header: tw.CellConfig{Alignment: alignment, Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone}},
			Row:    tw.CellConfig{Alignment: alignment, Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone}},
		}),
		tablewriter.WithRendition(tw.Rendition{Symbols: tw.NewSymbols(tw.StyleASCII)}),
	}
	if f == Markdown {
		options = append(options, tablewriter.WithRenderer(renderer.NewMarkdown()))
	}
	table := tablewriter.NewTable(&b, options...)
	table.Header(header)
	for _, r := range rows {
		var cells []string
		for _, c := range columns {
			cells = append(cells, c.Cell(r))
		}
		if err := table.Append(cells); err != nil {
			return err
		}
	}
	if err := table.Render(); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// writeCSV writes rows with one column for each leaf of their JSON.
func writeCSV[T any](w io.Writer, rows []T) error {
	out := csv.NewWriter(w)
	for i, r := range rows {
		leaves, err := jsonleaves.Of(r)
		if err != nil {
			return err
		}
		var names, values []string
		for _, leaf := range leaves {
			names, values = append(names, leaf.Name), append(values, leaf.Text)
		}
		if i == 0 {
			if err := out.Write(names); err != nil {
				return err
			}
		}
		if err := out.Write(values); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
