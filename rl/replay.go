package rl

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/memory"
)

// ReplayBuffer keeps the last items added, up to its capacity, and draws minibatches from them. It
// stores copies and reuses their memory, so in steady state it does not allocate.
type ReplayBuffer[T any] struct {
	codec Codec[T]
	items []T // the first size are used
	size  int
	next  int // index of the next item; the oldest one once the buffer is full
	drawn []bool
}

// NewReplayBuffer returns an empty buffer for at most capacity items.
func NewReplayBuffer[T any](capacity int, codec Codec[T]) (*ReplayBuffer[T], error) {
	if capacity < 1 {
		return nil, fmt.Errorf("rl: replay buffer: capacity %d, want at least 1", capacity)
	}
	if codec == nil {
		return nil, errors.New("rl: replay buffer: want a codec, got nil")
	}
	if err := fits(capacity, int(unsafe.Sizeof(*new(T)))); err != nil {
		return nil, fmt.Errorf("rl: replay buffer: %w", err)
	}
	return &ReplayBuffer[T]{codec: codec, items: make([]T, capacity), drawn: make([]bool, capacity)}, nil
}

// Len returns the number of items held.
func (b *ReplayBuffer[T]) Len() int { return b.size }

// Capacity returns the number of items the buffer can hold.
func (b *ReplayBuffer[T]) Capacity() int { return len(b.items) }

// Add stores a copy of item. It replaces the oldest one if the buffer is full.
func (b *ReplayBuffer[T]) Add(item T) {
	b.codec.Copy(&b.items[b.next], item)
	b.next = (b.next + 1) % len(b.items)
	b.size = min(b.size+1, len(b.items))
}

// At returns the item with the given age, 0 <= age < Len, where 0 is the newest. It shares the
// buffer's memory.
func (b *ReplayBuffer[T]) At(age int) T {
	if age < 0 || age >= b.size {
		panic(fmt.Sprintf("rl: replay buffer: item %d of %d", age, b.size))
	}
	return b.items[(b.next-1-age+len(b.items))%len(b.items)]
}

// Draw fills batch with distinct items among the newest window (0: all), every set equally likely.
// The items share the buffer's memory: they are valid until the next Add or LoadState and must not
// be modified.
func (b *ReplayBuffer[T]) Draw(rand *Rand, window int, batch []T) error {
	n := b.size
	if window > 0 {
		n = min(n, window)
	}
	if len(batch) > n {
		return fmt.Errorf("rl: replay buffer: cannot draw %d different items from %d", len(batch), n)
	}
	// Floyd's algorithm (J. Bentley, R. Floyd, CACM 30(9), 1987): one random number per item drawn,
	// for any buffer size.
	clear(b.drawn[:n])
	for i := range batch {
		last := n - len(batch) + i
		age := rand.IntN(last + 1)
		if b.drawn[age] {
			age = last
		}
		b.drawn[age] = true
		batch[i] = b.At(age)
	}
	return nil
}

// SaveState implements checkpoints.Stateful.
func (b *ReplayBuffer[T]) SaveState(s *checkpoints.State) error {
	s.PutInt("capacity", int64(len(b.items)))
	s.PutInt("next", int64(b.next))
	saveItems(s, b.codec, b.items[:b.size])
	return nil
}

// LoadState implements checkpoints.Stateful. The buffer must have the capacity of the saved one.
func (b *ReplayBuffer[T]) LoadState(s *checkpoints.State) error {
	if err := b.load(s); err != nil {
		return fmt.Errorf("rl: replay buffer: %w", err)
	}
	return nil
}

func (b *ReplayBuffer[T]) load(s *checkpoints.State) error {
	if err := checkInt(s, "capacity", len(b.items)); err != nil {
		return err
	}
	size, err := loadItems(s, b.codec, b.items)
	if err != nil {
		return err
	}
	b.size = size
	// A buffer that is not full has filled its slots in order.
	lowest, highest := size, size
	if size == len(b.items) {
		lowest, highest = 0, size-1
	}
	return checkpoints.LoadInt(s, "next", &b.next, lowest, highest)
}

