package gomlx

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
)

// newBackend runs one operation after the other, which is the faster way on one processor.
func newBackend(b *testing.B) backends.Backend {
	backend, err := simplego.New("ops_sequential")
	check(b, err)
	return backend
}

// mlp adds a multilayer perceptron to the graph of x and returns its logits.
func mlp(ctx *context.Context, x *graph.Node, widths []int) *graph.Node {
	for i, w := range widths {
		x = layers.DenseWithBias(ctx.In(fmt.Sprint("layer", i)), x, w)
		if i+1 < len(widths) {
			x = activations.Relu(x)
		}
	}
	return x
}

func random(rows, cols int) []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = rng.Float32()
	}
	return x
}

func check(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
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
			model := func(ctx *context.Context, _ any, in []*graph.Node) []*graph.Node {
				return []*graph.Node{mlp(ctx, in[0], c.widths[1:])}
			}
			outputs := c.widths[len(c.widths)-1]
			target := random(c.batch, outputs)
			for i, v := range target {
				target[i] = 0
				if v < 0.5 {
					target[i] = 1
				}
			}
			x := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(random(c.batch, c.widths[0]), c.batch, c.widths[0])}
			t := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(target, c.batch, outputs)}
			trainer := train.NewTrainer(newBackend(b), context.New(), model, losses.BinaryCrossentropyLogits,
				optimizers.Adam().LearningRate(1e-3).Done(), nil, nil)
			step := func() []*tensors.Tensor {
				metrics, err := trainer.TrainStep(nil, x, t)
				check(b, err)
				return metrics
			}
			first := tensors.ToScalar[float32](step()[0])
			for range 100 {
				step()
			}
			if last := tensors.ToScalar[float32](step()[0]); !(last < first) {
				b.Fatalf("the loss went from %v to %v", first, last)
			}
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
		})
	}
}

func BenchmarkForward(b *testing.B) {
	b.Run("mlp-10-120-80-10-b1", func(b *testing.B) {
		forward, err := context.NewExec(newBackend(b), context.New(), func(ctx *context.Context, x *graph.Node) *graph.Node {
			return graph.Sigmoid(mlp(ctx, x, []int{120, 80, 10}))
		})
		check(b, err)
		x := tensors.FromFlatDataAndDimensions(random(1, 10), 1, 10)
		run := func() {
			_, err := forward.Exec(x)
			check(b, err)
		}
		for range 100 {
			run()
		}
		b.ReportAllocs()
		for b.Loop() {
			run()
		}
	})
}
