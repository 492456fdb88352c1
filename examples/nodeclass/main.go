// Command nodeclass classifies the vertices of one graph from a few labelled ones: on the citation
// graph Cora with the recipes of the papers on GCN and GAT, and on Zachary's karate club, which is
// built in.
//
//	go run ./examples/nodeclass --data DIR --name cora --model gcn --model gat --seeds 10
//	go run ./examples/nodeclass --name karate
//
// model.go has the networks and their hyper-parameters, train.go how they learn.
package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/alecthomas/kong"
	"github.com/graphrl/graphrl/gnn/datasets"
	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat"
)

type flags struct {
	Data   string   `help:"Folder with the Planetoid files ind.NAME.x and so on." placeholder:"DIR"`
	Name   string   `help:"The graph: cora, citeseer, pubmed, or karate, which needs no data." default:"cora"`
	Model  []string `help:"gcn, gat or sage; may be repeated." enum:"gcn,gat,sage" default:"gcn"`
	Seeds  int      `help:"How often to train, with seeds from 1 on. They run at the same time, as many as there are processors." default:"10"`
	Epochs int      `help:"At most this many epochs; 0: as in the model's paper."`
	Format string   `help:"How to print: ascii, markdown or json, which has every digit." enum:"ascii,markdown,json" default:"ascii"`
}

// row is the printed result of a model.
type row struct {
	Dataset      string  `json:"dataset"`
	Model        string  `json:"model"`
	TestAccuracy float64 `json:"test_accuracy"` // fraction, mean over the seeds
	Std          float64 `json:"std"`           // over the seeds
	EpochMS      float64 `json:"epoch_ms"`      // median
	Seeds        int     `json:"seeds"`
}

var columns = []column[row]{
	{"dataset", left, func(r row) string { return r.Dataset }},
	{"model", left, func(r row) string { return r.Model }},
	{"test accuracy", right, func(r row) string { return fmt.Sprintf("%.1f %%", 100*r.TestAccuracy) }},
	{"std", right, func(r row) string { return fmt.Sprintf("%.1f", 100*r.Std) }},
	{"epoch ms", right, func(r row) string { return fmt.Sprintf("%.2f", r.EpochMS) }},
}

func main() {
	var f flags
	line := kong.Parse(&f, kong.Name("nodeclass"), kong.Description("Classify the vertices of a graph from a few labelled ones."))
	line.FatalIfErrorf(run(f, os.Stdout))
}

func run(f flags, out io.Writer) error {
	const maxSeeds = 10_000 // more is a typing error
	if f.Seeds < 1 || f.Seeds > maxSeeds || f.Epochs < 0 {
		return fmt.Errorf("want from 1 to %d seeds and no negative number of epochs, got %d and %d", maxSeeds, f.Seeds, f.Epochs)
	}
	d, err := read(f)
	if err != nil {
		return err
	}
	var rows []row
	for _, model := range f.Model {
		r, err := evaluate(d, model, f)
		if err != nil {
			return fmt.Errorf("%s: %w", model, err)
		}
		rows = append(rows, r)
	}
	return printRows(out, f.Format, fmt.Sprintf("%v. Means over %d seeds.", d, f.Seeds), columns, rows)
}

func read(f flags) (*datasets.NodeClassification, error) {
	if f.Name == "karate" {
		return datasets.KarateClub()
	}
	if f.Data == "" {
		return nil, fmt.Errorf("%s: name the folder with its files by --data; only karate is built in", f.Name)
	}
	d, err := datasets.ReadPlanetoid(f.Data, f.Name)
	if err != nil {
		return nil, err
	}
	d.Features = d.Features.NormalizeRows()
	return d, nil
}

// evaluate trains a model from every seed. Each seed has its own network and random source, so
// results do not depend on how many run at a time.
func evaluate(d *datasets.NodeClassification, model string, f flags) (row, error) {
	accuracy := make([]float64, f.Seeds)
	epochs := make([][]time.Duration, f.Seeds)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range f.Seeds {
		group.Go(func() error {
			l, err := newLearner(d, model, rand.New(rand.NewPCG(uint64(i+1), 0)))
			if err != nil {
				return err
			}
			if f.Epochs > 0 {
				l.recipe.epochs = f.Epochs
			}
			accuracy[i], epochs[i], err = l.train()
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return row{}, err
	}
	r := row{Dataset: d.Name, Model: model, Seeds: f.Seeds}
	r.TestAccuracy, r.Std = stat.PopMeanStdDev(accuracy, nil)
	times := slices.Concat(epochs...)
	slices.Sort(times)
	r.EpochMS = float64(times[len(times)/2]) / float64(time.Millisecond)
	return r, nil
}
