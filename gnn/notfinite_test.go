package gnn_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// TestMaximumPropagatesNaN: if any neighbour, edge or vertex is NaN, so is the maximum, as in
// PyTorch, and unrelated results are not.
func TestMaximumPropagatesNaN(t *testing.T) {
	const n, cols = 5, 3
	rng := rand.New(rand.NewPCG(1, 2))
	star := gnn.EdgeIndex{} // all others to vertex 0, and 0 to itself
	for i := range int32(n) {
		star.Src, star.Dst = append(star.Src, i), append(star.Dst, 0)
	}
	graph, err := gnn.NewGraph(n, star)
	check(t, err)
	pool, err := gnn.NewGraph(n, gnn.EdgeIndex{})
	check(t, err)
	sage := must(gnn.NewSAGEConv("sage", gnn.SAGEConvConfig{In: cols, Out: cols, Agg: gnn.Max}, rng))
	for _, c := range []struct {
		name  string
		graph *gnn.Graph
		build func(g, x *gorgonia.Node) (*gorgonia.Node, error)
	}{
		{"aggregate", graph, func(g, x *gorgonia.Node) (*gorgonia.Node, error) { return gnn.Aggregate(g, x, gnn.Max) }},
		{"edges", graph, func(g, x *gorgonia.Node) (*gorgonia.Node, error) { return gnn.AggregateEdges(g, x, gnn.Max) }},
		{"readout", graph, func(g, x *gorgonia.Node) (*gorgonia.Node, error) { return gnn.Readout(g, x, gnn.Max) }},
		{"sage", graph, sage.Forward},
		{"top-k", pool, func(g, x *gorgonia.Node) (*gorgonia.Node, error) {
			_, y, err := must(gnn.NewTopKPooling("top", gnn.PoolingConfig{In: cols, Ratio: 0.2}, rng)).Forward(g, x)
			return y, err
		}},
		{"attention", graph, func(g, x *gorgonia.Node) (*gorgonia.Node, error) {
			return (&gnn.AttentionReadout{Gate: must(nn.NewLinear("gate", nn.LinearConfig{In: cols, Out: 1}, rng))}).Forward(g, x)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for at := range n {
				g, x := inputsOf(t, cols)
				y, err := c.build(g, x)
				check(t, err)
				tape, err := nn.NewTape(y)
				check(t, err)
				var b nn.Buffer
				gnntest.Random(rng, n, cols).Float32(b.Resize(n, cols))
				b.Matrix().Row(at)[1] = float32(math.NaN())
				check(t, tape.Bind(g, c.graph))
				check(t, tape.Bind(x, b.Value()))
				check(t, tape.Run())
				first := tape.Matrix(y).Row(0)
				if first[1] == first[1] {
					t.Errorf("NaN in row %d: the result is %v", at, first)
				}
				if c.name != "sage" && c.name != "top-k" && c.name != "attention" && (first[0] != first[0] || first[2] != first[2]) {
					t.Errorf("NaN in row %d spreads to other columns: %v", at, first)
				}
			}
		})
	}
}

func inputsOf(t *testing.T, cols int) (g, x *gorgonia.Node) {
	t.Helper()
	eg := gorgonia.NewGraph()
	g, err := gnn.NewGraphInput(eg, "g")
	check(t, err)
	x, err = nn.NewInput(eg, "x", cols)
	check(t, err)
	return g, x
}

// A NaN behind a maximum that hid it once reached the weights.
func TestHiddenNaNStopsTraining(t *testing.T) {
	for at := range 3 {
		rng := rand.New(rand.NewPCG(1, 2))
		g, x := inputsOf(t, 1)
		y, err := nn.NewInput(g.Graph(), "y", 1)
		check(t, err)
		l, o := must(nn.NewLinear("l", nn.LinearConfig{In: 1, Out: 4, Act: nn.ReLU}, rng)), must(nn.NewLinear("o", nn.LinearConfig{In: 4, Out: 1}, rng))
		h, err := l.Forward(x)
		check(t, err)
		m, err := gnn.Readout(g, h, gnn.Max)
		check(t, err)
		z, err := o.Forward(m)
		check(t, err)
		loss, err := nn.MSE(z, y, nil)
		check(t, err)
		ps := append(l.Params(), o.Params()...)
		tr, err := nn.NewTrainer(loss, ps, must(nn.NewAdam(ps, nn.AdamConfig{})))
		check(t, err)
		three, err := gnn.NewGraph(3, gnn.EdgeIndex{})
		check(t, err)
		var bx, by nn.Buffer
		copy(bx.Resize(3, 1), []float32{1, 2, 3})
		bx.Matrix().Data[at] = float32(math.NaN())
		by.Resize(1, 1)[0] = 1
		check(t, tr.Tape.Bind(g, three))
		check(t, tr.Tape.Bind(x, bx.Value()))
		check(t, tr.Tape.Bind(y, by.Value()))
		if v, err := tr.Step(); !errors.Is(err, nn.ErrNotFinite) {
			t.Errorf("NaN at vertex %d: loss %v, error %v", at, v, err)
		}
		for _, p := range ps {
			for _, w := range p.Data() {
				if w != w {
					t.Fatalf("NaN at vertex %d: %s holds NaN", at, p.Name)
				}
			}
		}
	}
}

