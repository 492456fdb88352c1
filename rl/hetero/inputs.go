package hetero

import (
	"errors"
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"gorgonia.org/gorgonia"
)

// inputs are the inputs of one expression graph, and the buffers in which batches are assembled.
type inputs struct {
	schema *Schema
	nodes  []nodeInput // [node types]
	edges  []edgeInput // [edge types]
	chosen grouped     // if every source chooses one of its edges
	mask   []bool
}

// grouped holds the edges of a batch by source, one observation after the other.
type grouped struct {
	order []int32 // [edges] their indices in their observations
	end   []int32 // [sources] end of each source's edges, in order's part of its observation
}

type nodeInput struct {
	members  *gorgonia.Node // which nodes belong to which observation
	features *gorgonia.Node
	graph    gnn.Graph
	buf      nn.Buffer
	none     []int // sources of members: none
	counts   []int
}

type edgeInput struct {
	forward, reverse *gorgonia.Node
	features         *gorgonia.Node // nil without features
	graph            gnn.Graph
	index            gnn.EdgeIndex
	parts            []*gnn.Graph // Structures of a batch
	buf              nn.Buffer
}

func newInputs(s *Schema) (*inputs, error) {
	in := &inputs{schema: s, nodes: make([]nodeInput, len(s.Nodes)), edges: make([]edgeInput, len(s.Edges))}
	eg := gorgonia.NewGraph()
	var errs []error
	graph := func(name string) *gorgonia.Node {
		n, err := gnn.NewGraphInput(eg, name)
		errs = append(errs, err)
		return n
	}
	matrix := func(name string, cols int) *gorgonia.Node {
		n, err := nn.NewInput(eg, name, cols)
		errs = append(errs, err)
		return n
	}
	for i, t := range s.Nodes {
		in.nodes[i].members, in.nodes[i].features = graph(t.Name+".members"), matrix(t.Name, t.Features)
	}
	for i, t := range s.Edges {
		e := &in.edges[i]
		e.forward, e.reverse = graph(t.Name+".forward"), graph(t.Name+".reverse")
		if t.Features > 0 {
			e.features = matrix(t.Name, t.Features)
		}
	}
	return in, errors.Join(errs...)
}

// load assembles a batch and binds the parts that the tape needs.
func (in *inputs) load(tape *nn.Tape, batch []Graph, choices *rl.Choices) error {
	for b := range batch {
		if err := batch[b].Check(in.schema); err != nil {
			return fmt.Errorf("observation %d: %w", b, err)
		}
	}
	for i := range in.nodes {
		if err := in.loadNodes(i, batch); err != nil {
			return err
		}
	}
	for i := range in.edges {
		if err := in.loadEdges(i, batch); err != nil {
			return err
		}
	}
	rest := in.chosen
	for b := range batch {
		if err := in.choices(&batch[b], &rest, choices); err != nil {
			return err
		}
	}
	return in.bind(tape)
}

func (in *inputs) loadNodes(i int, batch []Graph) error {
	n := &in.nodes[i]
	n.none, n.counts = n.none[:0], n.counts[:0]
	total := 0
	for b := range batch {
		n.none, n.counts = append(n.none, 0), append(n.counts, batch[b].Nodes[i].Count)
		total += batch[b].Nodes[i].Count
	}
	rows := n.buf.Resize(total, in.schema.Nodes[i].Features)
	for b := range batch {
		rows = rows[copy(rows, batch[b].Nodes[i].Features):]
	}
	return n.graph.SetCompleteBipartites(n.none, n.counts)
}

