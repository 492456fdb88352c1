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

// inputs are the inputs of one expression graph, and the buffers in which batches are put together.
type inputs struct {
	schema *Schema
	nodes  []nodeInput // [node types]
	edges  []edgeInput // [edge types]
	order  []int32     // of one observation's edges, grouped by their sources
	starts []int32
	mask   []bool
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

// load puts a batch together and binds what the tape needs of it.
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
	for b := range batch {
		if err := in.choices(&batch[b], choices); err != nil {
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
	total := 0
	for b := range batch {
		total += len(batch[b].Edges[i].Src)
	}
	rows := e.buf.Resize(total, t.Features)
	e.index.Src, e.index.Dst = e.index.Src[:0], e.index.Dst[:0]
	sources, dests := int32(0), int32(0)
	for b := range batch {
		g := &batch[b]
		set := &g.Edges[i]
		in.sortEdges(i, set, g.Nodes[from].Count)
		for _, k := range in.order {
			e.index.Src = append(e.index.Src, sources+set.Src[k])
			e.index.Dst = append(e.index.Dst, dests+set.Dst[k])
			rows = rows[copy(rows, set.Features[int(k)*t.Features:int(k+1)*t.Features]):]
		}
		sources, dests = sources+int32(g.Nodes[from].Count), dests+int32(g.Nodes[to].Count)
	}
	if from == to {
		return e.graph.SetEdges(int(sources), e.index)
	}
	return e.graph.SetBipartite(int(sources), int(dests), e.index)
}

// sortEdges makes in.order the edges of a set: grouped by their sources, in the order of adding,
// where every source chooses one, and as they are elsewhere.
func (in *inputs) sortEdges(i int, set *EdgeSet, sources int) {
	in.order = slices.Grow(in.order[:0], len(set.Src))[:len(set.Src)]
	if c := in.schema.Choose; c.kind != edgePerSource || in.schema.edgeIndex(c.typeName) != i {
		for k := range in.order {
			in.order[k] = int32(k)
		}
		return
	}
	in.starts = slices.Grow(in.starts[:0], sources+1)[:sources+1]
	clear(in.starts)
	for _, src := range set.Src {
		in.starts[src+1]++
	}
	for s := range sources {
		in.starts[s+1] += in.starts[s]
	}
	for k, src := range set.Src {
		in.order[in.starts[src]] = int32(k)
		in.starts[src]++ // ends where the next source starts
	}
}

// choices adds the rows of one observation.
func (in *inputs) choices(g *Graph, choices *rl.Choices) error {
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
		return in.rowPerSource(g, in.schema.edgeIndex(c.typeName), allowed, choices)
	default:
		return choices.Append(g.options(in.schema), allowed)
	}
}

func (in *inputs) rowPerSource(g *Graph, edge int, allowed []bool, choices *rl.Choices) error {
	set := &g.Edges[edge]
	from, _ := in.schema.ends(edge)
	in.sortEdges(edge, set, g.Nodes[from].Count)
	if allowed != nil {
		in.mask = in.mask[:0]
		for _, k := range in.order {
			in.mask = append(in.mask, allowed[k])
		}
	}
	choices.Next()
	begin := int32(0)
	for s := range g.Nodes[from].Count {
		end := in.starts[s]
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
