package hetero

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/internal/reuse"
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
	// Structure, if not nil, holds the edges instead of Src and Dst, which must be empty. It must
	// never change once it is part of an observation: copies share it, and batches do not sort its
	// edges again. Set it if many observations have the same edges, as in an episode on one graph.
	// It is bipartite if the edges join two node types.
	Structure *gnn.Graph
}

// Index returns the ends of the edges from either representation. It must not be modified.
func (e *EdgeSet) Index() gnn.EdgeIndex {
	if e.Structure != nil {
		return e.Structure.Edges()
	}
	return gnn.EdgeIndex{Src: e.Src, Dst: e.Dst}
}

// Graph is an observation. Fill its slices directly, in the order of the schema's types, or by
// AddNode and AddEdge. Reset prepares a zero Graph for them. An environment may keep one Graph and
// change it in Step: features through Node and EdgeFeatures, and the mask.
type Graph struct {
	Nodes []NodeSet // [node types]
	Edges []EdgeSet // [edge types]
	// Allowed is the mask of the options: one entry per node or edge of the chosen type, in the
	// order in which they were added. An empty mask allows all. Reset empties it.
	Allowed []bool

	schema *Schema
	err    error // first error of AddNode or AddEdge
}

// Reset makes g an empty graph of a schema and keeps its memory.
func (g *Graph) Reset(s *Schema) {
	g.schema, g.err, g.Allowed = s, nil, g.Allowed[:0]
	g.Nodes = reuse.Slice(g.Nodes, len(s.Nodes))
	g.Edges = reuse.Slice(g.Edges, len(s.Edges))
	for i := range g.Nodes {
		g.Nodes[i].Count, g.Nodes[i].Features = 0, g.Nodes[i].Features[:0]
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		e.Src, e.Dst, e.Features, e.Structure = e.Src[:0], e.Dst[:0], e.Features[:0], nil
	}
}

// AddNode adds a node and returns its index among those of its type. Check reports its errors (an
// unknown type, a wrong number of features), and so does a learner that gets the graph.
func (g *Graph) AddNode(nodeType string, features ...float32) int {
	if g.schema == nil {
		g.fail("AddNode before Reset")
		return 0
	}
	i := g.schema.nodeIndex(nodeType)
	if i < 0 {
		g.fail("no node type %q in the schema", nodeType)
		return 0
	}
	if want := g.schema.Nodes[i].Features; len(features) != want {
		g.fail("a node of type %q with %d features, want %d", nodeType, len(features), want)
		return 0
	}
	n := &g.Nodes[i]
	n.Features = append(n.Features, features...)
	n.Count++
	return n.Count - 1
}

// AddEdge adds an edge between nodes returned by AddNode, and returns its index among those of its
// type. Errors are reported like AddNode's.
func (g *Graph) AddEdge(edgeType string, src, dst int, features ...float32) int {
	if g.schema == nil {
		g.fail("AddEdge before Reset")
		return 0
	}
	i := g.schema.edgeIndex(edgeType)
	if i < 0 {
		g.fail("no edge type %q in the schema", edgeType)
		return 0
	}
	if want := g.schema.Edges[i].Features; len(features) != want {
		g.fail("an edge of type %q with %d features, want %d", edgeType, len(features), want)
		return 0
	}
	e := &g.Edges[i]
	if e.Structure != nil {
		g.fail("AddEdge to edges of type %q, which have a Structure", edgeType)
		return 0
	}
	e.Src, e.Dst = append(e.Src, int32(src)), append(e.Dst, int32(dst))
	e.Features = append(e.Features, features...)
	return len(e.Src) - 1
}

func (g *Graph) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf("hetero: graph: "+format, args...)
	}
}

// Node returns the features of a node. They share memory with g, so writing to them changes the
// graph. Like all accessors it panics for a type or an index that g does not have.
func (g *Graph) Node(nodeType string, i int) []float32 {
	t := g.schema.nodeIndex(nodeType)
	n := g.schema.Nodes[t].Features
	return g.Nodes[t].Features[i*n : (i+1)*n]
}

