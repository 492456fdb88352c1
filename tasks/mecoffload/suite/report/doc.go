// Package report turns a suite.Comparison into what people read: tables for the terminal, in
// Markdown, LaTeX (booktabs) and CSV, the results as JSON, figures as SVG and PNG, and one page,
// report.html, that has all of it and needs no network.
//
// All files but timing.md and the last section of report.html follow from the results alone: equal
// results give equal files.
package report
