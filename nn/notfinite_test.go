package nn_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var nan, inf = float32(math.NaN()), float32(math.Inf(1))

// spoiled hands on x, and a gradient with a bad entry: a finite loss whose gradient is not.
type spoiled struct {
	at  int
	bad float32
}

func (spoiled) OutShape(in []gorgonia.Value) (int, int, error) {
	x, err := nn.AsMatrix(in[0])
	return x.Rows, x.Cols, err
}

func (spoiled) Forward(in []gorgonia.Value, out nn.Matrix) error {
	copy(out.Data, must(nn.AsMatrix(in[0])).Data)
	return nil
}

func (spoiled) Differentiable(int) bool { return true }

func (o spoiled) Backward(_ []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	copy(din[0].Data, dout.Data)
	din[0].Data[o.at] = o.bad
	return nil
}

// foreign is an optimiser that checks nothing.
type foreign struct{ nn.Optimizer }

func (f foreign) Step(model []gorgonia.ValueGrad) error {
	for _, m := range model {
		g := must(m.Grad())
		for i, v := range must(nn.AsMatrix(g)).Data {
			m.Value().(*tensor.Dense).Float32s()[i] -= v
		}
	}
	return nil
}

// TestNotFiniteGradient: a gradient that is not finite stops before weights and optimiser, for
// every optimiser, clipping and number of replicas.
func TestNotFiniteGradient(t *testing.T) {
	optimizers := map[string]func(nn.Params) nn.Optimizer{
		"adam":    func(ps nn.Params) nn.Optimizer { return must(nn.NewAdam(ps, nn.AdamConfig{})) },
		"sgd":     func(ps nn.Params) nn.Optimizer { return must(nn.NewSGD(ps, nn.SGDConfig{Momentum: 0.9})) },
		"rmsprop": func(ps nn.Params) nn.Optimizer { return must(nn.NewRMSProp(ps, nn.RMSPropConfig{})) },
		"muon":    muonOf,
		"foreign": func(ps nn.Params) nn.Optimizer { return foreign{must(nn.NewSGD(ps, nn.SGDConfig{}))} },
	}
	const cols = 37
	for name, optimizer := range optimizers {
		for _, clip := range []float64{0, 1} {
			for _, bad := range []float32{nan, inf, -inf} {
				for _, at := range []int{0, 17, cols - 1} {
					for _, replicas := range []int{1, 2} {
						p, q := must(nn.NewParam("first", nn.Normal(1), newRand(1), 1, cols)), must(nn.NewParam("second", nn.Normal(1), newRand(2), 1, cols))
						ps := nn.Params{p, q}
						opt := optimizer(ps)
						var trainers []*nn.Trainer
						for r := range replicas {
							g := gorgonia.NewGraph()
							target := must(nn.NewInput(g, "t", cols))
							y := must(q.Node(g))
							if r == replicas-1 { // the last replica spoils the sum
								y = must(nn.Apply("spoiled", spoiled{at, bad}, nn.Shape{2, cols}, y))
							}
							loss := must(nn.MSE(must(nn.Add(must(p.Node(g)), y)), target, nil))
							tr := must(nn.NewTrainer(loss, ps, opt))
							tr.ClipNorm = clip
							bind(t, tr.Tape, target, randomBuffer(newRand(3), 1, cols, 1).Value())
							trainers = append(trainers, tr)
						}
						before := slices.Concat(p.Data(), q.Data())
						state := opt.State()
						var err error
						if replicas == 1 {
							_, err = trainers[0].Step()
						} else {
							d := must(nn.NewDataParallel(trainers...))
							_, err = d.Step([]float64{0.5, 0.5})
							d.Close()
						}
						if !errors.Is(err, nn.ErrNotFinite) || !strings.Contains(err.Error(), `"second"`) {
							t.Fatalf("%s, clip %v, %v at %d, %d replicas: error %v, want ErrNotFinite that names the parameter", name, clip, bad, at, replicas, err)
						}
						after := opt.State()
						if !slices.Equal(before, slices.Concat(p.Data(), q.Data())) || after.Step != state.Step {
							t.Fatalf("%s, clip %v, %v at %d, %d replicas: weights or step changed", name, clip, bad, at, replicas)
						}
						for _, s := range after.Slots {
							if slices.ContainsFunc(s.Data(), func(v float32) bool { return v != 0 }) {
								t.Fatalf("%s: %s changed", name, s.Name)
							}
						}
					}
				}
			}
		}
	}
}

// scaled hands on x, and its gradient times a factor.
type scaled struct {
	spoiled
	factor float32
}

func (o scaled) Backward(_ []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	for i, v := range dout.Data {
		din[0].Data[i] = o.factor * v
	}
	return nil
}