// fits reports a capacity that cannot fit into memory.
func fits(items, size int) error {
	if limit := memory.Available(); float64(items)*float64(size) > float64(limit.Bytes) {
		return fmt.Errorf("%d items of %d bytes and more do not fit into %d bytes (%s): lower the capacity",
			items, size, limit.Bytes, limit.Source)
	}
	return nil
}

// PrioritizedReplay is a replay buffer that draws an item with probability proportional to |TD
// error|^alpha (T. Schaul et al., "Prioritized Experience Replay", ICLR 2016, the proportional
// variant). New items get the highest priority so far, so that each is likely to be drawn.
type PrioritizedReplay[T any] struct {
	buffer  *ReplayBuffer[T]
	tree    *sumTree
	alpha   float64
	highest float64 // priority so far, to the power of alpha
}

// minPriority is the paper's epsilon, added to |TD error| so that an item without error can still
// be drawn.
const minPriority = 1e-6

// NewPrioritizedReplay returns an empty buffer for at most capacity items. An alpha of 0 draws
// uniformly; the paper uses 0.6.
func NewPrioritizedReplay[T any](capacity int, alpha float64, codec Codec[T]) (*PrioritizedReplay[T], error) {
	if !(alpha >= 0) || math.IsInf(alpha, 1) {
		return nil, fmt.Errorf("rl: prioritised replay: alpha is %v, want it at least 0", alpha)
	}
	buffer, err := NewReplayBuffer(capacity, codec)
	if err != nil {
		return nil, err
	}
	tree, err := newSumTree(capacity)
	if err != nil {
		return nil, err
	}
	return &PrioritizedReplay[T]{buffer: buffer, tree: tree, alpha: alpha, highest: 1}, nil
}

// Len returns the number of items held.
func (r *PrioritizedReplay[T]) Len() int { return r.buffer.Len() }

// Add stores a copy of item. It replaces the oldest one if the buffer is full.
func (r *PrioritizedReplay[T]) Add(item T) error {
	slot := r.buffer.next
	r.buffer.Add(item)
	return r.tree.Set(slot, r.highest)
}

// Draw fills batch with items, slots with their positions, and weights with their importance
// weights
//
//	w_i = (Len P(i))^-beta / max_j w_j
//
// over the minibatch, which correct for the non-uniform draws. beta should grow from the paper's
// 0.4 to 1 during training. Each item comes from its own share of the total priority (stratified
// draws), but one of high priority can be drawn more than once. The items share the buffer's memory
// and are valid until the next Add.
func (r *PrioritizedReplay[T]) Draw(rand *Rand, beta float64, batch []T, slots []int, weights []float32) error {
	n := len(batch)
	if len(slots) != n || len(weights) != n {
		return fmt.Errorf("rl: prioritised replay: a batch of %d with %d slots and %d weights", n, len(slots), len(weights))
	}
	if r.Len() == 0 {
		return errors.New("rl: prioritised replay: nothing to draw from")
	}
	share := r.tree.Sum() / float64(n)
	rarest := math.Inf(1) // the lowest priority has the highest weight
	for i := range batch {
		slots[i] = r.tree.Find(share * (float64(i) + rand.Float64()))
		batch[i] = r.buffer.items[slots[i]]
		rarest = min(rarest, r.tree.Priority(slots[i]))
	}
	for i, slot := range slots {
		weights[i] = float32(math.Pow(r.tree.Priority(slot)/rarest, -beta))
	}
	return nil
}

// Update sets the priorities of the items in slots, as filled by Draw, from their TD errors. Call
// it before the next Add.
func (r *PrioritizedReplay[T]) Update(slots []int, errors []float64) error {
	if len(slots) != len(errors) {
		return fmt.Errorf("rl: prioritised replay: %d errors for %d slots", len(errors), len(slots))
	}
	for i, slot := range slots {
		if slot < 0 || slot >= r.Len() {
			return fmt.Errorf("rl: prioritised replay: slot %d of %d items", slot, r.Len())
		}
		priority := math.Pow(math.Abs(errors[i])+minPriority, r.alpha)
		if err := r.tree.Set(slot, priority); err != nil {
			return fmt.Errorf("rl: prioritised replay: TD error %v: %w", errors[i], err)
		}
		r.highest = max(r.highest, priority)
	}
	return nil
}