// TestPoolingKeepsTheShare: 0.55 of 100 is 55, though 0.55*100 is more in float64.
func TestPoolingKeepsTheShare(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		ratio   float64
		n, want int
	}{{0.55, 100, 55}, {0.07, 100, 7}, {0.29, 100, 29}, {0.55, 101, 56}, {1.0 / 49, 49, 1}, {1, 7, 7}} {
		g, x := inputsOf(t, 2)
		_, y, err := must(gnn.NewTopKPooling("top", gnn.PoolingConfig{In: 2, Ratio: c.ratio}, rng)).Forward(g, x)
		check(t, err)
		tape, err := nn.NewTape(y)
		check(t, err)
		graph, err := gnn.NewGraph(c.n, gnn.EdgeIndex{})
		check(t, err)
		var b nn.Buffer
		gnntest.Random(rng, c.n, 2).Float32(b.Resize(c.n, 2))
		check(t, tape.Bind(g, graph))
		check(t, tape.Bind(x, b.Value()))
		check(t, tape.Run())
		if got := tape.Matrix(y).Rows; got != c.want {
			t.Errorf("ratio %v of %d vertices keeps %d, want %d", c.ratio, c.n, got, c.want)
		}
	}
}

// TestSaturatedAttention compares the gradients of attention with float64 where one weight is
// almost 1, so that they are small differences of large numbers.
func TestSaturatedAttention(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const n, cols = 12, 33
	for _, gap := range []float64{0, 3, 8, 15, 30} {
		s, h := must(nn.NewParam("s", nn.Normal(1), rng, n, 1)), must(nn.NewParam("h", nn.Normal(1), rng, n, cols))
		s.Data()[5] += float32(gap)
		for i := range h.Data() {
			h.Data()[i] += 3 // a common part, which cancels
		}
		g, _ := inputsOf(t, 1)
		sn, err := s.Node(g.Graph())
		check(t, err)
		hn, err := h.Node(g.Graph())
		check(t, err)
		y, err := (&gnn.AttentionReadout{Gate: same{sn}, Net: nil}).Forward(g, hn)
		check(t, err)
		target, err := nn.NewInput(g.Graph(), "t", cols)
		check(t, err)
		loss, err := nn.MSE(y, target, nil)
		check(t, err)
		grads, err := nn.Grad(loss, nn.Params{s})
		check(t, err)
		tape, err := nn.NewTape(loss, y, grads[0])
		check(t, err)
		graph, err := gnn.NewGraph(n, gnn.EdgeIndex{})
		check(t, err)
		var b nn.Buffer
		gnntest.Random(rng, 1, cols).Float32(b.Resize(1, cols))
		check(t, tape.Bind(g, graph))
		check(t, tape.Bind(target, b.Value()))
		check(t, tape.Run())

		alpha, total := make([]float64, n), 0.0
		for i, v := range s.Data() {
			alpha[i] = math.Exp(float64(v) - float64(s.Data()[5]))
			total += alpha[i]
		}
		dot := make([]float64, n) // dy . (h_i - h_5)
		mean := 0.0
		for i := range n {
			alpha[i] /= total
			for k := range cols {
				dy := 2 * (float64(tape.Matrix(y).Data[k]) - float64(b.Matrix().Data[k])) / cols
				dot[i] += dy * (float64(h.Data()[i*cols+k]) - float64(h.Data()[5*cols+k]))
			}
			mean += alpha[i] * dot[i]
		}
		worst, size := 0.0, 0.0
		for i, got := range tape.Matrix(grads[0]).Data {
			want := alpha[i] * (dot[i] - mean)
			worst, size = max(worst, math.Abs(float64(got)-want)), max(size, math.Abs(want))
		}
		if worst > 2e-6*size {
			t.Errorf("largest score %v above the others: error %v of %v, relative %v", gap, worst, size, worst/size)
		}
	}
}

// same is a module that ignores its input and returns a fixed node.
type same struct{ n *gorgonia.Node }

func (m same) Forward(*gorgonia.Node) (*gorgonia.Node, error) { return m.n, nil }
func (same) Params() nn.Params                                { return nil }