// TestGradientBound: a layer whose weight has more entries than the minibatch bounds its gradients
// rather than looks at them. Step refuses exactly those that are not finite, also where only the
// product of finite inputs and finite gradients of outputs is infinite.
func TestGradientBound(t *testing.T) {
	const in, out, rows = 64, 48, 3
	var refused, taken int
	for _, cfg := range []nn.LinearConfig{{Act: nn.ReLU}, {Act: nn.Tanh, NoBias: true}, {}, {NoBias: true}} {
		cfg.In, cfg.Out, cfg.Init = in, out, nn.Constant(0)
		l := must(nn.NewLinear("wide", cfg, newRand(1)))
		for _, x := range []float32{0, 1e-30, 1, 1e17, 1e18, 1e19, 1e20, 1e21, 1e30, inf, nan} {
			for _, factor := range []float32{0, 1e-30, 1, 1e17, 1e18, 1e19, 1e20, 1e30, 1e38, inf, nan} {
				clear(l.Weight.Data())
				if l.Bias != nil {
					copy(l.Bias.Data(), slices.Repeat([]float32{0.5}, out))
				}
				var bx, bt nn.Buffer
				bx.Resize(rows, in)[rows*in-1] = x
				copy(bt.Resize(rows, out), slices.Repeat([]float32{3}, rows*out))
				graph := func() (loss, input, target *gorgonia.Node) {
					g := gorgonia.NewGraph()
					input, target = must(nn.NewInput(g, "x", in)), must(nn.NewInput(g, "t", out))
					y := must(nn.Apply("scaled", scaled{factor: factor}, nn.Shape{2, out}, must(l.Forward(input))))
					return must(nn.MSE(y, target, nil)), input, target
				}
				loss, input, target := graph()
				grads := must(nn.Grad(loss, l.Params()))
				tape := must(nn.NewTape(grads...))
				bind(t, tape, input, bx.Value())
				bind(t, tape, target, bt.Value())
				run(t, tape)
				finite := true
				for _, g := range grads {
					finite = finite && !slices.ContainsFunc(tape.Matrix(g).Data, func(v float32) bool { return v-v != 0 })
				}
				loss, input, target = graph()
				tr := must(nn.NewTrainer(loss, l.Params(), must(nn.NewSGD(l.Params(), nn.SGDConfig{}))))
				bind(t, tr.Tape, input, bx.Value())
				bind(t, tr.Tape, target, bt.Value())
				if _, err := tr.Step(); (err == nil) != finite || err != nil && !errors.Is(err, nn.ErrNotFinite) {
					t.Fatalf("%+v, x %v, factor %v: gradients finite: %v, Step: %v", cfg, x, factor, finite, err)
				}
				if finite {
					taken++
				} else {
					refused++
				}
			}
		}
	}
	if refused < 50 || taken < 50 {
		t.Errorf("%d steps refused, %d taken", refused, taken)
	}
}

// An optimiser that is stepped by hand refuses as well.
func TestOptimizerRefusesNotFinite(t *testing.T) {
	p := must(nn.NewParam("p", nn.Normal(1), newRand(1), 3))
	before := slices.Clone(p.Data())
	g := tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{1, nan, 1}))
	err := must(nn.NewAdam(nn.Params{p}, nn.AdamConfig{})).Step([]gorgonia.ValueGrad{fixedGrad{p, g}})
	if !errors.Is(err, nn.ErrNotFinite) || !slices.Equal(before, p.Data()) {
		t.Errorf("error %v, weights %v before and %v after", err, before, p.Data())
	}
	// The largest float32 is finite, though its square as a float32 is not.
	g.Float32s()[1] = math.MaxFloat32
	if _, err := nn.ClipGlobalNorm([]gorgonia.ValueGrad{fixedGrad{p, g}}, 1); err != nil {
		t.Error(err)
	}
}