func (in *inputs) loadEdges(i int, batch []Graph) error {
	t, e := in.schema.Edges[i], &in.edges[i]
	from, to := in.schema.ends(i)
	total, structures := 0, true
	for b := range batch {
		set := &batch[b].Edges[i]
		total += set.Index().Len()
		structures = structures && set.Structure != nil
	}
	rows := e.buf.Resize(total, t.Features)
	sorted := in.schema.Choose.kind == edgePerSource && in.schema.edgeIndex(in.schema.Choose.typeName) == i
	if structures && !sorted {
		e.parts = e.parts[:0]
		for b := range batch {
			set := &batch[b].Edges[i]
			e.parts = append(e.parts, set.Structure)
			rows = rows[copy(rows, set.Features):]
		}
		return e.graph.SetBatch(e.parts...)
	}
	e.index.Src, e.index.Dst = e.index.Src[:0], e.index.Dst[:0]
	if sorted {
		in.chosen.order, in.chosen.end = in.chosen.order[:0], in.chosen.end[:0]
	}
	sources, dests := int32(0), int32(0)
	for b := range batch {
		set := &batch[b].Edges[i]
		index := set.Index()
		var order []int32
		if sorted {
			order = in.chosen.add(index.Src, batch[b].Nodes[from].Count)
		}
		for at := range index.Src {
			k := at
			if sorted {
				k = int(order[at])
			}
			e.index.Src = append(e.index.Src, sources+index.Src[k])
			e.index.Dst = append(e.index.Dst, dests+index.Dst[k])
			rows = rows[copy(rows, set.Features[k*t.Features:(k+1)*t.Features]):]
		}
		sources, dests = sources+int32(batch[b].Nodes[from].Count), dests+int32(batch[b].Nodes[to].Count)
	}
	if from == to {
		return e.graph.SetEdges(int(sources), e.index)
	}
	return e.graph.SetBipartite(int(sources), int(dests), e.index)
}

// add adds the edges of one observation and returns their order: by source, and for equal sources
// in order of adding.
func (g *grouped) add(src []int32, sources int) (order []int32) {
	edges, nodes := len(g.order), len(g.end)
	g.order = slices.Grow(g.order, len(src))[:edges+len(src)]
	g.end = slices.Grow(g.end, sources+1)[:nodes+sources+1]
	order, next := g.order[edges:], g.end[nodes:]
	clear(next)
	for _, s := range src {
		next[s+1]++
	}
	for s := range sources {
		next[s+1] += next[s]
	}
	for k, s := range src {
		order[next[s]] = int32(k)
		next[s]++ // each entry ends where the next source starts
	}
	g.end = g.end[:nodes+sources]
	return order
}

// take removes and returns the parts of the first observation.
func (g *grouped) take(edges, sources int) (order, end []int32) {
	order, end = g.order[:edges], g.end[:sources]
	g.order, g.end = g.order[edges:], g.end[sources:]
	return order, end
}

// choices adds the rows of one observation, whose edges are the first of rest.
func (in *inputs) choices(g *Graph, rest *grouped, choices *rl.Choices) error {
	allowed := g.Allowed
	if len(allowed) == 0 {
		allowed = nil
	}
	switch c := in.schema.Choose; c.kind {
	case eachNode:
		choices.Next()
		for i := range g.options(in.schema) {
			var own []bool
			if allowed != nil {
				own = allowed[i : i+1]
			}
			if err := choices.Row(1, own); err != nil {
				return err
			}
		}
		return nil
	case edgePerSource:
		edge := in.schema.edgeIndex(c.typeName)
		from, _ := in.schema.ends(edge)
		order, end := rest.take(g.Edges[edge].Index().Len(), g.Nodes[from].Count)
		return in.rowPerSource(order, end, allowed, choices)
	default:
		return choices.Append(g.options(in.schema), allowed)
	}
}

func (in *inputs) rowPerSource(order, ends []int32, allowed []bool, choices *rl.Choices) error {
	if allowed != nil {
		in.mask = in.mask[:0]
		for _, k := range order {
			in.mask = append(in.mask, allowed[k])
		}
	}
	choices.Next()
	begin := int32(0)
	for _, end := range ends {
		var own []bool
		if allowed != nil {
			own = in.mask[begin:end]
		}
		if err := choices.Row(int(end-begin), own); err != nil {
			return err
		}
		begin = end
	}
	return nil
}

// bind binds the inputs that the tape needs.
func (in *inputs) bind(tape *nn.Tape) error {
	bind := func(n *gorgonia.Node, value func() gorgonia.Value) error {
		if n == nil || !tape.Needs(n) {
			return nil
		}
		return tape.Bind(n, value())
	}
	for i := range in.nodes {
		n := &in.nodes[i]
		if err := errors.Join(
			bind(n.members, func() gorgonia.Value { return &n.graph }),
			bind(n.features, func() gorgonia.Value { return n.buf.Value() }),
		); err != nil {
			return err
		}
	}
	for i := range in.edges {
		e := &in.edges[i]
		if err := errors.Join(
			bind(e.forward, func() gorgonia.Value { return &e.graph }),
			bind(e.reverse, func() gorgonia.Value { return e.graph.Reverse() }),
			bind(e.features, func() gorgonia.Value { return e.buf.Value() }),
		); err != nil {
			return err
		}
	}
	return nil
}
