package rl

import (
	"fmt"

	"github.com/graphrl/graphrl/gnn"
)

// GraphObservation is an observation that is a graph: its structure, what is known of its nodes and
// edges, and which of them may be chosen.
//
// The slices may be the environment's, as always. The graph may not: it must never change once it
// has been shown, so that memories can keep it without copying. An environment makes a new one for
// a new structure, normally in Reset.
type GraphObservation struct {
	Graph   *gnn.Graph // not bipartite; an undirected graph has every edge in both directions
	Nodes   []float32  // features, [nodes x node features]
	Edges   []float32  // features, [edges x edge features]; nil if there are none
	Allowed []bool     // per node or, where edges are chosen, per edge; nil: all
}

// GraphCodec is the Codec of graph observations. It keeps the graph itself and copies the rest.
type GraphCodec struct{}

// Copy implements Codec.
func (GraphCodec) Copy(dst *GraphObservation, src GraphObservation) {
	dst.Graph = src.Graph
	dst.Nodes = append(dst.Nodes[:0], src.Nodes...)
	dst.Edges = append(dst.Edges[:0], src.Edges...)
	dst.Allowed = append(dst.Allowed[:0], src.Allowed...)
}

// Encode implements Codec: five sizes, then the ends of each edge, the features and the mask.
func (GraphCodec) Encode(dst []float64, v GraphObservation) []float64 {
	nodes, edges := 0, gnn.EdgeIndex{}
	if v.Graph != nil {
		nodes, edges = v.Graph.NumDst(), v.Graph.Edges()
	}
	dst = append(dst, float64(nodes), float64(edges.Len()), float64(len(v.Nodes)), float64(len(v.Edges)), float64(len(v.Allowed)))
	for _, list := range [][]int32{edges.Src, edges.Dst} {
		for _, i := range list {
			dst = append(dst, float64(i))
		}
	}
	for _, list := range [][]float32{v.Nodes, v.Edges} {
		for _, x := range list {
			dst = append(dst, float64(x))
		}
	}
	for _, ok := range v.Allowed {
		x := 0.0
		if ok {
			x = 1
		}
		dst = append(dst, x)
	}
	return dst
}

// Decode implements Codec. The graph is a new one.
func (GraphCodec) Decode(v *GraphObservation, src []float64) error {
	const header = 5
	if len(src) < header {
		return fmt.Errorf("%d numbers do not begin as a graph", len(src))
	}
	var sizes [header]int
	for i, x := range src[:header] {
		if !(x >= 0 && x <= 1<<31-1) || x != float64(int(x)) {
			return fmt.Errorf("size %d of a graph is %v", i, x)
		}
		sizes[i] = int(x)
	}
	nodes, edges := sizes[0], sizes[1]
	src = src[header:]
	if want := 2*edges + sizes[2] + sizes[3] + sizes[4]; len(src) != want {
		return fmt.Errorf("%d numbers after the sizes of a graph, want %d", len(src), want)
	}
	// A node takes memory even without edges and features, so that a few numbers could ask for a
	// lot.
	if nodes > 1<<24 {
		return fmt.Errorf("a graph of %d nodes", nodes)
	}
	take := func(n int) []float64 {
		part := src[:n]
		src = src[n:]
		return part
	}
	ends := func() ([]int32, error) {
		list := make([]int32, edges)
		for i, x := range take(edges) {
			list[i] = int32(x)
			if float64(list[i]) != x {
				return nil, fmt.Errorf("an edge of a graph ends at %v", x)
			}
		}
		return list, nil
	}
	var index gnn.EdgeIndex
	var err error
	if index.Src, err = ends(); err != nil {
		return err
	}
	if index.Dst, err = ends(); err != nil {
		return err
	}
	if v.Graph, err = gnn.NewGraph(nodes, index); err != nil {
		return err
	}
	if err := (VectorCodec[float32]{}).Decode(&v.Nodes, take(sizes[2])); err != nil {
		return err
	}
	if err := (VectorCodec[float32]{}).Decode(&v.Edges, take(sizes[3])); err != nil {
		return err
	}
	v.Allowed = v.Allowed[:0]
	for _, x := range take(sizes[4]) {
		if x != 0 && x != 1 {
			return fmt.Errorf("a mask of a graph holds %v", x)
		}
		v.Allowed = append(v.Allowed, x == 1)
	}
	return nil
}
