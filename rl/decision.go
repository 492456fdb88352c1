package rl

import (
	"fmt"
	"math"
)

// Scores are an actor's relaxed scores of one observation: a matrix of logits [Rows x Options], row-major. A row is one
// thing to be decided, for instance one device.
//
//   - Options == 1: a binary decision per row. The choice is 0 or 1, and the probability of 1 is sigmoid(logit).
//   - Options >= 2: one of n per row. The choice is 0 <= c < Options, with probability softmax(row)[c]. A logit of -Inf
//     forbids an option; a row whose options are all forbidden is an error.
type Scores struct {
	Rows, Options int
	Logits        []float32
}

// Check reports what is wrong with s: a shape that does not hold together, a NaN or +Inf logit, or a row without any
// option that may be chosen.
func (s Scores) Check() error {
	if s.Rows < 0 || s.Options < 1 || len(s.Logits) != s.Rows*s.Options {
		return fmt.Errorf("rl: scores [%d x %d] with %d logits", s.Rows, s.Options, len(s.Logits))
	}
	for i := range s.Rows {
		row := s.Logits[i*s.Options : (i+1)*s.Options]
		allowed := s.Options == 1
		for j, z := range row {
			if z != z || z > math.MaxFloat32 {
				return fmt.Errorf("rl: logit of row %d, option %d is %v", i, j, z)
			}
			if z >= -math.MaxFloat32 {
				allowed = true
			}
		}
		if !allowed {
			return fmt.Errorf("rl: row %d forbids every option (all logits are -Inf)", i)
		}
	}
	return nil
}

// Decisions are K candidate decisions of Rows choices each: candidate k chooses Choice[k*Rows+i] for row i.
type Decisions struct {
	K, Rows int
	Choice  []int32
}

// Candidate returns the choices of candidate k [Rows]. It shares memory with d.
func (d *Decisions) Candidate(k int) []int32 {
	return d.Choice[k*d.Rows : (k+1)*d.Rows : (k+1)*d.Rows]
}

// Reset makes d hold no candidates of the given number of rows, with room for k of them. It keeps d's memory.
func (d *Decisions) Reset(rows, k int) {
	d.K, d.Rows = 0, rows
	if cap(d.Choice) < rows*k {
		d.Choice = make([]int32, 0, rows*k)
	}
	d.Choice = d.Choice[:0]
}

// Append adds a copy of choice [Rows] as the last candidate.
func (d *Decisions) Append(choice []int32) {
	d.Choice = append(d.Choice, choice...)
	d.K++
}

// Quantizer turns relaxed scores into candidate decisions, the one the scores favour most first.
//
// Candidates replaces the content of dst by at least one and at most k decisions, all different; fewer than k when
// fewer exist. It does not modify s. Scores without rows have exactly one decision, the empty one.
type Quantizer interface {
	Candidates(s Scores, k int, dst *Decisions) error
}
