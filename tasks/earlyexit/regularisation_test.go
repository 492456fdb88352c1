package earlyexit

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
	"gorgonia.org/gorgonia"
)

// plain returns a configuration without the keys that came after the first release.
func plain() Config {
	cfg := tiny()
	cfg.UnpooledBlock5, cfg.Dirac, cfg.Whiten = false, false, false
	cfg.LabelSmoothing, cfg.ReflectPadding, cfg.AlternateFlip, cfg.Cutout = 0, false, false, 0
	cfg.ExitsAfter, cfg.Settle = blockEnds[:], 0
	return cfg
}

// next draws the next minibatch of a training with one replica.
func next(t testing.TB, tr *Training) *replica {
	t.Helper()
	r := tr.replicas[0]
	r.part = append(r.part[:0], tr.next()...)
	check(t, tr.load(r, rand.New(rand.NewPCG(tr.cfg.Seed, augmentStream+uint64(tr.Steps())))))
	return r
}

// A run that was started before there were label smoothing, reflection, alternating images, cutout
// and Muon continues without them.
func TestOlderRuns(t *testing.T) {
	written := `data: x
epochs: 16
width: 0.5
exit_weights: [0.1, 0.2, 0.3, 0.4, 1.0]
batch_size: 128
learning_rate: 0.1
warmup_epochs: 1.0
weight_decay: 0.0005
crop_padding: 4
flip: true
replicas: 2
seed: 1
`
	cfg, err := Task().Parse([]byte(written), "config.yaml")
	check(t, err)
	if cfg.UnpooledBlock5 || cfg.Dirac || cfg.Whiten || cfg.LabelSmoothing != 0 || cfg.ReflectPadding || cfg.AlternateFlip || cfg.Cutout != 0 || cfg.Settle != 0 ||
		cfg.MuonLearningRate != 0 || cfg.LinearDecay || !slices.Equal(cfg.ExitsAfter, blockEnds[:]) {
		t.Errorf("an older run got %+v", cfg)
	}
	for _, want := range []Config{tiny(), plain()} {
		data, err := want.YAML()
		check(t, err)
		back, err := Task().Parse(data, "config.yaml")
		check(t, err)
		if diff := cmp.Diff(want, back); diff != "" {
			t.Error(diff)
		}
	}
}

// Without the new keys, a minibatch is what it always was: mirror, shift down, shift right are drawn
// in this order, and nothing else.
func TestPlainMinibatch(t *testing.T) {
	cfg := plain()
	cfg.Replicas = 1
	tr := start(t, cfg, tints(64))
	r := next(t, tr)
	rng := rand.New(rand.NewPCG(cfg.Seed, augmentStream))
	for k, i := range r.part {
		mirror := rng.Uint64()&1 == 1
		down := rng.IntN(9) - 4
		right := rng.IntN(9) - 4
		for y := range 32 {
			for x := range 32 {
				from := x
				if mirror {
					from = 31 - x
				}
				from += right
				for c := range 3 {
					want := 0.0
					if row := y + down; row >= 0 && row < 32 && from >= 0 && from < 32 {
						v := float64(tr.images.Image(i)[(row*32+from)*3+c])
						want = (v/255 - float64(tr.norm.Mean[c])) / float64(tr.norm.Std[c])
					}
					if got := r.images.Matrix().Data[((k*32+y)*32+x)*3+c]; math.Abs(float64(got)-want) > 1e-4 {
						t.Fatalf("image %d, pixel (%d, %d): %v, want %v", k, y, x, got, want)
					}
				}
			}
		}
		want := []float32{0, 0}
		want[tr.images.Labels[i]] = 1
		if got := r.targets.Matrix().Row(k); !slices.Equal(got, want) {
			t.Fatalf("image %d: targets %v, want %v", k, got, want)
		}
	}
}

// A smoothed target is a distribution: the loss of exit e is (1-s) times the cross-entropy of the
// label plus s times its mean over all classes, here in float64.
func TestLabelSmoothing(t *testing.T) {
	cfg := plain()
	cfg.Replicas, cfg.LabelSmoothing = 1, 0.2
	tr := start(t, cfg, tints(64))
	r := next(t, tr)
	labels := slices.Clone(r.part)
	check(t, tr.Step())
	want := 0.0
	for e, z := range r.logits {
		m := r.trainer.Tape.Matrix(z)
		sum := 0.0
		for k, i := range labels {
			den := 0.0
			for _, v := range m.Row(k) {
				den += math.Exp(float64(v))
			}
			for class, v := range m.Row(k) {
				share := 0.1
				if class == int(tr.images.Labels[i]) {
					share = 0.9
				}
				sum += share * (math.Log(den) - float64(v))
			}
		}
		want += cfg.ExitWeights[e] * sum / float64(len(labels))
	}
	if math.Abs(tr.sums.Loss-want) > 1e-4*want {
		t.Errorf("loss %v, want %v", tr.sums.Loss, want)
	}
}

