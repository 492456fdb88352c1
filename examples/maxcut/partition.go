package main

import (
	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
)

// partition is a graph with its nodes on two sides, and the gain of flipping each node. The
// environment and the searches share it, so a flip costs the same in all of them.
type partition struct {
	graph *gnn.Graph // every edge in both directions
	side  []bool
	gain  []int // of cut edges, by flipping a node
	cut   int   // edges between the sides
}

// newPartition puts each node on the side that a fair coin says, or all on one side if rand is nil.
func newPartition(g *gnn.Graph, rand *rl.Rand) *partition {
	p := &partition{graph: g, side: make([]bool, g.NumDst()), gain: make([]int, g.NumDst())}
	for i := range p.gain {
		p.gain[i] = g.OutDegree(i)
	}
	if rand != nil {
		for i := range p.side {
			if rand.IntN(2) == 1 {
				p.flip(i)
			}
		}
	}
	return p
}

// flip moves a node to the other side.
func (p *partition) flip(i int) {
	p.cut += p.gain[i]
	p.gain[i] = -p.gain[i]
	p.side[i] = !p.side[i]
	for _, j := range p.graph.OutNeighbors(i) {
		if p.side[i] == p.side[j] {
			p.gain[j] += 2 // the edge is no longer cut
		} else {
			p.gain[j] -= 2
		}
	}
}
