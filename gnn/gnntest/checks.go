package gnntest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/tensor"
)

func (b *bench) checkReference(t *testing.T, rng *rand.Rand, c graphCase) {
	t.Helper()
	in := b.inputs(rng, c.graph)
	got, want := b.forward(t, in), b.Reference(b.params(), in)
	near(t, c.name, got, want, 1e-5)
	again := b.forward(t, in)
	if !slices.Equal(again.V, got.V) {
		t.Errorf("%s: a second run on equal inputs gives other values", c.name)
	}
}

func (b *bench) checkGradient(t *testing.T, rng *rand.Rand, c graphCase) {
	t.Helper()
	in, ps := b.inputs(rng, c.graph), b.params()
	out := b.Reference(ps, in)
	target := Random(rng, out.Rows, out.Cols)
	if err := b.bind(b.train, in, target); err != nil {
		t.Fatal(err)
	}
	if err := b.train.Run(); err != nil {
		t.Fatal(err)
	}
	loss := func() float64 {
		var sum float64
		y := b.Reference(ps, in)
		for i, v := range y.V {
			sum += (v - target.V[i]) * (v - target.V[i])
		}
		return sum / float64(max(1, len(y.V)))
	}
	wrt := ps[:len(ps):len(ps)]
	if b.infer.Needs(b.src) {
		wrt = append(wrt, in.Src)
	}
	if b.Dst > 0 && b.infer.Needs(b.dst) {
		wrt = append(wrt, in.Dst)
	}
	if b.Edge > 0 {
		wrt = append(wrt, in.Edge)
	}
	for i, m := range wrt {
		got := FromFloat32(b.train.Matrix(b.grads[i]))
		want := NewMat(m.Rows, m.Cols)
		for k := range m.V {
			const h = 1e-6
			x := m.V[k]
			m.V[k] = x + h
			up := loss()
			m.V[k] = x - h
			down := loss()
			m.V[k] = x
			want.V[k] = (up - down) / (2 * h)
		}
		near(t, fmt.Sprintf("%s: gradient of %s", c.name, b.wrt[i].Name()), got, want, 2e-5)
	}
}

// checkPermutation renumbers vertices and edges at random.
func (b *bench) checkPermutation(t *testing.T, rng *rand.Rand, c graphCase) {
	t.Helper()
	if c.graph.NumGraphs() != 1 {
		return // vertices of one graph must stay together
	}
	g, in := c.graph, b.inputs(rng, c.graph)
	src := rng.Perm(g.NumSrc()) // src[i] is the new number of source i
	dst := src
	if b.Dst > 0 {
		dst = rng.Perm(g.NumDst())
	}
	edge := rng.Perm(g.NumEdges())
	ei := gnn.EdgeIndex{Src: make([]int32, len(edge)), Dst: make([]int32, len(edge))}
	for e, to := range edge {
		ei.Src[to] = int32(src[g.Edges().Src[e]])
		ei.Dst[to] = int32(dst[g.Edges().Dst[e]])
	}
	p := Inputs{Src: permuteRows(in.Src, src)}
	var err error
	if p.Dst = p.Src; b.Dst > 0 {
		p.Dst = permuteRows(in.Dst, dst)
		p.Graph, err = gnn.NewBipartite(g.NumSrc(), g.NumDst(), ei)
	} else {
		p.Graph, err = gnn.NewGraph(g.NumSrc(), ei)
	}
	if err != nil {
		t.Fatal(err)
	}
	if b.Edge > 0 {
		p.Edge = permuteRows(in.Edge, edge)
	}
	want := b.forward(t, in)
	switch b.Out {
	case Vertices:
		want = permuteRows(want, dst)
	case Edges:
		want = permuteRows(want, edge)
	}
	near(t, c.name+": renumbered", b.forward(t, p), want, 1e-5)
}

func permuteRows(m *Mat, to []int) *Mat {
	p := NewMat(m.Rows, m.Cols)
	for i, j := range to {
		copy(p.Row(j), m.Row(i))
	}
	return p
}