// Each image is mirrored in every second epoch, about half of them in the first one; each has a
// square hidden, and nothing else is zero, because shifts reflect.
func TestAlternateFlipAndCutout(t *testing.T) {
	const n = 400
	cfg := plain()
	cfg.AlternateFlip, cfg.ReflectPadding, cfg.Cutout = true, true, 5
	tr := start(t, cfg, noise(n, 32))
	rng := rand.New(rand.NewPCG(1, 2))
	var first int
	for i := range n {
		var mirrored []bool
		for tr.epoch = range 4 {
			v := tr.view(i, tr.net.Image, rng)
			mirrored = append(mirrored, v.mirror)
			if v.top < 0 || v.top+5 > 32 || v.left < 0 || v.left+5 > 32 {
				t.Fatalf("square at %d, %d", v.top, v.left)
			}
			pixels := make([]float32, tr.net.Image.Values())
			tr.norm.draw(pixels, tr.images.Image(i), tr.net.Image, v)
			hidden := 0
			for p := range 1024 {
				if pixels[3*p] == 0 && pixels[3*p+1] == 0 && pixels[3*p+2] == 0 {
					hidden++
				}
			}
			if hidden != 25 {
				t.Fatalf("%+v hides %d pixels, want 25", v, hidden)
			}
		}
		if m := mirrored[0]; !slices.Equal(mirrored, []bool{m, !m, m, !m}) {
			t.Fatalf("image %d: mirrored %v", i, mirrored)
		}
		if mirrored[0] {
			first++
		}
	}
	if math.Abs(float64(first)-n/2) > 4*math.Sqrt(n)/2 { // 4 standard errors
		t.Errorf("%d of %d images mirrored in the first epoch", first, n)
	}
}

// convolution returns a function that applies a convolution to images. Its result is valid until the
// next call.
func convolution(t *testing.T, conv *cnn.Conv2D) func(images gorgonia.Value) nn.Matrix {
	t.Helper()
	x, err := nn.NewInput(gorgonia.NewGraph(), "x", 3)
	check(t, err)
	y, err := conv.Forward(x)
	check(t, err)
	tape, err := nn.NewTape(y)
	check(t, err)
	return func(images gorgonia.Value) nn.Matrix {
		check(t, tape.Bind(x, images))
		check(t, tape.Run())
		return tape.Matrix(y)
	}
}

// Training leaves the filters that whiten as they are, and changes every other parameter.
func TestWhitenedFiltersStay(t *testing.T) {
	cfg := plain()
	cfg.Whiten = true
	tr := start(t, cfg, tints(64))
	var before [][]float32
	for _, p := range tr.net.Params() {
		before = append(before, slices.Clone(p.Data()))
	}
	train(t, tr, 4)
	for i, p := range tr.net.Params() {
		if same := slices.Equal(before[i], p.Data()); same != (i == 0) {
			t.Errorf("%s is as before: %v", p.Name, same)
		}
	}
}

// The first filters of a whitened convolution have uncorrelated outputs of variance 1, up to the
// variance that is added, over the patches inside the images; the others are their negatives.
func TestWhiten(t *testing.T) {
	const components = 5
	set := tints(300)
	for i := range set.Pixels[3:] { // neighbours are alike, as in real images
		set.Pixels[i+3] = uint8((3*int(set.Pixels[i]) + int(set.Pixels[i+3])) / 4)
	}
	m := cnn.Map{Height: 32, Width: 32, Channels: 3}
	norm := normalisation(set)
	conv, err := cnn.NewConv2D("conv", cnn.Conv2DConfig{In: m, Channels: 2 * components, Kernel: 3, NoBias: true}, rand.New(rand.NewPCG(1, 1)))
	check(t, err)
	check(t, whiten(conv, norm, set))
	apply := convolution(t, conv)
	var moments [components][components]float64
	rows := 0
	for i := range set.Len() {
		var in nn.Buffer
		norm.draw(in.Resize(m.Pixels(), 3), set.Image(i), m, view{})
		out := apply(in.Value())
		rows += out.Rows
		for p := range out.Rows {
			row := out.Row(p)
			for a := range components {
				if math.Abs(float64(row[a]+row[components+a])) > 1e-5 {
					t.Fatalf("filters %d and %d: %v and %v", a, components+a, row[a], row[components+a])
				}
				for b := range components {
					moments[a][b] += float64(row[a]) * float64(row[b])
				}
			}
		}
	}
	for a := range components {
		for b := range components {
			got, want := moments[a][b]/float64(rows), 0.0
			if a == b {
				want = 1
			}
			if math.Abs(got-want) > 0.02 {
				t.Errorf("filters %d and %d: covariance %v, want %v", a, b, got, want)
			}
		}
	}
}

