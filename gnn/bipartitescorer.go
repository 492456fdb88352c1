package gnn

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// BipartiteScorer is a whole network for decisions on a bipartite graph: it embeds the vertices of both sides, lets them exchange
// messages for some rounds, and scores every edge. Nothing in it depends on how many vertices or edges there are.
//
//	x = relu(x A + a)     for sources and destinations, each with its own A
//	per round: y_i = relu([y_i, mean over e = (j, i) of relu(x_j U + y_i V + f_e W + b)] B + c), then x likewise from y
//	s_e = EdgeScorer(x_src, y_dst, f_e)
//
// Shapes: src [NumSrc x srcDim], dst [NumDst x dstDim], f [NumEdges x edgeDim], s [NumEdges x 1].
type BipartiteScorer struct {
	Src, Dst *nn.Linear // embeddings
	Rounds   []BipartiteRound
	Score    *EdgeScorer
}

// BipartiteRound is one exchange of messages: destinations hear from sources, then sources from destinations.
type BipartiteRound struct {
	ToDst *EdgeMessage
	Dst   *nn.Linear // update of the destinations
	ToSrc *EdgeMessage
	Src   *nn.Linear // update of the sources
}

// NewBipartiteScorer makes a network of the given width and number of rounds. Layers followed by a ReLU start from
// nn.HeUniform, the others from nn.GlorotUniform. An edgeDim of 0 means that edges have no features.
func NewBipartiteScorer(name string, srcDim, dstDim, edgeDim, hidden, rounds int, rng *rand.Rand) (*BipartiteScorer, error) {
	if srcDim < 1 || dstDim < 1 || edgeDim < 0 || hidden < 1 || rounds < 0 {
		return nil, fmt.Errorf("gnn: bipartite scorer %q: features of %d, %d and %d columns, %d hidden units and %d rounds make no network",
			name, srcDim, dstDim, edgeDim, hidden, rounds)
	}
	n := &BipartiteScorer{
		Src: nn.NewLinear(name+".src", srcDim, hidden, nn.ReLU, nn.HeUniform, rng),
		Dst: nn.NewLinear(name+".dst", dstDim, hidden, nn.ReLU, nn.HeUniform, rng),
	}
	for k := range rounds {
		round := fmt.Sprintf("%s.round%d", name, k)
		n.Rounds = append(n.Rounds, BipartiteRound{
			ToDst: NewEdgeMessage(round+".to_dst", hidden, hidden, edgeDim, hidden, Mean, nil, rng),
			Dst:   nn.NewLinear(round+".dst", 2*hidden, hidden, nn.ReLU, nn.HeUniform, rng),
			ToSrc: NewEdgeMessage(round+".to_src", hidden, hidden, edgeDim, hidden, Mean, nil, rng),
			Src:   nn.NewLinear(round+".src", 2*hidden, hidden, nn.ReLU, nn.HeUniform, rng),
		})
	}
	n.Score = NewEdgeScorer(name+".score", hidden, hidden, edgeDim, hidden, nil, rng)
	return n, nil
}

// Params returns the parameters of all layers.
func (n *BipartiteScorer) Params() nn.Params {
	ps := append(n.Src.Params(), n.Dst.Params()...)
	for _, r := range n.Rounds {
		ps = append(ps, r.ToDst.Params()...)
		ps = append(ps, r.Dst.Params()...)
		ps = append(ps, r.ToSrc.Params()...)
		ps = append(ps, r.Src.Params()...)
	}
	return append(ps, n.Score.Params()...)
}

// Forward adds the network to the expression graph. Bind to reverse the [Graph.Reverse] of what is bound to g; without rounds it is not
// needed. The edge features f are nil when the network was made for none.
func (n *BipartiteScorer) Forward(g, reverse, src, dst, f *gorgonia.Node) (*gorgonia.Node, error) {
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
