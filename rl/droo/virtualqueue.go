package droo

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/internal/validate"
)

// VirtualQueues turn constraints on long-term means into prices of the current slot (M. Neely,
// "Stochastic Network Optimization", 2010, section 4.4). For the constraint that the mean of u_i is
// at most limit_i, the queue
//
//	q_i <- max(q_i + scale_i (u_i - limit_i), 0)
//
// grows while more is used than the limit allows. If it stays bounded the constraint holds: after T
// slots from empty queues the mean of u_i exceeds the limit by at most q_i / (scale_i T).
// [DriftPlusPenalty] keeps it bounded.
type VirtualQueues struct {
	limits, scales []float64
	backlog        []float64
	start          float64 // backlog after Reset
}

// NewVirtualQueues makes empty queues for the given limits, one per constraint. The scales, which
// bring uses of different units to one size, may be nil for ones.
func NewVirtualQueues(limits, scales []float64) (*VirtualQueues, error) {
	check := validate.Fields{Name: "droo: virtual queues"}
	check.Want(scales == nil || len(scales) == len(limits), "%d scales for %d limits", len(scales), len(limits))
	q := &VirtualQueues{
		limits:  append([]float64(nil), limits...),
		scales:  make([]float64, len(limits)),
		backlog: make([]float64, len(limits)),
	}
	for i, l := range limits {
		check.Want(!math.IsNaN(l) && !math.IsInf(l, 0), "the limit of constraint %d is %v, want it finite", i, l)
		q.scales[i] = 1
		if i < len(scales) {
			check.Want(scales[i] > 0 && !math.IsInf(scales[i], 0), "the scale of constraint %d is %v, want it positive and finite", i, scales[i])
			q.scales[i] = scales[i]
		}
	}
	return q, check.Err()
}

// Len returns the number of constraints.
func (q *VirtualQueues) Len() int { return len(q.limits) }

// Backlog returns the queues. They belong to q and change with Observe.
func (q *VirtualQueues) Backlog() []float64 { return q.backlog }

// Observe adds the real use of each constraint in a slot.
func (q *VirtualQueues) Observe(used []float64) error {
	if len(used) != len(q.limits) {
		return fmt.Errorf("droo: virtual queues: uses of %d constraints, want %d", len(used), len(q.limits))
	}
	for i, u := range used {
		if math.IsNaN(u) || math.IsInf(u, 0) {
			return fmt.Errorf("droo: virtual queues: the use of constraint %d is %v", i, u)
		}
	}
	for i, u := range used {
		q.backlog[i] = max(q.backlog[i]+q.scales[i]*(u-q.limits[i]), 0)
	}
	return nil
}

// StartAt resets the queues to a backlog that Reset returns to from then on; new queues are empty.
//
// After T slots the mean of u_i exceeds the limit by at most (q_i - backlog) / (scale_i T). So with a
// backlog as long as the queues will be, constraints hold over every time, and not only in the long
// run (the place-holder backlog of Neely, 2010, section 4.8).
func (q *VirtualQueues) StartAt(backlog float64) error {
	if !(backlog >= 0) || math.IsInf(backlog, 0) {
		return fmt.Errorf("droo: virtual queues: a backlog of %v at the start: want it finite and at least 0", backlog)
	}
	q.start = backlog
	q.Reset()
	return nil
}

// Reset returns the queues to their start: empty, unless StartAt has set another backlog.
func (q *VirtualQueues) Reset() {
	for i := range q.backlog {
		q.backlog[i] = q.start
	}
}

// SaveState implements checkpoints.Stateful.
func (q *VirtualQueues) SaveState(s *checkpoints.State) error {
	s.PutFloat64("backlog", nil, q.backlog)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (q *VirtualQueues) LoadState(s *checkpoints.State) error {
	backlog := make([]float64, len(q.backlog))
	if err := s.Float64("backlog", backlog); err != nil {
		return err
	}
	for i, b := range backlog {
		if !(b >= 0) || math.IsInf(b, 0) {
			return fmt.Errorf("droo: virtual queues: constraint %d was saved with the backlog %v", i, b)
		}
	}
	copy(q.backlog, backlog)
	return nil
}

// Uses is a model of how much decisions use of long-term constraints in this slot.
type Uses[O any] interface {
	// Uses writes the expected use by candidate k of d of constraint i to dst [d.K x constraints].
	Uses(obs O, d *Decisions, constraints int, dst []float64) error
}

// UsesFunc is a function as a [Uses].
type UsesFunc[O any] func(obs O, d *Decisions, constraints int, dst []float64) error

// Uses implements [Uses].
func (f UsesFunc[O]) Uses(obs O, d *Decisions, constraints int, dst []float64) error {
	return f(obs, d, constraints, dst)
}

// DriftPlusPenalty is a critic that keeps long-term constraints:
//
//	Q(s, x) = V * value(s, x) - sum_i q_i u_i(s, x)
//
// with the virtual queues q. Maximising it in every slot bounds the sum of the queues' drift and V
// times the loss of value. A larger V comes nearer to the best value, by O(1/V), but the queues,
// and so the time until the constraints hold, grow as O(V) (Neely, 2010, theorem 4.2).
//
// The value may be any critic: a model of the slot, as in LyDROO (S. Bi, L. Huang, H. Wang and Y.
// J. Zhang, IEEE TWC 20(11), 2021), or a [LongTerm], which adds the value of later slots.
type DriftPlusPenalty[O any] struct {
	Value  Critic[O]
	Uses   Uses[O]
	Queues *VirtualQueues
	V      float64

	uses []float64
}

// Score implements [Critic].
func (c *DriftPlusPenalty[O]) Score(obs O, d *Decisions, dst []float64) error {
	if c.Value == nil || c.Uses == nil || c.Queues == nil || !(c.V >= 0) || math.IsInf(c.V, 0) {
		return fmt.Errorf("droo: drift plus penalty: want a value, uses, queues and a finite V of at least 0, got V = %v", c.V)
	}
	if err := c.Value.Score(obs, d, dst); err != nil {
		return err
	}
	n := c.Queues.Len()
	c.uses = reuse.Slice(c.uses, d.K*n)
	if err := c.Uses.Uses(obs, d, n, c.uses); err != nil {
		return fmt.Errorf("droo: drift plus penalty: uses: %w", err)
	}
	for k := range d.K {
		dst[k] *= c.V
		for i, q := range c.Queues.Backlog() {
			dst[k] -= q * c.uses[k*n+i]
		}
	}
	return nil
}

// SaveState implements checkpoints.Stateful.
func (c *DriftPlusPenalty[O]) SaveState(s *checkpoints.State) error {
	return errors.Join(c.Queues.SaveState(s.Sub("queues")), checkpoints.SaveOptional(s, "value", c.Value))
}

// LoadState implements checkpoints.Stateful.
func (c *DriftPlusPenalty[O]) LoadState(s *checkpoints.State) error {
	return errors.Join(c.Queues.LoadState(s.Sub("queues")), checkpoints.LoadOptional(s, "value", c.Value))
}

// LoadLearned implements [Learned]: it restores what the value has learned, not the queues.
func (c *DriftPlusPenalty[O]) LoadLearned(s *checkpoints.State) error {
	if learned, ok := c.Value.(Learned); ok {
		return learned.LoadLearned(s.Sub("value"))
	}
	return nil
}
