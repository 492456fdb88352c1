package gnn

import (
	"cmp"
	"fmt"
	"slices"
)

// EdgeIndex is a list of directed edges: edge e goes from vertex Src[e] to vertex Dst[e]. It is the
// form in which graphs are written down; a [Graph] is the form in which they are computed on.
// Parallel edges and self loops are allowed.
//
// Its methods return a new list and leave the receiver alone. They change the number and the order
// of edges, so apply them before computing edge features. A list whose halves differ in length
// comes back as it is, for [NewGraph] to refuse.
type EdgeIndex struct {
	Src, Dst []int32
}

// Len returns the number of edges.
func (ei EdgeIndex) Len() int { return len(ei.Dst) }

// check reports the first edge that does not join one of numSrc sources to one of numDst
// destinations.
func (ei EdgeIndex) check(numSrc, numDst int) error {
	if numSrc < 0 || numDst < 0 {
		return fmt.Errorf("gnn: a graph cannot have %d source and %d destination vertices", numSrc, numDst)
	}
	if numSrc > maxIndex || numDst > maxIndex || len(ei.Src) > maxIndex {
		return fmt.Errorf("gnn: %d source vertices, %d destination vertices and %d edges: indices are 32 bit, at most %d of each",
			numSrc, numDst, len(ei.Src), maxIndex)
	}
	if len(ei.Src) != len(ei.Dst) {
		return fmt.Errorf("gnn: edge list has %d sources and %d destinations, need as many of both", len(ei.Src), len(ei.Dst))
	}
	for e, s := range ei.Src {
		if d := ei.Dst[e]; uint32(s) >= uint32(numSrc) || uint32(d) >= uint32(numDst) {
			return fmt.Errorf("gnn: edge %d is (%d, %d), want a source in [0, %d) and a destination in [0, %d)", e, s, d, numSrc, numDst)
		}
	}
	return nil
}

// Undirected returns the list with the opposite of every edge added and duplicates merged, sorted
// by destination, then source. The result is symmetric: (i, j) is in it exactly if (j, i) is.
func (ei EdgeIndex) Undirected() EdgeIndex {
	if len(ei.Src) != len(ei.Dst) {
		return ei
	}
	return EdgeIndex{
		Src: slices.Concat(ei.Src, ei.Dst),
		Dst: slices.Concat(ei.Dst, ei.Src),
	}.Coalesce()
}

// Coalesce returns the list sorted by destination, then source, with parallel edges merged.
func (ei EdgeIndex) Coalesce() EdgeIndex {
	if len(ei.Src) != len(ei.Dst) {
		return ei
	}
	type edge struct{ dst, src int32 }
	edges := make([]edge, ei.Len())
	for e := range edges {
		edges[e] = edge{ei.Dst[e], ei.Src[e]}
	}
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.dst, b.dst), cmp.Compare(a.src, b.src))
	})
	edges = slices.Compact(edges)
	out := EdgeIndex{make([]int32, len(edges)), make([]int32, len(edges))}
	for e, x := range edges {
		out.Src[e], out.Dst[e] = x.src, x.dst
	}
	return out
}

// RemoveSelfLoops returns the list without the edges from a vertex to itself.
func (ei EdgeIndex) RemoveSelfLoops() EdgeIndex {
	if len(ei.Src) != len(ei.Dst) {
		return ei
	}
	var out EdgeIndex
	for e, s := range ei.Src {
		if d := ei.Dst[e]; s != d {
			out.Src, out.Dst = append(out.Src, s), append(out.Dst, d)
		}
	}
	return out
}

// AddSelfLoops returns the list with exactly one self loop at each of n vertices: those already
// there are dropped and n are appended.
func (ei EdgeIndex) AddSelfLoops(n int) EdgeIndex {
	if len(ei.Src) != len(ei.Dst) {
		return ei
	}
	out := ei.RemoveSelfLoops()
	for i := range int32(n) {
		out.Src, out.Dst = append(out.Src, i), append(out.Dst, i)
	}
	return out
}
