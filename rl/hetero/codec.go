package hetero

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
)

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
		d.Src, d.Dst, d.Structure = append(d.Src, e.Src...), append(d.Dst, e.Dst...), e.Structure
		d.Features = append(d.Features, e.Features...)
	}
	dst.Allowed = append(dst.Allowed, src.Allowed...)
	dst.err = src.err
}

// Encode implements rl.Codec. Per node type: the number of nodes and their features. Per edge type:
// the number of edges n, or -1-n if they are a Structure, then their ends and features. Then the
// mask.
func (c codec) Encode(dst []float64, g Graph) []float64 {
	numbers := rl.VectorCodec[float32]{}
	for _, n := range g.Nodes {
		dst = numbers.Encode(append(dst, float64(n.Count)), n.Features)
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		index := e.Index()
		n := float64(index.Len())
		if e.Structure != nil {
			n = -1 - n
		}
		dst = append(dst, n)
		for _, ends := range [][]int32{index.Src, index.Dst} {
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

// Decode implements rl.Codec.
func (c codec) Decode(g *Graph, src []float64) error {
	g.Reset(c.schema)
	in := decoder{src}
	for i, t := range c.schema.Nodes {
		n, negative, err := in.count()
		if err != nil {
			return err
		}
		if negative {
			return fmt.Errorf("%d is not a number of nodes", -1-n)
		}
		g.Nodes[i].Count = n
		if err := in.features(&g.Nodes[i].Features, n*t.Features); err != nil {
			return err
		}
	}
	for i := range g.Edges {
		if err := c.decodeEdges(g, i, &in); err != nil {
			return err
		}
	}
	for _, x := range in.rest {
		if x != 0 && x != 1 {
			return fmt.Errorf("a mask holds %v", x)
		}
		g.Allowed = append(g.Allowed, x == 1)
	}
	return g.Check(c.schema)
}

func (c codec) decodeEdges(g *Graph, i int, in *decoder) error {
	e := &g.Edges[i]
	n, structure, err := in.count()
	if err != nil {
		return err
	}
	if err := in.ends(&e.Src, n); err != nil {
		return err
	}
	if err := in.ends(&e.Dst, n); err != nil {
		return err
	}
	if structure {
		index := gnn.EdgeIndex{Src: e.Src, Dst: e.Dst}
		from, to := c.schema.ends(i)
		if from == to {
			e.Structure, err = gnn.NewGraph(g.Nodes[from].Count, index)
		} else {
			e.Structure, err = gnn.NewBipartite(g.Nodes[from].Count, g.Nodes[to].Count, index)
		}
		if err != nil {
			return err
		}
		e.Src, e.Dst = e.Src[:0], e.Dst[:0]
	}
	return in.features(&e.Features, n*c.schema.Edges[i].Features)
}

// decoder takes numbers from the front of a slice.
type decoder struct{ rest []float64 }

var errShort = errors.New("too few numbers for a graph of the schema")

func (d *decoder) take(n int) ([]float64, error) {
	if n > len(d.rest) {
		return nil, errShort
	}
	part := d.rest[:n]
	d.rest = d.rest[n:]
	return part, nil
}

// count takes a number of nodes or edges, each of which takes at least one more number. A negative
// number -1-n counts n.
func (d *decoder) count() (n int, negative bool, err error) {
	x, err := d.take(1)
	if err != nil {
		return 0, false, err
	}
	size := x[0]
	if negative = size < 0; negative {
		size = -1 - size
	}
	if !(size >= 0 && size <= float64(len(d.rest))) || size != math.Trunc(size) {
		return 0, false, fmt.Errorf("%v is not a number of nodes or edges", x[0])
	}
	return int(size), negative, nil
}

func (d *decoder) features(dst *[]float32, n int) error {
	part, err := d.take(n)
	if err != nil {
		return err
	}
	return rl.VectorCodec[float32]{}.Decode(dst, part)
}

// ends takes the sources or destinations of n edges.
func (d *decoder) ends(dst *[]int32, n int) error {
	part, err := d.take(n)
	if err != nil {
		return err
	}
	for _, x := range part {
		if x != float64(int32(x)) {
			return fmt.Errorf("an edge ends at %v", x)
		}
		*dst = append(*dst, int32(x))
	}
	return nil
}
