package main

import (
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
)

// Greedy algorithms end where no flip gains, so that at least half of the edges are cut; with many
// flips the searches find the maximum of small graphs.
func TestSearches(t *testing.T) {
	for k, g := range smallGraphs(t) {
		most := maximum(g)
		for name, greedy := range map[string]func(*gnn.Graph) *partition{"flips": greedyFlips, "construction": greedyConstruction} {
			p := greedy(g)
			checkPartition(t, p)
			if 4*p.cut < g.NumEdges() || p.cut > most {
				t.Errorf("graph %d: greedy %s cuts %d of %d edges, of which %d can be cut", k, name, p.cut, g.NumEdges()/2, most)
			}
			for i, gain := range p.gain {
				if gain > 0 {
					t.Errorf("graph %d: greedy %s leaves node %d, which gains %d", k, name, i, gain)
				}
			}
		}
		for name, search := range map[string]func(*gnn.Graph, int, *rl.Rand) int{"local": localSearch, "tabu": tabuSearch} {
			few, many := search(g, 3, rl.NewRand(1, 0)), search(g, 3000, rl.NewRand(1, 0))
			if few > most || many != most {
				t.Errorf("graph %d: %s search finds %d in 3 flips and %d in 3000, the maximum is %d", k, name, few, many, most)
			}
		}
	}
}

// A graph of two sides can be cut whole, and construction finds these: placed with care, no
// neighbours are ever together.
func TestConstructionOfTwoSides(t *testing.T) {
	var edges gnn.EdgeIndex
	for i := range int32(6) {
		for j := range int32(4) {
			if i == j || i == j+1 || i == j+2 {
				edges.Src, edges.Dst = append(edges.Src, i), append(edges.Dst, 6+j)
			}
		}
	}
	g, err := gnn.NewGraph(10, edges.Undirected())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := greedyConstruction(g).cut, len(edges.Src); got != want {
		t.Errorf("cut %d of %d edges", got, want)
	}
}
