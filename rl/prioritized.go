package rl

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
)

// PrioritizedReplay is a replay buffer that draws items by how much was last learned from them: with probability
// proportional to the size of their TD error to the power of alpha (T. Schaul et al., "Prioritized Experience Replay",
// ICLR 2016, the proportional variant). New items have the highest priority so far, so that each is likely to be seen.
type PrioritizedReplay[T any] struct {
	buffer  *ReplayBuffer[T]
	tree    *SumTree
	alpha   float64
	highest float64 // priority so far, to the power of alpha
}

// minPriority is what the paper adds to the size of a TD error so that an item without one is not lost (its epsilon).
const minPriority = 1e-6

// NewPrioritizedReplay returns an empty buffer for at most capacity items. An alpha of 0 draws uniformly; the paper uses
// 0.6.
func NewPrioritizedReplay[T any](capacity int, alpha float64, codec Codec[T]) (*PrioritizedReplay[T], error) {
	if !(alpha >= 0) || math.IsInf(alpha, 1) {
		return nil, fmt.Errorf("rl: prioritised replay: alpha is %v, want it at least 0", alpha)
	}
	buffer, err := NewReplayBuffer(capacity, codec)
	if err != nil {
		return nil, err
	}
	tree, err := NewSumTree(capacity)
	if err != nil {
		return nil, err
	}
	return &PrioritizedReplay[T]{buffer: buffer, tree: tree, alpha: alpha, highest: 1}, nil
}

// Len returns the number of items held.
func (r *PrioritizedReplay[T]) Len() int { return r.buffer.Len() }

// Add stores a copy of item, in the place of the oldest one if the buffer is full.
func (r *PrioritizedReplay[T]) Add(item T) error {
	slot := r.buffer.next
	r.buffer.Add(item)
	return r.tree.Set(slot, r.highest)
}

// Draw fills batch with items, slots with where they stand, and weights with the importance of each,
//
//	w_i = (Len P(i))^-beta / max_j w_j
//
// over the minibatch, which corrects for drawing some more often than others; beta is to grow from the paper's 0.4 to 1
// in the course of training. Each item comes from its own share of the total priority (stratified draws), but one of high
// priority can be drawn more than once. The items share the buffer's memory and are valid until the next Add.
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

// Update sets the priorities of the items in slots, as filled by Draw, by their TD errors. Call it before the next Add.
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

// LoadState implements checkpoints.Stateful. The buffer must have the capacity of the one that was saved.
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
