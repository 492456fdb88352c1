package cnn_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
	"gorgonia.org/gorgonia"
)

// A network is built from the size of its images on: every layer says the size of its result.
func Example() {
	rng := rand.New(rand.NewPCG(1, 1))
	image := cnn.Map{Height: 32, Width: 32, Channels: 3}
	conv, _ := cnn.NewConv2D("conv", cnn.Conv2DConfig{In: image, Channels: 16, Kernel: 3, Padding: 1, NoBias: true}, rng)
	norm, _ := nn.NewBatchNorm("norm", conv.Out.Channels, nn.ReLU)
	pool, _ := cnn.NewMaxPool2D(cnn.PoolConfig{In: conv.Out, Kernel: 2})
	head, _ := nn.NewLinear("head", nn.LinearConfig{In: pool.Out.Values(), Out: 10}, rng)

	g := gorgonia.NewGraph()
	x, _ := nn.NewInput(g, "images", image.Channels) // a row per pixel
	y, _ := conv.Forward(x)
	y, _ = norm.Forward(y)
	y, _ = pool.Forward(y)
	y, _ = cnn.Flatten(y, pool.Out) // a row per image
	y, _ = head.Forward(y)

	tape, _ := nn.NewTape(y)
	var images nn.Buffer
	clear(images.Resize(5*image.Pixels(), image.Channels))
	_ = tape.Bind(x, images.Value())
	if err := tape.Run(); err != nil {
		fmt.Println(err)
		return
	}
	logits := tape.Matrix(y)
	fmt.Println(image, "->", conv.Out, "->", pool.Out, "->", logits.Rows, "x", logits.Cols)
	// Output: 32x32x3 -> 32x32x16 -> 16x16x16 -> 5 x 10
}

// A stride of two halves a map; padding of one pixel keeps the border.
func ExampleNewConv2D() {
	for stride := 1; stride <= 3; stride++ {
		conv, err := cnn.NewConv2D("conv", cnn.Conv2DConfig{
			In: cnn.Map{Height: 32, Width: 32, Channels: 3}, Channels: 8, Kernel: 3, Stride: stride, Padding: 1,
		}, rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("stride", stride, "gives", conv.Out)
	}
	// Output:
	// stride 1 gives 32x32x8
	// stride 2 gives 16x16x8
	// stride 3 gives 11x11x8
}

// The mean over a window ignores the padding around the map.
func ExampleNewAvgPool2D() {
	m := cnn.Map{Height: 2, Width: 2, Channels: 1}
	pool, _ := cnn.NewAvgPool2D(cnn.PoolConfig{In: m, Kernel: 2, Stride: 2, Padding: 1})
	g := gorgonia.NewGraph()
	x, _ := nn.NewInput(g, "x", 1)
	y, _ := pool.Forward(x)
	tape, _ := nn.NewTape(y)
	var in nn.Buffer
	copy(in.Resize(4, 1), []float32{1, 2, 3, 4})
	_ = tape.Bind(x, in.Value())
	if err := tape.Run(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tape.Matrix(y).Data)
	// Output: [1 2 3 4]
}
