package main

import (
	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
)

// greedyFlips begins with all nodes on one side and flips the node that gains most until none gains
// anything.
func greedyFlips(g *gnn.Graph) *partition {
	p := newPartition(g, nil)
	p.climb(g.NumEdges()) // each flip gains an edge, so that there are fewer
	return p
}

// greedyConstruction places one node after the other on the side where more of its edges are cut,
// always the node for which the choice of the side makes the greatest difference, and of several
// one of the highest degree: SG3 of S. Kahruman et al., "On greedy construction heuristics for the
// MAX-CUT problem", International Journal of Computational Science and Engineering 3, 2007. Then it
// flips nodes as greedyFlips does. The order by degree and the flips are not in the paper; the
// flips help.
func greedyConstruction(g *gnn.Graph) *partition {
	n := g.NumDst()
	p := newPartition(g, nil)
	placed := make([]bool, n)
	balance := make([]int, n) // of the neighbours that are placed: those on the first side less those on the other
	for range n {
		next := -1
		for i := range n {
			if placed[i] {
				continue
			}
			if next < 0 || abs(balance[i]) > abs(balance[next]) ||
				abs(balance[i]) == abs(balance[next]) && g.OutDegree(i) > g.OutDegree(next) {
				next = i
			}
		}
		placed[next] = true
		side := 1
		if balance[next] > 0 {
			p.flip(next)
			side = -1
		}
		for _, j := range g.OutNeighbors(next) {
			balance[j] += side
		}
	}
	p.climb(g.NumEdges())
	return p
}

func abs(i int) int { return max(i, -i) }

// climb flips the node that gains most until none gains anything or that many are flipped, and
// returns the number of flips.
func (p *partition) climb(limit int) int {
	for flips := range limit {
		best := 0
		for i, gain := range p.gain {
			if gain > p.gain[best] {
				best = i
			}
		}
		if p.gain[best] <= 0 {
			return flips
		}
		p.flip(best)
	}
	return limit
}

// localSearch climbs from one random partition after the other until that many nodes are flipped,
// and returns the best cut.
func localSearch(g *gnn.Graph, flips int, rand *rl.Rand) int {
	best := 0
	for flips > 0 {
		p := newPartition(g, rand)
		flips -= p.climb(flips) + 1 // a climb of no flips counts too
		best = max(best, p.cut)
	}
	return best
}

// tabuSearch begins with a random partition and flips that many times the node that gains most, or
// loses least, among those not flipped lately, unless a node leads to the best cut so far (F.
// Glover, "Tabu Search - Part I", ORSA Journal on Computing 1, 1989). It returns the best cut. A
// node that was flipped is tabu for a random number of flips, a tenth to a fifth of the nodes: of
// seven such rules the best from 100 nodes on, and as good as any on 50.
func tabuSearch(g *gnn.Graph, flips int, rand *rl.Rand) int {
	p := newPartition(g, rand)
	n := len(p.side)
	best := p.cut
	until := make([]int, n) // the flip from which on a node may be flipped again
	for flip := range flips {
		next, ties := -1, 0
		for i, gain := range p.gain {
			if flip < until[i] && p.cut+gain <= best {
				continue
			}
			switch {
			case next < 0 || gain > p.gain[next]:
				next, ties = i, 1
			case gain == p.gain[next]:
				ties++
				if rand.IntN(ties) == 0 {
					next = i
				}
			}
		}
		if next < 0 {
			continue // all are tabu
		}
		p.flip(next)
		until[next] = flip + 1 + max(1, n/10) + rand.IntN(n/10+1)
		best = max(best, p.cut)
	}
	return best
}
