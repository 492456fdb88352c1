package cli

import (
	"slices"
	"testing"

	"github.com/graphrl/graphrl/checkpoints/runfolder"
)

func TestLogFlag(t *testing.T) {
	for _, c := range []struct {
		log  []string
		want []runfolder.Export
		ok   bool
	}{
		{nil, runfolder.Exports(), true},
		{[]string{"none"}, nil, true},
		{[]string{"csv"}, []runfolder.Export{runfolder.CSV}, true},
		{[]string{"csv", "tensorboard"}, []runfolder.Export{runfolder.CSV, runfolder.TensorBoard}, true},
		{[]string{"csv", "csv"}, nil, false},
		{[]string{"csv", "none"}, nil, false},
		{[]string{"wandb"}, nil, false},
	} {
		got, err := LogFlag{c.log}.Exports()
		if !slices.Equal(got, c.want) || (err == nil) != c.ok {
			t.Errorf("--log %v: %v, error %v", c.log, got, err)
		}
	}
}