// While a run settles nothing is trained, and the running values become those of all its minibatches:
// means of the batches' means and variances, over the replicas too. Here they are taken from the
// batches themselves, at the first normalisation.
func TestSettle(t *testing.T) {
	cfg := tiny()
	cfg.Epochs, cfg.Settle = 1, 3
	tr := start(t, cfg, tints(64))
	train(t, tr, tr.Epoch())
	var before [][]float32
	for _, p := range tr.net.Params() {
		before = append(before, slices.Clone(p.Data()))
	}
	conv := tr.net.blocks[0].units[0].conv
	apply, channels := convolution(t, conv), conv.Out.Channels
	mean, variance := make([]float64, channels), make([]float64, channels)
	parts := float64(cfg.Settle * cfg.Replicas)
	for range cfg.Settle {
		check(t, tr.Step())
		for _, r := range tr.replicas {
			out := apply(r.images.Value())
			for c := range channels {
				sum, squares, n := 0.0, 0.0, float64(out.Rows)
				for i := range out.Rows {
					v := float64(out.Row(i)[c])
					sum += v
					squares += v * v
				}
				mean[c] += sum / n / parts
				variance[c] += (squares - sum*sum/n) / (n - 1) / parts
			}
		}
	}
	for i, p := range tr.net.Params() {
		if !slices.Equal(before[i], p.Data()) {
			t.Errorf("%s is trained", p.Name)
		}
	}
	if !tr.Done() || tr.Report().Step != tr.Length() || tr.Report().Loss > 100 {
		t.Errorf("at the end: %+v", tr.Report())
	}
	for _, r := range tr.replicas {
		norm := r.net.norms()[0]
		for c := range channels {
			m, v := float64(norm.RunningMean.Data()[c]), float64(norm.RunningVar.Data()[c])
			if math.Abs(m-mean[c]) > 1e-4*(1+math.Abs(mean[c])) || math.Abs(v-variance[c]) > 1e-4*variance[c] {
				t.Errorf("channel %d: running mean %v and variance %v, want %v and %v", c, m, v, mean[c], variance[c])
			}
		}
	}
}

// Exits stand where the configuration says, also within a block; their convolutions have no deeper
// ones before them, and a checkpoint knows where they stand.
func TestExitsAfter(t *testing.T) {
	set := tints(64)
	cfg := tiny()
	cfg.ExitsAfter = []int{1, 4, 6, 12, 13}
	tr := start(t, cfg, set)
	for e, want := range []int{1, 4, 6, 12, 13} {
		g := gorgonia.NewGraph()
		x, err := nn.NewInput(g, "x", 3)
		check(t, err)
		y, err := tr.net.Forward(x)
		check(t, err)
		tape, err := nn.NewTape(y[e])
		check(t, err)
		nodes, err := tr.net.Params().Nodes(g)
		check(t, err)
		convolutions := 0
		for i, p := range tr.net.Params() {
			if strings.Contains(p.Name, "conv") && tape.Needs(nodes[i]) {
				convolutions++
			}
		}
		if convolutions != want {
			t.Errorf("exit %d needs %d convolutions, want %d", e+1, convolutions, want)
		}
	}
	saved := checkpoints.NewState()
	check(t, tr.SaveState(saved))
	m, err := loadModel(saved.Sub("model"))
	check(t, err)
	if m.Network.After != [Exits]int(cfg.ExitsAfter) {
		t.Errorf("loaded with exits after %v", m.Network.After)
	}
	cfg.ExitsAfter = blockEnds[:]
	if err := start(t, cfg, set).LoadState(saved); !errors.Is(err, checkpoints.ErrMismatch) {
		t.Errorf("another place of exits: %v", err)
	}
}
