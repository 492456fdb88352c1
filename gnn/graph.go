package gnn

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// maxIndex bounds vertices and edges, which int32 numbers.
const maxIndex = math.MaxInt32

// Graph is the structure of a graph, or of a batch of graphs: who is joined to
// whom. Features of vertices and edges are tensors beside it, row i belonging
// to vertex or edge i.
//
// Messages flow from source to destination vertices. In an ordinary graph both
// are the same vertices; in a bipartite one they are two sets, numbered apart,
// and NumSrc and NumDst differ in general. Edges keep the numbers of the list
// the graph was made from, so edge features need no reordering.
//
// The structure is kept by destination (for forward passes) and by source (for
// their gradients), both as compressed sparse rows.
//
// A *Graph is a gorgonia.Value of shape [NumDst x NumSrc]: bound to the input
// node that [GraphInput] makes, every step may bring another graph to the same
// expression graph.
//
// Readers may share a Graph between goroutines. The Set methods, which rebuild
// it in place and reuse its memory, may not run beside any other use. The zero
// value is a batch of no graphs. A Graph must not be copied.
type Graph struct {
	numSrc, numDst int
	bipartite      bool
	complete       bool // made by SetCompleteBipartites

	src, dst []int32   // the edge list
	in       adjacency // rows are destinations, entries sources
	out      adjacency // rows are sources, entries destinations

	// Offsets of the batch's graphs in the vertices and edges, [NumGraphs+1].
	srcPtr, dstPtr, edgePtr []int32

	shape [2]int

	derived derived
}

// adjacency is one direction of a graph as compressed sparse rows: the
// entries of row i are ptr[i] to ptr[i+1].
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

// group makes a the rows 0 to rows-1 of the edges (key, value), each row in the
// edges' order. Edges whose keys ascend are taken as they are.
func (a *adjacency) group(rows int, key, value []int32) {
	// Counting two places up leaves, after the prefix sum, the start of row i
	// in ptr[i+1]; placing the edges then moves it to the row's end, where it belongs.
	ptr := resize(a.ptr, rows+2)
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
	a.idxMem, a.edgeMem = resize(a.idxMem, entries), resize(a.edgeMem, entries)
	a.idx, a.edge = a.idxMem, a.edgeMem
}

// resize returns a slice of n elements, of s's memory if it suffices.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4) // room to grow: sizes change from call to call
	}
	return s[:n]
}

// NewGraph returns the graph of n vertices with the given edges.
func NewGraph(n int, edges EdgeIndex) (*Graph, error) {
	g := new(Graph)
	if err := g.SetEdges(n, edges); err != nil {
		return nil, err
	}
	return g, nil
}

// NewBipartite returns the graph whose edges lead from numSrc source vertices
// to numDst destination vertices.
func NewBipartite(numSrc, numDst int, edges EdgeIndex) (*Graph, error) {
	g := new(Graph)
	if err := g.SetBipartite(numSrc, numDst, edges); err != nil {
		return nil, err
	}
	return g, nil
}

// CompleteBipartite returns the bipartite graph with an edge from each of m
// sources to each of o destinations. Edge i*o+j joins source i to destination
// j, so one value per edge is a row-major [m x o] matrix.
func CompleteBipartite(m, o int) (*Graph, error) {
	g := new(Graph)
	if err := g.SetCompleteBipartite(m, o); err != nil {
		return nil, err
	}
	return g, nil
}

// Batch returns the disjoint union of graphs, which may be of any sizes: the
// vertices of the first, then those of the second, and so on, edges likewise.
// The result remembers where each graph lies, for readout and for
// normalisation by graph; batches among the graphs count as their members.
func Batch(graphs ...*Graph) (*Graph, error) {
	g := new(Graph)
	if err := g.SetBatch(graphs...); err != nil {
		return nil, err
	}
	return g, nil
}

// NumSrc returns the number of source vertices.
func (g *Graph) NumSrc() int { return g.numSrc }

// NumDst returns the number of destination vertices: the rows of a layer's output.
func (g *Graph) NumDst() int { return g.numDst }

// NumEdges returns the number of directed edges.
func (g *Graph) NumEdges() int { return len(g.dst) }

// Bipartite reports whether sources and destinations are different vertices.
func (g *Graph) Bipartite() bool { return g.bipartite }

// Edges returns the edges in their order. It is the graph's memory: read only.
func (g *Graph) Edges() EdgeIndex { return EdgeIndex{g.src, g.dst} }

// InDegree returns the number of edges that end at destination i.
func (g *Graph) InDegree(i int) int { return int(g.in.ptr[i+1] - g.in.ptr[i]) }

// OutDegree returns the number of edges that start at source i.
func (g *Graph) OutDegree(i int) int { return int(g.out.ptr[i+1] - g.out.ptr[i]) }

