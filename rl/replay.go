package rl

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
)

// ReplayBuffer keeps the last samples added to it, up to its capacity, and draws minibatches from them. It owns copies
// of what is added and reuses their memory, so that in steady state nothing is allocated.
type ReplayBuffer[O any] struct {
	codec   Codec[O]
	samples []Sample[O] // the first size are in use
	size    int
	next    int // where the next sample goes: over the oldest one, once the buffer is full
	drawn   []bool
}

// NewReplayBuffer returns an empty buffer for at most capacity samples.
func NewReplayBuffer[O any](capacity int, codec Codec[O]) (*ReplayBuffer[O], error) {
	if capacity < 1 {
		return nil, fmt.Errorf("rl: replay buffer: capacity %d, want at least 1", capacity)
	}
	return &ReplayBuffer[O]{codec: codec, samples: make([]Sample[O], capacity), drawn: make([]bool, capacity)}, nil
}

// Len returns the number of samples held.
func (b *ReplayBuffer[O]) Len() int { return b.size }

// Capacity returns the number of samples the buffer can hold.
func (b *ReplayBuffer[O]) Capacity() int { return len(b.samples) }

// Add stores a copy of obs and decision, in the place of the oldest sample if the buffer is full.
func (b *ReplayBuffer[O]) Add(obs O, decision []int32) {
	slot := &b.samples[b.next]
	b.codec.Copy(&slot.Observation, obs)
	slot.Decision = append(slot.Decision[:0], decision...)
	b.next = (b.next + 1) % len(b.samples)
	b.size = min(b.size+1, len(b.samples))
}

// At returns the sample added age samples ago, 0 <= age < Len; 0 is the newest. It shares the buffer's memory.
func (b *ReplayBuffer[O]) At(age int) Sample[O] {
	if age < 0 || age >= b.size {
		panic(fmt.Sprintf("rl: replay buffer: sample %d of %d", age, b.size))
	}
	return b.samples[(b.next-1-age+len(b.samples))%len(b.samples)]
}

// Draw fills batch with different samples among the newest window ones (0: among all), every set of them equally likely.
// The samples share the buffer's memory: they are valid until the next Add or LoadState, and not to be modified.
func (b *ReplayBuffer[O]) Draw(rand *Rand, window int, batch []Sample[O]) error {
	n := b.size
	if window > 0 {
		n = min(n, window)
	}
	if len(batch) > n {
		return fmt.Errorf("rl: replay buffer: cannot draw %d different samples from %d", len(batch), n)
	}
	// Floyd's algorithm (J. Bentley, R. Floyd, CACM 30(9), 1987): one random number per sample, whatever n.
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
func (b *ReplayBuffer[O]) SaveState(s *checkpoints.State) error {
	var observations, decisions ragged
	for age := b.size - 1; age >= 0; age-- {
		sample := b.At(age)
		observations.values = b.codec.Encode(observations.values, sample.Observation)
		observations.endRow()
		for _, c := range sample.Decision {
			decisions.values = append(decisions.values, float64(c))
		}
		decisions.endRow()
	}
	s.PutInt("capacity", int64(len(b.samples)))
	observations.save(s.Sub("observations"))
	decisions.save(s.Sub("decisions"))
	return nil
}

// LoadState implements checkpoints.Stateful. The buffer must have the capacity of the one that was saved.
func (b *ReplayBuffer[O]) LoadState(s *checkpoints.State) error {
	if err := b.load(s); err != nil {
		return fmt.Errorf("rl: replay buffer: %w", err)
	}
	return nil
}

func (b *ReplayBuffer[O]) load(s *checkpoints.State) error {
	var observations, decisions ragged
	if err := errors.Join(
		checkInt(s, "capacity", len(b.samples)),
		observations.load(s.Sub("observations")),
		decisions.load(s.Sub("decisions")),
	); err != nil {
		return err
	}
	n := observations.rows()
	if n != decisions.rows() || n > len(b.samples) {
		return fmt.Errorf("saved with %d observations and %d decisions, for a capacity of %d", n, decisions.rows(), len(b.samples))
	}
	b.size, b.next = 0, 0
	var obs O
	var decision []int32
	for i := range n {
		if err := b.codec.Decode(&obs, observations.row(i)); err != nil {
			return fmt.Errorf("observation %d: %w", i, err)
		}
		decision = decision[:0]
		for _, v := range decisions.row(i) {
			c := int32(v)
			if float64(c) != v || c < 0 {
				return fmt.Errorf("decision %d makes choice %v", i, v)
			}
			decision = append(decision, c)
		}
		b.Add(obs, decision)
	}
	return nil
}
