package droo

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
)

// AdaptiveK is DROO's rule for the number of candidates. Every interval slots, K becomes one more
// than the largest index of a best candidate in that interval, counting from one, and at most max.
// As the actor learns, the best candidate moves to the front of the list, so fewer candidates need
// scores.
//
// With indices from zero, as BestIndex returns them, K = min(2 + largest index, max). K never falls
// below 2 (unless max is 1), which lets it grow again. The published code leaves the last slot of
// each interval out of the maximum; this follows the paper.
type AdaptiveK struct {
	max, interval int
	k             int
	slots         int // observed in the current interval
	largest       int // best index in the current interval
}

// NewAdaptiveK returns the rule, starting with K = max. An interval of 0 keeps K there.
func NewAdaptiveK(max, interval int) (*AdaptiveK, error) {
	if max < 1 || interval < 0 {
		return nil, fmt.Errorf("droo: adaptive K: at most %d candidates every %d slots; want at least 1 and an interval >= 0", max, interval)
	}
	return &AdaptiveK{max: max, interval: interval, k: max}, nil
}

// K returns the number of candidates to use now.
func (a *AdaptiveK) K() int { return a.k }

// Observe records the index (from zero) of the best candidate of a slot.
func (a *AdaptiveK) Observe(bestIndex int) {
	if a.interval == 0 {
		return
	}
	a.largest = max(a.largest, bestIndex)
	if a.slots++; a.slots == a.interval {
		a.k = min(a.largest+2, a.max)
		a.slots, a.largest = 0, 0
	}
}

// SaveState implements checkpoints.Stateful.
func (a *AdaptiveK) SaveState(s *checkpoints.State) error {
	s.PutInt("k", int64(a.k))
	s.PutInt("slots", int64(a.slots))
	s.PutInt("largest", int64(a.largest))
	return nil
}

// LoadState implements checkpoints.Stateful.
func (a *AdaptiveK) LoadState(s *checkpoints.State) error {
	if err := errors.Join(
		checkpoints.LoadInt(s, "k", &a.k, 1, a.max),
		checkpoints.LoadInt(s, "slots", &a.slots, 0, max(0, a.interval-1)),
		checkpoints.LoadInt(s, "largest", &a.largest, 0, math.MaxInt32),
	); err != nil {
		return fmt.Errorf("droo: adaptive K: %w", err)
	}
	return nil
}
