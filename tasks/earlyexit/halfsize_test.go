package earlyexit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn/cnn"
)

// A pixel of a halved image is the mean of the four in its place, colour by colour.
func TestHalve(t *testing.T) {
	image := []float32{
		1, 10, 3, 30, 5, 50, 7, 70,
		9, 90, 11, 110, 13, 130, 15, 150,
	}
	got := make([]float32, 4)
	halve(got, image, cnn.Map{Height: 2, Width: 4, Channels: 2})
	if want := []float32{6, 60, 10, 100}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The halved network is the one made for images of that size, with the same parameters. Images of 32
// pixels leave block 5 a single one, which nothing pools.
func TestHalvedNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	cfg := NetworkConfig{Image: cnn.Map{Height: 64, Width: 128, Channels: 3}, Classes: 4, Width: 1. / 16}
	large, err := NewNetwork(cfg, rng)
	check(t, err)
	halved, err := large.halved()
	check(t, err)
	cfg.Image = cnn.Map{Height: 32, Width: 64, Channels: 3}
	small, err := NewNetwork(cfg, rng)
	check(t, err)
	for i, p := range small.Params() {
		copy(p.Data(), large.Params()[i].Data())
	}
	images := make([]float32, 2*cfg.Image.Values())
	for k := range images {
		images[k] = float32(rng.NormFloat64())
	}
	if got, want := logits(t, halved, images), logits(t, small, images); !slices.Equal(got, want) {
		t.Errorf("logits of the exits %v, want %v", got, want)
	}
	quarter, err := halved.halved() // 16 x 32: block 5 sees 1 x 2 pixels
	check(t, err)
	if b := quarter.blocks[len(vgg16)-1]; b.pool != nil || b.mean.In.Pixels() != 2 {
		t.Errorf("block 5 pools maps of %v", b.out)
	}
	logits(t, quarter, images[:quarter.Image.Values()])
}

// Training changes to whole images after the given part, and a resumed run goes on bit for bit on
// either side of the change.
func TestHalfSizeResume(t *testing.T) {
	cfg := tiny()
	cfg.Epochs, cfg.HalfSize = 2, 0.75
	set := tints(64)
	whole := start(t, cfg, set)
	var saved []*checkpoints.State
	for !whole.Done() {
		half := whole.team() == whole.halved
		if want := whole.Steps() < 6; half != want { // of 8 steps and 3 that settle
			t.Errorf("step %d on halved images: %v, want %v", whole.Steps(), half, want)
		}
		s := checkpoints.NewState()
		check(t, whole.SaveState(s))
		saved = append(saved, s)
		train(t, whole, 1)
	}
	for _, at := range []int{3, 6, 7} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			again := start(t, cfg, set)
			check(t, again.LoadState(saved[at]))
			train(t, again, again.Length()-again.Steps())
			for i, p := range append(whole.net.Params(), whole.net.Statistics()...) {
				if !slices.Equal(p.Data(), append(again.net.Params(), again.net.Statistics()...)[i].Data()) {
					t.Errorf("%s differs", p.Name)
				}
			}
		})
	}
}
