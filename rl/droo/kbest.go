package droo

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// KBest is the quantizer that lists the k most probable decisions of the actor, most probable
// first, where the rows choose independently of each other (sigmoid per row, or softmax per row).
// It is exact, and the zero value is ready for use.
//
// The log-probability of a decision is the best one's minus the sum of the logits its rows give up.
// So the k best are the k smallest sums of one gap per row. With the gaps sorted, a heap finds them
// in O(k log k), and writing them out takes O(k Rows).
type KBest struct{ sums bestSums }

// Candidates implements Quantizer.
func (q *KBest) Candidates(s Scores, k int, dst *Decisions) error {
	if err := begin(s, k, dst); err != nil {
		return fmt.Errorf("droo: k-best quantizer: %w", err)
	}
	q.sums.reset()
	for i, best := range dst.Candidate(0) {
		if s.Options == 1 {
			// log P(best) - log P(other) is the logit itself.
			q.sums.add(i, best, 1-best, math.Abs(float64(s.Logits[i])))
			continue
		}
		row := s.Row(i)
		for j, z := range row {
			if j != int(best) && !masked(z) {
				q.sums.add(i, best, int32(j), float64(row[best])-float64(z))
			}
		}
	}
	q.sums.enumerate(k, dst)
	return nil
}

// bestSums lists decisions in order of a cost that is a sum over rows: 0 for a row's best option,
// and a separate cost for each alternative.
type bestSums struct {
	alternatives []alternative
	rows         []altRow
	frontier     heap[partial]
}

// alternative is an option of a row and its extra cost over the best one.
type alternative struct {
	cost   float64
	option int32
}

// altRow is a row with alternatives[begin:end].
type altRow struct {
	row, best  int32
	begin, end int
	cheapest   float64
}

// partial is a decision in the heap. It is candidate parent with the row at position at of
// bestSums.rows set to its alternative number rank and, if undo, the row before it set back to its
// best option.
type partial struct {
	cost     float64
	serial   int // order of discovery, which breaks ties of cost
	parent   int
	at, rank int
	undo     bool
}

func (a partial) Before(b partial) bool {
	return a.cost < b.cost || a.cost == b.cost && a.serial < b.serial
}

func (b *bestSums) reset() {
	b.alternatives, b.rows, b.frontier = b.alternatives[:0], b.rows[:0], b.frontier[:0]
}

// add adds option, at a cost >= 0, to the alternatives of row, whose best option is best. Add the
// options of one row consecutively.
func (b *bestSums) add(row int, best, option int32, cost float64) {
	if n := len(b.rows); n == 0 || b.rows[n-1].row != int32(row) {
		b.rows = append(b.rows, altRow{row: int32(row), best: best, begin: len(b.alternatives)})
	}
	b.alternatives = append(b.alternatives, alternative{cost, option})
	b.rows[len(b.rows)-1].end = len(b.alternatives)
}

// enumerate appends the next best decisions to dst, which holds the best one, until it holds k or
// there are no more.
//
// With the rows sorted by their cheapest alternative, every decision except the best has exactly
// one predecessor that does not cost more. Let its last row that is not at its best be at position
// p with alternative r. If r > 0, the predecessor has alternative r-1 there. If r == 0 and the row
// at p-1 is at its best, the predecessor has row p at its best and row p-1 at its first
// alternative. Otherwise it has just row p at its best. Following these links in reverse from the
// listed decisions, with a heap, visits the decisions in order of cost, each once.
func (b *bestSums) enumerate(k int, dst *Decisions) {
	for i := range b.rows {
		r := &b.rows[i]
		slices.SortFunc(b.alternatives[r.begin:r.end], func(x, y alternative) int {
			return cmp.Or(cmp.Compare(x.cost, y.cost), cmp.Compare(x.option, y.option))
		})
		r.cheapest = b.alternatives[r.begin].cost
	}
	slices.SortFunc(b.rows, func(x, y altRow) int {
		return cmp.Or(cmp.Compare(x.cheapest, y.cheapest), cmp.Compare(x.row, y.row))
	})
	serial := 0
	push := func(p partial) {
		p.serial = serial
		serial++
		b.frontier.push(p)
	}
	if len(b.rows) > 0 {
		push(partial{cost: b.rows[0].cheapest})
	}
	for dst.K < k && len(b.frontier) > 0 {
		p := b.frontier.pop()
		r := &b.rows[p.at]
		alternatives := b.alternatives[r.begin:r.end]

		dst.Append(dst.Candidate(p.parent))
		choice := dst.Candidate(dst.K - 1)
		choice[r.row] = alternatives[p.rank].option
		if p.undo {
			before := &b.rows[p.at-1]
			choice[before.row] = before.best
		}

		if next := p.rank + 1; next < len(alternatives) {
			push(partial{
				cost:   p.cost - alternatives[p.rank].cost + alternatives[next].cost,
				parent: dst.K - 1, at: p.at, rank: next,
			})
		}
		if next := p.at + 1; next < len(b.rows) {
			cost := b.rows[next].cheapest
			push(partial{cost: p.cost + cost, parent: dst.K - 1, at: next})
			if p.rank == 0 {
				push(partial{cost: p.cost - r.cheapest + cost, parent: dst.K - 1, at: next, undo: true})
			}
		}
	}
}
