package mecoffload

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/graphrl/graphrl/internal/reuse"
)

// serve offers a server the next task in order of arrival. The server is free from time free on and
// the task arrives at arrive, both in seconds from the slot's start. A task whose deadline has
// passed before it could start is dropped and costs the server nothing. Any other runs to its end,
// even if late.
func serve(free, arrive, work, deadline float64) (finish float64, served bool) {
	start := arrive
	if free > start {
		start = free
	}
	return start + work, start <= deadline
}

// timeliness returns psi(T/delta) = 1 - w*T/delta of a task finished in time, given slope =
// w/delta.
func timeliness(finish, slope float64) float64 { return 1 - slope*finish }

// carryOver returns the backlog that a server free from time free on takes into the next slot: b' =
// max(0, free - slot).
func carryOver(free, slot float64) float64 { return max(0, free-slot) }

// arrivalOrder sorts tasks by their time of arrival. The zero value is ready to use; it keeps its
// buffers.
type arrivalOrder struct{ count []int32 }

// Below this many tasks insertion sort is the fastest.
const fewTasks = 24

// sort writes to order the indices of key in increasing order of key, ties in order of index. Keys
// are not negative.
//
// The bit patterns of non-negative floats are ordered like the values, and roughly linear in their
// logarithms. So a right-shifted pattern is a bucket number that spreads values over several orders
// of magnitude evenly enough: one counting pass leaves each task a few places from its own.
func (a *arrivalOrder) sort(key []float64, order []int32) {
	n := len(key)
	if n <= fewTasks {
		for i := range order {
			order[i] = int32(i)
		}
		insertionSort(key, order)
		return
	}
	low, high := math.Float64bits(key[0]), math.Float64bits(key[0])
	for _, k := range key[1:] {
		b := math.Float64bits(k)
		low, high = min(low, b), max(high, b)
	}
	buckets := 1 << bits.Len(uint(n))
	shift := max(0, bits.Len64(high-low)-bits.Len(uint(buckets-1)))
	a.count = reuse.Slice(a.count, buckets+1)
	clear(a.count)
	for _, k := range key {
		a.count[(math.Float64bits(k)-low)>>shift+1]++
	}
	fullest := int32(0)
	for b := 1; b <= buckets; b++ {
		fullest = max(fullest, a.count[b])
		a.count[b] += a.count[b-1]
	}
	for i, k := range key {
		b := (math.Float64bits(k) - low) >> shift
		order[a.count[b]] = int32(i)
		a.count[b]++
	}
	if fullest <= fewTasks {
		insertionSort(key, order)
		return
	}
	slices.SortFunc(order, func(i, j int32) int {
		if c := cmp.Compare(key[i], key[j]); c != 0 {
			return c
		}
		return int(i - j)
	})
}

// insertionSort sorts order by key and keeps ties as they are.
func insertionSort(key []float64, order []int32) {
	for i := 1; i < len(order); i++ {
		task := order[i]
		k, j := key[task], i
		for ; j > 0 && key[order[j-1]] > k; j-- {
			order[j] = order[j-1]
		}
		order[j] = task
	}
}
