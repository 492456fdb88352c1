package gnn_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

func TestDropout(t *testing.T) {
	d, err := nn.NewDropout(0.3, rand.New(rand.NewPCG(1, 2)))
	check(t, err)
	eg := gorgonia.NewGraph()
	in, err := nn.NewInput(eg, "x", 5)
	check(t, err)
	y, err := d.Forward(in)
	check(t, err)
	target, err := nn.NewInput(eg, "target", 5)
	check(t, err)
	loss, err := nn.MSE(y, target, nil)
	check(t, err)
	grads, err := gorgonia.Grad(loss, in)
	check(t, err)
	tape, err := nn.NewTape(y, grads[0])
	check(t, err)
	const rows = 4001 // odd number of entries
	var x, zero nn.Buffer
	for i := range x.Resize(rows, 5) {
		x.Matrix().Data[i] = float32(1 + i%7)
	}
	clear(zero.Resize(rows, 5))
	check(t, tape.Bind(in, x.Value()))
	check(t, tape.Bind(target, zero.Value()))

	check(t, tape.Run())
	if !slices.Equal(tape.Matrix(y).Data, x.Matrix().Data) {
		t.Error("not training, dropout changes its input")
	}
	d.Training = true
	check(t, tape.Run())
	dropped := 0
	keep := float32(1 / (1 - 19661.0/65536)) // 0.3 to a multiple of 2^-16
	for i, v := range tape.Matrix(y).Data {
		factor := float32(0)
		if v == 0 {
			dropped++
		} else {
			factor = keep
		}
		xi := x.Matrix().Data[i]
		// The loss is mean(y^2), so that its gradient is 2 y factor / n.
		want := 2 * v * factor / (rows * 5)
		if v != factor*xi || math.Abs(float64(tape.Matrix(grads[0]).Data[i]-want)) > 1e-6*float64(want) {
			t.Fatalf("entry %d: %v becomes %v with gradient %v", i, xi, v, tape.Matrix(grads[0]).Data[i])
		}
	}
	if share := float64(dropped) / (rows * 5); math.Abs(share-0.3) > 0.02 {
		t.Errorf("dropped %v of the entries, want 0.3", share)
	}
	first := slices.Clone(tape.Matrix(y).Data)
	check(t, tape.Run())
	if slices.Equal(first, tape.Matrix(y).Data) {
		t.Error("two runs drop the same entries")
	}
	for _, p := range []float64{-0.1, 1, math.NaN()} {
		if _, err := nn.NewDropout(p, nil); err == nil {
			t.Errorf("a probability of %v gives no error", p)
		}
	}
	var none *nn.Dropout
	if same, err := none.Forward(in); err != nil || same != in {
		t.Error("a nil Dropout is not the identity")
	}
}

func TestDropoutOfSparse(t *testing.T) {
	d, err := nn.NewDropout(0.5, rand.New(rand.NewPCG(3, 4)))
	check(t, err)
	sparse := gnn.SparseDropout{Dropout: d}
	dense := make([]float32, 40*30)
	for i := range dense {
		dense[i] = float32(i % 3)
	}
	x, err := gnn.SparseFromDense(40, 30, dense)
	check(t, err)
	apply := func() *gnn.Sparse {
		y, err := sparse.Apply(x)
		check(t, err)
		return y
	}
	if apply() != x {
		t.Error("not training, dropout copies its input")
	}
	d.Training = true
	y := apply().Dense()
	zeros := 0
	for i, v := range y {
		if v != 0 && v != 2*dense[i] {
			t.Fatalf("entry %d: %v becomes %v", i, dense[i], v)
		}
		if v == 0 && dense[i] != 0 {
			zeros++
		}
	}
	if math.Abs(float64(zeros)/800-0.5) > 0.1 {
		t.Errorf("dropped %d of 800 entries", zeros)
	}
	if !slices.Equal(x.Dense(), dense) {
		t.Error("dropout changed the original")
	}
	if n := testing.AllocsPerRun(10, func() { apply() }); n != 0 {
		t.Errorf("dropout allocates %v times", n)
	}
}

// With the same draws at each run, attention with dropout is a fixed function whose
// gradient finite differences give (in float32, hence roughly).
func TestAttentionDropout(t *testing.T) {
	pcg := rand.NewPCG(5, 6)
	d, err := nn.NewDropout(0.4, rand.New(pcg))
	check(t, err)
	d.Training = true
	rng := rand.New(rand.NewPCG(7, 8))
	l := must(gnn.NewGATConv("gat", gnn.GATConvConfig{In: 2, Out: 3, Heads: 2, Concat: true, Act: nn.Tanh}, rng))
	l.Dropout = d
	g, x := inputs(t)
	y, err := l.Forward(g, x)
	check(t, err)
	target, err := nn.NewInput(x.Graph(), "target", 6)
	check(t, err)
	loss, err := nn.MSE(y, target, nil)
	check(t, err)
	grads, err := nn.Grad(loss, l.Params())
	check(t, err)
	tape, err := nn.NewTape(append(gorgonia.Nodes{loss}, grads...)...)
	check(t, err)
	graph, err := gnn.NewGraph(8, gnn.EdgeIndex{
		Src: []int32{0, 1, 2, 3, 4, 5, 6, 7, 0, 2, 4, 6}, Dst: []int32{1, 2, 3, 4, 5, 6, 7, 0, 4, 5, 1, 0}})
	check(t, err)
	var xs, ts nn.Buffer
	gnntest.Random(rng, 8, 2).Float32(xs.Resize(8, 2))
	gnntest.Random(rng, 8, 6).Float32(ts.Resize(8, 6))
	check(t, tape.Bind(g, graph))
	check(t, tape.Bind(x, xs.Value()))
	check(t, tape.Bind(target, ts.Value()))
	run := func() float64 {
		pcg.Seed(9, 10)
		check(t, tape.Run())
		return tape.Scalar(loss)
	}
	run()
	for i, p := range l.Params() {
		got := slices.Clone(tape.Matrix(grads[i]).Data)
		var diff, norm float64
		for k := range p.Data() {
			const h = 1e-2
			v := p.Data()[k]
			p.Data()[k] = v + h
			up := run()
			p.Data()[k] = v - h
			down := run()
			p.Data()[k] = v
			want := (up - down) / (2 * h)
			diff += math.Pow(want-float64(got[k]), 2)
			norm += want * want
		}
		if diff > 1e-4*norm+1e-10 {
			t.Errorf("gradient of %s is off by %v of its size", p.Name, math.Sqrt(diff/norm))
		}
		run()
	}
}
