package cli

import (
	"slices"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
)

// LogFlag is the flag --log of commands that train.
type LogFlag struct {
	Log []string `placeholder:"FORMAT" help:"Also write the learning curve as tensorboard (event file), csv, or both, separated by commas; none: only metrics.jsonl. Default: tensorboard,csv."`
}

// Exports are the formats that the flag asks for.
func (f LogFlag) Exports() ([]runfolder.Export, error) {
	switch {
	case len(f.Log) == 0:
		return runfolder.Exports(), nil
	case len(f.Log) == 1 && f.Log[0] == "none":
		return nil, nil
	}
	var exports []runfolder.Export
	for _, name := range f.Log {
		e := runfolder.Export(name)
		if !slices.Contains(runfolder.Exports(), e) {
			return nil, Usage("--log %s: want %s, %s or both, or none", name, runfolder.TensorBoard, runfolder.CSV)
		}
		if slices.Contains(exports, e) {
			return nil, Usage("--log names %s twice", name)
		}
		exports = append(exports, e)
	}
	return exports, nil
}
