package gnn

import (
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/internal/reuse"
)

// SetEdges makes g the graph of n vertices with the given edges. On an error g is left as it was.
func (g *Graph) SetEdges(n int, edges EdgeIndex) error {
	if err := edges.check(n, n); err != nil {
		return err
	}
	g.setEdges(n, n, false, edges)
	return nil
}

// SetBipartite makes g the bipartite graph of [NewBipartite]. On an error g is left as it was.
func (g *Graph) SetBipartite(numSrc, numDst int, edges EdgeIndex) error {
	if err := edges.check(numSrc, numDst); err != nil {
		return err
	}
	g.setEdges(numSrc, numDst, true, edges)
	return nil
}

func (g *Graph) setEdges(numSrc, numDst int, bipartite bool, edges EdgeIndex) {
	g.src = append(g.src[:0], edges.Src...)
	g.dst = append(g.dst[:0], edges.Dst...)
	g.in.group(numDst, g.dst, g.src)
	g.out.group(numSrc, g.src, g.dst)
	g.srcPtr = append(g.srcPtr[:0], 0, int32(numSrc))
	g.dstPtr = append(g.dstPtr[:0], 0, int32(numDst))
	g.edgePtr = append(g.edgePtr[:0], 0, int32(len(g.dst)))
	g.changed(numSrc, numDst, bipartite)
}

// SetCompleteBipartite makes g the graph of [CompleteBipartite], at little more than the cost of
// writing its edges down, or at none if it is that already.
func (g *Graph) SetCompleteBipartite(m, o int) error {
	return g.setComplete(1, func(int) (int, int) { return m, o })
}

// SetCompleteBipartites makes g the batch of the complete bipartite graphs with m[b] sources and
// o[b] destinations, as [Graph.SetCompleteBipartite] would make each. Edges of graph b are numbered
// row-major from EdgeGraphPtr()[b].
func (g *Graph) SetCompleteBipartites(m, o []int) error {
	if len(m) != len(o) {
		return fmt.Errorf("gnn: complete bipartite batch: %d sources but %d destinations, need as many of both", len(m), len(o))
	}
	return g.setComplete(len(m), func(b int) (int, int) { return m[b], o[b] })
}

func (g *Graph) setComplete(graphs int, size func(b int) (m, o int)) error {
	var sources, dests, edges int
	same := g.complete && g.NumGraphs() == graphs
	for b := range graphs {
		m, o := size(b)
		if m < 0 || o < 0 {
			return fmt.Errorf("gnn: complete bipartite graph %d: cannot have %d sources and %d destinations", b, m, o)
		}
		same = same && int(g.srcPtr[b+1]-g.srcPtr[b]) == m && int(g.dstPtr[b+1]-g.dstPtr[b]) == o
		sources, dests = sources+m, dests+o
		if sources > maxIndex || dests > maxIndex || m > 0 && o > (maxIndex-edges)/m {
			return fmt.Errorf("gnn: complete bipartite graph %d: %d x %d edges exceed the 32-bit limit of %d in all", b, m, o, maxIndex)
		}
		edges += m * o
	}
	if same {
		return nil
	}

	g.src, g.dst = reuse.Slice(g.src, edges), reuse.Slice(g.dst, edges)
	g.in.ptr, g.out.ptr = append(g.in.ptr[:0], 0), append(g.out.ptr[:0], 0)
	g.in.own(edges)
	g.srcPtr, g.dstPtr, g.edgePtr = append(g.srcPtr[:0], 0), append(g.dstPtr[:0], 0), append(g.edgePtr[:0], 0)
	var s0, d0, e0 int32 // first source, destination and edge of the graph
	for b := range graphs {
		mm, oo := size(b)
		m, o := int32(mm), int32(oo)
		for i := range m {
			row := e0 + i*o
			for j := range o {
				g.src[row+j], g.dst[row+j] = s0+i, d0+j
			}
			g.out.ptr = append(g.out.ptr, row+o)
		}
		for j := range o {
			row := e0 + j*m
			for i := range m {
				g.in.idx[row+i], g.in.edge[row+i] = s0+i, e0+i*o+j
			}
			g.in.ptr = append(g.in.ptr, row+m)
		}
		s0, d0, e0 = s0+m, d0+o, e0+m*o
		g.srcPtr, g.dstPtr, g.edgePtr = append(g.srcPtr, s0), append(g.dstPtr, d0), append(g.edgePtr, e0)
	}
	g.out.idx, g.out.edge = g.dst, nil // row-major is by source already
	g.changed(sources, dests, true)
	g.complete = true
	return nil
}

