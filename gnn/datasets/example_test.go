package datasets_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn/datasets"
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
