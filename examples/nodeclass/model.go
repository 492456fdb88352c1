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
		return kipf(
			gnn.NewGCNConv("first", features, 16, nn.ReLU, nil, rng),
			gnn.NewGCNConv("second", 16, classes, nn.None, nil, rng), rng)
	case "sage": // its authors did not use these graphs
		return kipf(
			gnn.NewSAGEConv("first", features, 16, gnn.Mean, nn.ReLU, nil, rng),
			gnn.NewSAGEConv("second", 16, classes, gnn.Mean, nn.None, nil, rng), rng)
	case "gat":
		return velickovic(
			gnn.NewGATConv("first", features, 8, 8, true, nn.ELU, nil, rng),
			gnn.NewGATConv("second", 8*8, classes, 1, false, nn.None, nil, rng), rng)
	}
	return nil, fmt.Errorf("want gcn, gat or sage, got %q", model)
}

// kipf is the recipe of Kipf and Welling (ICLR 2017), section 5.2, for 16 hidden units: dropout 0.5, and an L2 penalty on the first
// layer only.
func kipf(first, second gnn.Conv, rng *rand.Rand) (*recipe, error) {
	drop, err := nn.NewDropout(0.5, rng)
	return &recipe{
		first: first, second: second, dropout: drop,
		decayed: first.Params(), decay: 5e-4,
		learningRate: 0.01, epochs: 200,
	}, err
}

// velickovic is the recipe of Velickovic et al. (ICLR 2018), section 3.3, for 8 heads of 8 units: dropout 0.6 of the layers' inputs
// and of the attention, an L2 penalty on everything, and a patience of 100 epochs.
func velickovic(first, second *gnn.GATConv, rng *rand.Rand) (*recipe, error) {
	drop, err := nn.NewDropout(0.6, rng)
	first.Dropout, second.Dropout = drop, drop
	return &recipe{
		first: first, second: second, dropout: drop,
		decayed: append(first.Params(), second.Params()...), decay: 5e-4,
		learningRate: 0.005, epochs: 1000, patience: 100,
	}, err
}
