package droo

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/graphrl/graphrl/checkpoints"
)

// Interleave takes candidates from several quantizers in turn and skips those already proposed: the
// first of each, then the second of each, until k are found or all are exhausted.
//
// With turns, rather than half from each, the index of a candidate still measures its rank in the
// lists, on which AdaptiveK relies.
type Interleave struct {
	Quantizers []Quantizer // in order of their turns

	lists []Decisions
	merge merger
}

// Candidates implements Quantizer.
func (q *Interleave) Candidates(s Scores, k int, dst *Decisions) error {
	if len(q.Quantizers) == 0 {
		return fmt.Errorf("droo: interleave: no quantizers")
	}
	for len(q.lists) < len(q.Quantizers) {
		q.lists = append(q.lists, Decisions{})
	}
	for i, inner := range q.Quantizers {
		if err := inner.Candidates(s, k, &q.lists[i]); err != nil {
			return err
		}
	}
	q.merge.interleave(q.lists, k, dst)
	return nil
}

// SaveState implements checkpoints.Stateful: it saves the quantizers that have a state.
func (q *Interleave) SaveState(s *checkpoints.State) error {
	for i, inner := range q.Quantizers {
		if err := checkpoints.SaveOptional(s, strconv.Itoa(i), inner); err != nil {
			return err
		}
	}
	return nil
}

// LoadState implements checkpoints.Stateful.
func (q *Interleave) LoadState(s *checkpoints.State) error {
	for i, inner := range q.Quantizers {
		if err := checkpoints.LoadOptional(s, strconv.Itoa(i), inner); err != nil {
			return err
		}
	}
	return nil
}

// merger collects distinct candidates in a hash table with open addressing, because comparing each
// candidate with all others is too slow for many candidates of many rows.
type merger struct {
	slots []int32 // 1 + index of a candidate, 0 = empty; the length is a power of two
}

// interleave fills dst with at most k distinct candidates of lists, which have equal numbers of
// rows.
func (m *merger) interleave(lists []Decisions, k int, dst *Decisions) {
	dst.Reset(lists[0].Rows, k)
	m.reset(k)
	for i, more := 0, true; more; i++ {
		more = false
		for l := range lists {
			if i < lists[l].K && dst.K < k {
				m.add(dst, lists[l].Candidate(i))
				more = true
			}
		}
	}
}

// reset forgets all candidates and makes room for k.
func (m *merger) reset(k int) {
	size := 4
	for size < 2*k {
		size *= 2
	}
	if size > len(m.slots) {
		m.slots = make([]int32, size)
	}
	clear(m.slots)
}

// add appends choice to dst unless dst already holds it, and reports whether it did. All candidates
// in dst must have been added through m.
func (m *merger) add(dst *Decisions, choice []int32) bool {
	hash := uint64(0)
	for i := 1; i < len(choice); i += 2 {
		hash = mix(hash, uint64(uint32(choice[i-1]))|uint64(choice[i])<<32)
	}
	if n := len(choice); n%2 == 1 {
		hash = mix(hash, uint64(uint32(choice[n-1])))
	}
	slots := m.slots
	for i := hash; ; i++ {
		slot := &slots[i&uint64(len(slots)-1)] // a remainder would take as long as the rest
		if *slot == 0 {
			dst.Append(choice)
			*slot = int32(dst.K)
			return true
		}
		if slices.Equal(dst.Candidate(int(*slot)-1), choice) {
			return false
		}
	}
}

// mix adds the next two choices to a hash. Each waits for the one before, so one at a time would take
// twice as long. The multiplier is that of Fibonacci hashing, 2^64/phi.
func mix(hash, choices uint64) uint64 {
	hash = (hash ^ choices) * 0x9e3779b97f4a7c15
	return hash ^ hash>>32
}
