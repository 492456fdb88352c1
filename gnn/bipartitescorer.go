package gnn

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// BipartiteScorer is a network for decisions on a bipartite graph. It embeds the vertices of both
// sides, lets them exchange messages for some rounds, and scores every edge. One network serves
// graphs of all sizes.
//
//	x = relu(src A + a),  y = relu(dst A' + a')
//	per round:
//	  m_i = mean over edges e = (j, i) of relu(x_j U + y_i V + f_e W + b)
//	  y_i = relu([y_i, m_i] B + c),  then x likewise from y
//	s_e = EdgeScorer(x_src, y_dst, f_e)
//
// Shapes: src [NumSrc x In], dst [NumDst x InDst], f [NumEdges x EdgeDim], s [NumEdges x 1].
type BipartiteScorer struct {
	Src, Dst *nn.Linear // embeddings
	Rounds   []BipartiteRound
	Score    *EdgeScorer
}

// BipartiteRound is one exchange of messages: destinations hear from sources, then sources from
// destinations.
type BipartiteRound struct {
	ToDst *EdgeMessage
	Dst   *nn.Linear // update of the destinations
	ToSrc *EdgeMessage
	Src   *nn.Linear // update of the sources
}

// BipartiteScorerConfig describes a [BipartiteScorer].
type BipartiteScorerConfig struct {
	In, InDst int // columns of the sources' and of the destinations' features
	EdgeDim   int // columns of the edges' features; 0: none
	Hidden    int // width of all hidden layers
	Rounds    int // of messages; 0: each edge is scored from its two ends alone
}

// NewBipartiteScorer makes a network and draws its weights from rng: by nn.HeUniform in layers
// before a ReLU, by nn.GlorotUniform elsewhere.
func NewBipartiteScorer(name string, cfg BipartiteScorerConfig, rng *rand.Rand) (*BipartiteScorer, error) {
	m := newMaker("bipartite scorer", name, nil, rng, size{"In", cfg.In, 1}, size{"InDst", cfg.InDst, 1},
		size{"EdgeDim", cfg.EdgeDim, 0}, size{"Hidden", cfg.Hidden, 1}, size{"Rounds", cfg.Rounds, 0})
	if m.err != nil {
		return nil, m.err
	}
	h := cfg.Hidden
	message := EdgeMessageConfig{In: h, EdgeDim: cfg.EdgeDim, Hidden: h, Agg: Mean}
	n := &BipartiteScorer{Src: m.relu("src", cfg.In, h), Dst: m.relu("dst", cfg.InDst, h)}
	for k := range cfg.Rounds {
		round := fmt.Sprintf("round%d", k)
		n.Rounds = append(n.Rounds, BipartiteRound{
			ToDst: m.message(round+".to_dst", message),
			Dst:   m.relu(round+".dst", 2*h, h),
			ToSrc: m.message(round+".to_src", message),
			Src:   m.relu(round+".src", 2*h, h),
		})
	}
	if m.err == nil {
		score, err := NewEdgeScorer(name+".score", EdgeScorerConfig{In: h, EdgeDim: cfg.EdgeDim, Hidden: h}, rng)
		n.Score = score
		m.check(err)
	}
	return made(n, m)
}

// relu makes a linear part before a ReLU.
func (m *maker) relu(suffix string, in, out int) *nn.Linear {
	if m.err != nil {
		return nil
	}
	l, err := nn.NewLinear(m.name+"."+suffix, nn.LinearConfig{In: in, Out: out, Act: nn.ReLU, Init: nn.HeUniform}, m.rng)
	m.check(err)
	return l
}

func (m *maker) message(suffix string, cfg EdgeMessageConfig) *EdgeMessage {
	if m.err != nil {
		return nil
	}
	l, err := NewEdgeMessage(m.name+"."+suffix, cfg, m.rng)
	m.check(err)
	return l
}

// Params returns the parameters of all layers.
func (n *BipartiteScorer) Params() nn.Params {
	if n.check() != nil {
		return nil
	}
	ps := append(n.Src.Params(), n.Dst.Params()...)
	for _, r := range n.Rounds {
		ps = append(ps, r.ToDst.Params()...)
		ps = append(ps, r.Dst.Params()...)
		ps = append(ps, r.ToSrc.Params()...)
		ps = append(ps, r.Src.Params()...)
	}
	return append(ps, n.Score.Params()...)
}

// Forward adds the network to the expression graph. Bind [Graph.Reverse] of g's graph to reverse,
// which a network without rounds does not need. f is nil without edge features.
func (n *BipartiteScorer) Forward(g, reverse, src, dst, f *gorgonia.Node) (*gorgonia.Node, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	x, err := n.Src.Forward(src)
	if err != nil {
		return nil, err
	}
	y, err := n.Dst.Forward(dst)
	if err != nil {
		return nil, err
	}
	for _, r := range n.Rounds {
		heard, err := r.ToDst.Forward(g, x, y, f)
		if err != nil {
			return nil, err
		}
		if y, err = r.Dst.ForwardConcat(y, heard); err != nil {
			return nil, err
		}
		if heard, err = r.ToSrc.Forward(reverse, y, x, f); err != nil {
			return nil, err
		}
		if x, err = r.Src.ForwardConcat(x, heard); err != nil {
			return nil, err
		}
	}
	return n.Score.Forward(g, x, y, f)
}

// check reports missing parts.
func (n *BipartiteScorer) check() error {
	ok := n.Src != nil && n.Dst != nil && n.Score != nil
	for _, r := range n.Rounds {
		ok = ok && r.ToDst != nil && r.Dst != nil && r.ToSrc != nil && r.Src != nil
	}
	if !ok {
		return errors.New("gnn: bipartite scorer: parts are missing: make it with NewBipartiteScorer")
	}
	return nil
}
