package nn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func randomBuffer(rng *rand.Rand, rows, cols int, scale float64) *nn.Buffer {
	b := &nn.Buffer{}
	d := b.Resize(rows, cols)
	for i := range d {
		d[i] = float32(rng.NormFloat64() * scale)
	}
	return b
}

func bind(t testing.TB, tape *nn.Tape, n *gorgonia.Node, v gorgonia.Value) {
	t.Helper()
	if err := tape.Bind(n, v); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, tape *nn.Tape) {
	t.Helper()
	if err := tape.Run(); err != nil {
		t.Fatal(err)
	}
}

// checkGradient compares got with central differences of loss over values, in norm.
func checkGradient(t *testing.T, name string, values, got []float32, loss func() float64) {
	t.Helper()
	const h = 1e-2
	var diff, norm float64
	grad := append([]float32(nil), got...)
	for i := range values {
		old := values[i]
		values[i] = old + h
		up := loss()
		values[i] = old - h
		down := loss()
		values[i] = old
		d := (up - down) / (2 * h)
		diff += (d - float64(grad[i])) * (d - float64(grad[i]))
		norm += d * d
	}
	if norm == 0 || math.Sqrt(diff/norm) > 2e-2 {
		t.Errorf("%s: gradient is off finite differences by %.2g of their norm %.2g", name, math.Sqrt(diff/norm), math.Sqrt(norm))
	}
}

func TestLayerGradients(t *testing.T) {
	for _, act := range []nn.Activation{nn.None, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.Sigmoid, nn.Tanh} {
		t.Run(act.String(), func(t *testing.T) {
			rng := newRand(7)
			g := gorgonia.NewGraph()
			x := must(nn.NewInput(g, "x", 5))
			y := must(nn.NewInput(g, "y", 3))
			net := must(nn.NewMLP("net", []int{5, 9, 3}, act, nil, rng))
			z := must(net.Forward(x))
			loss := must(nn.MSE(must(nn.Activate(z, act)), y, nil))
			grads := must(nn.Grad(loss, net.Params()))
			tape := must(nn.NewTape(append(gorgonia.Nodes{loss}, grads...)...))
			bind(t, tape, x, randomBuffer(rng, 11, 5, 1).Value())
			bind(t, tape, y, randomBuffer(rng, 11, 3, 1).Value())
			eval := func() float64 { run(t, tape); return tape.Scalar(loss) }
			eval()
			for i, p := range net.Params() {
				checkGradient(t, p.Name, p.Data(), tape.Matrix(grads[i]).Data, eval)
			}
		})
	}
}

// TestConcatenatedInputs compares a layer of two inputs with its gradient, and with
// the same layer on the inputs side by side.
func TestConcatenatedInputs(t *testing.T) {
	rng := newRand(11)
	a, b := must(nn.NewParam("a", nn.Normal(1), rng, 6, 2)), must(nn.NewParam("b", nn.Normal(1), rng, 6, 3))
	both := must(nn.NewParam("both", nil, nil, 6, 5))
	for r := range 6 {
		copy(both.Data()[r*5:], a.Data()[r*2:r*2+2])
		copy(both.Data()[r*5+2:], b.Data()[r*3:r*3+3])
	}
	g := gorgonia.NewGraph()
	l := must(nn.NewLinear("l", nn.LinearConfig{In: 5, Out: 4, Act: nn.Tanh}, rng))
	y := must(l.ForwardConcat(must(a.Node(g)), must(b.Node(g))))
	whole := must(l.Forward(must(both.Node(g))))
	target := must(nn.NewInput(g, "t", 4))
	loss := must(nn.MSE(y, target, nil))
	params := append(nn.Params{a, b}, l.Params()...)
	grads := must(nn.Grad(loss, params))
	tape := must(nn.NewTape(append(gorgonia.Nodes{loss, y, whole}, grads...)...))
	bind(t, tape, target, randomBuffer(rng, 6, 4, 1).Value())
	eval := func() float64 { run(t, tape); return tape.Scalar(loss) }
	eval()
	for i, v := range tape.Matrix(y).Data {
		if math.Abs(float64(v-tape.Matrix(whole).Data[i])) > 1e-6 {
			t.Fatalf("entry %d is %v, of the concatenation %v", i, v, tape.Matrix(whole).Data[i])
		}
	}
	for i, p := range params {
		checkGradient(t, p.Name, p.Data(), tape.Matrix(grads[i]).Data, eval)
	}
	if _, err := l.Forward(must(a.Node(g))); err == nil {
		t.Error("too few columns: want an error")
	}
}

