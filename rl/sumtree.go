package rl

import (
	"fmt"
	"math"
)

// SumTree holds a priority >= 0 for each of n leaves and finds the leaf at a position of their cumulative sum, both in
// O(log n): the data structure of prioritised replay (T. Schaul et al., "Prioritized Experience Replay", ICLR 2016,
// appendix B.2.1).
type SumTree struct {
	leaves int
	// nodes[1] is the root and the children of i are 2i and 2i+1; the leaves are the second half. A node is always the sum
	// of its children, computed anew, so that rounding errors do not pile up.
	nodes []float64
}

// NewSumTree returns a tree of n leaves with priority 0.
func NewSumTree(n int) (*SumTree, error) {
	if n < 1 {
		return nil, fmt.Errorf("rl: sum tree of %d leaves, want at least 1", n)
	}
	width := 1
	for width < n {
		width *= 2
	}
	return &SumTree{leaves: n, nodes: make([]float64, 2*width)}, nil
}

// Len returns the number of leaves.
func (t *SumTree) Len() int { return t.leaves }

// Sum returns the sum of all priorities.
func (t *SumTree) Sum() float64 { return t.nodes[1] }

// Priority returns the priority of a leaf.
func (t *SumTree) Priority(leaf int) float64 {
	t.check(leaf)
	return t.nodes[len(t.nodes)/2+leaf]
}

// Set changes the priority of a leaf, which must be finite and not negative.
func (t *SumTree) Set(leaf int, priority float64) error {
	t.check(leaf)
	if !(priority >= 0) || math.IsInf(priority, 1) {
		return fmt.Errorf("rl: sum tree: priority %v of leaf %d, want it finite and at least 0", priority, leaf)
	}
	i := len(t.nodes)/2 + leaf
	t.nodes[i] = priority
	for i /= 2; i >= 1; i /= 2 {
		t.nodes[i] = t.nodes[2*i] + t.nodes[2*i+1]
	}
	return nil
}

// Find returns the leaf at position of the cumulative sum: the first whose priority and those before it add up to more
// than position, up to rounding. For a uniform position in [0, Sum) that draws each leaf with probability
// Priority(leaf)/Sum. It never is a leaf of priority 0. The sum must not be 0.
func (t *SumTree) Find(position float64) int {
	i := 1
	for i < len(t.nodes)/2 {
		i *= 2
		// Rounding, or a position outside the range, must not lead into a part of the tree that is empty.
		if left, right := t.nodes[i], t.nodes[i+1]; left == 0 || position >= left && right > 0 {
			position -= left
			i++
		}
	}
	return i - len(t.nodes)/2
}

func (t *SumTree) check(leaf int) {
	if leaf < 0 || leaf >= t.leaves {
		panic(fmt.Sprintf("rl: sum tree: leaf %d of %d", leaf, t.leaves))
	}
}
