package cnn_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/internal/constructors"
	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
	"gorgonia.org/gorgonia"
	"pgregory.net/rapid"
)

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func fill(rng *rand.Rand, x []float32) {
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
}

// apart fills x with numbers from -2 to 2 in random order whose distances are equal, so that a small
// step along one of them never changes which of them is the largest.
func apart(rng *rand.Rand, x []float32) {
	for i, k := range rng.Perm(len(x)) {
		x[k] = 4*float32(i)/float32(len(x)) - 2
	}
}

// layer is a layer under test and its float64 reference, which shares no code with it.
type layer struct {
	in, out   cnn.Map
	params    nn.Params
	forward   func(x *gorgonia.Node) (*gorgonia.Node, error)
	reference func(l layer, x []float64, p [][]float64) []float64
}

// setup is a layer whose input is a parameter, so that its gradient can be asked for.
type setup struct {
	layer
	images int
	x      *nn.Param
	dy     nn.Buffer
	y      *gorgonia.Node
	grads  gorgonia.Nodes
	tape   *nn.Tape
}

// newSetup builds sum(y * dy) with a random dy, so the gradients are those of y along dy.
func newSetup(t tester, l layer, images int, rng *rand.Rand) *setup {
	t.Helper()
	s := &setup{layer: l, images: images}
	g := gorgonia.NewGraph()
	s.x = must(nn.NewParam("x", nn.Constant(0), rng, images*l.in.Pixels(), l.in.Channels))
	apart(rng, s.x.Data())
	dy := must(nn.NewInput(g, "dy", l.out.Channels))
	y, err := l.forward(must(s.x.Node(g)))
	check(t, err)
	s.y = y
	// The gradient of mean((y - (y - dy))^2) * n / 2 along y is dy.
	target := must(nn.Detach(must(nn.Sub(y, dy))))
	loss := must(nn.MSE(y, target, nil))
	n := images * l.out.Values()
	loss = must(nn.WeightedSum([]*gorgonia.Node{loss}, []float64{float64(n) / 2}))
	s.grads = must(nn.Grad(loss, append(nn.Params{s.x}, l.params...)))
	s.tape = must(nn.NewTape(append(gorgonia.Nodes{y, loss}, s.grads...)...))
	fill(rng, s.dy.Resize(images*l.out.Pixels(), l.out.Channels))
	check(t, s.tape.Bind(dy, s.dy.Value()))
	check(t, s.tape.Run())
	return s
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// verify compares y with the reference and all gradients with central differences of the reference
// in float64, exact for a function that is linear in each of its arguments and, with no tie near,
// for a maximum.
func (s *setup) verify(t tester) {
	t.Helper()
	x := float64s(s.x.Data())
	var p [][]float64
	for _, q := range s.params {
		p = append(p, float64s(q.Data()))
	}
	near(t, "y", float64s(s.tape.Matrix(s.y).Data), s.reference(s.layer, x, p))
	dy := s.dy.Matrix().Data
	along := func() (sum float64) {
		for i, v := range s.reference(s.layer, x, p) {
			sum += v * float64(dy[i])
		}
		return sum
	}
	for i, values := range append([][]float64{x}, p...) {
		want := make([]float64, len(values))
		const h = 1e-5
		for k, v := range values {
			values[k] = v + h
			up := along()
			values[k] = v - h
			want[k] = (up - along()) / (2 * h)
			values[k] = v
		}
		near(t, fmt.Sprintf("gradient %d", i), float64s(s.tape.Matrix(s.grads[i]).Data), want)
	}
}

func near(t tester, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	scale := 1.0
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= 1e-5*scale) {
			t.Fatalf("%s[%d]: got %v, want %v", what, i, got[i], want[i])
		}
	}
}

