package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
)

// recipe holds a two-layer network and how it is trained.
type recipe struct {
	first, second gnn.Conv
	dropout       *nn.Dropout // of the layers' inputs
	decayed       nn.Params   // under L2 regularisation
	decay         float64     // its coefficient
	learningRate  float64     // Adam's
	epochs        int
	patience      int // stop after so many epochs without progress on the validation vertices; 0: never
}

// newRecipe returns a model for vertices with the given numbers of features and classes.
func newRecipe(model string, features, classes int, rng *rand.Rand) (*recipe, error) {
	switch model {
	case "gcn":
		first, err := gnn.NewGCNConv("first", gnn.GCNConvConfig{In: features, Out: 16, Act: nn.ReLU}, rng)
		if err != nil {
			return nil, err
		}
		second, err := gnn.NewGCNConv("second", gnn.GCNConvConfig{In: 16, Out: classes}, rng)
		if err != nil {
			return nil, err
		}
		return kipf(first, second, rng)
	case "sage": // its authors did not use these graphs
		first, err := gnn.NewSAGEConv("first", gnn.SAGEConvConfig{In: features, Out: 16, Agg: gnn.Mean, Act: nn.ReLU}, rng)
		if err != nil {
			return nil, err
		}
		second, err := gnn.NewSAGEConv("second", gnn.SAGEConvConfig{In: 16, Out: classes, Agg: gnn.Mean}, rng)
		if err != nil {
			return nil, err
		}
		return kipf(first, second, rng)
	case "gat":
		first, err := gnn.NewGATConv("first", gnn.GATConvConfig{In: features, Out: 8, Heads: 8, Concat: true, Act: nn.ELU}, rng)
		if err != nil {
			return nil, err
		}
		second, err := gnn.NewGATConv("second", gnn.GATConvConfig{In: 8 * 8, Out: classes, Heads: 1}, rng)
		if err != nil {
			return nil, err
		}
		return velickovic(first, second, rng)
	}
	return nil, fmt.Errorf("want gcn, gat or sage, got %q", model)
}

// kipf is the recipe of Kipf and Welling (ICLR 2017), section 5.2, for 16 hidden units: dropout
// 0.5, and an L2 penalty on the first layer only.
func kipf(first, second gnn.Conv, rng *rand.Rand) (*recipe, error) {
	drop, err := nn.NewDropout(0.5, rng)
	return &recipe{
		first: first, second: second, dropout: drop,
		decayed: first.Params(), decay: 5e-4,
		learningRate: 0.01, epochs: 200,
	}, err
}

// velickovic is the recipe of Velickovic et al. (ICLR 2018), section 3.3, for 8 heads of 8 units:
// dropout 0.6 of the layers' inputs and of the attention, an L2 penalty on everything, and a
// patience of 100 epochs.
func velickovic(first, second *gnn.GATConv, rng *rand.Rand) (*recipe, error) {
	drop, err := nn.NewDropout(0.6, rng)
	first.Dropout, second.Dropout = drop, drop
	return &recipe{
		first: first, second: second, dropout: drop,
		decayed: append(first.Params(), second.Params()...), decay: 5e-4,
		learningRate: 0.005, epochs: 1000, patience: 100,
	}, err
}