// Edge returns the ends of an edge.
func (g *Graph) Edge(edgeType string, e int) (src, dst int) {
	ends := g.Edges[g.schema.edgeIndex(edgeType)].Index()
	return int(ends.Src[e]), int(ends.Dst[e])
}

// EdgeFeatures returns the features of an edge. They share memory with g.
func (g *Graph) EdgeFeatures(edgeType string, e int) []float32 {
	t := g.schema.edgeIndex(edgeType)
	n := g.schema.Edges[t].Features
	return g.Edges[t].Features[e*n : (e+1)*n]
}

// CountEdges returns the number of edges of a type.
func (g *Graph) CountEdges(edgeType string) int {
	return g.Edges[g.schema.edgeIndex(edgeType)].Index().Len()
}

// Count returns the number of nodes of a type.
func (g *Graph) Count(nodeType string) int { return g.Nodes[g.schema.nodeIndex(nodeType)].Count }

// Chosen returns the index of the edge that a choice of EdgePerSource means: the choice-th of those
// added from node row, masked ones included. It returns -1 if there is none, so a rule that looks at
// all options of a row counts choice from 0 until then.
func (g *Graph) Chosen(row int, choice int32) int {
	i := g.schema.edgeIndex(g.schema.Choose.typeName)
	if i < 0 {
		return -1
	}
	for e, src := range g.Edges[i].Index().Src {
		if int(src) == row {
			if choice == 0 {
				return e
			}
			choice--
		}
	}
	return -1
}

// Check reports why g is not a graph of the schema: an error of AddNode or AddEdge, slices of
// inconsistent lengths, ends that are not nodes, features that are not finite.
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
			return fmt.Errorf("hetero: graph: %d features for %d nodes of type %q, want %d each",
				len(n.Features), n.Count, t.Name, t.Features)
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
	from, to := s.ends(i)
	if e.Structure != nil {
		if err := e.checkStructure(g.Nodes[from].Count, g.Nodes[to].Count, from != to); err != nil {
			return fmt.Errorf("hetero: graph: edges of type %q: %w", t.Name, err)
		}
	}
	src, dst := e.Index().Src, e.Index().Dst
	if len(dst) != len(src) || len(e.Features) != len(src)*t.Features {
		return fmt.Errorf("hetero: graph: edges of type %q with %d sources, %d destinations and %d numbers, want %d numbers each",
			t.Name, len(src), len(dst), len(e.Features), t.Features)
	}
	if e.Structure == nil { // a Structure has checked its edges
		for k := range src {
			if int(src[k]) < 0 || int(src[k]) >= g.Nodes[from].Count || int(dst[k]) < 0 || int(dst[k]) >= g.Nodes[to].Count {
				return fmt.Errorf("hetero: graph: edge %d of type %q leads from %s %d of %d to %s %d of %d", k, t.Name,
					t.From, src[k], g.Nodes[from].Count, t.To, dst[k], g.Nodes[to].Count)
			}
		}
	}
	return finite(e.Features, t.Features, "edge", t.Name)
}

// checkStructure checks a Structure against the numbers of nodes at its ends.
func (e *EdgeSet) checkStructure(sources, dests int, bipartite bool) error {
	g := e.Structure
	switch {
	case len(e.Src) > 0 || len(e.Dst) > 0:
		return errors.New("want either a Structure or Src and Dst, not both")
	case g.NumGraphs() != 1:
		return fmt.Errorf("a Structure of %d graphs, want one", g.NumGraphs())
	case g.Bipartite() != bipartite:
		return fmt.Errorf("a Structure whose Bipartite is %v, want %v", g.Bipartite(), bipartite)
	case g.NumSrc() != sources || g.NumDst() != dests:
		return fmt.Errorf("a Structure of %d sources and %d destinations for %d and %d nodes", g.NumSrc(), g.NumDst(), sources, dests)
	}
	return nil
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
	return g.Edges[s.edgeIndex(s.Choose.typeName)].Index().Len()
}
