package nn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// half is x + c/2 without a gradient with respect to c.
type half struct{}

func (half) OutShape(in []gorgonia.Value) (int, int, error) {
	x, err := nn.AsMatrix(in[0])
	return x.Rows, x.Cols, err
}

func (half) Forward(in []gorgonia.Value, out nn.Matrix) error {
	x, c := must(nn.AsMatrix(in[0])), must(nn.AsMatrix(in[1]))
	for i, v := range x.Data {
		out.Data[i] = v + c.Data[i]/2
	}
	return nil
}

func (half) Differentiable(i int) bool { return i == 0 }

func (half) Backward(_ []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	if !din[0].IsZero() {
		copy(din[0].Data, dout.Data)
	}
	return nil
}

// A gradient that an operation does not have is refused by name, never left out.
func TestMissingGradientIsAnError(t *testing.T) {
	apply := func(x, c *gorgonia.Node) *gorgonia.Node { return must(nn.Apply("half", half{}, x.Shape(), x, c)) }
	same := func(n *gorgonia.Node) *gorgonia.Node { return n }
	detach := func(n *gorgonia.Node) *gorgonia.Node { return must(nn.Detach(n)) }
	for _, c := range []struct {
		name  string
		build func(w, hidden, x *gorgonia.Node) *gorgonia.Node // of a parameter, a layer on it, an input
		ok    bool
	}{
		{"both ways", func(w, h, _ *gorgonia.Node) *gorgonia.Node { return apply(h, h) }, false},
		{"parameter", func(w, h, _ *gorgonia.Node) *gorgonia.Node { return apply(h, w) }, false},
		{"another branch", func(w, h, x *gorgonia.Node) *gorgonia.Node {
			return must(gorgonia.Add(h, apply(x, w)))
		}, false},
		{"behind a built-in", func(w, h, x *gorgonia.Node) *gorgonia.Node {
			return apply(h, must(gorgonia.Square(h)))
		}, false},
		{"detached", func(w, h, _ *gorgonia.Node) *gorgonia.Node { return apply(h, detach(h)) }, true},
		{"constant", func(w, h, x *gorgonia.Node) *gorgonia.Node { return apply(h, same(x)) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			build := func() (*gorgonia.Node, nn.Params) {
				g := gorgonia.NewGraph()
				w := must(nn.NewParam("w", nn.Normal(1), newRand(1), 2, 3))
				l := must(nn.NewLinear("l", nn.LinearConfig{In: 3, Out: 3, Act: nn.Tanh}, newRand(2)))
				wn := must(w.Node(g))
				y := c.build(wn, must(l.Forward(wn)), must(nn.NewInput(g, "x", 3)))
				loss := must(nn.MSE(y, must(nn.NewInput(g, "t", 3)), nil))
				return loss, append(nn.Params{w}, l.Params()...)
			}
			report := func(how string, err error) {
				t.Helper()
				switch {
				case c.ok && err != nil:
					t.Errorf("%s: %v", how, err)
				case !c.ok && (err == nil || !strings.Contains(err.Error(), "half") || !strings.Contains(err.Error(), "input 1")):
					t.Errorf("%s: error %v, want one that names the operation and its input 1", how, err)
				}
			}
			loss, ps := build()
			_, err := nn.Grad(loss, ps)
			report("Grad", err)
			loss, ps = build()
			_, err = nn.NewTrainer(loss, ps, must(nn.NewSGD(ps, nn.SGDConfig{})))
			report("NewTrainer", err)
			loss, ps = build()
			grads, err := gorgonia.Grad(loss, must(ps.Nodes(loss.Graph()))...)
			if err == nil {
				_, err = nn.NewTape(grads...)
			}
			report("gorgonia.Grad", err)
		})
	}
}

// A part of the network that is not trained may stand before an input without a gradient.
func TestMissingGradientOfFrozenPart(t *testing.T) {
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", 3))
	frozen, trained := must(nn.NewLinear("frozen", nn.LinearConfig{In: 3, Out: 3, Act: nn.Tanh}, newRand(1))), must(nn.NewLinear("trained", nn.LinearConfig{In: 3, Out: 3, Act: nn.Tanh}, newRand(2)))
	y := must(nn.Apply("half", half{}, nn.Shape{2, 3}, must(trained.Forward(x)), must(frozen.Forward(x))))
	loss := must(nn.MSE(y, x, nil))
	if _, err := nn.Grad(loss, trained.Params()); err != nil {
		t.Error(err)
	}
	if _, err := nn.Grad(loss, frozen.Params()); err == nil {
		t.Error("the frozen part cannot be differentiated, and yet there is no error")
	}
}

func TestParameterWithoutInfluence(t *testing.T) {
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", 3))
	a, b := must(nn.NewLinear("a", nn.LinearConfig{In: 3, Out: 3, Act: nn.Tanh}, newRand(1))), must(nn.NewLinear("b", nn.LinearConfig{In: 3, Out: 3, Act: nn.Tanh}, newRand(2)))
	loss := must(nn.MSE(must(a.Forward(x)), must(b.Forward(x)), nil))
	if _, err := nn.Grad(loss, append(a.Params(), b.Params()...)); err == nil || !strings.Contains(err.Error(), `"b.weight"`) {
		t.Errorf("error %v, want one that names b.weight, which only the target depends on", err)
	}
}

