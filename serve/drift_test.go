package serve

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Sorting in pieces is sorting, whatever the number of runs.
func TestSortInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 1023, 1024, 1025, 2048, 3000, 5121}).Draw(t, "n")
		v := make([]float64, n)
		x := rapid.Uint32().Draw(t, "seed")
		for i := range v {
			x = x*1664525 + 1013904223
			v[i] = float64(x >> 20) // equal values too
		}
		want := slices.Sorted(slices.Values(v))
		sortInPieces(v)
		if !slices.Equal(want, v) {
			t.Fatalf("%d values are not sorted", n)
		}
	})
}
