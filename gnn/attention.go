package gnn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// The attention convolutions take three steps. A matrix product gives features of vertices; gat.go
// and gatv2.go score each edge and head; this file takes the softmax of the scores over the edges
// into each vertex and sums the sources' features with these weights.

// AttentionConfig holds the settings that [GATConv] and [GATv2Conv] share.
type AttentionConfig struct {
	Heads, Out int  // their number and the width of each; the weights follow them
	Concat     bool // heads side by side, otherwise their mean
	// SelfLoops lets each vertex attend to itself, as if it had exactly one self loop. It must be
	// false for bipartite graphs and edges with features.
	SelfLoops bool
	Act       nn.Activation
	Dropout   *nn.Dropout // of the attention weights; nil: none
}

// width returns the number of output columns.
func (c *AttentionConfig) width() int {
	if c.Concat {
		return c.Heads * c.Out
	}
	return c.Out
}

// checkHeads reports weights that do not match the number and width of heads.
func (c *AttentionConfig) checkHeads(name string, width int, attention ...*nn.Param) error {
	if c.Heads < 1 || c.Out < 1 || width != c.Heads*c.Out {
		return fmt.Errorf("gnn: %s has %d columns for %d heads of %d: %w", name, width, c.Heads, c.Out, nn.ErrShape)
	}
	for _, a := range attention {
		if s := a.Shape(); len(s) != 2 || s[0] != c.Heads || s[1] != c.Out {
			return fmt.Errorf("gnn: %s: want attention vectors [%d x %d], got shape %v: %w", name, c.Heads, c.Out, s, nn.ErrShape)
		}
	}
	return nil
}

// graph returns the graph whose edges are attended over.
func (c *AttentionConfig) graph(v gorgonia.Value) (*Graph, error) {
	g, err := graphOf(v)
	if err != nil || !c.SelfLoops {
		return g, err
	}
	if g.Bipartite() {
		return nil, fmt.Errorf("the bipartite %v can have no self loops: set SelfLoops to false", g)
	}
	return g.looped(), nil
}

// attend adds softmax, dropout, sum, bias and activation. Scores are [Heads x edges], for the edges
// of c.graph, so that each head's lie side by side.
func (c *AttentionConfig) attend(g, scores, h, bias *gorgonia.Node) (*gorgonia.Node, error) {
	act, err := kernelAct(c.Act)
	if err != nil {
		return nil, err
	}
	in := gorgonia.Nodes{g, scores, h}
	if bias != nil {
		in = append(in, bias)
	}
	op := &attend{cfg: *c, act: act, bias: bias != nil}
	return nn.Apply("attend", op, nn.Shape{h.Shape()[0], c.width()}, in...)
}

type attend struct {
	cfg  AttentionConfig
	act  kernel.Act
	bias bool

	alpha  nn.Buffer // [heads x edges] the softmax, in the order of edges
	factor nn.Buffer // [heads x edges] of dropout: 0 or 1/(1-P)
	byRow  []float32 // one head's weights in the order of a compressed row
	dz     nn.Buffer // gradient before the activation
	dalpha []float32 // of one head

	// Per destination, of one head: the largest weight, the gradient of that weight, and the mean of
	// the others relative to it.
	largest, origin, sums []float32
}

func (o *attend) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := o.cfg.graph(in[0])
	if err != nil {
		return 0, 0, err
	}
	if _, err := rowsOf(in[1], "scores", o.cfg.Heads, g.NumEdges()); err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[2], "source features", g.NumSrc(), o.cfg.Heads*o.cfg.Out)
	return g.NumDst(), o.cfg.width(), err
}

// head returns where head k starts in a row of the output, and its share.
func (o *attend) head(k int) (start int, share float32) {
	if o.cfg.Concat {
		return k * o.cfg.Out, 1
	}
	return 0, 1 / float32(o.cfg.Heads)
}