// pixel returns the index of a value of a batch of maps, and false in the padding.
func pixel(m cnn.Map, image, i, j, c int) (int, bool) {
	if i < 0 || i >= m.Height || j < 0 || j >= m.Width {
		return 0, false
	}
	return ((image*m.Height+i)*m.Width+j)*m.Channels + c, true
}

func newConv(t tester, cfg cnn.Conv2DConfig, rng *rand.Rand) layer {
	t.Helper()
	l, err := cnn.NewConv2D("conv", cfg, rng)
	check(t, err)
	if l.Bias != nil {
		fill(rng, l.Bias.Data())
	}
	stride := max(cfg.Stride, 1)
	return layer{l.In, l.Out, l.Params(), l.Forward, func(l layer, x []float64, p [][]float64) []float64 {
		images := len(x) / l.in.Values()
		y := make([]float64, 0, images*l.out.Values())
		for r := range images * l.out.Pixels() {
			image, i, j := r/l.out.Pixels(), r%l.out.Pixels()/l.out.Width, r%l.out.Width
			for o := range l.out.Channels {
				var sum float64
				if len(p) > 1 {
					sum = p[1][o]
				}
				for u := range cfg.Kernel {
					for v := range cfg.Kernel {
						for c := range l.in.Channels {
							at, ok := pixel(l.in, image, i*stride-cfg.Padding+u, j*stride-cfg.Padding+v, c)
							if ok {
								sum += x[at] * p[0][((u*cfg.Kernel+v)*l.in.Channels+c)*l.out.Channels+o]
							}
						}
					}
				}
				y = append(y, sum)
			}
		}
		return y
	}}
}

func drawMap(t *rapid.T) cnn.Map {
	return cnn.Map{
		Height:   rapid.IntRange(1, 6).Draw(t, "height"),
		Width:    rapid.IntRange(1, 6).Draw(t, "width"),
		Channels: rapid.IntRange(1, 3).Draw(t, "channels"),
	}
}

func TestConv2D(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMap(t)
		k := rapid.IntRange(1, 3).Draw(t, "kernel")
		p := rapid.IntRange(0, k-1).Draw(t, "padding")
		if m.Height+2*p < k || m.Width+2*p < k {
			t.Skip("the kernel does not fit")
		}
		cfg := cnn.Conv2DConfig{
			In: m, Channels: rapid.IntRange(1, 3).Draw(t, "filters"), Kernel: k, Padding: p,
			Stride: rapid.IntRange(0, 3).Draw(t, "stride"), NoBias: rapid.Bool().Draw(t, "no bias"),
		}
		rng := newRand(rapid.Uint64().Draw(t, "seed"))
		newSetup(t, newConv(t, cfg, rng), rapid.IntRange(1, 2).Draw(t, "images"), rng).verify(t)
	})
}

// Filters so deep that the windows of one image take several blocks.
func TestConv2DInBlocks(t *testing.T) {
	rng := newRand(5)
	l := newConv(t, cnn.Conv2DConfig{In: cnn.Map{8, 8, 256}, Channels: 2, Kernel: 3, Padding: 1}, rng)
	s := newSetup(t, l, 1, rng)
	p := [][]float64{float64s(l.params[0].Data()), float64s(l.params[1].Data())}
	near(t, "y", float64s(s.tape.Matrix(s.y).Data), l.reference(l, float64s(s.x.Data()), p))
	// The convolution is linear in x and in W, so <dy, y - b> is <dx, x> and <dW, W>.
	var along, dx, dw float64
	for i, v := range s.tape.Matrix(s.y).Data {
		along += float64(v-l.params[1].Data()[i%2]) * float64(s.dy.Matrix().Data[i])
	}
	for i, v := range s.tape.Matrix(s.grads[0]).Data {
		dx += float64(v) * float64(s.x.Data()[i])
	}
	for i, v := range s.tape.Matrix(s.grads[1]).Data {
		dw += float64(v) * float64(l.params[0].Data()[i])
	}
	near(t, "gradients", []float64{dx, dw}, []float64{along, along})
}

