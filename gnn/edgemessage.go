package gnn

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// EdgeMessage passes messages that depend on both ends of an edge and on the edge's own features:
//
//	y_i = agg over edges e = (j, i) of relu(x_j U + x_i V + f_e W + b)
//
// It is the first half of a message passing network (J. Gilmer et al., "Neural message passing for
// quantum chemistry", ICML 2017, eq. 1) with the message function a single layer, which lets the
// products with U and V run once per vertex instead of once per edge. Combine y with x_i by a
// following nn.Linear.
//
// To send messages against the edges' direction, bind [Graph.Reverse] to another graph input; edge
// features stay as they are.
//
// Shapes: xSrc [NumSrc x inSrc], xDst [NumDst x inDst], f [NumEdges x edgeDim], y [NumDst x
// hidden].
type EdgeMessage struct {
	EdgeHidden
	Agg   Aggregation // Sum or Mean
	Slope float64     // of the activation below zero, in [0, 1]; 0: ReLU
}

// EdgeMessageConfig describes an [EdgeMessage].
type EdgeMessageConfig struct {
	In      int         // columns of the sources' features
	InDst   int         // columns of the destinations' features; 0: In
	EdgeDim int         // columns of the edges' features; 0: none
	Hidden  int         // columns of y
	Agg     Aggregation // Sum or Mean
	Init    nn.Init     // of the weights; nil: nn.GlorotUniform
}

// NewEdgeMessage makes a layer whose weights are drawn from rng and whose bias is zero.
func NewEdgeMessage(name string, cfg EdgeMessageConfig, rng *rand.Rand) (*EdgeMessage, error) {
	m := newMaker("edge message", name, cfg.Init, rng, edgeSizes(cfg.In, cfg.InDst, cfg.EdgeDim, cfg.Hidden)...)
	if cfg.Agg != Sum && cfg.Agg != Mean {
		m.fail("want Sum or Mean as Agg, got %v", cfg.Agg)
	}
	return made(&EdgeMessage{EdgeHidden: newEdgeHidden(m, cfg.In, cfg.InDst, cfg.EdgeDim, cfg.Hidden), Agg: cfg.Agg}, m)
}

// Params returns U, V, b and, with edge features, W.
func (l *EdgeMessage) Params() nn.Params { return l.params() }

// Forward adds the layer to the expression graph. The edge features f are nil when the layer was
// made for none. In a graph that is not bipartite xSrc and xDst are one node.
func (l *EdgeMessage) Forward(g, xSrc, xDst, f *gorgonia.Node) (*gorgonia.Node, error) {
	if l.Agg != Sum && l.Agg != Mean {
		return nil, fmt.Errorf("gnn: %s: messages are aggregated by sum or mean, not by %v", l.name(), l.Agg)
	}
	if !(l.Slope >= 0 && l.Slope <= 1) {
		return nil, fmt.Errorf("gnn: %s: the activation's slope must lie in [0, 1], got %v", l.name(), l.Slope)
	}
	in, err := l.forward(g, xSrc, xDst, f)
	if err != nil {
		return nil, err
	}
	op := &edgeMessage{edgeOp{cols(in[1]), cols(f), float32(l.Slope)}, l.Agg}
	return nn.Apply("edge_message", op, in[2].Shape(), in...)
}

type edgeMessage struct {
	edgeOp
	agg Aggregation
}

// coef returns the weights of the messages, nil for ones.
func (o *edgeMessage) coef(g *Graph) []float32 {
	if o.agg == Mean && g.NumEdges() > 0 {
		return g.meanCoef()
	}
	return nil
}

func (o *edgeMessage) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := o.check(in)
	if err != nil {
		return 0, 0, err
	}
	return g.NumDst(), o.hidden, nil
}

func (o *edgeMessage) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, u, v, f, w := o.data(in)
	clear(y.Data)
	kernel.EdgeAggregate(o.slope, o.hidden, g.src, g.dst, u, v, f, o.edgeDim, w, o.coef(g), y.Data)
	return nil
}

func (o *edgeMessage) Backward(in []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
	g, u, v, f, w := o.data(in)
	du, dv, df, dw := o.gradients(din)
	kernel.EdgeAggregateBackward(o.slope, o.hidden, g.src, g.dst, u, v, f, o.edgeDim, w, o.coef(g), dy.Data, du, dv, dw)
	if df != nil {
		kernel.EdgeAggregateFeatures(o.slope, o.hidden, g.src, g.dst, u, v, f, o.edgeDim, w, o.coef(g), dy.Data, df)
	}
	return nil
}

func (o *edgeMessage) Describe() nn.Description {
	return nn.Description{Slope: float64(o.slope), Mode: o.agg.String()}
}
