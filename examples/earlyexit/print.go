package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// How cells are aligned: text left, numbers right.
const left, right = tw.AlignLeft, tw.AlignRight

// column is a column of a table of rows of type T.
type column[T any] struct {
	header string
	align  tw.Align
	cell   func(T) string
}

// printRows prints rows as JSON with every digit, or rounded as an ASCII or Markdown table.
func printRows[T any](out io.Writer, format, caption string, columns []column[T], rows []T) error {
	var header []string
	var align []tw.Align
	for _, c := range columns {
		header, align = append(header, c.header), append(align, c.align)
	}
	options := []tablewriter.Option{tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithAlignment(align)}
	switch format {
	case "json":
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	case "markdown":
		options = append(options, tablewriter.WithRenderer(renderer.NewMarkdown()))
	case "ascii":
		options = append(options, tablewriter.WithSymbols(tw.NewSymbols(tw.StyleASCII)))
		for i, h := range header {
			header[i] = strings.Replace(h, " ", "\n", 1) // two short lines
		}
	default:
		return fmt.Errorf("unknown table format %q", format)
	}
	fmt.Fprintf(out, "%s\n\n", caption)
	table := tablewriter.NewTable(out, options...)
	table.Header(header)
	for _, r := range rows {
		var cells []string
		for _, c := range columns {
			cells = append(cells, c.cell(r))
		}
		if err := table.Append(cells); err != nil {
			return err
		}
	}
	return table.Render()
}

// newBar shows how far a training is, with its rate and the time left; nothing without a terminal.
func newBar(title string, total, done int) *progressbar.ProgressBar {
	bar := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionSetDescription(title),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionThrottle(100*time.Millisecond),
	)
	_ = bar.Set(done)
	return bar
}
