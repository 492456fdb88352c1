package droo

import (
	"cmp"
	"fmt"
	"slices"
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
	order    []int32         // binary: the rows by distance of their probability from 0.5
	switches heap[rowSwitch] // one of n: the smallest so far, with the largest of them on top
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

// rowSwitch switches a row from its best to another option, at a loss of gap in its logit.
type rowSwitch struct {
	gap         float32
	row, option int32
}

// compare orders switches by loss; the indices make the order total.
func (a rowSwitch) compare(b rowSwitch) int {
	return cmp.Or(cmp.Compare(a.gap, b.gap), cmp.Compare(a.row, b.row), cmp.Compare(a.option, b.option))
}

// Before puts the largest loss on top of the heap, where it is the first to be replaced.
func (a rowSwitch) Before(b rowSwitch) bool { return a.compare(b) > 0 }

// growingSwitches appends candidates with one, two, ... of the cheapest switches.
func (q *OrderPreserving) growingSwitches(s Scores, k int, dst *Decisions) {
	q.switches = q.switches[:0]
	for i, best := range dst.Candidate(0) {
		row := s.Row(i)
		for j, z := range row {
			if j == int(best) || masked(z) {
				continue
			}
			x := rowSwitch{row[best] - z, int32(i), int32(j)}
			if len(q.switches) < k-1 {
				q.switches.push(x)
			} else if k > 1 && x.compare(q.switches[0]) < 0 {
				q.switches[0] = x
				q.switches.fix()
			}
		}
	}
	slices.SortFunc(q.switches, rowSwitch.compare)
	for _, x := range q.switches {
		dst.Append(dst.Candidate(dst.K - 1))
		dst.Candidate(dst.K - 1)[x.row] = x.option
	}
}
