package rl_test

import (
	"testing"

	"github.com/graphrl/graphrl/rl"
)

func TestFloatsAreThoseOfFloat64(t *testing.T) {
	together, single := rl.NewRand(11, 3), rl.NewRand(11, 3)
	for n := range 20 {
		numbers := make([]float64, n)
		together.Floats(numbers)
		for i, got := range numbers {
			if want := single.Float64(); got != want {
				t.Fatalf("number %d of %d: %v, want %v", i, n, got, want)
			}
		}
	}
	if together.Uint64() != single.Uint64() {
		t.Error("the states differ afterwards")
	}
}