// TestNotFiniteLoss: if any entry of predictions, targets or weights is NaN, so is the loss, and
// the error names the input.
func TestNotFiniteLoss(t *testing.T) {
	const rows, cols = 40, 1
	losses := map[string]func(y, t, w *gorgonia.Node) (*gorgonia.Node, error){
		"mse":           nn.MSE,
		"huber":         func(y, t, w *gorgonia.Node) (*gorgonia.Node, error) { return nn.Huber(y, t, w, 0.5) },
		"bce":           func(y, t, _ *gorgonia.Node) (*gorgonia.Node, error) { return nn.BCEWithLogits(y, t) },
		"cross entropy": func(y, t, _ *gorgonia.Node) (*gorgonia.Node, error) { return nn.CrossEntropy(y, t) },
		"segments": func(y, t, _ *gorgonia.Node) (*gorgonia.Node, error) {
			return nn.SegmentCrossEntropy(y, t, must(nn.NewIndexInput(y.Graph(), "ptr")))
		},
	}
	for name, loss := range losses {
		for _, where := range []string{"y", "t", "w"} {
			for _, at := range []int{0, 1, 19, rows - 1} {
				for _, zero := range []bool{false, true} { // targets
					g := gorgonia.NewGraph()
					y, target, w := must(nn.NewInput(g, "y", cols)), must(nn.NewInput(g, "t", cols)), must(nn.NewInput(g, "w", cols))
					one := must(nn.NewLinear("one", nn.LinearConfig{In: cols, Out: cols, Init: nn.Constant(1)}, newRand(1)))
					n := must(loss(must(one.Forward(y)), target, w))
					tr := must(nn.NewTrainer(n, one.Params(), must(nn.NewSGD(one.Params(), nn.SGDConfig{}))))
					if where == "w" && !tr.Tape.Needs(w) {
						continue
					}
					for _, in := range []*gorgonia.Node{y, target, w} {
						b := randomBuffer(newRand(1), rows, cols, 1)
						if in == target && zero {
							clear(b.Matrix().Data)
						}
						if in.Name() == where {
							b.Matrix().Data[at] = nan
						}
						if tr.Tape.Needs(in) {
							bind(t, tr.Tape, in, b.Value())
						}
					}
					if ptr := g.ByName("ptr"); len(ptr) > 0 {
						bind(t, tr.Tape, ptr[0], &nn.Index{Rows: []int32{0, 1, 20, rows}})
					}
					v, err := tr.Step()
					if !errors.Is(err, nn.ErrNotFinite) || !strings.Contains(err.Error(), `"`+where+`"`) {
						t.Errorf("%s: NaN at %d of %s: loss %v, error %v", name, at, where, v, err)
					}
				}
			}
		}
	}
}

// TestActivationsPropagateNaN, and the maximum of layers.
func TestActivationsPropagateNaN(t *testing.T) {
	const n = 35
	for at := range n {
		g := gorgonia.NewGraph()
		x, y := must(nn.NewInput(g, "x", n)), must(nn.NewInput(g, "y", n))
		var outs gorgonia.Nodes
		for _, act := range []nn.Activation{nn.None, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.Sigmoid, nn.Tanh} {
			outs = append(outs, must(nn.Activate(x, act)))
		}
		outs = append(outs, must(nn.Maximum(x, y)), must(nn.Maximum(y, x)), must(nn.Maximum(y, x, y)))
		tape := must(nn.NewTape(outs...))
		bx, by := randomBuffer(newRand(1), 1, n, 1), randomBuffer(newRand(2), 1, n, 1)
		bx.Matrix().Data[at] = nan
		bind(t, tape, x, bx.Value())
		bind(t, tape, y, by.Value())
		run(t, tape)
		for _, out := range outs {
			for k, v := range tape.Matrix(out).Data {
				if (v != v) != (k == at) {
					t.Fatalf("%v of NaN at %d: entry %d is %v", out, at, k, v)
				}
			}
		}
	}
}

func TestBatchNormRefuses(t *testing.T) {
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", 2))
	l := must(nn.NewBatchNorm("norm", 2, nn.None))
	l.Training = true
	tape := must(nn.NewTape(must(l.Forward(x))))
	bind(t, tape, x, randomBuffer(newRand(1), 1, 2, 1).Value())
	if err := tape.Run(); err == nil || !strings.Contains(err.Error(), "single row") {
		t.Errorf("one row in training: error %v", err)
	}
	b := randomBuffer(newRand(1), 5, 2, 1)
	b.Matrix().Data[7] = nan
	bind(t, tape, x, b.Value())
	if err := tape.Run(); !errors.Is(err, nn.ErrNotFinite) {
		t.Errorf("NaN in training: error %v", err)
	}
	if !slices.Equal(l.RunningMean.Data(), []float32{0, 0}) || !slices.Equal(l.RunningVar.Data(), []float32{1, 1}) {
		t.Errorf("running values changed to %v, %v", l.RunningMean.Data(), l.RunningVar.Data())
	}
	l.Training = false // any number of rows
	bind(t, tape, x, randomBuffer(newRand(1), 1, 2, 1).Value())
	run(t, tape)
}

// A schedule that makes no learning rate is refused before any weight changes.
func TestScheduleNotFinite(t *testing.T) {
	for _, factor := range []float64{math.NaN(), math.Inf(1), -1} {
		tr, net, _ := newTrainer(4, []int{3, 2}, 1)
		tr.Schedule = func(step int) float64 {
			if step == 2 {
				return factor
			}
			return 1
		}
		must(tr.Step())
		must(tr.Step())
		before := slices.Clone(net.Params()[0].Data())
		if _, err := tr.Step(); err == nil || !strings.Contains(err.Error(), "after 2 steps") {
			t.Errorf("%v: error %v", factor, err)
		}
		if !slices.Equal(before, net.Params()[0].Data()) {
			t.Errorf("%v: the weights have changed", factor)
		}
	}
}
