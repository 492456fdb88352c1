package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/graphrl/graphrl/rl"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"
)

// Table is a table of text.
type Table struct {
	Title string
	Note  string // below the title
	// Header has one entry per column. A line break separates the parts that columns may share.
	Header []string
	Rows   []Row
	// Text is the number of columns, from the left, that hold words; the others hold numbers.
	Text int
	// Brief tables are shown on the terminal too.
	Brief bool
}

// Row is a line of a table.
type Row struct {
	Cells []string
	// Best marks the cells to point out; nil marks none.
	Best []bool
	// Rule reports whether a line separates the row from the one before.
	Rule bool
}

func (r Row) best(i int) bool { return i < len(r.Best) && r.Best[i] }

// columnWidth is the width to which columns of words are wrapped on a terminal.
const columnWidth = 72

// WriteASCII writes the table for a terminal. Best cells have a star.
func (t *Table) WriteASCII(w io.Writer) error {
	var align []tw.Align
	for i := range t.Header {
		if i < t.Text {
			align = append(align, tw.AlignLeft)
		} else {
			align = append(align, tw.AlignRight)
		}
	}
	alignment := tw.CellAlignment{PerColumn: align}
	var b strings.Builder
	table := tablewriter.NewTable(&b,
		tablewriter.WithConfig(tablewriter.Config{
			Header: tw.CellConfig{Alignment: alignment, Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone}},
			Row:    tw.CellConfig{Alignment: alignment, Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone}},
		}),
		tablewriter.WithRendition(tw.Rendition{Symbols: tw.NewSymbols(tw.StyleASCII)}),
	)
	table.Header(t.Header)
	for _, r := range t.Rows {
		cells := make([]string, len(r.Cells))
		for i, c := range r.Cells {
			cells[i] = wrap(c, columnWidth)
			if r.best(i) {
				cells[i] = "*" + c
			}
		}
		if r.Rule {
			if err := table.Append(make([]string, len(r.Cells))); err != nil {
				return err
			}
		}
		if err := table.Append(cells); err != nil {
			return err
		}
	}
	if err := table.Render(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s\n%s%s\n", t.Title, lineOf(wrap(t.Note, 2*columnWidth)), b.String())
	return err
}

// lineOf ends a non-empty text with a line break.
func lineOf(text string) string {
	if text == "" {
		return ""
	}
	return text + "\n"
}

// wrap breaks a text at spaces into lines of at most width characters.
func wrap(text string, width int) string {
	var b strings.Builder
	length := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case length+1+n > width:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += n
	}
	return b.String()
}

// markdown escapes text for a cell.
var markdown = strings.NewReplacer("|", `\|`, "\n", " ", "*", `\*`, "<", "&lt;")

// WriteMarkdown writes the table in GitHub's Markdown.
func (t *Table) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n", t.Title)
	if t.Note != "" {
		fmt.Fprintf(&b, "%s\n\n", t.Note)
	}
	for _, h := range t.Header {
		fmt.Fprintf(&b, "| %s ", markdown.Replace(h))
	}
	b.WriteString("|\n")
	for i := range t.Header {
		if i < t.Text {
			b.WriteString("|:--")
		} else {
			b.WriteString("|--:")
		}
	}
	b.WriteString("|\n")
	for _, r := range t.Rows {
		for i, c := range r.Cells {
			c = markdown.Replace(c)
			if r.best(i) {
				c = "**" + c + "**"
			}
			fmt.Fprintf(&b, "| %s ", c)
		}
		b.WriteString("|\n")
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// latex escapes text for LaTeX.
var latex = strings.NewReplacer(
	`\`, `\textbackslash{}`, "{", `\{`, "}", `\}`, "&", `\&`, "%", `\%`, "$", `\$`, "#", `\#`, "_", `\_`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`,
	"±", `$\pm$`, "−", `$-$`, "×", `$\times$`, "µ", `\textmu{}`, "†", `\dag{}`, "<", `\textless{}`, ">", `\textgreater{}`, "\n", " ",
)

// WriteLaTeX writes the table for LaTeX with the package booktabs.
func (t *Table) WriteLaTeX(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\\begin{table}\n\\centering\\footnotesize\\setlength{\\tabcolsep}{4pt}\n\\caption{%s.", latex.Replace(t.Title))
	if t.Note != "" {
		fmt.Fprintf(&b, " %s", latex.Replace(t.Note))
	}
	b.WriteString("}\n\\begin{tabular}{")
	for i := range t.Header {
		switch {
		case i >= t.Text:
			b.WriteByte('r')
		case t.Text > 1:
			fmt.Fprintf(&b, "p{%.2f\\linewidth}", 0.85/float64(t.Text))
		default:
			b.WriteByte('l')
		}
	}
	b.WriteString("}\n\\toprule\n")
	line := func(cells []string, best func(int) bool) {
		for i, c := range cells {
			if i > 0 {
				b.WriteString(" & ")
			}
			c = latex.Replace(c)
			if best(i) {
				c = `\textbf{` + c + "}"
			}
			b.WriteString(c)
		}
		b.WriteString(" \\\\\n")
	}
	line(t.Header, func(int) bool { return false })
	b.WriteString("\\midrule\n")
	for _, r := range t.Rows {
		if r.Rule {
			b.WriteString("\\midrule\n")
		}
		line(r.Cells, r.best)
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n\\end{table}\n\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// plusMinus formats an estimate: "0.675 ±0.004", with the larger distance to the ends of its
// interval. A single seed has none.
func plusMinus(e rl.Estimate, decimals int) string {
	if math.IsNaN(e.Low) || math.IsNaN(e.High) {
		return fmt.Sprintf("%.*f", decimals, e.Value)
	}
	return fmt.Sprintf("%.*f ±%.*f", decimals, e.Value, decimals,
		max(e.High-e.Value, e.Value-e.Low))
}

// signed does the same and always writes the sign.
func signed(e rl.Estimate, decimals int) string {
	text := plusMinus(e, decimals)
	if strings.HasPrefix(text, "-") {
		return "−" + text[1:]
	}
	return "+" + text
}
