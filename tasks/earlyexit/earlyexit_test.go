package earlyexit

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"gorgonia.org/gorgonia"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tints is a set that is easy to learn, even for the first exit: class 0 lacks red, class 1 blue.
func tints(n int) *imagefolder.Set {
	s := noise(n, 32)
	s.Classes = []string{"blue", "red"}
	for i := range n {
		s.Labels[i] = int32(i % 2)
		for k := range s.Image(i) {
			if k%3 == 2*(i%2) {
				s.Image(i)[k] /= 4
			}
		}
	}
	return s
}

func tiny() Config {
	cfg := DefaultConfig()
	cfg.Data, cfg.Width, cfg.BatchSize, cfg.Epochs, cfg.LearningRate = "tints", 1.0/16, 16, 3, 0.03
	cfg.ExitWeights, cfg.Settle = []float64{1, 1, 1, 1, 1}, 3
	return cfg
}

func train(t testing.TB, tr *Training, steps int64) {
	t.Helper()
	for range steps {
		check(t, tr.Step())
	}
}

func start(t testing.TB, cfg Config, set *imagefolder.Set) *Training {
	t.Helper()
	tr, err := newTraining(cfg, set)
	check(t, err)
	t.Cleanup(tr.Close)
	return tr
}

// Every exit learns, a saved model gives the same answers, and training is resumed bit for bit.
func TestTrainSaveResume(t *testing.T) {
	for name, cfg := range map[string]Config{"default": tiny(), "plain": plain()} {
		t.Run(name, func(t *testing.T) { trainSaveResume(t, cfg) })
	}
}

func trainSaveResume(t *testing.T, cfg Config) {
	set := tints(256)
	whole := start(t, cfg, set)
	train(t, whole, whole.Length())

	first := start(t, cfg, set)
	train(t, first, first.Epoch()+3) // within an epoch
	saved := checkpoints.NewState()
	check(t, first.SaveState(saved))
	second := start(t, cfg, set)
	check(t, second.LoadState(saved))
	train(t, second, second.Length()-second.Steps())
	if diff := cmp.Diff(whole.Report(), second.Report()); diff != "" {
		t.Errorf("resumed: %s", diff)
	}
	for i, p := range append(whole.net.Params(), whole.net.Statistics()...) {
		if !slices.Equal(p.Data(), append(second.net.Params(), second.net.Statistics()...)[i].Data()) {
			t.Errorf("resumed: %s differs", p.Name)
		}
	}

	dir := filepath.Join(t.TempDir(), "latest")
	check(t, runfolder.Save(dir, whole))
	model, err := LoadModel(dir)
	check(t, err)
	accuracy, err := Evaluate(model, tints(40), 2)
	check(t, err)
	alone, err := Evaluate(model, tints(40), 1)
	check(t, err)
	for e, a := range accuracy {
		if a < 0.9 || math.Abs(a-alone[e]) > 1e-9 {
			t.Errorf("exit %d: accuracy %v with two goroutines, %v with one; want at least 0.9", e+1, a, alone[e])
		}
	}
	few := noise(2, 32) // fewer images than the warm-up takes
	latencies, err := Latencies(model, few, Timing{Runs: 30, Clock: WallClock, Pause: time.Microsecond})
	check(t, err)
	for e, l := range latencies {
		if len(l.Seconds) != 30 || !(l.Mean() > 0) || l.Quantile(0.95) < l.Quantile(0.5) {
			t.Errorf("exit %d: %+v", e+1, l)
		}
	}
	if _, err := Evaluate(model, noise(4, 32), 1); err == nil || !strings.Contains(err.Error(), "classes") {
		t.Errorf("other classes: %v", err)
	}
	if _, err := Evaluate(model, &imagefolder.Set{Height: 64, Width: 64}, 1); !errors.Is(err, nn.ErrShape) {
		t.Errorf("other size: %v", err)
	}
}

