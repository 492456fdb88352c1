package mecoffload

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestArrivalOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var order arrivalOrder
	draws := map[string]func() float64{
		"uniform":    rng.Float64,
		"heavy tail": func() float64 { return math.Exp(20 * rng.NormFloat64()) },
		"ties":       func() float64 { return float64(rng.IntN(5)) },
		"all equal":  func() float64 { return 0.25 },
		"two lumps":  func() float64 { return float64(rng.IntN(2)) + 1e-9*rng.Float64() },
		"with extreme": func() float64 {
			return []float64{0, math.SmallestNonzeroFloat64, math.MaxFloat64, math.Inf(1), rng.Float64()}[rng.IntN(5)]
		},
	}
	for name, draw := range draws {
		for _, n := range []int{0, 1, 2, fewTasks, fewTasks + 1, 100, 1000, 3000, 17} {
			key := make([]float64, n)
			for i := range key {
				key[i] = draw()
			}
			got, want := make([]int32, n), make([]int32, n)
			for i := range want {
				want[i] = int32(i)
			}
			slices.SortStableFunc(want, func(i, j int32) int {
				switch {
				case key[i] < key[j]:
					return -1
				case key[i] > key[j]:
					return 1
				}
				return 0
			})
			order.sort(key, got)
			if !slices.Equal(got, want) {
				t.Errorf("%s, %d tasks: wrong order", name, n)
			}
		}
	}
}

func BenchmarkArrivalOrder(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	key, got := make([]float64, 1000), make([]int32, 1000)
	for i := range key {
		key[i] = (25 + 75*rng.Float64()) / (20 + 80*rng.Float64())
	}
	var order arrivalOrder
	for b.Loop() {
		order.sort(key, got)
	}
}
