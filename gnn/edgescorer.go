package gnn

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// EdgeScorer gives every edge a score, a two-layer perceptron of the concatenation [x_src, x_dst,
// f_e]:
//
//	s_e = relu(x_src U + x_dst V + f_e W + b) . v + c
//
// the head of a policy that chooses edges. The products with U and V run once per vertex; per edge
// remain its own features and one dot product.
//
// Shapes: xSrc [NumSrc x inSrc], xDst [NumDst x inDst], f [NumEdges x edgeDim], s [NumEdges x 1]:
// the rows are edges in the order of the graph's edge list, for a complete bipartite graph
// row-major.
type EdgeScorer struct {
	EdgeHidden
	Out   *nn.Param // v [hidden x 1]
	Bias  *nn.Param // c [1]
	Slope float64   // of the activation below zero, in [0, 1]; 0: ReLU
}

// EdgeScorerConfig describes an [EdgeScorer].
type EdgeScorerConfig struct {
	In      int     // columns of the sources' features
	InDst   int     // columns of the destinations' features; 0: In
	EdgeDim int     // columns of the edges' features; 0: none
	Hidden  int     // width of the hidden layer
	Init    nn.Init // of the weights; nil: nn.GlorotUniform
}

// NewEdgeScorer makes a head whose weights are drawn from rng and whose biases are zero.
func NewEdgeScorer(name string, cfg EdgeScorerConfig, rng *rand.Rand) (*EdgeScorer, error) {
	m := newMaker("edge scorer", name, cfg.Init, rng, edgeSizes(cfg.In, cfg.InDst, cfg.EdgeDim, cfg.Hidden)...)
	l := &EdgeScorer{
		EdgeHidden: newEdgeHidden(m, cfg.In, cfg.InDst, cfg.EdgeDim, cfg.Hidden),
		Out:        m.weight("out", cfg.Hidden, 1),
		Bias:       m.param("bias", nil, 1),
	}
	return made(l, m)
}

// Params returns U, V, b, with edge features W, then v and c.
func (l *EdgeScorer) Params() nn.Params { return append(l.params(), params(l.Out, l.Bias)...) }

// Forward adds the head to the expression graph. The edge features f are nil when it was made for
// none. In a graph that is not bipartite xSrc and xDst are one node.
func (l *EdgeScorer) Forward(g, xSrc, xDst, f *gorgonia.Node) (*gorgonia.Node, error) {
	if !(l.Slope >= 0 && l.Slope <= 1) {
		return nil, fmt.Errorf("gnn: %s: the activation's slope must lie in [0, 1], got %v", l.name(), l.Slope)
	}
	in, err := l.forward(g, xSrc, xDst, f)
	if err != nil {
		return nil, err
	}
	if len(l.Out.Data()) != cols(in[1]) || len(l.Bias.Data()) != 1 {
		return nil, fmt.Errorf("gnn: %s: want %d weights and one bias of the score: make the layer with NewEdgeScorer: %w",
			l.name(), cols(in[1]), nn.ErrShape)
	}
	n, err := nodes(xSrc, l.Out, l.Bias)
	if err != nil {
		return nil, err
	}
	op := &edgeScore{edgeOp{cols(in[1]), cols(f), float32(l.Slope)}}
	return nn.Apply("edge_score", op, nn.Shape{xSrc.Shape()[0], 1}, append(in, n...)...)
}

// edgeScore takes EdgeHidden's inputs, then v and c.
type edgeScore struct{ edgeOp }

func (o *edgeScore) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := o.check(in)
	if err != nil {
		return 0, 0, err
	}
	return g.NumEdges(), 1, nil
}

func (o *edgeScore) Forward(in []gorgonia.Value, s nn.Matrix) error {
	g, u, v, f, w := o.data(in)
	out, c := mat(in[len(in)-2]).Data, mat(in[len(in)-1]).Data[0]
	kernel.EdgeDot(o.slope, o.hidden, g.src, g.dst, u, v, f, o.edgeDim, w, out, s.Data)
	for e := range s.Rows {
		s.Data[e] += c
	}
	return nil
}

func (o *edgeScore) Backward(in []gorgonia.Value, _, ds nn.Matrix, din []nn.Matrix) error {
	g, u, v, f, w := o.data(in)
	du, dv, df, dw := o.gradients(din)
	out, dout, dc := mat(in[len(in)-2]).Data, din[len(in)-2].Data, din[len(in)-1]
	kernel.EdgeDotBackward(o.slope, o.hidden, g.src, g.dst, u, v, f, o.edgeDim, w, out, ds.Data, du, dv, dw, dout)
	if df != nil {
		kernel.EdgeDotFeatures(o.slope, o.hidden, g.src, g.dst, u, v, f, o.edgeDim, w, out, ds.Data, df)
	}
	if !dc.IsZero() {
		sum := dc.Data[0] // in a register: through memory each addition would wait for the one before
		for _, d := range ds.Data[:ds.Rows] {
			sum += d
		}
		dc.Data[0] = sum
	}
	return nil
}

func (o *edgeScore) Describe() nn.Description {
	return nn.Description{Slope: float64(o.slope)}
}
