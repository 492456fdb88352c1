package nn_test

import (
	"math"
	"testing"

	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// regularised is a small network whose first layer is under L2, with coefficient 0.3.
func regularised(t *testing.T) (*nn.MLP, *nn.Trainer, func() float64) {
	t.Helper()
	rng := newRand(5)
	g := gorgonia.NewGraph()
	x, y := must(nn.NewInput(g, "x", 4)), must(nn.NewInput(g, "y", 2))
	net := must(nn.NewMLP("net", []int{4, 6, 2}, nn.Tanh, nil, rng))
	mse := must(nn.MSE(must(net.Forward(x)), y, nil))
	l2 := must(nn.L2(g, net.Layers[0].Params()))
	loss := must(nn.WeightedSum([]*gorgonia.Node{mse, l2}, []float64{1, 0.3}))
	tr := must(nn.NewTrainer(loss, net.Params(), must(nn.NewAdam(net.Params(), nn.AdamConfig{LearningRate: 0.01})), mse))
	bind(t, tr.Tape, x, randomBuffer(rng, 9, 4, 1).Value())
	bind(t, tr.Tape, y, randomBuffer(rng, 9, 2, 1).Value())
	return net, tr, func() float64 { run(t, tr.Tape); return tr.Tape.Scalar(loss) - tr.Tape.Scalar(mse) }
}

func TestL2(t *testing.T) {
	net, _, penalty := regularised(t)
	want := 0.0
	for _, p := range net.Layers[0].Params() {
		for _, w := range p.Data() {
			want += 0.3 * float64(w) * float64(w) / 2
		}
	}
	if got := penalty(); math.Abs(got-want) > 1e-5 {
		t.Errorf("penalty %v, want %v", got, want)
	}
	if _, err := nn.L2(gorgonia.NewGraph(), nil); err == nil {
		t.Error("no parameters: want an error")
	}
}

func TestL2Gradient(t *testing.T) {
	rng := newRand(6)
	ps := nn.Params{must(nn.NewParam("w", nn.Normal(1), rng, 3, 5)), must(nn.NewParam("b", nn.Normal(1), rng, 5))}
	g := gorgonia.NewGraph()
	loss := must(nn.WeightedSum([]*gorgonia.Node{must(nn.L2(g, ps))}, []float64{0.7}))
	grads := must(nn.Grad(loss, ps))
	tape := must(nn.NewTape(append(gorgonia.Nodes{loss}, grads...)...))
	eval := func() float64 { run(t, tape); return tape.Scalar(loss) }
	eval()
	for i, p := range ps {
		checkGradient(t, p.Name, p.Data(), tape.Matrix(grads[i]).Data, eval)
	}
}

func TestL2TrainingAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("counts mean nothing under the race detector")
	}
	_, tr, _ := regularised(t)
	must(tr.Step())
	if n := testing.AllocsPerRun(20, func() { must(tr.Step()) }); n > 0 {
		t.Errorf("%v allocations a step, want none", n)
	}
}