// A checkpoint knows whether block 5 is pooled; a network of the other kind does not resume it.
func TestUnpooledBlock5(t *testing.T) {
	set := tints(64)
	cfg := tiny()
	cfg.UnpooledBlock5 = true
	tr := start(t, cfg, set)
	if in := tr.net.blocks[Exits-1].units[0].conv.In; in.Height != 4 || in.Width != 4 {
		t.Errorf("block 5 sees %v, want 4 x 4 pixels", in)
	}
	train(t, tr, 2)
	saved := checkpoints.NewState()
	check(t, tr.SaveState(saved))
	m, err := loadModel(saved.Sub("model"))
	check(t, err)
	if diff := cmp.Diff(m.Network.NetworkConfig, tr.net.NetworkConfig, cmpopts.IgnoreFields(NetworkConfig{}, "Dirac")); diff != "" {
		t.Error(diff)
	}
	check(t, start(t, cfg, set).LoadState(saved))
	cfg.UnpooledBlock5 = false
	if err := start(t, cfg, set).LoadState(saved); !errors.Is(err, checkpoints.ErrMismatch) {
		t.Errorf("a pooled network resumes: %v", err)
	}
}

// The network for inference computes the same as the trained one with its running values.
func TestInference(t *testing.T) {
	cfg := tiny()
	cfg.UnpooledBlock5 = true
	tr := start(t, cfg, tints(64))
	train(t, tr, 5)
	n := tr.net
	for _, l := range n.norms() {
		l.Training = false
	}
	folded, err := n.Inference()
	check(t, err)
	var logits [2][]float32
	for i, net := range []*Network{n, folded} {
		g := gorgonia.NewGraph()
		x, err := nn.NewInput(g, "x", 3)
		check(t, err)
		y, err := net.Forward(x)
		check(t, err)
		tape, err := nn.NewTape(y[:]...)
		check(t, err)
		var in nn.Buffer
		tr.norm.draw(in.Resize(1024, 3), tr.images.Image(3), n.Image, view{})
		check(t, tape.Bind(x, in.Value()))
		check(t, tape.Run())
		for _, z := range y {
			logits[i] = append(logits[i], tape.Matrix(z).Data...)
		}
	}
	for k, v := range logits[0] {
		if math.Abs(float64(v-logits[1][k])) > 1e-4*(1+math.Abs(float64(v))) {
			t.Errorf("logit %d: %v folded, %v as trained", k, logits[1][k], v)
		}
	}
}

func TestViews(t *testing.T) {
	m := cnn.Map{Height: 2, Width: 2, Channels: 3}
	image := []uint8{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}
	n := Normalisation{Std: [3]float32{1. / 255, 1. / 255, 1. / 255}}
	for _, c := range []struct {
		v    view
		want [4]float32
	}{
		{view{}, [4]float32{1, 2, 3, 4}},
		{view{mirror: true}, [4]float32{2, 1, 4, 3}},
		{view{down: 1}, [4]float32{3, 4, 0, 0}},
		{view{right: -1}, [4]float32{0, 1, 0, 3}},
		{view{right: 1, mirror: true}, [4]float32{0, 2, 0, 4}},
		{view{down: 1, reflect: true}, [4]float32{3, 4, 1, 2}},
		{view{down: -1, right: 1, reflect: true}, [4]float32{4, 3, 2, 1}},
		{view{right: 1, mirror: true, reflect: true}, [4]float32{1, 2, 3, 4}},
		{view{hidden: 1, left: 1}, [4]float32{1, 0, 3, 4}},
		{view{down: 1, hidden: 1, top: 1}, [4]float32{3, 4, 0, 0}},
		{view{mirror: true, hidden: 2}, [4]float32{}},
	} {
		dst := make([]float32, 12)
		n.draw(dst, image, m, c.v)
		for p, want := range c.want {
			if math.Abs(float64(dst[3*p]-want)) > 1e-5 {
				t.Errorf("%+v: %v, want %v", c.v, dst, c.want)
				break
			}
		}
	}
}