// Enough channels and pixels for Winograd's algorithm, in one block and in several, with every
// padding: the result and all gradients are those of the definition in float64.
func TestWinograd(t *testing.T) {
	for _, c := range []struct{ height, width, channels, filters, padding, images int }{
		{8, 8, 8, 3, 1, 2}, {4, 4, 16, 20, 1, 9}, {2, 2, 9, 5, 1, 40}, {6, 10, 17, 2, 0, 4}, {4, 6, 8, 33, 2, 4}, {16, 16, 30, 31, 1, 4}, {4, 4, 128, 8, 1, 6}, {4, 4, 8, 256, 1, 6},
		{8, 8, 8, 3, 1, 32}, {4, 4, 16, 20, 1, 130}, {6, 10, 17, 2, 0, 65}, {6, 6, 8, 33, 2, 33}, {16, 16, 30, 31, 1, 9}, {4, 4, 8, 128, 1, 130}, {4, 4, 128, 8, 1, 130}, // tiles of 4 x 4
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			rng := newRand(21)
			l := newConv(t, cnn.Conv2DConfig{
				In: cnn.Map{c.height, c.width, c.channels}, Channels: c.filters, Kernel: 3, Padding: c.padding,
			}, rng)
			s := newSetup(t, l, c.images, rng)
			x, w, dy := s.x.Data(), l.params[0].Data(), s.dy.Matrix().Data
			near(t, "y", float64s(s.tape.Matrix(s.y).Data), l.reference(l, float64s(x), [][]float64{float64s(w), float64s(l.params[1].Data())}))
			dx, dw := make([]float64, len(x)), make([]float64, len(w))
			for r := range c.images * l.out.Pixels() {
				image, i, j := r/l.out.Pixels(), r%l.out.Pixels()/l.out.Width, r%l.out.Width
				for tap := range 9 {
					for ch := range c.channels {
						at, ok := pixel(l.in, image, i-c.padding+tap/3, j-c.padding+tap%3, ch)
						if !ok {
							continue
						}
						for o := range c.filters {
							k, d := (tap*c.channels+ch)*c.filters+o, float64(dy[r*c.filters+o])
							dx[at] += d * float64(w[k])
							dw[k] += d * float64(x[at])
						}
					}
				}
			}
			near(t, "dx", float64s(s.tape.Matrix(s.grads[0]).Data), dx)
			near(t, "dw", float64s(s.tape.Matrix(s.grads[1]).Data), dw)
		})
	}
}

// pooling is the reference of both poolings: reduce combines the values of a window.
func pooling(cfg cnn.PoolConfig, reduce func([]float64) float64) func(layer, []float64, [][]float64) []float64 {
	stride := cfg.Stride
	if stride == 0 {
		stride = cfg.Kernel
	}
	return func(l layer, x []float64, _ [][]float64) []float64 {
		var y []float64
		for r := range len(x) / l.in.Values() * l.out.Pixels() {
			image, i, j := r/l.out.Pixels(), r%l.out.Pixels()/l.out.Width, r%l.out.Width
			for c := range l.in.Channels {
				var seen []float64
				for u := range cfg.Kernel {
					for v := range cfg.Kernel {
						if at, ok := pixel(l.in, image, i*stride-cfg.Padding+u, j*stride-cfg.Padding+v, c); ok {
							seen = append(seen, x[at])
						}
					}
				}
				y = append(y, reduce(seen))
			}
		}
		return y
	}
}

func largest(x []float64) float64 {
	best := math.Inf(-1)
	for _, v := range x {
		best = max(best, v)
	}
	return best
}

func mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func TestPooling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := cnn.PoolConfig{In: drawMap(t), Kernel: rapid.IntRange(1, 3).Draw(t, "kernel")}
		cfg.Padding = rapid.IntRange(0, cfg.Kernel/2).Draw(t, "padding")
		cfg.Stride = rapid.IntRange(0, 3).Draw(t, "stride")
		if cfg.In.Height+2*cfg.Padding < cfg.Kernel || cfg.In.Width+2*cfg.Padding < cfg.Kernel {
			t.Skip("the window does not fit")
		}
		rng, images := newRand(rapid.Uint64().Draw(t, "seed")), rapid.IntRange(1, 2).Draw(t, "images")
		top, avg := must(cnn.NewMaxPool2D(cfg)), must(cnn.NewAvgPool2D(cfg))
		newSetup(t, layer{top.In, top.Out, nil, top.Forward, pooling(cfg, largest)}, images, rng).verify(t)
		newSetup(t, layer{avg.In, avg.Out, nil, avg.Forward, pooling(cfg, mean)}, images, rng).verify(t)
		all := must(cnn.NewGlobalAvgPool(cfg.In))
		newSetup(t, layer{all.In, all.Out, nil, all.Forward, func(l layer, x []float64, _ [][]float64) []float64 {
			y := make([]float64, len(x)/l.in.Pixels())
			for i, v := range x {
				y[i/l.in.Values()*l.in.Channels+i%l.in.Channels] += v / float64(l.in.Pixels())
			}
			return y
		}}, images, rng).verify(t)
	})
}

func TestMaxPoolKeepsNaN(t *testing.T) {
	nan := float32(math.NaN())
	for at := range 4 {
		pool := must(cnn.NewMaxPool2D(cnn.PoolConfig{In: cnn.Map{2, 2, 1}, Kernel: 2}))
		g := gorgonia.NewGraph()
		x := must(nn.NewInput(g, "x", 1))
		y := must(pool.Forward(x))
		tape := must(nn.NewTape(y))
		var in nn.Buffer
		copy(in.Resize(4, 1), []float32{1, 2, 3, 4})
		in.Matrix().Data[at] = nan
		check(t, tape.Bind(x, in.Value()))
		check(t, tape.Run())
		if v := tape.Matrix(y).Data[0]; v == v {
			t.Errorf("NaN at %d: got %v", at, v)
		}
	}
}

// tower is a small network of all layers; rows of the result belong to images.
func tower(x *gorgonia.Node, rng *rand.Rand) (*gorgonia.Node, nn.Params, error) {
	conv, err := cnn.NewConv2D("conv", cnn.Conv2DConfig{In: cnn.Map{6, 6, 3}, Channels: 8, Kernel: 3, Padding: 1}, rng)
	if err != nil {
		return nil, nil, err
	}
	top, avg := must(cnn.NewMaxPool2D(cnn.PoolConfig{In: conv.Out, Kernel: 2})), must(cnn.NewGlobalAvgPool(cnn.Map{3, 3, 8}))
	head := must(nn.NewLinear("head", nn.LinearConfig{In: 8, Out: 4}, rng))
	y := must(nn.Activate(must(conv.Forward(x)), nn.ReLU))
	y = must(avg.Forward(must(top.Forward(y))))
	flat, err := cnn.Flatten(y, avg.Out)
	if err != nil {
		return nil, nil, err
	}
	y, err = head.Forward(flat)
	return y, append(conv.Params(), head.Params()...), err
}