// SetBatch makes g the batch of [Batch]. On an error g is left as it was.
func (g *Graph) SetBatch(graphs ...*Graph) error {
	var sources, dests, edges int
	if i := slices.Index(graphs, nil); i >= 0 {
		return fmt.Errorf("gnn: graph %d of the batch is nil", i)
	}
	first := slices.IndexFunc(graphs, func(h *Graph) bool { return h.NumGraphs() > 0 })
	bipartite := first >= 0 && graphs[first].bipartite
	inOrder, outOrder := true, true // all graphs' edges are by destination, by source
	for b, h := range graphs {
		if h == g {
			return fmt.Errorf("gnn: graph %d of the batch is the batch itself", b)
		}
		if h.NumGraphs() > 0 && h.bipartite != bipartite {
			return fmt.Errorf("gnn: graph %d of the batch: cannot mix bipartite and ordinary graphs", b)
		}
		sources, dests, edges = sources+h.numSrc, dests+h.numDst, edges+h.NumEdges()
		inOrder, outOrder = inOrder && h.in.edge == nil, outOrder && h.out.edge == nil
	}
	if max(sources, dests, edges) > maxIndex {
		return fmt.Errorf("gnn: batch of %d graphs has %d sources, %d destinations and %d edges: at most %d of each",
			len(graphs), sources, dests, edges, maxIndex)
	}

	g.src, g.dst = g.src[:0], g.dst[:0]
	g.in.start(inOrder, edges)
	g.out.start(outOrder, edges)
	g.srcPtr, g.dstPtr, g.edgePtr = append(g.srcPtr[:0], 0), append(g.dstPtr[:0], 0), append(g.edgePtr[:0], 0)
	var s0, d0 int32
	for _, h := range graphs {
		e0 := int32(len(g.src))
		g.in.append(&h.in, s0, e0)
		g.out.append(&h.out, d0, e0)
		g.src = appendShifted(g.src, h.src, s0)
		g.dst = appendShifted(g.dst, h.dst, d0)
		if h.NumGraphs() > 0 {
			g.srcPtr = appendShifted(g.srcPtr, h.srcPtr[1:], s0)
			g.dstPtr = appendShifted(g.dstPtr, h.dstPtr[1:], d0)
			g.edgePtr = appendShifted(g.edgePtr, h.edgePtr[1:], e0)
		}
		s0, d0 = s0+int32(h.numSrc), d0+int32(h.numDst)
	}
	if inOrder {
		g.in.idx = g.src
	}
	if outOrder {
		g.out.idx = g.dst
	}
	g.changed(sources, dests, bipartite)
	return nil
}

// start empties a for a batch of graphs; with inOrder the entries will be the edge list itself.
func (a *adjacency) start(inOrder bool, entries int) {
	a.ptr = append(a.ptr[:0], 0)
	if inOrder {
		a.idx, a.edge = nil, nil
		return
	}
	a.own(entries)
	a.idx, a.edge = a.idx[:0], a.edge[:0]
}

// append adds the rows of b, whose vertices at the other end shift by idx0 and whose edges by
// edge0. If its entries are the edge list, a takes the offsets only.
func (a *adjacency) append(b *adjacency, idx0, edge0 int32) {
	if len(b.ptr) == 0 {
		return
	}
	a.ptr = appendShifted(a.ptr, b.ptr[1:], edge0)
	if a.edge == nil {
		return
	}
	a.idx = appendShifted(a.idx, b.idx, idx0)
	if b.edge != nil {
		a.edge = appendShifted(a.edge, b.edge, edge0)
		return
	}
	for e := range int32(len(b.idx)) {
		a.edge = append(a.edge, edge0+e)
	}
}

func appendShifted(dst, src []int32, by int32) []int32 {
	for _, v := range src {
		dst = append(dst, v+by)
	}
	return dst
}

// changed notes the new sizes and forgets everything derived from the old structure.
func (g *Graph) changed(numSrc, numDst int, bipartite bool) {
	g.numSrc, g.numDst, g.bipartite, g.complete = numSrc, numDst, bipartite, false
	g.shape = [2]int{numDst, numSrc}
	g.derived.forget()
}

// adjacency is one direction of a graph as compressed sparse rows: the entries of row i are ptr[i]
// to ptr[i+1].
type adjacency struct {
	ptr  []int32 // [rows+1]
	idx  []int32 // [edges] the vertex at the other end
	edge []int32 // [edges] the number of the edge; nil when entry k is edge k

	idxMem, edgeMem []int32 // own memory; idx may be the edge list's instead
}

// rows returns the number of rows.
func (a *adjacency) rows() int { return max(0, len(a.ptr)-1) }

// edgeOf returns the number of the edge at entry k.
func (a *adjacency) edgeOf(k int) int {
	if a.edge == nil {
		return k
	}
	return int(a.edge[k])
}

// group makes a the rows 0 to rows-1 of the edges (key, value), each row in the edges' order. Edges
// whose keys ascend are taken as they are.
func (a *adjacency) group(rows int, key, value []int32) {
	// Counting two places up leaves, after the prefix sum, the start of row i in ptr[i+1]; placing
	// the edges then moves it to the row's end, where it belongs.
	ptr := reuse.Slice(a.ptr, rows+2)
	clear(ptr)
	sorted := true
	last := int32(0)
	for _, k := range key {
		ptr[k+2]++
		sorted = sorted && k >= last
		last = k
	}
	for i := 2; i < len(ptr); i++ {
		ptr[i] += ptr[i-1]
	}
	a.ptr = ptr[:rows+1]
	if sorted {
		copy(a.ptr, ptr[1:])
		a.idx, a.edge = value, nil
		return
	}
	a.own(len(key))
	for e, k := range key {
		at := ptr[k+1]
		ptr[k+1]++
		a.idx[at], a.edge[at] = value[e], int32(e)
	}
}

// own gives a entries in its own memory.
func (a *adjacency) own(entries int) {
	a.idxMem, a.edgeMem = reuse.Slice(a.idxMem, entries), reuse.Slice(a.edgeMem, entries)
	a.idx, a.edge = a.idxMem, a.edgeMem
}
