package gnn

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/internal/share"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// TopKPooling shrinks each graph to its best vertices and the edges among them (H. Gao and S. Ji,
// "Graph U-Nets", ICML 2019; C. Cangea et al., 2018). With scores s = x p / |p| it keeps the
// ceil(Ratio n) of a graph's n vertices that score highest, in their old order, and scales their
// features so that p learns:
//
//	y_i = x_i tanh(s_i)
//
// Shapes: g, x [vertices x in], p [in x 1] -> the smaller graph and y [its vertices x in]. Not for
// bipartite graphs.
type TopKPooling struct {
	Weight *nn.Param // p
	Ratio  float64   // in (0, 1]
}

// PoolingConfig describes a [TopKPooling] or a [SAGPooling].
type PoolingConfig struct {
	In    int     // columns of x
	Ratio float64 // of the vertices that stay, in (0, 1]
	Init  nn.Init // of the weight; nil: nn.GlorotUniform
}

func (m *maker) ratio(r float64) {
	if !(r > 0 && r <= 1) {
		m.fail("want a Ratio in (0, 1], got %v", r)
	}
}

// NewTopKPooling makes a layer whose vector is drawn from rng.
func NewTopKPooling(name string, cfg PoolingConfig, rng *rand.Rand) (*TopKPooling, error) {
	m := newMaker("top-k pooling", name, cfg.Init, rng, size{"In", cfg.In, 1})
	m.ratio(cfg.Ratio)
	return made(&TopKPooling{Weight: m.weight("weight", cfg.In, 1), Ratio: cfg.Ratio}, m)
}

// Params returns p.
func (l *TopKPooling) Params() nn.Params { return params(l.Weight) }

// Forward adds the layer to the expression graph. It returns the node of the smaller graph, which
// is computed together with its features: use the two together.
func (l *TopKPooling) Forward(g, x *gorgonia.Node) (pooled, y *gorgonia.Node, err error) {
	in, one, err := weightShape("top-k pooling", l.Weight)
	if err != nil {
		return nil, nil, err
	}
	if one != 1 {
		return nil, nil, fmt.Errorf("gnn: %s: want one column, got %d: %w", l.Weight.Name, one, nn.ErrShape)
	}
	if err := checkCols(l.Weight.Name, "features", x, in); err != nil {
		return nil, nil, err
	}
	p, err := l.Weight.Node(x.Graph())
	if err != nil {
		return nil, nil, err
	}
	s, err := nn.Apply("pooling_score", new(poolingScore), nn.Shape{x.Shape()[0], 1}, x, p)
	if err != nil {
		return nil, nil, err
	}
	return pool(l.Weight.Name, g, x, s, l.Ratio)
}

// SAGPooling is [TopKPooling] with the scores computed by a graph convolution, so that they regard
// a vertex's surroundings (J. Lee, I. Lee and J. Kang, "Self-attention graph pooling", ICML 2019).
type SAGPooling struct {
	Score Conv    // [vertices x In] -> [vertices x 1]
	Ratio float64 // in (0, 1]
	name  string
}

// NewSAGPooling makes a layer that scores with a GCNConv, as in the paper, whose weight is drawn
// from rng.
func NewSAGPooling(name string, cfg PoolingConfig, rng *rand.Rand) (*SAGPooling, error) {
	m := newMaker("self-attention pooling", name, cfg.Init, rng, size{"In", cfg.In, 1})
	m.ratio(cfg.Ratio)
	score, err := NewGCNConv(name+".score", GCNConvConfig{In: cfg.In, Out: 1, Init: cfg.Init}, rng)
	m.check(err)
	return made(&SAGPooling{Score: score, Ratio: cfg.Ratio, name: name}, m)
}

// Params returns the parameters of the convolution.
func (l *SAGPooling) Params() nn.Params {
	if l.Score == nil {
		return nil
	}
	return l.Score.Params()
}