// The first filters of Dirac pass the input on, the others are not zero; fewer filters than channels
// pass on the first ones.
func TestDirac(t *testing.T) {
	for _, c := range []struct{ kernel, filters int }{{3, 8}, {5, 3}, {3, 2}, {1, 4}} {
		in := cnn.Map{Height: 5, Width: 4, Channels: 3}
		conv := must(cnn.NewConv2D("conv", cnn.Conv2DConfig{
			In: in, Channels: c.filters, Kernel: c.kernel, Padding: c.kernel / 2, NoBias: true, Init: cnn.Dirac(c.kernel),
		}, newRand(1)))
		g := gorgonia.NewGraph()
		x := must(nn.NewInput(g, "x", in.Channels))
		y := must(conv.Forward(x))
		tape := must(nn.NewTape(y))
		var b nn.Buffer
		rng := newRand(2)
		pixels := b.Resize(2*in.Pixels(), in.Channels)
		for i := range pixels {
			pixels[i] = float32(rng.NormFloat64())
		}
		check(t, tape.Bind(x, b.Value()))
		check(t, tape.Run())
		out := tape.Matrix(y)
		for p := range out.Rows {
			for f, v := range out.Row(p) {
				if f < in.Channels && v != pixels[p*in.Channels+f] || f >= in.Channels && v == 0 {
					t.Fatalf("%+v: pixel %d, filter %d: %v from %v", c, p, f, v, pixels[p*in.Channels:][:in.Channels])
				}
			}
		}
	}
}

// An image's result does not depend on the others in the batch, and a step allocates nothing.
func TestBatchesAndAllocations(t *testing.T) {
	g := gorgonia.NewGraph()
	x, target := must(nn.NewInput(g, "x", 3)), must(nn.NewInput(g, "t", 4))
	y, params, err := tower(x, newRand(3))
	check(t, err)
	loss := must(nn.CrossEntropy(y, target))
	trainer := must(nn.NewTrainer(loss, params, must(nn.NewSGD(params, nn.SGDConfig{LearningRate: 1e-3})), y))
	decide := must(nn.NewTape(y))
	var images, labels, one nn.Buffer
	fill(newRand(4), images.Resize(5*36, 3))
	clear(labels.Resize(5, 4))
	for i := range 5 {
		labels.Matrix().Row(i)[i%4] = 1
	}
	check(t, decide.Bind(x, images.Value()))
	check(t, decide.Run())
	all := append([]float32(nil), decide.Matrix(y).Data...)
	for i := range 5 {
		copy(one.Resize(36, 3), images.Matrix().Data[i*36*3:])
		check(t, decide.Bind(x, one.Value()))
		check(t, decide.Run())
		for c, v := range decide.Matrix(y).Data {
			if v != all[i*4+c] {
				t.Fatalf("image %d: alone %v, in the batch %v", i, v, all[i*4+c])
			}
		}
	}
	check(t, trainer.Tape.Bind(x, images.Value()))
	check(t, trainer.Tape.Bind(target, labels.Value()))
	step := func() { must(trainer.Step()) }
	step()
	if n := testing.AllocsPerRun(10, step); n != 0 && !race.Enabled {
		t.Errorf("%v allocations in a training step", n)
	}
}

// One convolution takes the place of a convolution and the batch normalisation behind it.
func TestFoldBatchNorm(t *testing.T) {
	rng := newRand(9)
	conv := must(cnn.NewConv2D("conv", cnn.Conv2DConfig{In: cnn.Map{5, 4, 3}, Channels: 6, Kernel: 3, Stride: 2, Padding: 1}, rng))
	norm := must(nn.NewBatchNorm("norm", 6, nn.None))
	for _, p := range []*nn.Param{conv.Bias, norm.Gamma, norm.Beta, norm.RunningMean} {
		fill(rng, p.Data())
	}
	for k := range norm.RunningVar.Data() {
		norm.RunningVar.Data()[k] = 0.1 + float32(k)
	}
	folded := must(cnn.FoldBatchNorm(conv, norm))
	outputs := make([][]float64, 2)
	var in nn.Buffer
	fill(rng, in.Resize(3*20, 3))
	for i := range outputs {
		g := gorgonia.NewGraph()
		x := must(nn.NewInput(g, "x", 3))
		var y *gorgonia.Node
		if i == 0 {
			y = must(norm.Forward(must(conv.Forward(x))))
		} else {
			y = must(folded.Forward(x))
		}
		tape := must(nn.NewTape(y))
		check(t, tape.Bind(x, in.Value()))
		check(t, tape.Run())
		outputs[i] = float64s(tape.Matrix(y).Data)
	}
	near(t, "folded", outputs[1], outputs[0])
	other := must(nn.NewBatchNorm("other", 5, nn.None))
	if _, err := cnn.FoldBatchNorm(conv, other); !errors.Is(err, nn.ErrShape) {
		t.Errorf("another number of channels: %v", err)
	}
}

