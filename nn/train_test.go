package nn_test

import (
	"math"
	"testing"

	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fixedGrad feeds an optimiser a gradient made by hand.
type fixedGrad struct {
	p *nn.Param
	g *tensor.Dense
}

func (f fixedGrad) Value() gorgonia.Value         { return f.p.Value }
func (f fixedGrad) Grad() (gorgonia.Value, error) { return f.g, nil }

// TestOptimizers compares each optimiser with PyTorch's documented recurrence in float64.
func TestOptimizers(t *testing.T) {
	const n, steps = 37, 50
	type ref func(k int, p, g float64, s *[2]float64) float64
	cases := []struct {
		name string
		make func(nn.Params) nn.Optimizer
		ref  ref
	}{
		{"sgd", func(ps nn.Params) nn.Optimizer {
			return must(nn.NewSGD(ps, nn.SGDConfig{LearningRate: 0.1, Momentum: 0.9, WeightDecay: 0.01}))
		}, func(_ int, p, g float64, s *[2]float64) float64 {
			s[0] = 0.9*s[0] + g + 0.01*p
			return p - 0.1*s[0]
		}},
		{"nesterov", func(ps nn.Params) nn.Optimizer {
			return must(nn.NewSGD(ps, nn.SGDConfig{LearningRate: 0.1, Momentum: 0.9, Nesterov: true}))
		}, func(_ int, p, g float64, s *[2]float64) float64 {
			s[0] = 0.9*s[0] + g
			return p - 0.1*(g+0.9*s[0])
		}},
		{"adamw", func(ps nn.Params) nn.Optimizer {
			return must(nn.NewAdam(ps, nn.AdamConfig{LearningRate: 0.01, WeightDecay: 0.1}))
		}, func(k int, p, g float64, s *[2]float64) float64 {
			p -= 0.01 * 0.1 * p
			s[0] = 0.9*s[0] + 0.1*g
			s[1] = 0.999*s[1] + 0.001*g*g
			mHat, vHat := s[0]/(1-math.Pow(0.9, float64(k))), s[1]/(1-math.Pow(0.999, float64(k)))
			return p - 0.01*mHat/(math.Sqrt(vHat)+1e-8)
		}},
		{"rmsprop", func(ps nn.Params) nn.Optimizer {
			return must(nn.NewRMSProp(ps, nn.RMSPropConfig{LearningRate: 0.01}))
		}, func(_ int, p, g float64, s *[2]float64) float64 {
			s[0] = 0.99*s[0] + 0.01*g*g
			return p - 0.01*g/(math.Sqrt(s[0])+1e-8)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rng := newRand(8)
			p := must(nn.NewParam("p", nn.Normal(1), rng, n))
			want := make([]float64, n)
			for i, v := range p.Data() {
				want[i] = float64(v)
			}
			state := make([][2]float64, n)
			g := tensor.New(tensor.WithShape(n), tensor.WithBacking(make([]float32, n)))
			opt := c.make(nn.Params{p})
			for k := 1; k <= steps; k++ {
				for i := range want {
					g.Float32s()[i] = float32(rng.NormFloat64())
					want[i] = c.ref(k, want[i], float64(g.Float32s()[i]), &state[i])
				}
				if err := opt.Step([]gorgonia.ValueGrad{fixedGrad{p, g}}); err != nil {
					t.Fatal(err)
				}
			}
			for i, v := range p.Data() {
				if math.Abs(float64(v)-want[i]) > 1e-4 {
					t.Fatalf("parameter %d is %v, want %v", i, v, want[i])
				}
			}
			if opt.State().Step != steps {
				t.Errorf("%d steps counted, want %d", opt.State().Step, steps)
			}
		})
	}
}

// TestOptimizerStateResumes copies parameters and state in mid-training; the copy must continue bit
// for bit.
func TestOptimizerStateResumes(t *testing.T) {
	makers := map[string]func(nn.Params) nn.Optimizer{
		"sgd":     func(ps nn.Params) nn.Optimizer { return must(nn.NewSGD(ps, nn.SGDConfig{Momentum: 0.9})) },
		"adam":    func(ps nn.Params) nn.Optimizer { return must(nn.NewAdam(ps, nn.AdamConfig{})) },
		"rmsprop": func(ps nn.Params) nn.Optimizer { return must(nn.NewRMSProp(ps, nn.RMSPropConfig{})) },
		"muon":    muonOf,
	}
	for name, mk := range makers {
		t.Run(name, func(t *testing.T) {
			rng := newRand(6)
			in, target := randomBuffer(rng, 16, 5, 1), randomBuffer(rng, 16, 2, 1)
			net := must(nn.NewMLP("net", []int{5, 7, 2}, nn.ReLU, nil, rng))
			opt := mk(net.Params())
			tr := trainerOn(net, opt, in, target)
			for range 5 {
				must(tr.Step())
			}
			copied := must(nn.NewMLP("net", []int{5, 7, 2}, nn.ReLU, nil, newRand(99)))
			if err := copied.Params().CopyFrom(net.Params()); err != nil {
				t.Fatal(err)
			}
			opt2 := mk(copied.Params())
			if err := opt2.State().Slots.CopyFrom(opt.State().Slots); err != nil {
				t.Fatal(err)
			}
			opt2.SetStep(opt.State().Step)
			tr2 := trainerOn(copied, opt2, in, target)
			for range 5 {
				must(tr.Step())
				must(tr2.Step())
			}
			for i, p := range net.Params() {
				for j, v := range p.Data() {
					if v != copied.Params()[i].Data()[j] {
						t.Fatalf("%s[%d]: resumed %v, uninterrupted %v", p.Name, j, copied.Params()[i].Data()[j], v)
					}
				}
			}
		})
	}
}

// muonOf trains the matrices by Muon and the vectors by SGD.
func muonOf(ps nn.Params) nn.Optimizer {
	cfg := nn.MuonConfig{Momentum: 0.9, SGD: nn.SGDConfig{Momentum: 0.9}}
	for _, p := range ps {
		if len(p.Shape()) == 2 {
			cfg.Hidden = append(cfg.Hidden, p)
		}
	}
	return must(nn.NewMuon(ps, cfg))
}

func TestClipGlobalNorm(t *testing.T) {
	p, q := must(nn.NewParam("p", nil, nil, 2)), must(nn.NewParam("q", nil, nil, 1))
	grad := func(v ...float32) *tensor.Dense {
		return tensor.New(tensor.WithShape(len(v)), tensor.WithBacking(v))
	}
	a, b := grad(3, 4), grad(12)
	model := []gorgonia.ValueGrad{fixedGrad{p, a}, fixedGrad{q, b}}
	norm := must(nn.ClipGlobalNorm(model, 6.5))
	if norm != 13 || a.Float32s()[0] != 1.5 || a.Float32s()[1] != 2 || b.Float32s()[0] != 6 {
		t.Errorf("norm %v, clipped to %v and %v; want 13, [1.5 2], [6]", norm, a, b)
	}
	must(nn.ClipGlobalNorm(model, 100))
	if b.Float32s()[0] != 6 {
		t.Error("a norm below the limit was changed")
	}
	b.Float32s()[0] = float32(math.Inf(1))
	if _, err := nn.ClipGlobalNorm(model, 1); err == nil {
		t.Error("an infinite gradient: want an error")
	}
}

func TestSchedules(t *testing.T) {
	cases := []struct {
		name string
		s    nn.Schedule
		at   map[int]float64
	}{
		{"linear", nn.LinearDecay(10, 0.2), map[int]float64{0: 1, 5: 0.6, 10: 0.2, 99: 0.2}},
		{"cosine", nn.CosineDecay(10, 0), map[int]float64{0: 1, 5: 0.5, 10: 0, 99: 0}},
		{"step", nn.StepDecay(3, 0.5), map[int]float64{0: 1, 2: 1, 3: 0.5, 6: 0.25}},
		{"warmup", nn.Warmup(4, nn.LinearDecay(10, 0)), map[int]float64{0: 0.25, 3: 1, 4: 1, 9: 0.5}},
	}
	for _, c := range cases {
		for step, want := range c.at {
			if got := c.s(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s at step %d is %v, want %v", c.name, step, got, want)
			}
		}
	}
}

// TestDataParallel splits a minibatch over replicas; the mean of the parts must be
// the whole, and two runs must agree bit for bit.
func TestDataParallel(t *testing.T) {
	const rows = 24
	train := func(parts []int) []float32 {
		rng := newRand(12)
		in, target := randomBuffer(rng, rows, 4, 1), randomBuffer(rng, rows, 2, 0)
		net := must(nn.NewMLP("net", []int{4, 6, 2}, nn.Tanh, nil, rng))
		opt := must(nn.NewSGD(net.Params(), nn.SGDConfig{LearningRate: 0.5}))
		var replicas []*nn.Trainer
		var shares []float64
		at := 0
		for _, n := range parts {
			var x, y nn.Buffer
			copy(x.Resize(n, 4), in.Matrix().Data[at*4:])
			copy(y.Resize(n, 2), target.Matrix().Data[at*2:])
			at += n
			replicas = append(replicas, trainerOn(net, opt, &x, &y))
			shares = append(shares, float64(n)/rows)
		}
		d := must(nn.NewDataParallel(replicas...))
		defer d.Close()
		for range 10 {
			must(d.Step(shares))
		}
		return append([]float32(nil), net.Layers[0].Weight.Data()...)
	}
	whole := train([]int{rows})
	for _, parts := range [][]int{{12, 12}, {5, 12, 7}, {20, 4}} {
		a, b := train(parts), train(parts)
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("parts %v: two runs differ", parts)
			}
			if math.Abs(float64(a[i]-whole[i])) > 1e-5 {
				t.Fatalf("parts %v: weight %d is %v, undivided %v", parts, i, a[i], whole[i])
			}
		}
	}
}