func TestConfigurations(t *testing.T) {
	cfg := tiny()
	data, err := cfg.YAML()
	check(t, err)
	back, err := ParseConfig(data, "config.yaml")
	check(t, err)
	if diff := cmp.Diff(cfg, back); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"data: x\nepochs: 0":                         "epochs",
		"data: x\nsettle: -1":                        "settle",
		"data: x\nexits_after: [1, 2, 3, 4, 5]":      "exits_after",
		"data: x\nexits_after: [2, 2, 3, 4, 13]":     "exits_after",
		"data: x\nwidth: -1":                         "width",
		"data: x\nexit_weights: [1]":                 "exit_weights",
		"data: x\nbatch_size: 1":                     "batch_size",
		"data: x\nlearning_rate: 0":                  "learning_rate",
		"data: x\nepochs: 2\nwarmup_epochs: 3":       "warmup_epochs",
		"data: x\nmuon_learning_rate: -1":            "muon_learning_rate",
		"data: x\nspeed: 1":                          "speed",
		"data: x\nlabel_smoothing: 1":                "label_smoothing",
		"data: x\ncutout: -1":                        "cutout",
		"data: x\nreflect_padding: 1":                "reflect_padding",
		"data: x\nflip: false\nalternate_flip: true": "alternate_flip",
		"data: x\nepochs: 2.5":                       "epochs",
	} {
		if _, err := ParseConfig([]byte(text), "bad.yaml"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bad.yaml") {
			t.Errorf("%q: error %v, want one about %s", text, err, want)
		}
	}
	cfg.BatchSize = 100
	if _, err := newTraining(cfg, tints(64)); err == nil || !strings.Contains(err.Error(), "minibatch") {
		t.Errorf("fewer images than a minibatch: %v", err)
	}
	if _, err := newTraining(tiny(), noise(64, 30)); err == nil || !strings.Contains(err.Error(), "multiples of 32") {
		t.Errorf("images of 30 pixels: %v", err)
	}
	small := tiny()
	small.Cutout = 33
	if _, err := newTraining(small, tints(64)); err == nil || !strings.Contains(err.Error(), "cutout: 33") {
		t.Errorf("a square larger than the image: %v", err)
	}
	small.Cutout, small.ReflectPadding, small.CropPadding = 0, true, 32
	if _, err := newTraining(small, tints(64)); err == nil || !strings.Contains(err.Error(), "crop_padding: 32") {
		t.Errorf("shifts without a mirror image: %v", err)
	}
	if _, err := LoadModel(t.TempDir()); err == nil {
		t.Error("no checkpoint: no error")
	}
}

// FuzzParseConfig: a configuration is refused or survives being written and read.
func FuzzParseConfig(f *testing.F) {
	data, _ := tiny().YAML()
	f.Add(data)
	f.Add([]byte("data: x\nexit_weights: [0, 0, 0, 0, 1]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := ParseConfig(data, "fuzz")
		if err != nil {
			return
		}
		written, err := cfg.YAML()
		check(t, err)
		back, err := ParseConfig(written, "fuzz")
		check(t, err)
		if diff := cmp.Diff(cfg, back); diff != "" {
			t.Error(diff)
		}
	})
}

// A run folder keeps a training like any other run, and the whole log of one that was interrupted.
func TestRunFolder(t *testing.T) {
	tr := start(t, tiny(), tints(64))
	dir := filepath.Join(t.TempDir(), "run")
	folder, err := runfolder.Create(dir, "")
	check(t, err)
	data, err := tr.cfg.YAML()
	check(t, err)
	check(t, folder.Start(tr, data))
	ctx, stop := context.WithCancel(context.Background())
	if err := folder.Train(ctx, tr, func() {
		if tr.Steps() == tr.Epoch()+1 {
			stop()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	check(t, folder.Close())
	task, set := Task(), tr.images
	task.New = func(cfg Config) (*Training, error) { return newTraining(cfg, set) }
	folder, tr, err = runfolder.Resume(task, dir, runfolder.ResumeOptions{Warn: func(m string) { t.Error(m) }})
	check(t, err)
	t.Cleanup(tr.Close)
	check(t, errors.Join(folder.Train(context.Background(), tr, func() {}), folder.Close()))
	lines, err := runfolder.ReadLog[Report](filepath.Join(dir, runfolder.MetricsFile))
	check(t, err)
	if len(lines) != 4 || lines[2].Epoch != 3 || lines[3].Step != tr.Length() { // the last one of settling
		t.Errorf("log: %+v", lines)
	}
	if _, err := LoadModel(dir); err != nil {
		t.Error(err)
	}
}

// A configuration may leave the images to the caller, but a training needs them.
func TestImagesNamedLater(t *testing.T) {
	cfg, err := ParseConfig([]byte("epochs: 3"), "x.yaml")
	if err != nil || cfg.Epochs != 3 || cfg.Data != "" {
		t.Fatalf("%+v, error %v", cfg, err)
	}
	if _, err := NewTraining(cfg); err == nil || !strings.Contains(err.Error(), "want a folder or a zip archive") {
		t.Error(err)
	}
}