func TestShapesThatDoNotFit(t *testing.T) {
	conv := must(cnn.NewConv2D("conv", cnn.Conv2DConfig{In: cnn.Map{4, 4, 3}, Channels: 2, Kernel: 3}, newRand(1)))
	g := gorgonia.NewGraph()
	if _, err := conv.Forward(must(nn.NewInput(g, "wide", 4))); !errors.Is(err, nn.ErrShape) {
		t.Errorf("another number of channels: %v", err)
	}
	x := must(nn.NewInput(g, "x", 3))
	tape := must(nn.NewTape(must(conv.Forward(x))))
	var in nn.Buffer
	clear(in.Resize(17, 3))
	check(t, tape.Bind(x, in.Value()))
	if err := tape.Run(); !errors.Is(err, nn.ErrShape) {
		t.Errorf("a part of an image: %v", err)
	}
	if _, err := cnn.Flatten(x, cnn.Map{4, 4, 2}); !errors.Is(err, nn.ErrShape) {
		t.Errorf("flatten: %v", err)
	}
	if _, err := (&cnn.Conv2D{}).Forward(x); err == nil {
		t.Error("the zero layer: no error")
	}
	if _, err := conv.Forward(nil); err == nil {
		t.Error("no input: no error")
	}
}

func TestConstructorsRefuseNonsense(t *testing.T) {
	m := cnn.Map{4, 4, 3}
	conv := func(cfg cnn.Conv2DConfig) func() error {
		return func() error { _, err := cnn.NewConv2D("c", cfg, newRand(1)); return err }
	}
	top := func(cfg cnn.PoolConfig) func() error {
		return func() error { _, err := cnn.NewMaxPool2D(cfg); return err }
	}
	avg := func(cfg cnn.PoolConfig) func() error {
		return func() error { _, err := cnn.NewAvgPool2D(cfg); return err }
	}
	constructors.Check(t, ".", constructors.Bad{
		"NewConv2D": {
			"no map":              conv(cnn.Conv2DConfig{Channels: 1, Kernel: 1}),
			"no channels":         conv(cnn.Conv2DConfig{In: m, Kernel: 1}),
			"no kernel":           conv(cnn.Conv2DConfig{In: m, Channels: 1}),
			"kernel too large":    conv(cnn.Conv2DConfig{In: m, Channels: 1, Kernel: 5}),
			"negative stride":     conv(cnn.Conv2DConfig{In: m, Channels: 1, Kernel: 1, Stride: -1}),
			"padding of a kernel": conv(cnn.Conv2DConfig{In: m, Channels: 1, Kernel: 3, Padding: 3}),
			"huge":                conv(cnn.Conv2DConfig{In: cnn.Map{1 << 40, 1 << 40, 1}, Channels: 1, Kernel: 1}),
			"no source": func() error {
				_, err := cnn.NewConv2D("c", cnn.Conv2DConfig{In: m, Channels: 1, Kernel: 1}, nil)
				return err
			},
		},
		"NewMaxPool2D":     {"no kernel": top(cnn.PoolConfig{In: m}), "padding": top(cnn.PoolConfig{In: m, Kernel: 3, Padding: 2})},
		"NewAvgPool2D":     {"no map": avg(cnn.PoolConfig{Kernel: 2}), "too large": avg(cnn.PoolConfig{In: m, Kernel: 5})},
		"NewGlobalAvgPool": {"no map": func() error { _, err := cnn.NewGlobalAvgPool(cnn.Map{}); return err }},
	})
}
