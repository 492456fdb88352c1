package datasets_test

import (
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/datasets"
	"github.com/graphrl/graphrl/nn"
)

// Nil sources and sets made by hand give errors, not panics.
func TestNilAndHandmade(t *testing.T) {
	second := func(_ any, err error) error { return err }
	g, err := gnn.NewGraph(2, gnn.EdgeIndex{})
	if err != nil {
		t.Fatal(err)
	}
	batch := func(d datasets.GraphClassification) error { return d.Batch([]int32{0}, new(gnn.Graph), new(nn.Buffer)) }
	_, _, stochastic := datasets.StochasticBlock([]int{1}, [][]float64{{1}}, nil)
	for name, err := range map[string]error{
		"erdos-renyi":      second(datasets.ErdosRenyi(3, 0.5, nil)),
		"barabasi-albert":  second(datasets.BarabasiAlbert(3, 1, nil)),
		"stochastic block": stochastic,
		"folds":            second(datasets.StratifiedKFold([]int32{0, 1}, 2, nil)),
		"nil batch":        (&datasets.GraphClassification{}).Batch(nil, nil, nil),
		"empty set":        batch(datasets.GraphClassification{}),
		"nil graph":        batch(datasets.GraphClassification{Graphs: []*gnn.Graph{nil}}),
		"no tags":          batch(datasets.GraphClassification{Graphs: []*gnn.Graph{g}}),
		"tag out of range": batch(datasets.GraphClassification{Graphs: []*gnn.Graph{g}, Tags: [][]int32{{0, 1}}, NumTags: 1}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
