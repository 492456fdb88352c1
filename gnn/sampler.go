package gnn

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// NeighborSampler cuts a graph too large for a full batch into the neighbourhoods of a few vertices
// at a time (W. Hamilton, R. Ying and J. Leskovec, "Inductive representation learning on large
// graphs", NeurIPS 2017, algorithm 2). The first hop draws up to Fanout[0] in-edges of each seed,
// the next up to Fanout[1] of each vertex that the first reached, and so on: one hop for each layer
// of the network. If no fanout was exceeded, the network then computes the same at the seeds as on
// the whole graph, provided that its layers look at in-edges only (SAGEConv, GATConv, GINConv; not
// GCNConv, which needs the degrees of neighbours).
//
// A sampler reuses its memory and serves one goroutine.
type NeighborSampler struct {
	Fanout []int // at least 1 each, or -1: all
	graph  *Graph
	rng    *rand.Rand

	sample   Sample
	local    []int32 // number of each vertex in the sample, -1: not in it
	src, dst []int32
	picked   []int32
}

// Sample is a neighbourhood. Its memory is the sampler's, valid until the next Sample.
type Sample struct {
	Graph *Graph
	Nodes []int32 // the vertices' numbers in the whole graph, seeds first
	Edges []int32 // the edges' numbers in the whole graph
	Seeds int     // the first rows of a network's result that are of use
}

// NewNeighborSampler returns a sampler of g, not bipartite, that draws from rng. g must not change
// while it is in use.
func NewNeighborSampler(g *Graph, fanout []int, rng *rand.Rand) (*NeighborSampler, error) {
	if g == nil || rng == nil {
		return nil, errors.New("gnn: neighbour sampler: want a graph and a random source, got nil")
	}
	if g.Bipartite() {
		return nil, fmt.Errorf("gnn: neighbour sampler: want a graph whose sources are its destinations, got the bipartite %v", g)
	}
	for hop, k := range fanout {
		if k < 1 && k != -1 {
			return nil, fmt.Errorf("gnn: neighbour sampler: fanout of hop %d is %d, want at least 1 or -1 for all", hop, k)
		}
	}
	s := &NeighborSampler{Fanout: fanout, graph: g, rng: rng, local: make([]int32, g.NumDst())}
	for i := range s.local {
		s.local[i] = -1
	}
	s.sample.Graph = new(Graph)
	return s, nil
}

// Sample draws the neighbourhood of the seeds, which must differ.
func (s *NeighborSampler) Sample(seeds []int32) (*Sample, error) {
	if s.graph == nil {
		return nil, errors.New("gnn: neighbour sampler without a graph: make it with NewNeighborSampler")
	}
	m := &s.sample
	m.Nodes, m.Edges, m.Seeds = m.Nodes[:0], m.Edges[:0], len(seeds)
	s.src, s.dst = s.src[:0], s.dst[:0]
	defer func() {
		for _, i := range m.Nodes {
			s.local[i] = -1
		}
	}()
	for k, i := range seeds {
		if i < 0 || int(i) >= len(s.local) {
			return nil, fmt.Errorf("gnn: neighbour sampler: seed %d is vertex %d, want one in [0, %d)", k, i, len(s.local))
		}
		if s.local[i] >= 0 {
			return nil, fmt.Errorf("gnn: neighbour sampler: vertex %d is a seed twice", i)
		}
		s.add(i)
	}
	first := 0
	for _, fanout := range s.Fanout {
		end := len(m.Nodes)
		for _, i := range m.Nodes[first:end] {
			s.expand(i, fanout)
		}
		first = end
	}
	if err := m.Graph.SetEdges(len(m.Nodes), EdgeIndex{s.src, s.dst}); err != nil {
		return nil, err
	}
	return m, nil
}

// add returns the number of vertex i in the sample.
func (s *NeighborSampler) add(i int32) int32 {
	if s.local[i] < 0 {
		s.local[i] = int32(len(s.sample.Nodes))
		s.sample.Nodes = append(s.sample.Nodes, i)
	}
	return s.local[i]
}

// expand adds up to fanout in-edges of vertex i.
func (s *NeighborSampler) expand(i int32, fanout int) {
	a := &s.graph.in
	row, degree := int(a.ptr[i]), s.graph.InDegree(int(i))
	s.picked = s.picked[:0]
	for k := range int32(degree) {
		s.picked = append(s.picked, k)
	}
	if fanout >= 0 && fanout < degree { // the first steps of a shuffle
		for k := range fanout {
			j := k + s.rng.IntN(degree-k)
			s.picked[k], s.picked[j] = s.picked[j], s.picked[k]
		}
		s.picked = s.picked[:fanout]
	}
	to := s.local[i]
	for _, k := range s.picked {
		at := row + int(k)
		s.src, s.dst = append(s.src, s.add(a.idx[at])), append(s.dst, to)
		s.sample.Edges = append(s.sample.Edges, int32(a.edgeOf(at)))
	}
}
