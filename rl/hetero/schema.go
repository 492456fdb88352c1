package hetero

import (
	"errors"
	"fmt"
)

// NodeType is a kind of node.
type NodeType struct {
	Name     string
	Features int // number of features, at least 1
}

// EdgeType is a kind of edge. Messages pass along it in both directions.
type EdgeType struct {
	Name     string
	From, To string // node types; may be the same
	Features int    // number of features; may be 0
	// Directed lets messages pass only from From to To. Set it for undirected graphs in which every
	// edge is added in both directions.
	Directed bool
}

// kind is the kind of choice.
type kind uint8

const (
	chooseNothing kind = iota
	oneNode
	oneEdge
	edgePerSource
	eachNode
)

// Choice defines the choice to make: see OneNode, OneEdge, EdgePerSource and EachNode.
type Choice struct {
	kind     kind
	typeName string
}

// OneNode chooses one node of a type: a single row whose option i is node i.
func OneNode(nodeType string) Choice { return Choice{oneNode, nodeType} }

// OneEdge chooses one edge of a type: a single row whose option e is edge e.
func OneEdge(edgeType string) Choice { return Choice{oneEdge, edgeType} }

// EdgePerSource chooses one edge per source node of an edge type: row i is node i, and its option c
// is the c-th edge added from it (see Graph.Chosen). Every row needs an edge that is allowed. It is for
// learners that decide all rows at once (NewDROO). For learners from rewards, which take one action
// at a time, use OneEdge: with EdgePerSource their actions are numbered row after row, while
// Graph.Allowed is in the order of the edges.
func EdgePerSource(edgeType string) Choice { return Choice{edgePerSource, edgeType} }

// EachNode decides yes or no for every node of a type: row i is node i, with choices 0 and 1.
func EachNode(nodeType string) Choice { return Choice{eachNode, nodeType} }

// Schema defines the graphs of a problem. It must not change once a Graph or a model uses it.
type Schema struct {
	Nodes  []NodeType
	Edges  []EdgeType
	Choose Choice
}

// Check reports names that are unknown or used twice, invalid numbers of features, and a missing
// choice.
func (s *Schema) Check() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf("hetero: schema: "+format, args...)) }
	if len(s.Nodes) == 0 {
		fail("no node types")
	}
	seen := map[string]bool{}
	name := func(n string) {
		if n == "" || seen[n] {
			fail("the name %q is empty or used twice", n)
		}
		seen[n] = true
	}
	for _, t := range s.Nodes {
		name(t.Name)
		if t.Features < 1 {
			fail("node type %q has %d features, want at least 1", t.Name, t.Features)
		}
	}
	for _, t := range s.Edges {
		name(t.Name)
		if t.Features < 0 {
			fail("edge type %q has %d features, want at least 0", t.Name, t.Features)
		}
		for _, end := range []string{t.From, t.To} {
			if s.nodeIndex(end) < 0 {
				fail("edge type %q ends at the unknown node type %q", t.Name, end)
			}
		}
	}
	switch c := s.Choose; c.kind {
	case oneNode, eachNode:
		if s.nodeIndex(c.typeName) < 0 {
			fail("Choose names the unknown node type %q", c.typeName)
		}
	case oneEdge, edgePerSource:
		if s.edgeIndex(c.typeName) < 0 {
			fail("Choose names the unknown edge type %q", c.typeName)
		}
	default:
		fail("Choose is not set: want OneNode, OneEdge, EdgePerSource or EachNode")
	}
	return errors.Join(errs...)
}

// nodeIndex returns the position of a node type, or -1 if the name is unknown.
func (s *Schema) nodeIndex(name string) int {
	for i, t := range s.Nodes {
		if t.Name == name {
			return i
		}
	}
	return -1
}

// edgeIndex returns the position of an edge type, or -1 if the name is unknown.
func (s *Schema) edgeIndex(name string) int {
	for i, t := range s.Edges {
		if t.Name == name {
			return i
		}
	}
	return -1
}

// ends returns the positions of the node types that an edge type joins.
func (s *Schema) ends(edge int) (from, to int) {
	return s.nodeIndex(s.Edges[edge].From), s.nodeIndex(s.Edges[edge].To)
}

// scores reports whether the options' scores depend on the nodes of a type.
func (s *Schema) scores(node int) bool {
	if c := s.Choose; c.kind == oneNode || c.kind == eachNode {
		return s.nodeIndex(c.typeName) == node
	}
	from, to := s.ends(s.edgeIndex(s.Choose.typeName))
	return node == from || node == to
}
