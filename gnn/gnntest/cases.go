package gnntest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/gnn"
)

// graphCase is one of the graphs every check runs on.
type graphCase struct {
	name  string
	graph *gnn.Graph
}

// cases returns the graphs that the layer takes.
func (b *bench) cases(t *testing.T, rng *rand.Rand) []graphCase {
	t.Helper()
	return slices.DeleteFunc(allCases(t, rng, b.Dst > 0), b.tooSmall)
}

func (b *bench) tooSmall(c graphCase) bool {
	n := c.graph.NumDst()
	return n > 0 && n < b.MinVertices
}

func allCases(t *testing.T, rng *rand.Rand, bipartite bool) []graphCase {
	t.Helper()
	var list []graphCase
	add := func(name string, src, dst int, edges gnn.EdgeIndex) {
		var g *gnn.Graph
		var err error
		if bipartite {
			g, err = gnn.NewBipartite(src, dst, edges)
		} else {
			g, err = gnn.NewGraph(src, edges)
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, graphCase{name, g})
	}
	add("random", 9, 6, randomEdges(rng, 6, 6, 20)) // the last sources are isolated
	add("one edge", 2, 2, gnn.EdgeIndex{Src: []int32{0}, Dst: []int32{1}})
	add("self loop", 3, 3, gnn.EdgeIndex{Src: []int32{0, 1, 0, 2}, Dst: []int32{0, 1, 1, 0}})
	add("parallel edges", 3, 3, gnn.EdgeIndex{Src: []int32{2, 0, 2, 2}, Dst: []int32{1, 1, 1, 0}})
	add("undirected", 7, 7, randomEdges(rng, 7, 7, 9).Undirected())
	add("no edges", 3, 3, gnn.EdgeIndex{})
	add("one vertex", 1, 1, gnn.EdgeIndex{})
	add("empty", 0, 0, gnn.EdgeIndex{})
	if bipartite {
		add("no destinations", 2, 0, gnn.EdgeIndex{})
		add("no sources", 0, 2, gnn.EdgeIndex{})
		g, err := gnn.CompleteBipartite(4, 3)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, graphCase{"complete", g}, graphCase{"reversed", g.Reverse()})
	}
	members := make([]*gnn.Graph, len(list))
	for i, c := range list {
		members[i] = c.graph
	}
	batch, err := gnn.Batch(members...)
	if err != nil {
		t.Fatal(err)
	}
	return append(list, graphCase{"batch", batch}, graphCase{"batch of none", new(gnn.Graph)})
}

func randomEdges(rng *rand.Rand, numSrc, numDst, n int) gnn.EdgeIndex {
	ei := gnn.EdgeIndex{Src: make([]int32, n), Dst: make([]int32, n)}
	for e := range n {
		ei.Src[e], ei.Dst[e] = rng.Int32N(int32(numSrc)), rng.Int32N(int32(numDst))
	}
	return ei
}