// TestTargetsAreConstants: if the same layer makes predictions and targets, the gradient is that of
// the predictions alone, as with torch's target.detach().
func TestTargetsAreConstants(t *testing.T) {
	losses := map[string]func(y, t *gorgonia.Node) (*gorgonia.Node, error){
		"mse":   func(y, t *gorgonia.Node) (*gorgonia.Node, error) { return nn.MSE(y, t, nil) },
		"huber": func(y, t *gorgonia.Node) (*gorgonia.Node, error) { return nn.Huber(y, t, nil, 0.3) },
		"bce":   nn.BCEWithLogits, "cross entropy": nn.CrossEntropy,
		"segments": func(y, t *gorgonia.Node) (*gorgonia.Node, error) {
			ptr, err := nn.NewIndexInput(y.Graph(), "ptr")
			if err != nil {
				return nil, err
			}
			return nn.SegmentCrossEntropy(y, t, ptr)
		},
	}
	for name, loss := range losses {
		t.Run(name, func(t *testing.T) {
			const rows, cols = 5, 1
			gradients := func(frozen []float32) ([][]float32, []float32) {
				g := gorgonia.NewGraph()
				x := must(nn.NewInput(g, "x", 3))
				l := must(nn.NewLinear("l", nn.LinearConfig{In: 3, Out: cols, Act: nn.Sigmoid}, newRand(1)))
				head := must(nn.NewLinear("head", nn.LinearConfig{In: cols, Out: cols}, newRand(3)))
				h := must(l.Forward(x))
				target := h
				if frozen != nil {
					target = must(nn.NewInput(g, "t", cols))
				}
				n := must(loss(must(head.Forward(h)), target))
				ps := append(l.Params(), head.Params()...)
				grads := must(nn.Grad(n, ps))
				tape := must(nn.NewTape(append(gorgonia.Nodes{n, h}, grads...)...))
				bind(t, tape, x, randomBuffer(newRand(2), rows, 3, 1).Value())
				if frozen != nil {
					var b nn.Buffer
					copy(b.Resize(rows, cols), frozen)
					bind(t, tape, target, b.Value())
				}
				if ptr := g.ByName("ptr"); len(ptr) > 0 {
					bind(t, tape, ptr[0], &nn.Index{Rows: []int32{0, 2, rows}})
				}
				run(t, tape)
				var all [][]float32
				for _, d := range grads {
					all = append(all, slices.Clone(tape.Matrix(d).Data))
				}
				return all, slices.Clone(tape.Matrix(h).Data)
			}
			got, h := gradients(nil)
			want, _ := gradients(h)
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("gradient %d is %v, with constant targets %v", i, got[i], want[i])
				}
			}
		})
	}
}

// TestLossWeights: a residual's weight may be learnt.
func TestLossWeights(t *testing.T) {
	for name, delta := range map[string]float64{"mse": 0, "huber": 0.8} {
		t.Run(name, func(t *testing.T) {
			g := gorgonia.NewGraph()
			y, w := must(nn.NewParam("y", nn.Normal(1), newRand(1), 4, 3)), must(nn.NewParam("w", nn.Normal(1), newRand(2), 4, 3))
			target := must(nn.NewInput(g, "t", 3))
			loss, err := nn.MSE(must(y.Node(g)), target, must(w.Node(g)))
			if delta > 0 {
				loss, err = nn.Huber(must(y.Node(g)), target, must(w.Node(g)), delta)
			}
			grads := must(nn.Grad(must(loss, err), nn.Params{y, w}))
			tape := must(nn.NewTape(append(gorgonia.Nodes{loss}, grads...)...))
			bind(t, tape, target, randomBuffer(newRand(3), 4, 3, 1).Value())
			eval := func() float64 { run(t, tape); return tape.Scalar(loss) }
			eval()
			checkGradient(t, "y", y.Data(), tape.Matrix(grads[0]).Data, eval)
			checkGradient(t, "w", w.Data(), tape.Matrix(grads[1]).Data, eval)
		})
	}
}

// TestSeveralLossesInOneGraph: gorgonia.Grad would add the first loss's gradient of shared nodes to
// the second's.
func TestSeveralLossesInOneGraph(t *testing.T) {
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", 3))
	shared, a, b := must(nn.NewLinear("s", nn.LinearConfig{In: 3, Out: 4, Act: nn.Tanh}, newRand(1))), must(nn.NewLinear("a", nn.LinearConfig{In: 4, Out: 2, Act: nn.Tanh}, newRand(2))), must(nn.NewLinear("b", nn.LinearConfig{In: 4, Out: 2, Act: nn.Tanh}, newRand(3)))
	h := must(shared.Forward(x))
	target := must(nn.NewInput(g, "t", 2))
	for i, head := range []*nn.Linear{a, b, a} {
		loss := must(nn.MSE(must(head.Forward(h)), target, nil))
		ps := append(shared.Params(), head.Params()...)
		grads := must(nn.Grad(loss, ps))
		tape := must(nn.NewTape(append(gorgonia.Nodes{loss}, grads...)...))
		bind(t, tape, x, randomBuffer(newRand(4), 6, 3, 1).Value())
		bind(t, tape, target, randomBuffer(newRand(uint64(5+i)), 6, 2, 1).Value())
		eval := func() float64 { run(t, tape); return tape.Scalar(loss) }
		eval()
		for k, p := range ps {
			checkGradient(t, p.Name, p.Data(), tape.Matrix(grads[k]).Data, eval)
		}
	}
}