func (b *bench) checkBatch(t *testing.T, rng *rand.Rand) {
	t.Helper()
	var members []*gnn.Graph
	all := Inputs{Src: NewMat(0, b.In)}
	if b.Dst > 0 {
		all.Dst = NewMat(0, b.Dst)
	}
	if b.Edge > 0 {
		all.Edge = NewMat(0, b.Edge)
	}
	var want *Mat
	for _, c := range b.cases(t, rng) {
		in := b.inputs(rng, c.graph)
		members = append(members, c.graph)
		all.Src = stack(all.Src, in.Src)
		if b.Dst > 0 {
			all.Dst = stack(all.Dst, in.Dst)
		}
		if b.Edge > 0 {
			all.Edge = stack(all.Edge, in.Edge)
		}
		want = stack(want, b.forward(t, in))
	}
	var err error
	if all.Graph, err = gnn.Batch(members...); err != nil {
		t.Fatal(err)
	}
	near(t, "batch against each graph alone", b.forward(t, all), want, 1e-5)
}

func stack(a, b *Mat) *Mat {
	if a == nil {
		return b
	}
	return &Mat{a.Rows + b.Rows, a.Cols, slices.Concat(a.V, b.V)}
}

func (b *bench) checkAllocations(t *testing.T, rng *rand.Rand) {
	t.Helper()
	var ins []Inputs
	var targets []*Mat
	for _, c := range b.cases(t, rng) {
		ins = append(ins, b.inputs(rng, c.graph))
		out := b.Reference(b.params(), ins[len(ins)-1])
		targets = append(targets, NewMat(out.Rows, out.Cols))
	}
	i := 0
	step := func() {
		k := i % len(ins)
		i++
		if err := b.bind(b.train, ins[k], targets[k]); err != nil {
			t.Fatal(err)
		}
		if err := b.train.Run(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * len(ins) {
		step()
	}
	if n := testing.AllocsPerRun(5*len(ins), step); n >= 1 {
		t.Errorf("a forward and backward pass allocates %v times", n)
	}
}

func (b *bench) checkErrors(t *testing.T, rng *rand.Rand) {
	t.Helper()
	c := b.cases(t, rng)[0]
	good := b.inputs(rng, c.graph)
	fails := func(what string, in Inputs) {
		t.Helper()
		if err := b.bind(b.infer, in, nil); err != nil {
			t.Fatal(err)
		}
		if err := b.infer.Run(); !errors.Is(err, nn.ErrShape) {
			t.Errorf("%s gives error %v, want one that wraps nn.ErrShape", what, err)
		}
	}
	if b.infer.Needs(b.src) {
		in := good
		if b.infer.Needs(b.g) {
			in.Src = Random(rng, c.graph.NumSrc()+1, b.In)
			fails("one row of source features too many", in)
		}
		in.Src = Random(rng, c.graph.NumSrc(), b.In+1)
		fails("one column of source features too many", in)
	}
	if b.Dst > 0 && b.infer.Needs(b.dst) {
		in := good
		in.Dst = Random(rng, c.graph.NumDst()-1, b.Dst)
		fails("one row of destination features too few", in)
	}
	if b.Edge > 0 {
		in := good
		in.Edge = Random(rng, c.graph.NumEdges()-1, b.Edge)
		fails("one row of edge features too few", in)
	}
	for _, c := range allCases(t, rng, b.Dst > 0) {
		if b.tooSmall(c) {
			fails(c.name, b.inputs(rng, c.graph))
		}
	}
	if err := b.bind(b.infer, good, nil); err != nil {
		t.Fatal(err)
	}
	if b.infer.Needs(b.g) {
		notGraph := tensor.New(tensor.WithShape(2, 2), tensor.Of(tensor.Float32))
		if err := b.infer.Bind(b.g, notGraph); err != nil {
			t.Fatal(err)
		}
		if err := b.infer.Run(); err == nil {
			t.Error("a tensor in place of the graph gives no error")
		}
	}
}

// near compares with a tolerance relative to the size of the values.
func near(t *testing.T, what string, got, want *Mat, tol float64) {
	t.Helper()
	if got.Rows != want.Rows || got.Cols != want.Cols {
		t.Errorf("%s: got [%d x %d], want [%d x %d]", what, got.Rows, got.Cols, want.Rows, want.Cols)
		return
	}
	scale := 1.0
	for _, v := range want.V {
		scale = max(scale, math.Abs(v))
	}
	for k, v := range want.V {
		if d := math.Abs(got.V[k] - v); !(d <= tol*scale) {
			t.Errorf("%s: entry (%d, %d) is %v, want %v", what, k/want.Cols, k%want.Cols, got.V[k], v)
			return
		}
	}
}