// Forward adds the layer to the expression graph; see [TopKPooling.Forward].
func (l *SAGPooling) Forward(g, x *gorgonia.Node) (pooled, y *gorgonia.Node, err error) {
	if l.Score == nil {
		return nil, nil, errors.New("gnn: self-attention pooling: the layer has no Score: make it with NewSAGPooling")
	}
	if err := checkCols("self-attention pooling", "features", x, cols(x)); err != nil {
		return nil, nil, err
	}
	s, err := l.Score.Forward(g, x)
	if err != nil {
		return nil, nil, err
	}
	return pool(cmp.Or(l.name, "sag_pooling"), g, x, s, l.Ratio)
}

// pool adds the choice of vertices by their scores s. The operation owns the smaller graph, which
// stays bound to an input node. A tape runs the users of that graph and of y after the operation.
func pool(name string, g, x, s *gorgonia.Node, ratio float64) (pooled, y *gorgonia.Node, err error) {
	if !(ratio > 0 && ratio <= 1) {
		return nil, nil, fmt.Errorf("gnn: %s: want a ratio in (0, 1], got %v", name, ratio)
	}
	if err := checkCols(name, "scores", s, 1); err != nil {
		return nil, nil, err
	}
	op := &pooling{f: cols(x), ratio: ratio, name: name + ".graph", graph: new(Graph)}
	if pooled, err = NewGraphInput(x.Graph(), op.name); err != nil {
		return nil, nil, err
	}
	// Let wants the shape that the node was made with.
	if err := op.graph.SetEdges(pooled.Shape()[0], EdgeIndex{}); err != nil {
		return nil, nil, err
	}
	if err := gorgonia.Let(pooled, op.graph); err != nil {
		return nil, nil, fmt.Errorf("gnn: %s: %w", name, err)
	}
	y, err = nn.Apply("pooling", op, x.Shape(), g, x, s)
	return pooled, y, err
}

// Pooled is what the operation of a pooling says of itself (see [nn.Describe]).
type Pooled struct {
	Graph string  // name of the smaller graph's node
	Ratio float64 // of the vertices kept
}

type pooling struct {
	f     int
	ratio float64
	name  string // of the node of graph
	graph *Graph

	keep     []int32 // the vertices kept
	newID    []int32 // of each vertex, -1 if dropped
	src, dst []int32
}

func (o *pooling) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	if g.Bipartite() {
		return 0, 0, fmt.Errorf("want a graph whose sources are its destinations, got the bipartite %v", g)
	}
	if _, err := rowsOf(in[1], "features", g.NumDst(), o.f); err != nil {
		return 0, 0, err
	}
	if _, err := rowsOf(in[2], "scores", g.NumDst(), 1); err != nil {
		return 0, 0, err
	}
	o.choose(g, mat(in[2]).Data)
	return len(o.keep), o.f, nil
}

// choose picks the vertices and makes the smaller graph.
func (o *pooling) choose(g *Graph, score []float32) {
	h := o.graph
	o.keep = o.keep[:0]
	h.dstPtr = append(h.dstPtr[:0], 0)
	for b := range g.NumGraphs() {
		first, end := g.dstPtr[b], g.dstPtr[b+1]
		k := share.Ceil(o.ratio, int(end-first))
		start := len(o.keep)
		for i := first; i < end; i++ {
			o.keep = append(o.keep, i)
		}
		all := o.keep[start:]
		slices.SortFunc(all, func(i, j int32) int {
			switch {
			case kernel.Exceeds(score[i], score[j]): // NaN first, so that the kept vertices show it
				return -1
			case kernel.Exceeds(score[j], score[i]):
				return 1
			}
			return cmp.Compare(i, j)
		})
		o.keep = o.keep[:start+k]
		slices.Sort(o.keep[start:])
		h.dstPtr = append(h.dstPtr, int32(len(o.keep)))
	}
	o.newID = reuse.Slice(o.newID, g.NumDst())
	for i := range o.newID {
		o.newID[i] = -1
	}
	for i, old := range o.keep {
		o.newID[old] = int32(i)
	}
	o.src, o.dst = o.src[:0], o.dst[:0]
	edgePtr := append(h.edgePtr[:0], 0)
	for b := range g.NumGraphs() {
		for e := g.edgePtr[b]; e < g.edgePtr[b+1]; e++ {
			if s, d := o.newID[g.src[e]], o.newID[g.dst[e]]; s >= 0 && d >= 0 {
				o.src, o.dst = append(o.src, s), append(o.dst, d)
			}
		}
		edgePtr = append(edgePtr, int32(len(o.src)))
	}
	n := len(o.keep)
	h.src, h.dst = append(h.src[:0], o.src...), append(h.dst[:0], o.dst...)
	h.in.group(n, h.dst, h.src)
	h.out.group(n, h.src, h.dst)
	h.srcPtr, h.edgePtr = append(h.srcPtr[:0], h.dstPtr...), edgePtr
	h.changed(n, n, false)
}

