package rl

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Find agrees with a linear scan of cumulative sums after any sequence of changes. Priorities are
// integers, for which both are exact.
func TestSumTreeAgainstScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "leaves")
		tree, err := newSumTree(n)
		if err != nil {
			t.Fatal(err)
		}
		priorities := make([]float64, n)
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			leaf := rapid.IntRange(0, n-1).Draw(t, "leaf")
			priorities[leaf] = float64(rapid.IntRange(0, 5).Draw(t, "priority"))
			if err := tree.Set(leaf, priorities[leaf]); err != nil {
				t.Fatal(err)
			}
		}
		sum := 0.0
		for leaf, p := range priorities {
			if tree.Priority(leaf) != p {
				t.Fatalf("priority of leaf %d is %v, want %v", leaf, tree.Priority(leaf), p)
			}
			for position := sum; position < sum+p; position += 0.5 {
				if got := tree.Find(position); got != leaf {
					t.Fatalf("position %v of %v: leaf %d, want %d", position, priorities, got, leaf)
				}
			}
			sum += p
		}
		if tree.Sum() != sum {
			t.Fatalf("sum of %v is %v", priorities, tree.Sum())
		}
		if sum > 0 {
			for _, position := range []float64{sum, sum + 1, -1} { // rounding may cause these
				if leaf := tree.Find(position); leaf >= n || priorities[leaf] == 0 {
					t.Fatalf("position %v of %v: leaf %d", position, priorities, leaf)
				}
			}
		}
	})
}

// Updating sums by differences would keep the rounding errors of large priorities.
func TestSumTreeDoesNotDrift(t *testing.T) {
	tree, err := newSumTree(4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := tree.Set(i%4, math.Pow(10, float64(i%30))); err != nil {
			t.Fatal(err)
		}
	}
	for leaf := range 4 {
		if err := tree.Set(leaf, 0.1); err != nil {
			t.Fatal(err)
		}
	}
	if tree.Sum() != 0.4 {
		t.Errorf("sum of four times 0.1 is %v", tree.Sum())
	}
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1)} {
		if err := tree.Set(0, bad); err == nil {
			t.Errorf("priority %v: no error", bad)
		}
	}
	if _, err := newSumTree(0); err == nil {
		t.Error("no leaves: no error")
	}
}
