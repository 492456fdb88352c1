package nn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/internal/constructors"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// second keeps the error of a constructor.
func second[T any](_ T, err error) error { return err }

func TestConstructorsRefuseNonsense(t *testing.T) {
	rng := newRand(1)
	eg := gorgonia.NewGraph()
	linear := func(cfg nn.LinearConfig, rng *rand.Rand) func() error {
		return func() error { return second(nn.NewLinear("l", cfg, rng)) }
	}
	mlp := func(widths ...int) func() error {
		return func() error { return second(nn.NewMLP("m", widths, nn.ReLU, nil, rng)) }
	}
	p := must(nn.NewParam("p", nil, nil, 2, 2))
	vector := must(nn.NewParam("vector", nil, nil, 2))
	ps := nn.Params{p}
	l := must(nn.NewLinear("l", nn.LinearConfig{In: 1, Out: 1}, rng))
	x := must(nn.NewInput(eg, "x", 1))
	y := must(l.Forward(x))
	loss := must(nn.MSE(y, x, nil))
	opt := must(nn.NewSGD(l.Params(), nn.SGDConfig{}))
	sgd := func(ps nn.Params, cfg nn.SGDConfig) func() error {
		return func() error { return second(nn.NewSGD(ps, cfg)) }
	}
	adam := func(cfg nn.AdamConfig) func() error {
		return func() error { return second(nn.NewAdam(ps, cfg)) }
	}
	rms := func(cfg nn.RMSPropConfig) func() error {
		return func() error { return second(nn.NewRMSProp(ps, cfg)) }
	}
	muon := func(ps nn.Params, cfg nn.MuonConfig) func() error {
		return func() error { return second(nn.NewMuon(ps, cfg)) }
	}
	constructors.Check(t, ".", constructors.Bad{
		"NewInput": {
			"no graph":      func() error { return second(nn.NewInput(nil, "x", 1)) },
			"no name":       func() error { return second(nn.NewInput(eg, "", 1)) },
			"no columns":    func() error { return second(nn.NewInput(eg, "y", 0)) },
			"negative":      func() error { return second(nn.NewInput(eg, "y", -1)) },
			"name in use":   func() error { return second(nn.NewInput(eg, "x", 1)) },
			"another width": func() error { return second(nn.NewInput(eg, "x", 2)) },
		},
		"NewIndexInput": {
			"no graph": func() error { return second(nn.NewIndexInput(nil, "i")) },
			"no name":  func() error { return second(nn.NewIndexInput(eg, "")) },
		},
		"NewParam": {
			"no name":       func() error { return second(nn.NewParam("", nil, nil, 1)) },
			"no shape":      func() error { return second(nn.NewParam("p", nil, nil)) },
			"zero":          func() error { return second(nn.NewParam("p", nil, nil, 2, 0)) },
			"negative":      func() error { return second(nn.NewParam("p", nil, nil, -1, -1)) },
			"three-fold":    func() error { return second(nn.NewParam("p", nil, nil, 1, 1, 1)) },
			"beyond memory": func() error { return second(nn.NewParam("p", nil, nil, math.MaxInt, math.MaxInt)) },
			"no source":     func() error { return second(nn.NewParam("p", nn.HeNormal, nil, 1, 1)) },
		},
		"NewLinear": {
			"zero":         linear(nn.LinearConfig{}, rng),
			"no outputs":   linear(nn.LinearConfig{In: 1}, rng),
			"negative":     linear(nn.LinearConfig{In: -2, Out: -2}, rng),
			"activation":   linear(nn.LinearConfig{In: 1, Out: 1, Act: 99}, rng),
			"no source":    linear(nn.LinearConfig{In: 1, Out: 1}, nil),
			"beyond reach": linear(nn.LinearConfig{In: 1 << 20, Out: 1 << 20}, rng),
		},
		"NewMLP": {
			"nothing":    mlp(),
			"one width":  mlp(3),
			"zero":       mlp(3, 0, 2),
			"negative":   mlp(-3, 2),
			"activation": func() error { return second(nn.NewMLP("m", []int{1, 1, 1}, 99, nil, rng)) },
			"no source":  func() error { return second(nn.NewMLP("m", []int{1, 1}, nn.ReLU, nil, nil)) },
		},
		"NewLayerNorm": {
			"zero":       func() error { return second(nn.NewLayerNorm("n", 0, nn.None)) },
			"no name":    func() error { return second(nn.NewLayerNorm("", -1, nn.None)) },
			"activation": func() error { return second(nn.NewLayerNorm("n", 1, 99)) },
		},
		"NewBatchNorm": {
			"zero":       func() error { return second(nn.NewBatchNorm("n", 0, nn.None)) },
			"negative":   func() error { return second(nn.NewBatchNorm("n", -1, nn.None)) },
			"activation": func() error { return second(nn.NewBatchNorm("n", 1, 99)) },
		},
		"NewDropout": {
			"negative":       func() error { return second(nn.NewDropout(-0.1, rng)) },
			"all":            func() error { return second(nn.NewDropout(1, rng)) },
			"not a number":   func() error { return second(nn.NewDropout(math.NaN(), rng)) },
			"without source": func() error { return second(nn.NewDropout(0.5, nil)) },
		},
		"NewSGD": {
			"nil parameter":   sgd(nn.Params{nil}, nn.SGDConfig{}),
			"empty parameter": sgd(nn.Params{{}}, nn.SGDConfig{}),
			"twice":           sgd(nn.Params{p, p}, nn.SGDConfig{}),
			"negative rate":   sgd(ps, nn.SGDConfig{LearningRate: -1}),
			"rate no number":  sgd(ps, nn.SGDConfig{LearningRate: math.NaN()}),
			"momentum":        sgd(ps, nn.SGDConfig{Momentum: 1}),
			"decay":           sgd(ps, nn.SGDConfig{WeightDecay: -1}),
		},
		"NewAdam": {
			"infinite rate": adam(nn.AdamConfig{LearningRate: math.Inf(1)}),
			"beta1":         adam(nn.AdamConfig{Beta1: 1}),
			"rate is 0":     adam(nn.AdamConfig{LearningRate: 1e-46}), // in 32 bits, as the following
			"rate is inf":   adam(nn.AdamConfig{LearningRate: 1e39}),
			"beta1 is 1":    adam(nn.AdamConfig{Beta1: 1 - 1e-9}),
			"beta2 is 1":    adam(nn.AdamConfig{Beta2: 1 - 1e-9}),
			"epsilon is 0":  adam(nn.AdamConfig{Epsilon: 1e-46}),
			"beta2":         adam(nn.AdamConfig{Beta2: -0.1}),
			"epsilon":       adam(nn.AdamConfig{Epsilon: -1}),
			"decay":         adam(nn.AdamConfig{WeightDecay: math.NaN()}),
		},
		"NewRMSProp": {
			"rate":    rms(nn.RMSPropConfig{LearningRate: -1}),
			"alpha":   rms(nn.RMSPropConfig{Alpha: 1.5}),
			"epsilon": rms(nn.RMSPropConfig{Epsilon: -1}),
		},
		"NewMuon": {
			"nil parameter":    muon(nn.Params{nil}, nn.MuonConfig{}),
			"rate":             muon(ps, nn.MuonConfig{LearningRate: -1}),
			"momentum":         muon(ps, nn.MuonConfig{Momentum: 1}),
			"decay":            muon(ps, nn.MuonConfig{WeightDecay: -1}),
			"iterations":       muon(ps, nn.MuonConfig{Iterations: -1}),
			"rate of SGD":      muon(ps, nn.MuonConfig{SGD: nn.SGDConfig{LearningRate: -1}}),
			"momentum of SGD":  muon(ps, nn.MuonConfig{SGD: nn.SGDConfig{Momentum: 1}}),
			"hidden elsewhere": muon(ps, nn.MuonConfig{Hidden: nn.Params{must(nn.NewParam("other", nil, nil, 2, 2))}}),
			"hidden is nil":    muon(ps, nn.MuonConfig{Hidden: nn.Params{nil}}),
			"hidden vector":    muon(nn.Params{vector}, nn.MuonConfig{Hidden: nn.Params{vector}}),
		},
		"NewTape": {
			"nothing":    func() error { return second(nn.NewTape()) },
			"nil":        func() error { return second(nn.NewTape(nil)) },
			"two graphs": func() error { return second(nn.NewTape(x, must(nn.NewInput(gorgonia.NewGraph(), "x", 1)))) },
		},
		"NewTrainer": {
			"no loss":       func() error { return second(nn.NewTrainer(nil, ps, opt)) },
			"not a scalar":  func() error { return second(nn.NewTrainer(y, l.Params(), opt)) },
			"no optimiser":  func() error { return second(nn.NewTrainer(loss, l.Params(), nil)) },
			"nil parameter": func() error { return second(nn.NewTrainer(loss, nn.Params{nil}, opt)) },
		},
		"NewDataParallel": {
			"nothing":      func() error { return second(nn.NewDataParallel()) },
			"nil":          func() error { return second(nn.NewDataParallel(nil)) },
			"zero trainer": func() error { return second(nn.NewDataParallel(new(nn.Trainer))) },
		},
	})
}

