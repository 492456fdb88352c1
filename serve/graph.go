package serve

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/serve/servepb"
)

// GraphDecider decides about graphs. It is used by one goroutine at a time.
type GraphDecider interface {
	// Decide returns the option of each row of g, valid until the next call, and what a critic
	// expects of them; 0 without a critic.
	Decide(g hetero.Graph) (choices []int32, value float64, err error)
}

// GraphConfig describes a policy of any task whose observations are graphs.
type GraphConfig struct {
	Version string
	Method  string
	Schema  hetero.Schema
	// Open returns a decider. It is called once for each decision that may run at the same time.
	Open func() (GraphDecider, error)
	// Rule appends a decision without the policy to dst. Default: the first allowed option of each
	// row.
	Rule func(g *hetero.Graph, dst []int32) []int32
}

// GraphModel is a policy of any task, ready to decide. It is safe for concurrent use.
type GraphModel struct {
	cfg   GraphConfig
	free  chan *graphWorker
	usual atomic.Int64 // time of a decision, ns
}

type graphWorker struct {
	decider GraphDecider
	graph   hetero.Graph
}

// NewGraphModel returns the model of a configuration.
func NewGraphModel(c GraphConfig) (*GraphModel, error) {
	if err := c.Schema.Check(); err != nil {
		return nil, err
	}
	if c.Rule == nil {
		c.Rule = func(g *hetero.Graph, dst []int32) []int32 { return g.FirstAllowed(&c.Schema, dst) }
	}
	m := &GraphModel{cfg: c, free: make(chan *graphWorker, processors())}
	for range cap(m.free) {
		d, err := c.Open()
		if err != nil {
			return nil, fmt.Errorf("serve: %s: %w", c.Method, err)
		}
		m.free <- &graphWorker{decider: d}
	}
	return m, nil
}

// Decide answers a query about a graph. It fails only with an error that wraps [ErrRequest], or if
// ctx ends.
func (m *GraphModel) Decide(ctx context.Context, asked *servepb.Graph, budget time.Duration, start time.Time) (*servepb.DecideResponse, error) {
	out := &servepb.DecideResponse{Version: m.cfg.Version}
	w, err := m.take(ctx, budget, start)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	late := err != nil
	if late {
		w = new(graphWorker)
		out.Fallback, out.Detail = servepb.Fallback_FALLBACK_BUDGET, fmt.Sprintf("no time left of %v", budget)
	} else {
		defer func() { m.free <- w }()
	}
	invalid, err := readGraph(&w.graph, asked, &m.cfg.Schema)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if invalid != "" && !late {
		out.Fallback, out.Detail = servepb.Fallback_FALLBACK_INVALID_VALUE, invalid
	}
	if out.Fallback == servepb.Fallback_FALLBACK_NONE {
		begin := time.Now()
		choices, value, err := w.decider.Decide(w.graph)
		if err == nil {
			old := m.usual.Load()
			m.usual.Store(old + (int64(time.Since(begin))-old)/8)
			out.Choices, out.Value = slices.Clone(choices), value
			return out, nil
		}
		out.Fallback, out.Detail = servepb.Fallback_FALLBACK_POLICY_FAILED, err.Error()
	}
	out.Choices = m.cfg.Rule(&w.graph, nil)
	return out, nil
}

// take takes a decider if a decision fits into what is left of the budget.
func (m *GraphModel) take(ctx context.Context, budget time.Duration, start time.Time) (*graphWorker, error) {
	var late <-chan time.Time
	if budget > 0 {
		left := budget - time.Since(start)
		if usual := m.usual.Load(); left < time.Duration(usual) {
			m.usual.Store(usual * 15 / 16) // so that it is tried again some time
			return nil, errBudget
		}
		timer := time.NewTimer(left)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case w := <-m.free:
		return w, nil
	case <-late:
		return nil, errBudget
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readGraph makes a graph of a message. invalid says which feature is not finite; it counts as 0.
func readGraph(g *hetero.Graph, asked *servepb.Graph, s *hetero.Schema) (invalid string, err error) {
	g.Reset(s)
	finite := func(dst, src []float32, of string) []float32 {
		for i, x := range src {
			if !(math.Abs(float64(x)) <= math.MaxFloat32) {
				x, invalid = 0, fmt.Sprintf("feature %d of %s is %v", i, of, src[i])
			}
			dst = append(dst, x)
		}
		return dst
	}
	for _, n := range asked.GetNodes() {
		i := slices.IndexFunc(s.Nodes, func(t hetero.NodeType) bool { return t.Name == n.Type })
		if i < 0 || g.Nodes[i].Count > 0 || uint64(n.Count)*uint64(s.Nodes[i].Features) != uint64(len(n.Features)) {
			return "", fmt.Errorf("%d nodes of type %q with %d features: the schema has no such type, it is given twice, or not all have their features",
				n.Count, n.Type, len(n.Features))
		}
		g.Nodes[i].Count, g.Nodes[i].Features = int(n.Count), finite(g.Nodes[i].Features, n.Features, n.Type)
	}
	for _, e := range asked.GetEdges() {
		i := slices.IndexFunc(s.Edges, func(t hetero.EdgeType) bool { return t.Name == e.Type })
		if i < 0 || len(g.Edges[i].Src) > 0 || len(e.Source) != len(e.Target) {
			return "", fmt.Errorf("edges of type %q: the schema has no such type, it is given twice, or has %d sources and %d targets",
				e.Type, len(e.Source), len(e.Target))
		}
		for k := range e.Source {
			if e.Source[k] > math.MaxInt32 || e.Target[k] > math.MaxInt32 {
				return "", fmt.Errorf("edge %d of type %q leads from node %d to %d", k, e.Type, e.Source[k], e.Target[k])
			}
			g.Edges[i].Src, g.Edges[i].Dst = append(g.Edges[i].Src, int32(e.Source[k])), append(g.Edges[i].Dst, int32(e.Target[k]))
		}
		g.Edges[i].Features = finite(g.Edges[i].Features, e.Features, e.Type)
	}
	g.Allowed = append(g.Allowed[:0], asked.GetAllowed()...)
	return invalid, g.Check(s)
}

// NetworkDecider returns a decider that takes the option with the highest score in each row: the
// actor of a learner that droo.Learner saved in state, without its critic.
func NetworkDecider(state *checkpoints.State, model rl.Model[hetero.Graph]) (GraphDecider, error) {
	scorer, err := droo.LoadScorer(state, model)
	if err != nil {
		return nil, err
	}
	return &networkDecider{scorer: scorer}, nil
}

type networkDecider struct {
	scorer  droo.Scorer[hetero.Graph]
	choices []int32
}

// Decide implements GraphDecider.
func (d *networkDecider) Decide(g hetero.Graph) ([]int32, float64, error) {
	s, err := d.scorer.Scores(g)
	if err != nil {
		return nil, 0, err
	}
	d.choices = slices.Grow(d.choices[:0], s.Rows)[:s.Rows]
	s.Argmax(d.choices)
	return d.choices, 0, s.Check()
}

// PolicyDecider returns a decider of a droo.Policy, for instance of hetero.LoadDROO.
func PolicyDecider(p *droo.Policy[hetero.Graph]) GraphDecider { return policyDecider{p} }

type policyDecider struct{ *droo.Policy[hetero.Graph] }

// Decide implements GraphDecider.
func (d policyDecider) Decide(g hetero.Graph) ([]int32, float64, error) {
	choices, err := d.Policy.Decide(g)
	if err != nil {
		return nil, 0, err
	}
	return choices, d.BestValue(), nil
}