func (o *attend) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, _ := o.cfg.graph(in[0])
	edges, heads, d := g.NumEdges(), o.cfg.Heads, o.cfg.Out
	clear(y.Data)
	alpha := o.alpha.Resize(heads, edges)
	dropped := o.cfg.Dropout.Active()
	factor := o.factor.Resize(heads, edges)
	if dropped {
		if err := o.cfg.Dropout.Mask(factor[:heads*edges]); err != nil {
			return err
		}
	}
	o.byRow = reuse.Slice(o.byRow, edges)
	for k := range heads {
		if edges == 0 {
			break
		}
		scores, a := mat(in[1]).Row(k), alpha[k*edges:(k+1)*edges]
		w := o.byRow
		g.in.gather(scores, w)
		kernel.SegmentSoftmax(g.in.ptr, w, w)
		g.in.scatter(w, a)
		start, share := o.head(k)
		f := factor[k*edges : (k+1)*edges]
		for e := range f {
			if !dropped {
				f[e] = 1
			}
			f[e] *= share
		}
		for i := range w {
			w[i] *= f[g.in.edgeOf(i)]
		}
		kernel.SpMM(g.sum().csr, d, w, mat(in[2]).Data[k*d:], heads*d, y.Data[start:], y.Cols, !o.cfg.Concat)
	}
	var b []float32
	if o.bias {
		b = mat(in[3]).Data
	}
	kernel.BiasAct(o.act, y.Rows, y.Cols, y.Data, b)
	return nil
}

func (o *attend) Differentiable(i int) bool { return i > 0 }

func (o *attend) Backward(in []gorgonia.Value, y, dy nn.Matrix, din []nn.Matrix) error {
	g, _ := o.cfg.graph(in[0])
	edges, heads, d := g.NumEdges(), o.cfg.Heads, o.cfg.Out
	var db []float32
	if o.bias {
		db = din[3].Data
	}
	dz := o.dz.Resize(y.Rows, y.Cols)
	kernel.ActBackward(o.act, y.Rows, y.Cols, y.Data, dy.Data, dz, db)
	dscores, dh := din[1], din[2]
	clear(dh.Data)
	if edges == 0 {
		return nil
	}
	o.byRow = reuse.Slice(o.byRow, edges)
	o.dalpha = reuse.Slice(o.dalpha, edges)
	o.largest = reuse.Slice(o.largest, g.NumDst())
	o.origin = reuse.Slice(o.origin, g.NumDst())
	o.sums = reuse.Slice(o.sums, g.NumDst())
	h := mat(in[2])
	for k := range heads {
		a := o.alpha.Matrix().Data[k*edges : (k+1)*edges]
		f := o.factor.Matrix().Data[k*edges : (k+1)*edges]
		start, _ := o.head(k)
		if !dh.IsZero() { // dh_j = sum over out-edges of alpha f dy_i
			for i := range o.byRow {
				e := g.out.edgeOf(i)
				o.byRow[i] = a[e] * f[e]
			}
			kernel.SpMM(g.sumT().csr, d, o.byRow, dz[start:], y.Cols, dh.Data[k*d:], heads*d, false)
		}
		if dscores.IsZero() {
			continue
		}
		o.weightGradients(g, h, o.dz.Matrix(), k)
		ds := dscores.Data[k*edges : (k+1)*edges]
		for e, i := range g.dst {
			ds[e] = a[e] * (o.dalpha[e] - o.sums[i])
		}
	}
	return nil
}

// weightGradients computes the gradients of head k's weights and, for each destination, their mean.
// Both are relative to the gradient of the largest weight, for the reason that edgeSoftmax has.
func (o *attend) weightGradients(g *Graph, h, dz nn.Matrix, k int) {
	d := o.cfg.Out
	start, _ := o.head(k)
	a := o.alpha.Matrix().Row(k)
	f := o.factor.Matrix().Row(k)
	clear(o.sums)
	clear(o.largest)
	clear(o.origin)
	for e, j := range g.src { // dalpha = f dy_i . h_j
		i := int(g.dst[e])
		dzi := dz.Row(i)[start:][:d]
		hj := h.Row(int(j))[k*d:][:d]
		var dot float32
		for q, v := range hj {
			dot += v * dzi[q]
		}
		dot *= f[e]
		o.dalpha[e] = dot
		if a[e] > o.largest[i] {
			o.largest[i], o.origin[i] = a[e], dot
		}
	}
	for e, i := range g.dst {
		o.dalpha[e] -= o.origin[i]
		o.sums[i] += a[e] * o.dalpha[e]
	}
}

// gather puts the values of edges into the order of a's entries.
func (a *adjacency) gather(byEdge, byEntry []float32) {
	if a.edge == nil {
		copy(byEntry, byEdge)
		return
	}
	for k, e := range a.edge {
		byEntry[k] = byEdge[e]
	}
}

// scatter is the inverse of gather.
func (a *adjacency) scatter(byEntry, byEdge []float32) {
	if a.edge == nil {
		copy(byEdge, byEntry)
		return
	}
	for k, e := range a.edge {
		byEdge[e] = byEntry[k]
	}
}

func (o *attend) Describe() nn.Description {
	return nn.Description{Act: nn.Activation(o.act), Config: o.cfg}
}
