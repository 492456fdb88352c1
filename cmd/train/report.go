package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/cmd/internal/show"
	"github.com/graphrl/graphrl/internal/atomicfile"
)

// report writes the figure and the summary of a comparison to dir. run is the run folder whose
// configuration repeats it.
func report(dir, run string, c *cli.Comparison) error {
	panels, err := c.Panels()
	if err != nil {
		return err
	}
	if err := show.SaveFigure(filepath.Join(dir, cli.CurveFile), panels...); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n", c.Title())
	if err := c.WriteTable(&b, show.Markdown, "."); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n![%s](%s.svg)\n\n", show.Describe(panels...), cli.CurveFile)
	fmt.Fprintf(&b, "Each point of a curve averages %d slots. In each run folder %s has them as JSON, %s all settings.\n\n",
		c.ReportInterval(), runfolder.MetricsFile, runfolder.ConfigFile)
	fmt.Fprintf(&b, "    go run ./cmd/train --config %s   # repeat a run\n    go run ./cmd/eval --run %s   # evaluate what was learned on new tasks\n",
		cli.ShellQuote(filepath.Join(run, runfolder.ConfigFile)), cli.ShellQuote(dir))
	return atomicfile.Write(filepath.Join(dir, cli.SummaryFile), b.Bytes())
}

// writeResults writes the table of a comparison to dir as text, CSV and JSON.
func writeResults(dir string, c *cli.Comparison) error {
	for _, file := range []struct {
		name   string
		format show.Format
	}{{"results.txt", show.ASCII}, {"results.csv", show.CSV}, {"results.json", show.JSON}} {
		var b bytes.Buffer
		if err := c.WriteTable(&b, file.format, ""); err != nil {
			return err
		}
		if err := atomicfile.Write(filepath.Join(dir, file.name), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
