package nn_test

import (
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The tests of this file check the tape against known faults of Gorgonia's graphs and machines.

func TestEqualLayersStayApart(t *testing.T) {
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", 3))
	a := must(nn.NewLinear("a", nn.LinearConfig{In: 3, Out: 3}, newRand(1)))
	b := must(nn.NewLinear("b", nn.LinearConfig{In: 3, Out: 3}, newRand(2)))
	ya, yb := must(a.Forward(x)), must(b.Forward(x))
	// The same layer twice is one weight, but two results.
	ya2 := must(a.Forward(ya))
	if ya == yb || ya == ya2 {
		t.Fatal("two operations became one node")
	}
	tape := must(nn.NewTape(ya, yb, ya2))
	in := randomBuffer(newRand(3), 2, 3, 1)
	bind(t, tape, x, in.Value())
	run(t, tape)
	if tape.Matrix(ya).Data[0] == tape.Matrix(yb).Data[0] {
		t.Error("layers with different weights gave equal results")
	}
}

func TestNamesMustBeUnique(t *testing.T) {
	g := gorgonia.NewGraph()
	must(nn.NewInput(g, "x", 3))
	if _, err := nn.NewInput(g, "x", 3); err == nil {
		t.Error("a second input of the same name: want an error, since Gorgonia would merge the two")
	}
	if _, err := nn.NewInput(g, "", 3); err == nil {
		t.Error("an unnamed input: want an error")
	}
	p, q := must(nn.NewParam("w", nil, nil, 2, 2)), must(nn.NewParam("w", nil, nil, 2, 2))
	must(p.Node(g))
	if n := must(p.Node(g)); n != must(p.Node(g)) {
		t.Error("binding a parameter twice made two nodes")
	}
	if _, err := q.Node(g); err == nil {
		t.Error("another parameter of the same name: want an error")
	}
}

// TestBuiltinsRunOnTheTape mixes Gorgonia's own operations with ours and checks
// values and gradients against the stock TapeMachine.
func TestBuiltinsRunOnTheTape(t *testing.T) {
	rng := newRand(4)
	g := gorgonia.NewGraph()
	x := must(nn.NewParam("x", nn.Normal(1), rng, 4, 3))
	xn := must(x.Node(g))
	l := must(nn.NewLinear("l", nn.LinearConfig{In: 3, Out: 3, Act: nn.Tanh}, rng))
	y := must(l.Forward(xn))
	y = must(gorgonia.HadamardProd(y, must(gorgonia.Sigmoid(xn)))) // x is used twice
	y = must(gorgonia.Add(y, must(gorgonia.Square(y))))
	loss := must(gorgonia.Mean(y))
	params := append(nn.Params{x}, l.Params()...)
	grads := must(nn.Grad(loss, params))
	tape := must(nn.NewTape(append(gorgonia.Nodes{loss}, grads...)...))
	run(t, tape)
	want := tape.Scalar(loss)
	var got [][]float32
	for _, n := range grads {
		got = append(got, append([]float32(nil), tape.Matrix(n).Data...))
	}
	for i, p := range params {
		checkGradient(t, p.Name, p.Data(), got[i], func() float64 { run(t, tape); return tape.Scalar(loss) })
	}
	vm := gorgonia.NewTapeMachine(g)
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	if v := float64(loss.Value().Data().(float32)); v != want {
		t.Errorf("the tape machine computes %v, the tape %v", v, want)
	}
}

// TestSoftmaxAndLogSoftmaxDiffer: stock Gorgonia merges the two when they are taken
// of one node, because their hashes agree. The losses here must not.
func TestLossesOfOneNodeDiffer(t *testing.T) {
	g := gorgonia.NewGraph()
	z := must(nn.NewParam("z", nn.Normal(1), newRand(1), 4, 3))
	tn := must(nn.NewInput(g, "t", 3))
	zn := must(z.Node(g))
	a, b := must(nn.CrossEntropy(zn, tn)), must(nn.BCEWithLogits(zn, tn))
	c, d := must(nn.Huber(zn, tn, nil, 1)), must(nn.Huber(zn, tn, nil, 0.1))
	tape := must(nn.NewTape(a, b, c, d))
	target := randomBuffer(newRand(2), 4, 3, 1)
	bind(t, tape, tn, target.Value())
	run(t, tape)
	seen := map[float64]bool{}
	for _, n := range []*gorgonia.Node{a, b, c, d} {
		seen[tape.Scalar(n)] = true
	}
	if len(seen) != 4 {
		t.Errorf("4 losses gave %d different values", len(seen))
	}
}

func TestValuesSurviveTheRun(t *testing.T) {
	// Stock machines reuse registers, so intermediate values are not to be trusted.
	rng := newRand(9)
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", 4))
	net := must(nn.NewMLP("n", []int{4, 4, 4, 4, 4}, nn.None, nil, rng))
	var hidden []*gorgonia.Node
	h := x
	for _, l := range net.Layers {
		h = must(l.Forward(h))
		hidden = append(hidden, h)
	}
	tape := must(nn.NewTape(h))
	in := randomBuffer(rng, 3, 4, 1)
	bind(t, tape, x, in.Value())
	for range 2 { // a second run needs no reset
		run(t, tape)
		prev := in.Matrix()
		for i, l := range net.Layers {
			y := tape.Matrix(hidden[i])
			for r := range 3 {
				for c := range 4 {
					want := 0.0
					for k := range 4 {
						want += float64(prev.Row(r)[k]) * float64(l.Weight.Data()[k*4+c])
					}
					if math.Abs(float64(y.Row(r)[c])-want) > 1e-4 {
						t.Fatalf("layer %d [%d,%d] is %v, want %v", i, r, c, y.Row(r)[c], want)
					}
				}
			}
			prev = y
		}
		in.Matrix().Data[0]++
	}
}

func TestAnyNumberOfRows(t *testing.T) {
	rng := newRand(1)
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", 4))
	net := must(nn.NewMLP("n", []int{4, 8, 2}, nn.ReLU, nil, rng))
	y := must(net.Forward(x))
	target := must(nn.NewInput(g, "t", 2))
	loss := must(nn.MSE(y, target, nil))
	tr := must(nn.NewTrainer(loss, net.Params(), must(nn.NewAdam(net.Params(), nn.AdamConfig{})), y))
	var in, tb nn.Buffer
	for _, rows := range []int{1, 7, 0, 64, 2, 65, 1} {
		for i := range in.Resize(rows, 4) {
			in.Matrix().Data[i] = rng.Float32()
		}
		tb.Resize(rows, 2)
		bind(t, tr.Tape, x, in.Value())
		bind(t, tr.Tape, target, tb.Value())
		if _, err := tr.Step(); err != nil {
			t.Fatalf("%d rows: %v", rows, err)
		}
		if m := tr.Tape.Matrix(y); m.Rows != rows || m.Cols != 2 {
			t.Errorf("%d rows gave [%d x %d]", rows, m.Rows, m.Cols)
		}
	}
}

func TestErrorsNameTheOperation(t *testing.T) {
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "features", 4))
	y := must(must(nn.NewLinear("l", nn.LinearConfig{In: 4, Out: 2}, newRand(1))).Forward(x))
	tape := must(nn.NewTape(y))
	if err := tape.Run(); err == nil || !strings.Contains(err.Error(), "features") {
		t.Errorf("an unbound input: want an error that names it, got %v", err)
	}
	bind(t, tape, x, randomBuffer(newRand(1), 3, 5, 1).Value())
	if err := tape.Run(); err == nil || !strings.Contains(err.Error(), "linear") || !strings.Contains(err.Error(), "(3, 5)") {
		t.Errorf("wrong columns: want an error that names operation and shapes, got %v", err)
	}
	bind(t, tape, x, tensor.New(tensor.WithShape(3, 4), tensor.Of(tensor.Float64)))
	if err := tape.Run(); err == nil || !strings.Contains(err.Error(), "float32") {
		t.Errorf("float64 input: want an error, got %v", err)
	}
	if err := tape.Bind(y, nil); err == nil {
		t.Error("binding a computed node: want an error")
	}
	if _, err := must(nn.NewLinear("m", nn.LinearConfig{In: 5, Out: 2}, newRand(1))).Forward(x); err == nil {
		t.Error("a layer of another width: want an error")
	}
}

