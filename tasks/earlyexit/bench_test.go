package earlyexit

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
)

// noise is a set of random images of CIFAR-10's size.
func noise(n, side int) *imagefolder.Set {
	s := &imagefolder.Set{Height: side, Width: side, Labels: make([]int32, n), Pixels: make([]uint8, n*side*side*3)}
	for c := range 10 {
		s.Classes = append(s.Classes, fmt.Sprint(c))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range s.Pixels {
		s.Pixels[i] = uint8(rng.IntN(256))
	}
	for i := range s.Labels {
		s.Labels[i] = int32(rng.IntN(10))
	}
	return s
}

// A step of the default recipe on images of CIFAR-10's size, with one and with two goroutines.
func BenchmarkTrain(b *testing.B) {
	for _, replicas := range []int{1, 2} {
		cfg := DefaultConfig()
		b.Run(fmt.Sprintf("width0.5/batch%d/goroutines%d", cfg.BatchSize, replicas), func(b *testing.B) {
			cfg.Data, cfg.Replicas, cfg.Epochs = "noise", replicas, 1000
			t, err := newTraining(cfg, noise(1280, 32))
			if err != nil {
				b.Fatal(err)
			}
			defer t.Close()
			if err := t.Step(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := t.Step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One image from bytes to the logits of each exit, on one thread.
func BenchmarkClassify(b *testing.B) {
	set := noise(8, 32)
	cfg := DefaultConfig()
	cfg.Data, cfg.BatchSize = "noise", 8
	t, err := newTraining(cfg, set)
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	n, err := t.net.Inference()
	if err != nil {
		b.Fatal(err)
	}
	m := &Model{Network: n, Norm: t.norm, Classes: set.Classes}
	c, err := m.NewClassifier()
	if err != nil {
		b.Fatal(err)
	}
	for e := range Exits {
		b.Run(fmt.Sprintf("width0.5/exit%d", e+1), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Classify(e, set.Image(0)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
