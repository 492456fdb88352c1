package droo

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/internal/reuse"
)

// OrderPreserving is the quantizer of DROO (L. Huang, S. Bi, Y. J. Zhang, IEEE TMC 19(11), 2020,
// eq. 8 and 9), and its counterpart for one-of-n decisions. The zero value is ready for use.
//
// Binary: the first candidate thresholds the probabilities at 0.5. Then each entry in turn is the
// threshold, the one closest to 0.5 first: entries above the threshold become 1, entries below it
// 0, and entries equal to it the opposite of their side of 0.5. Every candidate keeps the order of
// the scores (a row that scores at least as high as another chooses at least as high), and n rows
// have at most n+1 candidates.
//
// One of n: the first candidate takes the best option of every row. All other options follow in
// order of the logit that their row gives up for them, the smallest loss first, and every candidate
// switches one more row than the one before it. So, as with thresholds, candidates move further and
// further from the first, and many rows change together. That can correct an actor that sends all
// rows the same way, for which single switches of one row are too small (docs/decisions). There are
// at most Rows*(Options-1) of them. For candidates near the first one see KBest and Gumbel.
type OrderPreserving struct {
	order    []int32  // binary: the rows by distance of their probability from 0.5
	switches []uint64 // one of n: of rows to other options, by what they lose and where
	rows     []int32  // one of n: of each logit
}

// Candidates implements Quantizer.
func (q *OrderPreserving) Candidates(s Scores, k int, dst *Decisions) error {
	if err := begin(s, k, dst); err != nil {
		return fmt.Errorf("droo: order-preserving quantizer: %w", err)
	}
	if s.Options == 1 {
		q.thresholds(s.Logits, k, dst)
	} else {
		q.growingSwitches(s, k, dst)
	}
	return nil
}

// thresholds works on logits, which have the order of the probabilities, with 0 in place of 0.5.
func (q *OrderPreserving) thresholds(z []float32, k int, dst *Decisions) {
	q.order = q.order[:0]
	for i := range z {
		q.order = append(q.order, int32(i))
	}
	// Equal logits end up next to each other, and give one candidate.
	slices.SortFunc(q.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(max(z[a], -z[a]), max(z[b], -z[b])), cmp.Compare(z[a], z[b]), cmp.Compare(a, b))
	})
	for n, i := range q.order {
		if dst.K == k {
			return
		}
		t := z[i]
		if n > 0 && t == z[q.order[n-1]] {
			continue
		}
		for _, v := range z {
			choice := int32(0)
			if v > t || v == t && t <= 0 {
				choice = 1
			}
			dst.Choice = append(dst.Choice, choice)
		}
		dst.K++
	}
}

// growingSwitches appends candidates with one, two, ... of the cheapest switches.
func (q *OrderPreserving) growingSwitches(s Scores, k int, dst *Decisions) {
	most, cheap := k-1, uint64(math.MaxUint64) // no switch from cheap on is among the cheapest
	q.switches, q.rows = q.switches[:0], reuse.Slice(q.rows, len(s.Logits))
	for i, best := range dst.Candidate(0) {
		begin, end := s.bounds(i)
		first := begin + int(best)
		for at := begin; at < end; at++ {
			q.rows[at] = int32(i)
			if at == first || masked(s.Logits[at]) {
				continue
			}
			// the loss, which is not -0, above the index: one number has the order of the pair
			loss := max(s.Logits[first]-s.Logits[at], 0)
			if x := uint64(math.Float32bits(loss))<<32 | uint64(at); x < cheap {
				q.switches = append(q.switches, x)
			}
			if len(q.switches) > 2*most {
				slices.Sort(q.switches)
				q.switches, cheap = q.switches[:most], q.switches[most]
			}
		}
	}
	slices.Sort(q.switches)
	for _, x := range q.switches[:min(most, len(q.switches))] {
		at := int(uint32(x))
		row := int(q.rows[at])
		begin, _ := s.bounds(row)
		dst.Append(dst.Candidate(dst.K - 1))
		dst.Candidate(dst.K - 1)[row] = int32(at - begin)
	}
}
