package nn_test

import (
	"slices"
	"testing"
	"time"

	"github.com/graphrl/graphrl/nn"
)

// BenchmarkFiniteChecks measures what the checks for NaN and infinity add to a training step: of
// gradients, which Step does, and of inputs, which learners do before it. One trainer takes turns at
// checking and not, since two trainers differ by up to 3 % for where their memory lies.
// docs/reliability.md has the last figures.
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
			tr, _, _ := newTrainer(c.batch, c.widths, 1)
			step := func() { must(tr.Step()) }
			var with, without, inputs []float64 // times of some steps
			for b.Loop() {
				check := nn.Trust(tr)
				step() // leaves the cache alike for both
				without = append(without, seconds(step))
				check()
				step()
				with = append(with, seconds(step))
				inputs = append(inputs, seconds(func() {
					if err := tr.Tape.CheckInputs(); err != nil {
						b.Fatal(err)
					}
				}))
			}
			b.ReportMetric(100*(median(with)/median(without)-1), "%gradients")
			b.ReportMetric(100*median(inputs)/median(without), "%inputs")
			b.ReportMetric(1e6*median(without), "µs/step")
		})
	}
}

// seconds returns the mean time of f over some calls.
func seconds(f func()) float64 {
	const n = 20
	start := time.Now()
	for range n {
		f()
	}
	return time.Since(start).Seconds() / n
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
