package gnntest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Inputs are what a layer computes on.
type Inputs struct {
	Graph *gnn.Graph
	Src   *Mat // features of the source vertices
	Dst   *Mat // features of the destinations: Src unless the layer is bipartite
	Edge  *Mat // features of the edges; nil if the layer takes none
}

// Rows tells what the rows of a layer's result belong to.
type Rows int

// The kinds of rows.
const (
	Vertices Rows = iota // destination vertices
	Edges
	Graphs
)

// Layer is a layer under test.
type Layer struct {
	In   int // columns of the source features
	Dst  int // columns of the destination features of a bipartite layer; 0: not bipartite
	Edge int // columns of the edge features; 0: none
	Out  Rows

	Params nn.Params
	// Forward adds the layer to an expression graph. When Dst is 0 xDst is xSrc;
	// when Edge is 0 f is nil.
	Forward func(g, xSrc, xDst, f *gorgonia.Node) (*gorgonia.Node, error)
	// Reference computes the layer in float64 as its documentation writes it.
	// p holds the parameters in the order of Params, vectors as one row.
	Reference func(p []*Mat, in Inputs) *Mat

	AcrossGraphs bool // the graphs of a batch influence each other, as under BatchNorm
}

// Run checks the layer that make returns; rng is for initialising it. Every check
// makes the layer anew.
func Run(t *testing.T, make func(rng *rand.Rand) (Layer, error)) {
	t.Helper()
	start := func(t *testing.T) (*bench, *rand.Rand) {
		t.Helper()
		rng := rand.New(rand.NewPCG(1, 2))
		l, err := make(rng)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range l.Params { // biases start at zero, where mistakes hide
			for i := range p.Data() {
				p.Data()[i] += float32(0.3 * rng.NormFloat64())
			}
		}
		b, err := newBench(l)
		if err != nil {
			t.Fatal(err)
		}
		return b, rng
	}
	t.Run("reference", func(t *testing.T) {
		b, rng := start(t)
		for _, c := range cases(t, rng, b.Dst > 0) {
			b.checkReference(t, rng, c)
		}
	})
	t.Run("gradient", func(t *testing.T) {
		b, rng := start(t)
		for _, c := range cases(t, rng, b.Dst > 0) {
			b.checkGradient(t, rng, c)
		}
	})
	t.Run("permutation", func(t *testing.T) {
		b, rng := start(t)
		for _, c := range cases(t, rng, b.Dst > 0) {
			b.checkPermutation(t, rng, c)
		}
	})
	t.Run("batch", func(t *testing.T) {
		b, rng := start(t)
		if b.AcrossGraphs {
			t.Skip("the graphs of a batch influence each other by definition")
		}
		b.checkBatch(t, rng)
	})
	t.Run("allocations", func(t *testing.T) {
		b, rng := start(t)
		if raceEnabled {
			t.Skip("the race detector allocates")
		}
		b.checkAllocations(t, rng)
	})
	t.Run("errors", func(t *testing.T) {
		b, rng := start(t)
		b.checkErrors(t, rng)
	})
}

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

// graphCase is one of the graphs every check runs on.
type graphCase struct {
	name  string
	graph *gnn.Graph
}

func cases(t *testing.T, rng *rand.Rand, bipartite bool) []graphCase {
	t.Helper()
	var list []graphCase
	add := func(name string, src, dst int, edges gnn.EdgeIndex) {
		var g *gnn.Graph
		var err error
		if bipartite {
			g, err = gnn.NewBipartite(src, dst, edges)
		} else {
			g, err = gnn.NewGraph(src, edges)
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, graphCase{name, g})
	}
	add("random", 9, 6, randomEdges(rng, 6, 6, 20)) // the last sources are isolated
	add("one edge", 2, 2, gnn.EdgeIndex{Src: []int32{0}, Dst: []int32{1}})
	add("self loop", 3, 3, gnn.EdgeIndex{Src: []int32{0, 1, 0, 2}, Dst: []int32{0, 1, 1, 0}})
	add("parallel edges", 3, 3, gnn.EdgeIndex{Src: []int32{2, 0, 2, 2}, Dst: []int32{1, 1, 1, 0}})
	add("undirected", 7, 7, randomEdges(rng, 7, 7, 9).Undirected())
	add("no edges", 3, 3, gnn.EdgeIndex{})
	add("one vertex", 1, 1, gnn.EdgeIndex{})
	add("empty", 0, 0, gnn.EdgeIndex{})
	if bipartite {
		add("no destinations", 2, 0, gnn.EdgeIndex{})
		add("no sources", 0, 2, gnn.EdgeIndex{})
		g, err := gnn.CompleteBipartite(4, 3)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, graphCase{"complete", g}, graphCase{"reversed", g.Reverse()})
	}
	members := make([]*gnn.Graph, len(list))
	for i, c := range list {
		members[i] = c.graph
	}
	batch, err := gnn.Batch(members...)
	if err != nil {
		t.Fatal(err)
	}
	return append(list, graphCase{"batch", batch}, graphCase{"batch of none", new(gnn.Graph)})
}

func randomEdges(rng *rand.Rand, numSrc, numDst, n int) gnn.EdgeIndex {
	ei := gnn.EdgeIndex{Src: make([]int32, n), Dst: make([]int32, n)}
	for e := range n {
		ei.Src[e], ei.Dst[e] = rng.Int32N(int32(numSrc)), rng.Int32N(int32(numDst))
	}
	return ei
}

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
	for _, c := range cases(t, rng, b.Dst > 0) {
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
	for _, c := range cases(t, rng, b.Dst > 0) {
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
	c := cases(t, rng, b.Dst > 0)[0]
	good := b.inputs(rng, c.graph)
	fails := func(what string, in Inputs) {
		t.Helper()
		if err := b.bind(b.infer, in, nil); err != nil {
			t.Fatal(err)
		}
		if err := b.infer.Run(); err == nil {
			t.Errorf("%s gives no error", what)
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
