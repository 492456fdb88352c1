package gnn_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
)

// The path 0 - 1 - 2. A graph's edges are directed, so an undirected one holds both directions.
func ExampleNewGraph() {
	path := gnn.EdgeIndex{Src: []int32{0, 1}, Dst: []int32{1, 2}}
	g, err := gnn.NewGraph(3, path.Undirected())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(g)
	fmt.Println("vertex 1 hears from", g.InNeighbors(1), "and has degree", g.InDegree(1))

	_, err = gnn.NewGraph(2, path)
	fmt.Println(err)
	// Output:
	// Graph(3 vertices, 4 edges)
	// vertex 1 hears from [0 2] and has degree 2
	// gnn: edge 1 is (1, 2), want a source in [0, 2) and a destination in [0, 2)
}

// Two devices and three servers; device 1 reaches the last server only.
func ExampleNewBipartite() {
	g, err := gnn.NewBipartite(2, 3, gnn.EdgeIndex{Src: []int32{0, 0, 0, 1}, Dst: []int32{0, 1, 2, 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(g)
	fmt.Println("server 2 hears from devices", g.InNeighbors(2))
	// Output:
	// Graph(2 -> 3 vertices, 4 edges)
	// server 2 hears from devices [0 1]
}

// Edges are numbered row by row, so a value per edge is a matrix [sources x destinations].
func ExampleCompleteBipartite() {
	g, err := gnn.CompleteBipartite(2, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("from", g.Edges().Src)
	fmt.Println("to  ", g.Edges().Dst)
	// Output:
	// from [0 0 0 1 1 1]
	// to   [0 1 2 0 1 2]
}

// A minibatch of graphs is one graph that remembers where each of them lies.
func ExampleBatch() {
	edge, err := gnn.NewGraph(2, gnn.EdgeIndex{Src: []int32{0}, Dst: []int32{1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	lone, err := gnn.NewGraph(1, gnn.EdgeIndex{})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := gnn.Batch(edge, lone, edge)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(batch)
	fmt.Println("vertices of the graphs start at", batch.GraphPtr())
	fmt.Println("edges from", batch.Edges().Src, "to", batch.Edges().Dst)
	// Output:
	// Graph(5 vertices, 2 edges, 3 graphs)
	// vertices of the graphs start at [0 2 3 5]
	// edges from [0 3] to [1 4]
}

// One graph rebuilt at every step reuses its memory.
func ExampleGraph_SetCompleteBipartite() {
	var g gnn.Graph
	for _, devices := range []int{3, 5} {
		if err := g.SetCompleteBipartite(devices, 2); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(&g)
	}
	// Output:
	// Graph(3 -> 2 vertices, 6 edges)
	// Graph(5 -> 2 vertices, 10 edges)
}

// Reverse sends messages back through a bipartite graph. Edges keep their numbers, so their
// features stay as they are.
func ExampleGraph_Reverse() {
	g, err := gnn.NewBipartite(1, 2, gnn.EdgeIndex{Src: []int32{0, 0}, Dst: []int32{0, 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	back := g.Reverse()
	fmt.Println(g, "and", back)
	fmt.Println("edge 1 leads from", back.Edges().Src[1], "to", back.Edges().Dst[1])
	// Output:
	// Graph(1 -> 2 vertices, 2 edges) and Graph(2 -> 1 vertices, 2 edges)
	// edge 1 leads from 1 to 0
}

func ExampleEdgeIndex_Undirected() {
	ei := gnn.EdgeIndex{Src: []int32{0, 1, 1}, Dst: []int32{1, 0, 2}}.Undirected()
	fmt.Println("from", ei.Src)
	fmt.Println("to  ", ei.Dst)
	// Output:
	// from [1 0 2 1]
	// to   [0 1 1 2]
}

func ExampleEdgeIndex_AddSelfLoops() {
	ei := gnn.EdgeIndex{Src: []int32{0, 1}, Dst: []int32{1, 1}}.AddSelfLoops(2)
	fmt.Println("from", ei.Src)
	fmt.Println("to  ", ei.Dst)
	// Output:
	// from [0 0 1]
	// to   [1 0 1]
}

// Two papers with few words each.
func ExampleNewSparse() {
	words, err := gnn.NewSparse(2, 5, []int32{0, 2, 3}, []int32{0, 4, 4}, []float32{3, 1, 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(words)
	cols, vals := words.NormalizeRows().Row(0)
	fmt.Println("paper 0 has words", cols, "in shares", vals)
	// Output:
	// Sparse(2 x 5, 3 entries)
	// paper 0 has words [0 4] in shares [0.75 0.25]
}

// Dropout of sparse features before they are bound; stored entries alone are drawn for.
func ExampleSparseDropout() {
	x, err := gnn.SparseFromDense(1, 4, []float32{1, 0, 1, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	drop, err := nn.NewDropout(0.5, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	drop.Training = true
	sparse := gnn.SparseDropout{Dropout: drop}
	for range 3 {
		y, err := sparse.Apply(x)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(y.Dense())
	}
	// Output:
	// [2 0 0 2]
	// [2 0 0 2]
	// [2 0 0 0]
}

// The neighbourhood of one vertex of a ring of a million: two hops, all in-neighbours.
func ExampleNeighborSampler() {
	const n = 1_000_000
	var ring gnn.EdgeIndex
	for i := range int32(n) {
		ring.Src, ring.Dst = append(ring.Src, i), append(ring.Dst, (i+1)%n)
	}
	g, err := gnn.NewGraph(n, ring)
	if err != nil {
		fmt.Println(err)
		return
	}
	sampler, err := gnn.NewNeighborSampler(g, []int{-1, -1}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := sampler.Sample([]int32{500})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Graph, "with vertices", s.Nodes, "of which the first", s.Seeds, "is wanted")
	// Output:
	// Graph(3 vertices, 2 edges) with vertices [500 499 498] of which the first 1 is wanted
}