// TestInputGradient differentiates with respect to an input of a chain, which the
// parameters' tape never computes.
func TestInputGradient(t *testing.T) {
	rng := newRand(3)
	g := gorgonia.NewGraph()
	x := must(nn.NewParam("x", nn.Normal(1), rng, 4, 6))
	xn := must(x.Node(g))
	net := must(nn.NewMLP("net", []int{6, 5, 1}, nn.Tanh, nil, rng))
	target := must(nn.NewInput(g, "t", 1))
	loss := must(nn.Huber(must(net.Forward(xn)), target, nil, 0.7))
	grads := must(nn.Grad(loss, nn.Params{x}))
	tape := must(nn.NewTape(loss, grads[0]))
	bind(t, tape, target, randomBuffer(rng, 4, 1, 2).Value())
	eval := func() float64 { run(t, tape); return tape.Scalar(loss) }
	eval()
	checkGradient(t, "x", x.Data(), tape.Matrix(grads[0]).Data, eval)
}

func TestLossesAgainstFloat64(t *testing.T) {
	rng := newRand(5)
	const rows, cols = 7, 4
	zs, ts := randomBuffer(rng, rows, cols, 3), randomBuffer(rng, rows, cols, 1)
	for i := range ts.Matrix().Data {
		ts.Matrix().Data[i] = rng.Float32()
	}
	ws := randomBuffer(rng, rows, cols, 1)
	z64, t64, w64 := zs.Matrix().Data, ts.Matrix().Data, ws.Matrix().Data
	mean := func(f func(z, t, w float64) float64) float64 {
		s := 0.0
		for i := range z64 {
			s += f(float64(z64[i]), float64(t64[i]), float64(w64[i]))
		}
		return s / float64(len(z64))
	}
	softmaxCE := func(ptr []int32) float64 {
		sum := 0.0
		for s := 1; s < len(ptr); s++ {
			den := 0.0
			for _, v := range z64[ptr[s-1]:ptr[s]] {
				den += math.Exp(float64(v))
			}
			for i := ptr[s-1]; i < ptr[s]; i++ {
				sum -= float64(t64[i]) * (float64(z64[i]) - math.Log(den))
			}
		}
		return sum / float64(len(ptr)-1)
	}
	segments := []int32{0, 3, 3, 10, 28}
	byRow := []int32{0, 4, 8, 12, 16, 20, 24, 28}
	cases := []struct {
		name  string
		build func(z, t, w, ptr *gorgonia.Node) (*gorgonia.Node, error)
		cols  int
		want  float64
	}{
		{"bce", func(z, t, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return nn.BCEWithLogits(z, t) }, cols,
			mean(func(z, t, _ float64) float64 {
				p := 1 / (1 + math.Exp(-z))
				return -t*math.Log(p) - (1-t)*math.Log(1-p)
			})},
		{"cross entropy", func(z, t, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return nn.CrossEntropy(z, t) }, cols, softmaxCE(byRow)},
		{"segments", func(z, t, _, ptr *gorgonia.Node) (*gorgonia.Node, error) { return nn.SegmentCrossEntropy(z, t, ptr) }, 1, softmaxCE(segments)},
		{"mse", func(z, t, w, _ *gorgonia.Node) (*gorgonia.Node, error) { return nn.MSE(z, t, w) }, cols,
			mean(func(z, t, w float64) float64 { return w * (z - t) * (z - t) })},
		{"huber", func(z, t, w, _ *gorgonia.Node) (*gorgonia.Node, error) { return nn.Huber(z, t, w, 1.5) }, cols,
			mean(func(z, t, w float64) float64 {
				e := math.Abs(z - t)
				if e <= 1.5 {
					return w * e * e / 2
				}
				return w * 1.5 * (e - 0.75)
			})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gorgonia.NewGraph()
			z := &nn.Param{Name: "z", Value: tensor.New(tensor.WithShape(rows*cols/c.cols, c.cols), tensor.WithBacking(z64))}
			zn := must(z.Node(g))
			tn := must(nn.NewInput(g, "t", c.cols))
			wn := must(nn.NewInput(g, "w", c.cols))
			ptr := must(nn.NewIndexInput(g, "ptr"))
			// A second term scales the gradient by 1 - 0.25.
			l := must(c.build(zn, tn, wn, ptr))
			loss := must(nn.WeightedSum([]*gorgonia.Node{l, l}, []float64{1, -0.25}))
			grads := must(nn.Grad(loss, nn.Params{z}))
			tape := must(nn.NewTape(loss, l, grads[0]))
			shape := func(b *nn.Buffer) gorgonia.Value { b.Resize(rows*cols/c.cols, c.cols); return b.Value() }
			bind(t, tape, tn, shape(ts))
			if tape.Needs(wn) {
				bind(t, tape, wn, shape(ws))
			}
			if tape.Needs(ptr) {
				bind(t, tape, ptr, &nn.Index{Rows: segments})
			}
			eval := func() float64 { run(t, tape); return tape.Scalar(loss) }
			eval()
			if got := tape.Scalar(l); math.Abs(got-c.want) > 1e-5*math.Abs(c.want) {
				t.Errorf("loss %v, want %v", got, c.want)
			}
			checkGradient(t, "z", z.Data(), tape.Matrix(grads[0]).Data, eval)
		})
	}
}

