package hetero

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
)

// NodeSet holds the nodes of one type.
type NodeSet struct {
	Count    int
	Features []float32 // [Count x features]
}

// EdgeSet holds the edges of one type: edge e leads from node Src[e] to node Dst[e].
type EdgeSet struct {
	Src, Dst []int32
	Features []float32 // [edges x features]
}

// Graph is an observation. Its slices may be filled directly, in the order of the schema's types,
// or by AddNode and AddEdge. Reset makes a zero Graph ready for them.
type Graph struct {
	Nodes []NodeSet // [node types]
	Edges []EdgeSet // [edge types]
	// Allowed is the mask of the options, in the order in which their nodes or edges were added;
	// nil allows all.
	Allowed []bool

	schema *Schema
	err    error // of the first mistaken AddNode or AddEdge
}

// Reset empties g, keeps its memory and makes it a graph of a schema.
func (g *Graph) Reset(s *Schema) {
	g.schema, g.err, g.Allowed = s, nil, g.Allowed[:0]
	g.Nodes = reuse.Slice(g.Nodes, len(s.Nodes))
	g.Edges = reuse.Slice(g.Edges, len(s.Edges))
	for i := range g.Nodes {
		g.Nodes[i].Count, g.Nodes[i].Features = 0, g.Nodes[i].Features[:0]
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		e.Src, e.Dst, e.Features = e.Src[:0], e.Dst[:0], e.Features[:0]
	}
}

// AddNode adds a node and returns its number among those of its type. A mistake (an unknown type, a
// wrong number of features) is reported by Check, and so by the learner that is shown the graph.
func (g *Graph) AddNode(nodeType string, features ...float32) int {
	if g.schema == nil {
		g.fail("AddNode before Reset")
		return 0
	}
	i := g.schema.nodeIndex(nodeType)
	if i < 0 || len(features) != g.schema.Nodes[i].Features {
		g.fail("a node of type %q with %d features is not in the schema", nodeType, len(features))
		return 0
	}
	n := &g.Nodes[i]
	n.Features = append(n.Features, features...)
	n.Count++
	return n.Count - 1
}

// AddEdge adds an edge between nodes that AddNode has returned, and returns its number among those
// of its type. Mistakes are reported as those of AddNode are.
func (g *Graph) AddEdge(edgeType string, src, dst int, features ...float32) int {
	if g.schema == nil {
		g.fail("AddEdge before Reset")
		return 0
	}
	i := g.schema.edgeIndex(edgeType)
	if i < 0 || len(features) != g.schema.Edges[i].Features {
		g.fail("an edge of type %q with %d features is not in the schema", edgeType, len(features))
		return 0
	}
	e := &g.Edges[i]
	e.Src, e.Dst = append(e.Src, int32(src)), append(e.Dst, int32(dst))
	e.Features = append(e.Features, features...)
	return len(e.Src) - 1
}

func (g *Graph) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf("hetero: graph: "+format, args...)
	}
}

// Node returns the features of a node. They share memory with g.
func (g *Graph) Node(nodeType string, i int) []float32 {
	t := g.schema.nodeIndex(nodeType)
	n := g.schema.Nodes[t].Features
	return g.Nodes[t].Features[i*n : (i+1)*n]
}

// Edge returns the ends of an edge.
func (g *Graph) Edge(edgeType string, e int) (src, dst int) {
	set := &g.Edges[g.schema.edgeIndex(edgeType)]
	return int(set.Src[e]), int(set.Dst[e])
}

// Count returns the number of nodes of a type.
func (g *Graph) Count(nodeType string) int { return g.Nodes[g.schema.nodeIndex(nodeType)].Count }

// Chosen returns the edge, by its number, that a choice of EdgePerSource stands for: the choice-th
// of those added from node row. It is -1 if there is none.
func (g *Graph) Chosen(row int, choice int32) int {
	i := g.schema.edgeIndex(g.schema.Choose.typeName)
	if i < 0 {
		return -1
	}
	for e, src := range g.Edges[i].Src {
		if int(src) == row {
			if choice == 0 {
				return e
			}
			choice--
		}
	}
	return -1
}

// Check reports what keeps g from being a graph of the schema: a mistaken AddNode or AddEdge,
// slices whose lengths do not fit, ends that are no nodes, features that are not finite.
func (g *Graph) Check(s *Schema) error {
	if g.err != nil {
		return g.err
	}
	if len(g.Nodes) != len(s.Nodes) || len(g.Edges) != len(s.Edges) {
		return fmt.Errorf("hetero: graph: %d types of nodes and %d of edges, the schema has %d and %d",
			len(g.Nodes), len(g.Edges), len(s.Nodes), len(s.Edges))
	}
	for i, n := range g.Nodes {
		t := s.Nodes[i]
		if n.Count < 0 || len(n.Features) != n.Count*t.Features {
			return fmt.Errorf("hetero: graph: %d numbers for %d nodes of type %q, want %d each", len(n.Features), n.Count, t.Name, t.Features)
		}
		if err := finite(n.Features, t.Features, "node", t.Name); err != nil {
			return err
		}
	}
	for i := range g.Edges {
		if err := g.checkEdges(s, i); err != nil {
			return err
		}
	}
	if want := g.options(s); len(g.Allowed) > 0 && len(g.Allowed) != want {
		return fmt.Errorf("hetero: graph: a mask of %d for %d options", len(g.Allowed), want)
	}
	return nil
}

