package droo

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
)

// Explore is a quantizer whose last few candidates are random: each row takes one of its options
// with equal probability, independent of the scores. The others come from another quantizer.
//
// Candidates near the actor's proposal cannot lead it away from one that is bad as a whole. An
// untrained actor scores an option similarly for all rows, so it may send all of them the same way.
// Random decisions spread the rows, and the critic prefers them until the actor does better.
type Explore struct {
	inner   Quantizer
	random  int
	rand    *rl.Rand
	list    Decisions // of inner
	choice  []int32
	allowed []int32 // [Rows] options that are not masked
	merge   merger
}

// NewExplore returns a quantizer that draws random of its candidates, but never the first, from
// rand and takes the others from inner. Its state includes both.
func NewExplore(inner Quantizer, random int, rand *rl.Rand) (*Explore, error) {
	if random < 0 {
		return nil, fmt.Errorf("droo: exploring quantizer: %d random candidates, want at least 0", random)
	}
	return &Explore{inner: inner, random: random, rand: rand}, nil
}

// Candidates implements Quantizer.
func (q *Explore) Candidates(s Scores, k int, dst *Decisions) error {
	if err := q.inner.Candidates(s, max(k-q.random, min(k, 1)), &q.list); err != nil {
		return err
	}
	dst.Reset(s.Rows, k)
	q.merge.reset(k)
	for i := range q.list.K {
		q.merge.add(dst, q.list.Candidate(i))
	}
	q.choice = reuse.Slice(q.choice, s.Rows)
	q.count(&s)
	for draws := min(q.random, k-dst.K); draws > 0; draws-- {
		for i := range q.choice {
			q.choice[i] = q.draw(&s, i)
		}
		q.merge.add(dst, q.choice)
	}
	return nil
}

// draw returns a random unmasked option of a row.
func (q *Explore) draw(s *Scores, row int) int32 {
	if s.Options == 1 {
		return int32(q.rand.IntN(2))
	}
	logits, allowed := s.Row(row), int(q.allowed[row])
	skip := q.rand.IntN(allowed)
	if allowed == len(logits) {
		return int32(skip)
	}
	for j, z := range logits {
		if masked(z) {
			continue
		}
		if skip == 0 {
			return int32(j)
		}
		skip--
	}
	panic("droo: a row without options") // unreachable: the inner quantizer rejects these scores
}

// count notes how many options of each row are not masked.
func (q *Explore) count(s *Scores) {
	q.allowed = reuse.Slice(q.allowed, s.Rows)
	for i := range q.allowed {
		q.allowed[i] = 0
		for _, z := range s.Row(i) {
			if !masked(z) {
				q.allowed[i]++
			}
		}
	}
}

// SaveState implements checkpoints.Stateful.
func (q *Explore) SaveState(s *checkpoints.State) error {
	return errors.Join(q.rand.SaveState(s), checkpoints.SaveOptional(s, "inner", q.inner))
}

// LoadState implements checkpoints.Stateful.
func (q *Explore) LoadState(s *checkpoints.State) error {
	return errors.Join(q.rand.LoadState(s), checkpoints.LoadOptional(s, "inner", q.inner))
}
