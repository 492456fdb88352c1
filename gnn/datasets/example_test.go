package datasets_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"strings"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/datasets"
	"github.com/graphrl/graphrl/nn"
)

func ExampleKarateClub() {
	club, err := datasets.KarateClub()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(club)
	// Output:
	// karate: Graph(34 vertices, 156 edges), 34 features, 2 classes, 2/0/32 vertices to train, validate and test
}

func ExampleBarabasiAlbert() {
	g, err := datasets.BarabasiAlbert(100, 4, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.NumDst(), "vertices,", g.NumEdges()/2, "undirected edges")
	// Output:
	// 100 vertices, 384 undirected edges
}

// With probability 1 every pair is joined, with 0 none.
func ExampleErdosRenyi() {
	for _, p := range []float64{0, 0.5, 1} {
		g, err := datasets.ErdosRenyi(20, p, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("p = %v: %d of %d pairs\n", p, g.NumEdges()/2, 20*19/2)
	}
	// Output:
	// p = 0: 0 of 190 pairs
	// p = 0.5: 80 of 190 pairs
	// p = 1: 190 of 190 pairs
}

// Two groups whose members know each other and no one else.
func ExampleStochasticBlock() {
	g, group, err := datasets.StochasticBlock([]int{3, 2}, [][]float64{{1, 0}, {0, 1}}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("groups", group)
	fmt.Println("vertex 0 knows", g.InNeighbors(0), "and vertex 4 knows", g.InNeighbors(4))
	// Output:
	// groups [0 0 0 1 1]
	// vertex 0 knows [1 2] and vertex 4 knows [3]
}

// Every fold holds the classes in the proportion of the whole, here two to one.
func ExampleStratifiedKFold() {
	labels := []int32{0, 0, 0, 0, 0, 0, 1, 1, 1}
	folds, err := datasets.StratifiedKFold(labels, 3, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		log.Fatal(err)
	}
	for _, fold := range folds {
		ones := 0
		for _, i := range fold {
			ones += int(labels[i])
		}
		fmt.Println(len(fold), "items,", ones, "of class 1")
	}
	// Output:
	// 3 items, 1 of class 1
	// 3 items, 1 of class 1
	// 3 items, 1 of class 1
}

// Two graphs in the text format of GIN's authors: a path of three vertices, and a vertex alone.
// Tags and classes are renumbered from 0.
func ExampleParseTU() {
	d, err := datasets.ParseTU(strings.NewReader("2\n3 1\n7 1 1\n5 2 0 2\n7 1 1\n1 -1\n9 0\n"))
	if err != nil {
		log.Fatal(err)
	}
	d.Name = "tiny"
	fmt.Println(d)
	fmt.Println("classes", d.Labels, "tags", d.Tags)
	// Output:
	// tiny: 2 graphs, 3 vertex tags, 2 classes
	// classes [1 0] tags [[1 0 1] [2]]
}

// A minibatch of two graphs, its features one-hot.
func ExampleGraphClassification_Batch() {
	d, err := datasets.ParseTU(strings.NewReader("2\n3 1\n7 1 1\n5 2 0 2\n7 1 1\n1 -1\n9 0\n"))
	if err != nil {
		log.Fatal(err)
	}
	var g gnn.Graph
	var x nn.Buffer
	if err := d.Batch([]int32{1, 0}, &g, &x); err != nil {
		log.Fatal(err)
	}
	fmt.Println(&g)
	for i := range x.Matrix().Rows {
		fmt.Println(x.Matrix().Row(i))
	}
	// Output:
	// Graph(4 vertices, 4 edges, 2 graphs)
	// [0 0 1]
	// [0 1 0]
	// [1 0 0]
	// [0 1 0]
}