func wantNoAllocs(t *testing.T, tr *nn.Trainer) {
	t.Helper()
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	if n := testing.AllocsPerRun(50, func() { must(tr.Step()) }); n != 0 {
		t.Errorf("a training step allocates %v times", n)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	tr, _, _ := newTrainer(32, []int{10, 24, 8}, 1)
	tr.ClipNorm = 1
	must(tr.Step())
	wantNoAllocs(t, tr)
}

// TestSharedValueAllocatesNothing covers the additions that gorgonia.Grad inserts
// where a value is used twice.
func TestSharedValueAllocatesNothing(t *testing.T) {
	rng := newRand(1)
	g := gorgonia.NewGraph()
	x := must(nn.NewInput(g, "x", 4))
	target := must(nn.NewInput(g, "t", 4))
	l := must(nn.NewLinear("l", nn.LinearConfig{In: 4, Out: 4, Act: nn.Tanh}, rng))
	h := must(l.Forward(must(l.Forward(x))))
	loss := must(nn.MSE(h, target, nil))
	tr := must(nn.NewTrainer(loss, l.Params(), must(nn.NewAdam(l.Params(), nn.AdamConfig{}))))
	bind(t, tr.Tape, x, randomBuffer(rng, 8, 4, 1).Value())
	bind(t, tr.Tape, target, randomBuffer(rng, 8, 4, 1).Value())
	must(tr.Step())
	wantNoAllocs(t, tr)
}

func BenchmarkTrainStep(b *testing.B) {
	for _, c := range []struct {
		name   string
		batch  int
		widths []int
	}{
		{"mlp-10-120-80-10-b128", 128, []int{10, 120, 80, 10}},
		{"mlp-140-128-64-140-b64", 64, []int{140, 128, 64, 140}},
	} {
		b.Run(c.name, func(b *testing.B) {
			tr, _, _ := newTrainer(c.batch, c.widths, 1)
			for range 100 {
				must(tr.Step())
			}
			b.ReportAllocs()
			for b.Loop() {
				must(tr.Step())
			}
		})
	}
}

func BenchmarkForward(b *testing.B) {
	b.Run("mlp-10-120-80-10-b1", func(b *testing.B) {
		rng := newRand(1)
		g := gorgonia.NewGraph()
		x := must(nn.NewInput(g, "x", 10))
		net := must(nn.NewMLP("net", []int{10, 120, 80, 10}, nn.ReLU, nil, rng))
		tape := must(nn.NewTape(must(nn.Activate(must(net.Forward(x)), nn.Sigmoid))))
		bind(b, tape, x, randomBuffer(rng, 1, 10, 1).Value())
		for range 100 {
			run(b, tape)
		}
		b.ReportAllocs()
		for b.Loop() {
			run(b, tape)
		}
	})
}