// SaveState implements checkpoints.Stateful.
func (r *PrioritizedReplay[T]) SaveState(s *checkpoints.State) error {
	priorities := make([]float64, r.Len())
	for slot := range priorities {
		priorities[slot] = r.tree.Priority(slot)
	}
	s.PutFloat64("priorities", nil, priorities)
	s.PutFloat("highest", r.highest)
	return r.buffer.SaveState(s.Sub("items"))
}

// LoadState implements checkpoints.Stateful. The buffer must have the capacity of the saved one.
func (r *PrioritizedReplay[T]) LoadState(s *checkpoints.State) error {
	if err := r.buffer.LoadState(s.Sub("items")); err != nil {
		return err
	}
	priorities := make([]float64, r.tree.Len())
	if err := s.Float64("priorities", priorities[:r.Len()]); err != nil {
		return err
	}
	var errs []error
	for slot, priority := range priorities {
		errs = append(errs, r.tree.Set(slot, priority))
	}
	highest, err := s.Float("highest")
	if err == nil && !(highest > 0 && highest <= math.MaxFloat64) {
		err = fmt.Errorf("rl: prioritised replay: saved highest priority is %v", highest)
	}
	r.highest = highest
	return errors.Join(append(errs, err)...)
}

// sumTree holds a priority >= 0 for each of n leaves and finds the leaf at a position of their
// cumulative sum, both in O(log n): the data structure of prioritised replay (T. Schaul et al.,
// "Prioritized Experience Replay", ICLR 2016, appendix B.2.1).
type sumTree struct {
	leaves int
	// nodes[1] is the root and the children of i are 2i and 2i+1; the leaves are the second half. A
	// node is always recomputed as the sum of its children, so rounding errors do not accumulate.
	nodes []float64
}

// newSumTree returns a tree of n leaves with priority 0.
func newSumTree(n int) (*sumTree, error) {
	if n < 1 {
		return nil, fmt.Errorf("rl: sum tree of %d leaves, want at least 1", n)
	}
	width := 1
	for width < n {
		width *= 2
	}
	return &sumTree{leaves: n, nodes: make([]float64, 2*width)}, nil
}

// Len returns the number of leaves.
func (t *sumTree) Len() int { return t.leaves }

// Sum returns the sum of all priorities.
func (t *sumTree) Sum() float64 { return t.nodes[1] }

// Priority returns the priority of a leaf.
func (t *sumTree) Priority(leaf int) float64 {
	t.check(leaf)
	return t.nodes[len(t.nodes)/2+leaf]
}

// Set changes the priority of a leaf, which must be finite and not negative.
func (t *sumTree) Set(leaf int, priority float64) error {
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

// Find returns the leaf at position of the cumulative sum: the first leaf for which the sum of
// priorities up to and including it exceeds position, up to rounding. For a uniform position in [0,
// Sum) it draws each leaf with probability Priority(leaf)/Sum. It never returns a leaf of priority
// 0. The sum must not be 0.
func (t *sumTree) Find(position float64) int {
	i := 1
	for i < len(t.nodes)/2 {
		i *= 2
		// Rounding, or a position outside the range, must not lead to an empty part of the tree.
		if left, right := t.nodes[i], t.nodes[i+1]; left == 0 || position >= left && right > 0 {
			position -= left
			i++
		}
	}
	return i - len(t.nodes)/2
}

func (t *sumTree) check(leaf int) {
	if leaf < 0 || leaf >= t.leaves {
		panic(fmt.Sprintf("rl: sum tree: leaf %d of %d", leaf, t.leaves))
	}
}
