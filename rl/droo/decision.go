package droo

import (
	"fmt"
	"math"
	"slices"
)

// Scores are an actor's relaxed scores of one observation: logits of the options of each row. A row
// is one thing to decide, such as a device.
//
//   - Options == 1: a binary decision per row. The choice is 0 or 1, and the probability of 1 is
//     sigmoid(logit).
//   - Options >= 2: one of n per row. The choice is 0 <= c < Options, with probability
//     softmax(row)[c]. A logit of -Inf forbids an option (a mask); a row must leave at least one.
//   - Options == 0: one of n, where n differs from row to row. Ends holds the end of each row's logits.
type Scores struct {
	Rows, Options int
	Ends          []int32   // [Rows], ascending; only with Options == 0
	Logits        []float32 // first of the first row, then of the second, and so on
}

// bounds returns the beginning and end of the logits of row i.
func (s *Scores) bounds(i int) (begin, end int) {
	if s.Options > 0 {
		return i * s.Options, (i + 1) * s.Options
	}
	if i > 0 {
		begin = int(s.Ends[i-1])
	}
	return begin, int(s.Ends[i])
}

// Row returns the logits of row i. It shares memory with s.
func (s *Scores) Row(i int) []float32 {
	begin, end := s.bounds(i)
	return s.Logits[begin:end]
}

// Check reports an inconsistent shape, a logit that is NaN or infinite (-Inf is allowed as the mask
// of a one-of-n option), or a row without an allowed option.
func (s Scores) Check() error {
	if err := s.checkShape(); err != nil {
		return err
	}
	for i := range s.Rows {
		left := 0
		for j, z := range s.Row(i) {
			switch {
			case -math.MaxFloat32 <= z && z <= math.MaxFloat32:
				left++
			case s.Options != 1 && masked(z):
			default:
				return fmt.Errorf("the logit of row %d, option %d is %v", i, j, z)
			}
		}
		if left == 0 {
			return fmt.Errorf("row %d: no option is allowed (there are none, or all logits are -Inf)", i)
		}
	}
	return nil
}

func (s *Scores) checkShape() error {
	if s.Rows < 0 || s.Options < 0 || s.Options > 0 && len(s.Logits) != s.Rows*s.Options {
		return fmt.Errorf("scores [%d x %d] with %d logits", s.Rows, s.Options, len(s.Logits))
	}
	if s.Options > 0 {
		return nil
	}
	if len(s.Ends) != s.Rows {
		return fmt.Errorf("scores of %d rows with %d ends", s.Rows, len(s.Ends))
	}
	last := int32(0)
	for i, end := range s.Ends {
		if end < last || int(end) > len(s.Logits) {
			return fmt.Errorf("logits of row %d end at %d, those of the row before at %d of %d", i, end, last, len(s.Logits))
		}
		last = end
	}
	if int(last) != len(s.Logits) {
		return fmt.Errorf("scores of %d rows end at logit %d of %d", s.Rows, last, len(s.Logits))
	}
	return nil
}

// masked reports whether the logit z of a one-of-n option forbids it.
func masked(z float32) bool { return z < -math.MaxFloat32 }

// Argmax writes the most probable choice of every row to dst [Rows]. The first of equal options
// wins; a binary choice is 1 only above probability 0.5.
func (s Scores) Argmax(dst []int32) {
	for i := range s.Rows {
		if s.Options == 1 {
			dst[i] = 0
			if s.Logits[i] > 0 {
				dst[i] = 1
			}
			continue
		}
		row := s.Row(i)
		best := 0
		for j, z := range row {
			if z > row[best] {
				best = j
			}
		}
		dst[i] = int32(best)
	}
}

// Decisions are K candidate decisions of Rows choices each: candidate k chooses Choice[k*Rows+i]
// for row i.
type Decisions struct {
	K, Rows int
	Choice  []int32 // [K x Rows]
}

// Candidate returns the choices of candidate k [Rows]. It shares memory with d.
func (d *Decisions) Candidate(k int) []int32 {
	return d.Choice[k*d.Rows : (k+1)*d.Rows : (k+1)*d.Rows]
}

// Reset empties d and makes room for k candidates of the given number of rows and a proposal, reusing
// d's memory.
func (d *Decisions) Reset(rows, k int) {
	d.K, d.Rows = 0, rows
	d.Choice = slices.Grow(d.Choice[:0], rows*(k+1))
}

// Append adds a copy of choice [Rows] as the last candidate.
func (d *Decisions) Append(choice []int32) {
	d.Choice = append(d.Choice, choice...)
	d.K++
}

// Quantizer turns relaxed scores into candidate decisions.
//
// Candidates replaces the content of dst by at least one and at most k decisions, no two equal;
// fewer than k when the quantizer finds no more. The first is the most probable decision,
// Scores.Argmax. s is not modified. Scores without rows have exactly one decision, the empty one.
type Quantizer interface {
	// Candidates writes up to k decisions for s to dst.
	Candidates(s Scores, k int, dst *Decisions) error
}

// begin is the common start of every quantizer: it checks the arguments and puts the most probable
// decision first.
func begin(s Scores, k int, dst *Decisions) error {
	if k < 1 {
		return fmt.Errorf("asked for %d candidates, want at least 1", k)
	}
	if err := s.Check(); err != nil {
		return err
	}
	dst.Reset(s.Rows, k)
	dst.Choice = dst.Choice[:s.Rows]
	dst.K = 1
	s.Argmax(dst.Choice)
	return nil
}