func (g *Graph) checkEdges(s *Schema, i int) error {
	t, e := s.Edges[i], &g.Edges[i]
	if len(e.Dst) != len(e.Src) || len(e.Features) != len(e.Src)*t.Features {
		return fmt.Errorf("hetero: graph: edges of type %q with %d sources, %d destinations and %d numbers, want %d numbers each",
			t.Name, len(e.Src), len(e.Dst), len(e.Features), t.Features)
	}
	from, to := s.ends(i)
	for k := range e.Src {
		if int(e.Src[k]) < 0 || int(e.Src[k]) >= g.Nodes[from].Count || int(e.Dst[k]) < 0 || int(e.Dst[k]) >= g.Nodes[to].Count {
			return fmt.Errorf("hetero: graph: edge %d of type %q leads from %s %d of %d to %s %d of %d", k, t.Name,
				t.From, e.Src[k], g.Nodes[from].Count, t.To, e.Dst[k], g.Nodes[to].Count)
		}
	}
	return finite(e.Features, t.Features, "edge", t.Name)
}

func finite(features []float32, width int, what, typeName string) error {
	for k, x := range features {
		if !(-math.MaxFloat32 <= x && x <= math.MaxFloat32) {
			return fmt.Errorf("hetero: graph: feature %d of %s %d of type %q is %v", k%width, what, k/width, typeName, x)
		}
	}
	return nil
}

// options returns how many options g offers: nodes or edges of the chosen type.
func (g *Graph) options(s *Schema) int {
	if c := s.Choose; c.kind == oneNode || c.kind == eachNode {
		return g.Nodes[s.nodeIndex(c.typeName)].Count
	}
	return len(g.Edges[s.edgeIndex(s.Choose.typeName)].Src)
}

// Codec returns the codec of the schema's graphs, for memories and checkpoints.
func (s *Schema) Codec() rl.Codec[Graph] { return codec{s} }

type codec struct{ schema *Schema }

// Copy implements rl.Codec.
func (c codec) Copy(dst *Graph, src Graph) {
	dst.Reset(c.schema)
	for i, n := range src.Nodes {
		dst.Nodes[i].Count = n.Count
		dst.Nodes[i].Features = append(dst.Nodes[i].Features, n.Features...)
	}
	for i, e := range src.Edges {
		d := &dst.Edges[i]
		d.Src, d.Dst = append(d.Src, e.Src...), append(d.Dst, e.Dst...)
		d.Features = append(d.Features, e.Features...)
	}
	dst.Allowed = append(dst.Allowed, src.Allowed...)
	dst.err = src.err
}

// Encode implements rl.Codec: per node type the number of nodes and their features, per edge type
// the number of edges, their ends and features, then the mask.
func (c codec) Encode(dst []float64, g Graph) []float64 {
	numbers := rl.VectorCodec[float32]{}
	for _, n := range g.Nodes {
		dst = numbers.Encode(append(dst, float64(n.Count)), n.Features)
	}
	for _, e := range g.Edges {
		dst = append(dst, float64(len(e.Src)))
		for _, ends := range [][]int32{e.Src, e.Dst} {
			for _, i := range ends {
				dst = append(dst, float64(i))
			}
		}
		dst = numbers.Encode(dst, e.Features)
	}
	for _, ok := range g.Allowed {
		x := 0.0
		if ok {
			x = 1
		}
		dst = append(dst, x)
	}
	return dst
}

var errShort = errors.New("too few numbers for a graph of the schema")

// Decode implements rl.Codec.
func (c codec) Decode(g *Graph, src []float64) error {
	g.Reset(c.schema)
	take := func(n int) ([]float64, error) {
		if n > len(src) {
			return nil, errShort
		}
		part := src[:n]
		src = src[n:]
		return part, nil
	}
	count := func() (int, error) {
		x, err := take(1)
		if err != nil {
			return 0, err
		}
		if !(x[0] >= 0 && x[0] <= float64(len(src))) || x[0] != math.Trunc(x[0]) {
			return 0, fmt.Errorf("%v is not a number of nodes or edges", x[0])
		}
		return int(x[0]), nil
	}
	features := func(dst *[]float32, n int) error {
		part, err := take(n)
		if err != nil {
			return err
		}
		return rl.VectorCodec[float32]{}.Decode(dst, part)
	}
	for i, t := range c.schema.Nodes {
		n, err := count()
		if err != nil {
			return err
		}
		g.Nodes[i].Count = n
		if err := features(&g.Nodes[i].Features, n*t.Features); err != nil {
			return err
		}
	}
	for i, t := range c.schema.Edges {
		n, err := count()
		if err != nil {
			return err
		}
		e := &g.Edges[i]
		for _, ends := range []*[]int32{&e.Src, &e.Dst} {
			part, err := take(n)
			if err != nil {
				return err
			}
			for _, x := range part {
				if x != float64(int32(x)) {
					return fmt.Errorf("an edge ends at %v", x)
				}
				*ends = append(*ends, int32(x))
			}
		}
		if err := features(&e.Features, n*t.Features); err != nil {
			return err
		}
	}
	for _, x := range src {
		if x != 0 && x != 1 {
			return fmt.Errorf("a mask holds %v", x)
		}
		g.Allowed = append(g.Allowed, x == 1)
	}
	return g.Check(c.schema)
}