// Nothing exported panics on nil nodes or zero values.
func TestNilAndZero(t *testing.T) {
	eg := gorgonia.NewGraph()
	x := must(nn.NewInput(eg, "x", 2))
	var buf nn.Buffer
	if m := buf.Matrix(); !m.IsZero() {
		t.Errorf("the matrix of a zero Buffer is %v, want the zero Matrix", m)
	}
	if n := len(buf.Resize(-1, 3)); n != 0 {
		t.Errorf("a buffer of -1 rows holds %d values, want 0", n)
	}
	tape := must(nn.NewTape(must(nn.Activate(x, nn.ReLU))))
	if y := must(nn.Sequential{}.Forward(x)); y != x {
		t.Error("an empty Sequential changes its input")
	}
	if y := must((*nn.Dropout)(nil).Forward(x)); y != x {
		t.Error("a nil Dropout changes its input")
	}
	closed := must(nn.NewDataParallel(trainer(t, "a")))
	closed.Close()
	closed.Close()
	for name, fails := range map[string]func() error{
		"bind a zero buffer": func() error { return tape.Bind(x, new(nn.Buffer).Value()) },
		"bind a nil node":    func() error { return tape.Bind(nil, randomBuffer(newRand(1), 1, 2, 1).Value()) },
		"run unbound":        tape.Run,
		"activate":           func() error { return second(nn.Activate(nil, nn.ReLU)) },
		"apply nothing":      func() error { return second(nn.Apply("op", nil, nil)) },
		"grad":               func() error { return second(nn.Grad(nil, nil)) },
		"loss":               func() error { return second(nn.MSE(nil, nil, nil)) },
		"cross-entropy":      func() error { return second(nn.CrossEntropy(x, nil)) },
		"segments":           func() error { return second(nn.SegmentCrossEntropy(x, x, nil)) },
		"weighted sum":       func() error { return second(nn.WeightedSum([]*gorgonia.Node{nil}, []float64{1})) },
		"l2":                 func() error { return second(nn.L2(nil, nn.Params{must(nn.NewParam("p", nil, nil, 1))})) },
		"add":                func() error { return second(nn.Add(nil)) },
		"concat":             func() error { return second(nn.Concat(x, nil)) },
		"maximum":            func() error { return second(nn.Maximum()) },
		"sub":                func() error { return second(nn.Sub(x, nil)) },
		"mul":                func() error { return second(nn.Mul(nil, x)) },
		"zero linear":        func() error { return second(new(nn.Linear).Forward(x)) },
		"linear of nothing": func() error {
			return second(must(nn.NewLinear("l", nn.LinearConfig{In: 2, Out: 1}, newRand(1))).ForwardConcat())
		},
		"nil layer":           func() error { return second((&nn.MLP{Layers: []*nn.Linear{nil}}).Forward(x)) },
		"zero layer norm":     func() error { return second(new(nn.LayerNorm).Forward(x)) },
		"zero batch norm":     func() error { return second(new(nn.BatchNorm).Forward(x)) },
		"sequential nil node": func() error { return second(nn.Sequential{}.Forward(nil)) },
		"nil module":          func() error { return second(nn.Sequential{nil}.Forward(x)) },
		"dropout nil node":    func() error { return second(must(nn.NewDropout(0.5, newRand(1))).Forward(nil)) },
		"zero trainer":        func() error { return second(new(nn.Trainer).Step()) },
		"zero data parallel":  func() error { return second(new(nn.DataParallel).Step(nil)) },
		"after close":         func() error { return second(closed.Step([]float64{1})) },
		"clip a nil gradient": func() error { return second(nn.ClipGlobalNorm([]gorgonia.ValueGrad{nil}, 1)) },
		"node without graph":  func() error { return second(must(nn.NewParam("q", nil, nil, 1)).Node(nil)) },
		"nil parameter":       func() error { return second((*nn.Param)(nil).Node(eg)) },
		"copy from nil":       func() error { return nn.Params{must(nn.NewParam("q", nil, nil, 1))}.CopyFrom(nn.Params{nil}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panic: %v", p)
				}
			}()
			if err := fails(); err == nil {
				t.Error("no error")
			}
		})
	}
	new(nn.DataParallel).Close()
}

// trainer returns a trainer of one weight in a separate graph.
func trainer(t *testing.T, name string) *nn.Trainer {
	t.Helper()
	x := must(nn.NewInput(gorgonia.NewGraph(), "x", 1))
	l := must(nn.NewLinear(name, nn.LinearConfig{In: 1, Out: 1}, newRand(1)))
	loss := must(nn.MSE(must(l.Forward(x)), x, nil))
	return must(nn.NewTrainer(loss, l.Params(), must(nn.NewSGD(l.Params(), nn.SGDConfig{}))))
}
