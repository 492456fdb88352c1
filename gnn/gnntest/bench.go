package gnntest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// bench holds a layer in an expression graph with a squared loss behind it.
type bench struct {
	Layer
	g, src, dst, edge, target *gorgonia.Node
	out, loss                 *gorgonia.Node
	wrt                       []*gorgonia.Node // parameters, then the features that matter
	grads                     gorgonia.Nodes
	infer, train              *nn.Tape

	bufs [4]nn.Buffer
}

func newBench(l Layer) (*bench, error) {
	b := &bench{Layer: l}
	eg := gorgonia.NewGraph()
	var err error
	if b.g, err = gnn.NewGraphInput(eg, "graph"); err != nil {
		return nil, err
	}
	if b.src, err = nn.NewInput(eg, "src", l.In); err != nil {
		return nil, err
	}
	b.dst = b.src
	if l.Dst > 0 {
		if b.dst, err = nn.NewInput(eg, "dst", l.Dst); err != nil {
			return nil, err
		}
	}
	if l.Edge > 0 {
		if b.edge, err = nn.NewInput(eg, "edge", l.Edge); err != nil {
			return nil, err
		}
	}
	if b.out, err = l.Forward(b.g, b.src, b.dst, b.edge); err != nil {
		return nil, err
	}
	if len(b.out.Shape()) != 2 {
		return nil, fmt.Errorf("gnntest: the layer's node has shape %v, want a matrix", b.out.Shape())
	}
	if b.target, err = nn.NewInput(eg, "target", b.out.Shape()[1]); err != nil {
		return nil, err
	}
	if b.loss, err = nn.MSE(b.out, b.target, nil); err != nil {
		return nil, err
	}
	nodes, err := l.Params.Nodes(eg)
	if err != nil {
		return nil, err
	}
	if b.infer, err = nn.NewTape(b.out); err != nil {
		return nil, err
	}
	b.wrt = nodes
	if b.infer.Needs(b.src) {
		b.wrt = append(b.wrt, b.src)
	}
	if l.Dst > 0 && b.infer.Needs(b.dst) {
		b.wrt = append(b.wrt, b.dst)
	}
	if l.Edge > 0 {
		b.wrt = append(b.wrt, b.edge)
	}
	if b.grads, err = gorgonia.Grad(b.loss, b.wrt...); err != nil {
		return nil, err
	}
	b.train, err = nn.NewTape(append(gorgonia.Nodes{b.loss, b.out}, b.grads...)...)
	return b, err
}

// inputs draws features for g.
func (b *bench) inputs(rng *rand.Rand, g *gnn.Graph) Inputs {
	in := Inputs{Graph: g, Src: Random(rng, g.NumSrc(), b.In)}
	in.Dst = in.Src
	if b.Dst > 0 {
		in.Dst = Random(rng, g.NumDst(), b.Dst)
	}
	if b.Edge > 0 {
		in.Edge = Random(rng, g.NumEdges(), b.Edge)
	}
	return in
}

func (b *bench) bind(tape *nn.Tape, in Inputs, target *Mat) error {
	set := func(i int, n *gorgonia.Node, m *Mat) error {
		if n == nil || m == nil || !tape.Needs(n) {
			return nil
		}
		m.Float32(b.bufs[i].Resize(m.Rows, m.Cols))
		return tape.Bind(n, b.bufs[i].Value())
	}
	if tape.Needs(b.g) {
		if err := tape.Bind(b.g, in.Graph); err != nil {
			return err
		}
	}
	if err := set(0, b.src, in.Src); err != nil {
		return err
	}
	if b.Dst > 0 {
		if err := set(1, b.dst, in.Dst); err != nil {
			return err
		}
	}
	if err := set(2, b.edge, in.Edge); err != nil {
		return err
	}
	return set(3, b.target, target)
}

// forward runs the layer.
func (b *bench) forward(t *testing.T, in Inputs) *Mat {
	t.Helper()
	if err := b.bind(b.infer, in, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.infer.Run(); err != nil {
		t.Fatal(err)
	}
	return FromFloat32(b.infer.Matrix(b.out))
}

func (b *bench) params() []*Mat {
	var ps []*Mat
	for _, p := range b.Params {
		rows, cols := 1, 1
		switch s := p.Shape(); len(s) {
		case 1:
			cols = s[0]
		case 2:
			rows, cols = s[0], s[1]
		}
		ps = append(ps, FromFloat32(nn.Matrix{Rows: rows, Cols: cols, Data: p.Data()}))
	}
	return ps
}
