package main

import (
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/datasets"
	"github.com/graphrl/graphrl/rl"
)

// cutOf counts the edges between the sides one by one.
func cutOf(g *gnn.Graph, side []bool) int {
	twice := 0
	edges := g.Edges()
	for e := range edges.Src {
		if side[edges.Src[e]] != side[edges.Dst[e]] {
			twice++
		}
	}
	return twice / 2
}

// maximum tries all partitions.
func maximum(g *gnn.Graph) int {
	best := 0
	side := make([]bool, g.NumDst())
	for bits := range 1 << (len(side) - 1) { // the last node may stay where it is
		for i := range side {
			side[i] = bits>>i&1 == 1
		}
		best = max(best, cutOf(g, side))
	}
	return best
}

// smallGraphs are Barabasi-Albert graphs, and sparse ones in which some nodes are alone.
func smallGraphs(t *testing.T) []*gnn.Graph {
	t.Helper()
	var all []*gnn.Graph
	for k := range uint64(6) {
		rand := rl.NewRand(k, 0)
		dense, err := randomGraphs(attached+1, 12)(rand)
		if err != nil {
			t.Fatal(err)
		}
		sparse, err := datasets.ErdosRenyi(10, 0.2, rand.Rand)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, dense, sparse)
	}
	return all
}

// checkPartition compares cut and gains with those counted from the sides.
func checkPartition(t *testing.T, p *partition) {
	t.Helper()
	if want := cutOf(p.graph, p.side); p.cut != want {
		t.Errorf("cut %d, want %d", p.cut, want)
	}
	for i, gain := range p.gain {
		p.side[i] = !p.side[i]
		if want := cutOf(p.graph, p.side) - p.cut; gain != want {
			t.Errorf("node %d gains %d, want %d", i, gain, want)
		}
		p.side[i] = !p.side[i]
	}
}

func TestPartition(t *testing.T) {
	for k, g := range smallGraphs(t) {
		rand := rl.NewRand(uint64(k), 1)
		checkPartition(t, newPartition(g, nil))
		p := newPartition(g, rand)
		for range 20 {
			checkPartition(t, p)
			p.flip(rand.IntN(len(p.side)))
		}
		checkPartition(t, p)
	}
}