func tanh(x float32) float32 { return float32(math.Tanh(float64(x))) }

func (o *pooling) Forward(in []gorgonia.Value, y nn.Matrix) error {
	x, s := mat(in[1]), mat(in[2]).Data
	for r, i := range o.keep {
		copy(y.Row(r), x.Row(int(i)))
		kernel.Scale(tanh(s[i]), y.Row(r))
	}
	return nil
}

func (o *pooling) Differentiable(i int) bool { return i > 0 }

func (o *pooling) Backward(in []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
	x, s, dx, ds := mat(in[1]), mat(in[2]).Data, din[1], din[2].Data
	clear(dx.Data)
	clear(ds)
	for r, i := range o.keep {
		gate := tanh(s[i])
		if !dx.IsZero() {
			kernel.Axpy(gate, dy.Row(r), dx.Row(int(i)))
		}
		if ds != nil {
			ds[i] = (1 - gate*gate) * kernel.Dot(dy.Row(r), x.Row(int(i)))
		}
	}
	return nil
}

// poolingScore is x p / |p|.
type poolingScore struct{ norm float32 }

func (o *poolingScore) OutShape(in []gorgonia.Value) (int, int, error) {
	x, err := nn.AsMatrix(in[0])
	if err != nil {
		return 0, 0, err
	}
	if n := mat(in[1]).Rows; n != x.Cols {
		err = fmt.Errorf("want features [rows x %d], got [%d x %d]: %w", n, x.Rows, x.Cols, nn.ErrShape)
	}
	return x.Rows, 1, err
}

func (o *poolingScore) Forward(in []gorgonia.Value, s nn.Matrix) error {
	x, p := mat(in[0]), mat(in[1]).Data
	o.norm = float32(math.Sqrt(kernel.SumSquares(p) + 1e-30)) // p may be zero
	for i := range x.Rows {
		s.Data[i] = kernel.Dot(x.Row(i), p) / o.norm
	}
	return nil
}

func (o *poolingScore) Differentiable(int) bool { return true }

func (o *poolingScore) Backward(in []gorgonia.Value, s, ds nn.Matrix, din []nn.Matrix) error {
	x, p, dx, dp := mat(in[0]), mat(in[1]).Data, din[0], din[1].Data
	clear(dp)
	for i := range x.Rows {
		d := ds.Data[i] / o.norm
		if !dx.IsZero() {
			copy(dx.Row(i), p)
			kernel.Scale(d, dx.Row(i))
		}
		if dp != nil { // d(x p/|p|)/dp = x/|p| - s p/|p|^2
			kernel.Axpy(d, x.Row(i), dp)
			kernel.Axpy(-d*s.Data[i]/o.norm, p, dp)
		}
	}
	return nil
}

func (o *pooling) Describe() nn.Description {
	return nn.Description{Config: Pooled{o.name, o.ratio}}
}
