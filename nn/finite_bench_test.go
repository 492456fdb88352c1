package nn_test

import (
	"slices"
	"testing"
	"time"

	"github.com/graphrl/graphrl/nn"
)

// BenchmarkFiniteChecks measures what the checks for NaN and infinity add to a training step: of
// gradients, which Step does, and of inputs, which learners do before it. It takes turns with a
// trainer that does not check, and compares the fastest, which nothing else has disturbed. docs/reliability.md has the last figures.
func BenchmarkFiniteChecks(b *testing.B) {
	for _, c := range []struct {
		name   string
		batch  int
		widths []int
	}{
		{"mlp-4-32-2-b64", 64, []int{4, 32, 2}},
		{"mlp-10-120-80-10-b128", 128, []int{10, 120, 80, 10}},
		{"mlp-140-128-64-140-b64", 64, []int{140, 128, 64, 140}},
		{"mlp-140-128-64-140-b16", 16, []int{140, 128, 64, 140}},
		{"mlp-140-256-256-140-b8", 8, []int{140, 256, 256, 140}},
	} {
		b.Run(c.name, func(b *testing.B) {
			checked, _, _ := newTrainer(c.batch, c.widths, 1)
			trusting, _, _ := newTrainer(c.batch, c.widths, 1)
			nn.Trust(trusting)
			var with, without, inputs []float64 // times of some steps
			for b.Loop() {
				with = append(with, seconds(func() { must(checked.Step()) }))
				without = append(without, seconds(func() { must(trusting.Step()) }))
				inputs = append(inputs, seconds(func() {
					if err := checked.Tape.CheckInputs(); err != nil {
						b.Fatal(err)
					}
				}))
			}
			b.ReportMetric(100*(slices.Min(with)/slices.Min(without)-1), "%gradients")
			b.ReportMetric(100*slices.Min(inputs)/slices.Min(without), "%inputs")
		})
	}
}

func seconds(f func()) float64 {
	start := time.Now()
	for range 5 {
		f()
	}
	return time.Since(start).Seconds()
}
