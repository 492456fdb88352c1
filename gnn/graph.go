package gnn

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/chewxy/hm"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// maxIndex bounds vertices and edges, which int32 numbers.
const maxIndex = math.MaxInt32

// Graph is the structure of a graph, or of a batch of graphs: its vertices and edges. Their
// features are separate tensors, whose row i belongs to vertex or edge i.
//
// Messages flow from source to destination vertices. In an ordinary graph both are the same
// vertices. In a bipartite one they are two sets with separate numbering, and NumSrc and NumDst
// differ in general. Edges keep their order in the list that the graph was made from, so edge
// features need no reordering.
//
// The structure is stored by destination (for forward passes) and by source (for their gradients),
// both as compressed sparse rows.
//
// A *Graph is a gorgonia.Value of shape [NumDst x NumSrc]: bound to the input node that
// [NewGraphInput] returns, every step may bind another graph to the same expression graph.
//
// Goroutines may read a Graph concurrently. The Set methods rebuild it in place and reuse its
// memory, and exclude all other use. The zero value is a batch of no graphs. Do not copy a Graph.
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

// NewGraphInput adds an input to the expression graph to which a *Graph is bound with nn.Tape.Bind
// before each run, any graph of any size.
func NewGraphInput(eg *gorgonia.ExprGraph, name string) (*gorgonia.Node, error) {
	n, err := nn.NewInput(eg, name, 2)
	if err != nil {
		return nil, fmt.Errorf("gnn: input of a graph: %w", err)
	}
	return n, nil
}

// NewGraph returns the graph of n vertices with the given edges.
func NewGraph(n int, edges EdgeIndex) (*Graph, error) {
	g := new(Graph)
	if err := g.SetEdges(n, edges); err != nil {
		return nil, err
	}
	return g, nil
}

// NewBipartite returns the graph whose edges lead from numSrc source vertices to numDst destination
// vertices.
func NewBipartite(numSrc, numDst int, edges EdgeIndex) (*Graph, error) {
	g := new(Graph)
	if err := g.SetBipartite(numSrc, numDst, edges); err != nil {
		return nil, err
	}
	return g, nil
}

// CompleteBipartite returns the bipartite graph with an edge from each of m sources to each of o
// destinations. Edge i*o+j joins source i to destination j, so one value per edge is a row-major [m
// x o] matrix.
func CompleteBipartite(m, o int) (*Graph, error) {
	g := new(Graph)
	if err := g.SetCompleteBipartite(m, o); err != nil {
		return nil, err
	}
	return g, nil
}

// Batch returns the disjoint union of graphs of any sizes: the vertices of the first, then those of
// the second, and so on, edges likewise. The result remembers the extent of each graph, for readout
// and for normalisation by graph. Batches among the graphs count as their members.
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

// InNeighbors returns the sources of the edges that end at destination i, in the edges' order. It
// is the graph's memory: read only.
func (g *Graph) InNeighbors(i int) []int32 { return g.in.idx[g.in.ptr[i]:g.in.ptr[i+1]] }

// OutNeighbors returns the destinations of the edges that start at source i, in the edges' order.
// It is the graph's memory: read only.
func (g *Graph) OutNeighbors(i int) []int32 { return g.out.idx[g.out.ptr[i]:g.out.ptr[i+1]] }

// NumGraphs returns the number of graphs in the batch, 1 for a graph made alone.
func (g *Graph) NumGraphs() int { return max(0, len(g.dstPtr)-1) }

// GraphPtr returns where each graph of the batch lies: graph b holds the destination vertices
// GraphPtr()[b] to GraphPtr()[b+1]. Read only.
func (g *Graph) GraphPtr() []int32 { return g.dstPtr }

// SrcGraphPtr is [Graph.GraphPtr] for source vertices. Read only.
func (g *Graph) SrcGraphPtr() []int32 { return g.srcPtr }

// EdgeGraphPtr is [Graph.GraphPtr] for edges. Read only.
func (g *Graph) EdgeGraphPtr() []int32 { return g.edgePtr }

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

// Format prints a summary for every verb.
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