// TestSaturatedLogits tests logits at which a cross-entropy of probabilities fails.
func TestSaturatedLogits(t *testing.T) {
	g := gorgonia.NewGraph()
	z := must(nn.NewParam("z", nil, nil, 1, 4))
	copy(z.Data(), []float32{500, -500, 500, -500})
	tn := must(nn.NewInput(g, "t", 4))
	loss := must(nn.BCEWithLogits(must(z.Node(g)), tn))
	tape := must(nn.NewTape(loss))
	var b nn.Buffer
	copy(b.Resize(1, 4), []float32{0, 1, 1, 0})
	bind(t, tape, tn, b.Value())
	run(t, tape)
	if got := tape.Scalar(loss); got != 250 {
		t.Errorf("loss %v, want 250", got)
	}
}

func TestOrthogonal(t *testing.T) {
	for _, s := range [][2]int{{4, 9}, {9, 4}, {6, 6}} {
		p := must(nn.NewParam("w", nn.Orthogonal(2), newRand(1), s[0], s[1]))
		n := min(s[0], s[1])
		at := func(i, k int) float64 { // component k of vector i along the shorter side
			if s[0] <= s[1] {
				return float64(p.Data()[i*s[1]+k])
			}
			return float64(p.Data()[k*s[1]+i])
		}
		for i := range n {
			for j := range n {
				d := 0.0
				for k := range max(s[0], s[1]) {
					d += at(i, k) * at(j, k)
				}
				want := 0.0
				if i == j {
					want = 4
				}
				if math.Abs(d-want) > 1e-5 {
					t.Errorf("%v: product of vectors %d and %d is %v, want %v", s, i, j, d, want)
				}
			}
		}
	}
}

func TestInitialiserVariance(t *testing.T) {
	cases := []struct {
		name string
		init nn.Init
		want float64
	}{
		{"glorot uniform", nn.GlorotUniform, 2.0 / 500},
		{"glorot normal", nn.GlorotNormal, 2.0 / 500},
		{"he uniform", nn.HeUniform, 2.0 / 200},
		{"he normal", nn.HeNormal, 2.0 / 200},
	}
	for _, c := range cases {
		p := must(nn.NewParam("w", c.init, newRand(2), 200, 300))
		var s, s2 float64
		for _, v := range p.Data() {
			s += float64(v)
			s2 += float64(v) * float64(v)
		}
		n := float64(len(p.Data()))
		if v := s2/n - s/n*s/n; math.Abs(v/c.want-1) > 0.03 {
			t.Errorf("%s: variance %v, want %v", c.name, v, c.want)
		}
	}
}