func TestNotFinite(t *testing.T) {
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", 2))
	target := must(nn.NewInput(g, "t", 1))
	l := must(nn.NewLinear("l", nn.LinearConfig{In: 2, Out: 1}, newRand(1)))
	loss := must(nn.MSE(must(l.Forward(x)), target, nil))
	tr := must(nn.NewTrainer(loss, l.Params(), must(nn.NewSGD(l.Params(), nn.SGDConfig{}))))
	var in, tb nn.Buffer
	copy(in.Resize(1, 2), []float32{float32(math.NaN()), 1})
	copy(tb.Resize(1, 1), []float32{0})
	bind(t, tr.Tape, x, in.Value())
	bind(t, tr.Tape, target, tb.Value())
	before := append([]float32(nil), l.Weight.Data()...)
	if _, err := tr.Step(); err == nil {
		t.Error("a NaN input: want an error")
	}
	for i, w := range l.Weight.Data() {
		if w != before[i] {
			t.Error("a failing step changed a weight")
		}
	}
}

// TestConcurrentBuilding builds and trains networks on several goroutines; run it
// with -race.
func TestConcurrentBuilding(t *testing.T) {
	var wg sync.WaitGroup
	losses := make([]float64, 4)
	for i := range losses {
		wg.Add(1)
		go func() {
			defer wg.Done()
			tr, _, _ := newTrainer(12, []int{4, 6, 2}, 5)
			for range 20 {
				losses[i], _ = tr.Step()
			}
		}()
	}
	wg.Wait()
	for _, l := range losses {
		if l != losses[0] || l == 0 {
			t.Errorf("equal networks trained apart differ: %v", losses)
		}
	}
}

// newTrainer makes a network of the given widths with a BCE loss and Adam, bound to
// a random minibatch.
func newTrainer(batch int, widths []int, seed uint64) (*nn.Trainer, *nn.MLP, *nn.Buffer) {
	rng := newRand(seed)
	net := must(nn.NewMLP("net", widths, nn.ReLU, nil, rng))
	in := randomBuffer(rng, batch, widths[0], 1)
	tb := randomBuffer(rng, batch, widths[len(widths)-1], 1)
	for i, v := range tb.Matrix().Data {
		tb.Matrix().Data[i] = float32(math.Round(1 / (1 + math.Exp(-float64(v)))))
	}
	return trainerOn(net, must(nn.NewAdam(net.Params(), nn.AdamConfig{})), in, tb), net, in
}

func trainerOn(net *nn.MLP, opt nn.Optimizer, in, target *nn.Buffer) *nn.Trainer {
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", in.Matrix().Cols))
	tn := must(nn.NewInput(g, "t", target.Matrix().Cols))
	loss := must(nn.BCEWithLogits(must(net.Forward(x)), tn))
	tr := must(nn.NewTrainer(loss, net.Params(), opt))
	if err := tr.Tape.Bind(x, in.Value()); err != nil {
		panic(err)
	}
	if err := tr.Tape.Bind(tn, target.Value()); err != nil {
		panic(err)
	}
	return tr
}
