package hetero

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
)

// BipartiteConfig describes a BipartiteModel. The zero value stands for DefaultBipartiteConfig.
type BipartiteConfig struct {
	// Hidden is the width of all hidden layers. Default 16, also for 0.
	Hidden int
	// Rounds is the number of rounds of messages, from sources to destinations and back. Next to a
	// Hidden above 0, no rounds mean that each edge sees only its own ends. Default 1.
	Rounds int
}

// DefaultBipartiteConfig returns the defaults.
func DefaultBipartiteConfig() BipartiteConfig { return BipartiteConfig{Hidden: 16, Rounds: 1} }

// BipartiteModel is the network of GRLE for two types of nodes joined by one type of edges: it
// scores every edge (see gnn.BipartiteScorer). It has no critic. It implements rl.Model.
type BipartiteModel struct {
	*gnn.BipartiteScorer
	schema Schema
}

// NewBipartiteModel returns a model whose initial weights are drawn from rand. The schema must have
// two node types, one edge type from one to the other, and a choice of edges.
func NewBipartiteModel(s Schema, cfg BipartiteConfig, rand *rl.Rand) (*BipartiteModel, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if rand == nil {
		return nil, errors.New("hetero: bipartite model: want a source of random numbers")
	}
	if len(s.Nodes) != 2 || len(s.Edges) != 1 || s.Edges[0].From == s.Edges[0].To {
		return nil, fmt.Errorf("hetero: bipartite model: want two node types and one edge type between them, got %d and %d: use NewModel",
			len(s.Nodes), len(s.Edges))
	}
	if s.Choose.kind != oneEdge && s.Choose.kind != edgePerSource {
		return nil, errors.New("hetero: bipartite model: want a choice of edges: use NewModel to choose nodes")
	}
	switch defaults := DefaultBipartiteConfig(); {
	case cfg == BipartiteConfig{}:
		cfg = defaults
	case cfg.Hidden == 0:
		cfg.Hidden = defaults.Hidden
	}
	from, to := s.ends(0)
	net, err := gnn.NewBipartiteScorer("actor", gnn.BipartiteScorerConfig{
		In: s.Nodes[from].Features, InDst: s.Nodes[to].Features, EdgeDim: s.Edges[0].Features, Hidden: cfg.Hidden, Rounds: cfg.Rounds,
	}, rand.Rand)
	if err != nil {
		return nil, fmt.Errorf("hetero: bipartite model: %w", err)
	}
	return &BipartiteModel{net, s}, nil
}

// Build implements rl.Model.
func (m *BipartiteModel) Build() (*rl.Network[Graph], error) {
	in, err := newInputs(&m.schema)
	if err != nil {
		return nil, err
	}
	from, to := m.schema.ends(0)
	e := &in.edges[0]
	scores, err := m.Forward(e.forward, e.reverse, in.nodes[from].features, in.nodes[to].features, e.features)
	return &rl.Network[Graph]{Scores: scores, Load: in.load}, err
}
