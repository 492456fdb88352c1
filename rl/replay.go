package rl

import (
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
)

// ReplayBuffer keeps the last items added to it, up to its capacity, and draws minibatches from them. It owns copies of
// what is added and reuses their memory, so that in steady state nothing is allocated.
type ReplayBuffer[T any] struct {
	codec Codec[T]
	items []T // the first size are in use
	size  int
	next  int // where the next item goes: over the oldest one, once the buffer is full
	drawn []bool
}

// NewReplayBuffer returns an empty buffer for at most capacity items.
func NewReplayBuffer[T any](capacity int, codec Codec[T]) (*ReplayBuffer[T], error) {
	if capacity < 1 {
		return nil, fmt.Errorf("rl: replay buffer: capacity %d, want at least 1", capacity)
	}
	return &ReplayBuffer[T]{codec: codec, items: make([]T, capacity), drawn: make([]bool, capacity)}, nil
}

// Len returns the number of items held.
func (b *ReplayBuffer[T]) Len() int { return b.size }

// Capacity returns the number of items the buffer can hold.
func (b *ReplayBuffer[T]) Capacity() int { return len(b.items) }

// Add stores a copy of item, in the place of the oldest one if the buffer is full.
func (b *ReplayBuffer[T]) Add(item T) {
	b.codec.Copy(&b.items[b.next], item)
	b.next = (b.next + 1) % len(b.items)
	b.size = min(b.size+1, len(b.items))
}

// At returns the item that age others were added after, 0 <= age < Len; 0 is the newest. It shares the buffer's memory.
func (b *ReplayBuffer[T]) At(age int) T {
	if age < 0 || age >= b.size {
		panic(fmt.Sprintf("rl: replay buffer: item %d of %d", age, b.size))
	}
	return b.items[(b.next-1-age+len(b.items))%len(b.items)]
}

// Draw fills batch with different items among the newest window ones (0: among all), every set of them equally likely.
// They share the buffer's memory: they are valid until the next Add or LoadState, and not to be modified.
func (b *ReplayBuffer[T]) Draw(rand *Rand, window int, batch []T) error {
	n := b.size
	if window > 0 {
		n = min(n, window)
	}
	if len(batch) > n {
		return fmt.Errorf("rl: replay buffer: cannot draw %d different items from %d", len(batch), n)
	}
	// Floyd's algorithm (J. Bentley, R. Floyd, CACM 30(9), 1987): one random number per item, however many there are.
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

// LoadState implements checkpoints.Stateful. The buffer must have the capacity of the one that was saved.
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
