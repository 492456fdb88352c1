// Package report presents a suite.Comparison: tables for the terminal, in Markdown, LaTeX
// (booktabs) and CSV, the results as JSON, figures as SVG and PNG, and one self-contained page,
// report.html.
//
//	r, err := report.New(comparison)
//	err = r.Print(os.Stdout, report.ASCII)
//	err = r.Write("results")
//
// The results alone determine all files except timing.md, figures of times and the last section of
// report.html.
package report
