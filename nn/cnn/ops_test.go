package cnn_test

import (
	"testing"

	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
	"gorgonia.org/gorgonia"
)

// TestEveryOperation checks each operation of this package by finite differences, with respect to
// all of its inputs together and each alone. It fails for an operation that has no case.
func TestEveryOperation(t *testing.T) {
	const images = 2
	in := cnn.Map{Height: 4, Width: 5, Channels: 2}
	rng, covered := newRand(11), map[string]bool{}
	conv := must(cnn.NewConv2D("conv", cnn.Conv2DConfig{In: in, Channels: 3, Kernel: 3, Padding: 1, Stride: 2}, rng))
	most, mean := must(cnn.NewMaxPool2D(cnn.PoolConfig{In: in, Kernel: 2})), must(cnn.NewAvgPool2D(cnn.PoolConfig{In: in, Kernel: 2}))
	for name, c := range map[string]struct {
		out     cnn.Map
		params  nn.Params
		forward func(x *gorgonia.Node) (*gorgonia.Node, error)
	}{
		"conv":    {conv.Out, conv.Params(), conv.Forward},
		"max":     {most.Out, nil, most.Forward},
		"mean":    {mean.Out, nil, mean.Forward},
		"flatten": {cnn.Map{Height: 1, Width: 1, Channels: in.Values()}, nil, func(x *gorgonia.Node) (*gorgonia.Node, error) { return cnn.Flatten(x, in) }},
	} {
		t.Run(name, func(t *testing.T) {
			eg := gorgonia.NewGraph()
			// Far from each other, so that steps do not change which value is the largest.
			x := must(nn.NewParam("x", nil, nil, images*in.Pixels(), in.Channels))
			for i, k := range rng.Perm(len(x.Data())) {
				x.Data()[i] = 0.1*float32(k) - 3
			}
			y := must(c.forward(must(x.Node(eg))))
			target := must(nn.NewInput(eg, "target", y.Shape()[1]))
			var b nn.Buffer
			fill(rng, b.Resize(images*c.out.Pixels(), c.out.Channels))
			bind := func(tape *nn.Tape) error {
				if !tape.Needs(target) {
					return nil
				}
				return tape.Bind(target, b.Value())
			}
			gnntest.Cover(eg, must(nn.NewTape(y)), covered)
			gnntest.Gradients(t, must(nn.MSE(y, target, nil)), append(nn.Params{x}, c.params...), bind)
		})
	}
	for _, op := range gnntest.Operations(t, ".") {
		if !covered[op] {
			t.Errorf("no case covers the operation %s", op)
		}
	}
}