// InNeighbors returns the sources of the edges that end at destination i, in
// the edges' order. It is the graph's memory: read only.
func (g *Graph) InNeighbors(i int) []int32 { return g.in.idx[g.in.ptr[i]:g.in.ptr[i+1]] }

// OutNeighbors returns the destinations of the edges that start at source i,
// in the edges' order. It is the graph's memory: read only.
func (g *Graph) OutNeighbors(i int) []int32 { return g.out.idx[g.out.ptr[i]:g.out.ptr[i+1]] }

// NumGraphs returns the number of graphs in the batch, 1 for a graph made alone.
func (g *Graph) NumGraphs() int { return max(0, len(g.dstPtr)-1) }

// GraphPtr returns where each graph of the batch lies: graph b holds the
// destination vertices GraphPtr()[b] to GraphPtr()[b+1]. Read only.
func (g *Graph) GraphPtr() []int32 { return g.dstPtr }

// SrcGraphPtr is [Graph.GraphPtr] for source vertices. Read only.
func (g *Graph) SrcGraphPtr() []int32 { return g.srcPtr }

// EdgeGraphPtr is [Graph.GraphPtr] for edges. Read only.
func (g *Graph) EdgeGraphPtr() []int32 { return g.edgePtr }

// SetEdges makes g the graph of n vertices with the given edges. On an error g
// is left as it was.
func (g *Graph) SetEdges(n int, edges EdgeIndex) error {
	if err := edges.check(n, n); err != nil {
		return err
	}
	g.setEdges(n, n, false, edges)
	return nil
}

// SetBipartite makes g the bipartite graph of [NewBipartite]. On an error g is
// left as it was.
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

// SetCompleteBipartite makes g the graph of [CompleteBipartite], at little more
// than the cost of writing its edges down, or at none if it is that already.
func (g *Graph) SetCompleteBipartite(m, o int) error {
	return g.setComplete(1, func(int) (int, int) { return m, o })
}

// SetCompleteBipartites makes g the batch of the complete bipartite graphs with
// m[b] sources and o[b] destinations, as [Graph.SetCompleteBipartite] would make
// each. Edges of graph b are numbered row-major from EdgeGraphPtr()[b].
func (g *Graph) SetCompleteBipartites(m, o []int) error {
	if len(m) != len(o) {
		return fmt.Errorf("gnn: complete bipartite batch: %d numbers of sources and %d of destinations, need as many of both", len(m), len(o))
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

	g.src, g.dst = resize(g.src, edges), resize(g.dst, edges)
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

// start empties a for a batch of graphs; inOrder tells that the entries will be
// the edge list itself.
func (a *adjacency) start(inOrder bool, entries int) {
	a.ptr = append(a.ptr[:0], 0)
	if inOrder {
		a.idx, a.edge = nil, nil
		return
	}
	a.own(entries)
	a.idx, a.edge = a.idx[:0], a.edge[:0]
}

// append adds the rows of b, whose vertices at the other end shift by idx0 and
// whose edges by edge0. Without memory of its own a only takes the offsets.
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

// ---- gorgonia.Value ----

// Shape returns [NumDst x NumSrc].
func (g *Graph) Shape() tensor.Shape { return g.shape[:] }

// Size returns the number of entries of the adjacency matrix, zeros included.
func (g *Graph) Size() int { return g.numDst * g.numSrc }

// Data returns the graph itself.
func (g *Graph) Data() any { return g }

// Dtype returns float32, the type of the adjacency matrix's entries.
func (g *Graph) Dtype() tensor.Dtype { return tensor.Float32 }

// Type returns the type of a float32 matrix.
func (g *Graph) Type() hm.Type { return gorgonia.TensorType{Dims: 2, Of: tensor.Float32} }

// Uintptr returns the address of the edge list.
func (g *Graph) Uintptr() uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(g.src))) }

// MemSize returns the size of the edge list in bytes.
func (g *Graph) MemSize() uintptr { return uintptr(8 * len(g.src)) }

// Format prints a summary, whatever the verb.
func (g *Graph) Format(s fmt.State, _ rune) { fmt.Fprint(s, g.String()) }

// String returns a summary such as "Graph(34 vertices, 156 edges)".
func (g *Graph) String() string {
	vertices := fmt.Sprintf("%d vertices", g.numDst)
	if g.bipartite {
		vertices = fmt.Sprintf("%d -> %d vertices", g.numSrc, g.numDst)
	}
	graphs := ""
	if n := g.NumGraphs(); n != 1 {
		graphs = fmt.Sprintf(", %d graphs", n)
	}
	return fmt.Sprintf("Graph(%s, %d edges%s)", vertices, g.NumEdges(), graphs)
}

var _ gorgonia.Value = (*Graph)(nil)
