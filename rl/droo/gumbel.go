package droo

import (
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
)

// Gumbel is the quantizer that samples: after the most probable decision it proposes argmaxes of
// the scores with Gumbel noise, max_j (z_ij/T + g_ij) in every row i (logistic noise for a binary
// row), at temperature T.
//
// By the Gumbel-max theorem the perturbed argmax of a row is distributed as softmax(z_i/T), and for
// a binary row as sigmoid(z_i/T). So Gumbel draws from these probabilities directly, with one
// random number per row. A low temperature stays close to the most probable decision, a high one
// approaches uniform choices.
//
// A draw that repeats a candidate is repeated. A confident actor has few different decisions to
// offer, so after drawsPerCandidate times k draws the quantizer returns the candidates it has.
type Gumbel struct {
	temperature float64
	rand        *rl.Rand
	cumulative  []float64 // per logit: cumulative unnormalised probabilities within a row
	weight      []float32 // of the options of a row, scratch
	random      []float64 // [Rows]
	choice      []int32   // [Rows]
	merge       merger
}

const drawsPerCandidate = 4

// manyRows is the number of rows above which probabilities have single precision, like the logits: a
// tenth of the time of a decision for a thousand devices.
const manyRows = 128

// NewGumbel returns the quantizer with the given temperature (1 draws from the actor's own
// probabilities) and source of noise. The quantizer's state includes the source's.
func NewGumbel(temperature float64, rand *rl.Rand) (*Gumbel, error) {
	if !(temperature > 0) {
		return nil, fmt.Errorf("droo: gumbel quantizer: temperature %v, want it positive",
			temperature)
	}
	return &Gumbel{temperature: temperature, rand: rand}, nil
}

// Candidates implements Quantizer.
func (q *Gumbel) Candidates(s Scores, k int, dst *Decisions) error {
	if err := begin(s, k, dst); err != nil {
		return fmt.Errorf("droo: gumbel quantizer: %w", err)
	}
	// Adding the best decision again registers it with the merger.
	q.choice = append(q.choice[:0], dst.Candidate(0)...)
	dst.Reset(s.Rows, k)
	q.merge.reset(k)
	q.merge.add(dst, q.choice)

	q.accumulate(s, dst.Candidate(0))
	q.random = reuse.Slice(q.random, s.Rows)
	for draws := drawsPerCandidate * k; draws > 0 && dst.K < k; draws-- {
		q.draw(&s)
		q.merge.add(dst, q.choice)
	}
	return nil
}

// accumulate prepares the distribution of every row.
func (q *Gumbel) accumulate(s Scores, best []int32) {
	q.cumulative = slices.Grow(q.cumulative[:0], len(s.Logits))
	for i := range s.Rows {
		if s.Options == 1 {
			q.cumulative = append(q.cumulative, 1/(1+math.Exp(-float64(s.Logits[i])/q.temperature)))
			continue
		}
		row := s.Row(i)
		if s.Rows > manyRows {
			q.accumulateRow(row, row[best[i]])
			continue
		}
		top, sum := float64(row[best[i]]), 0.0
		for _, z := range row {
			sum += math.Exp((float64(z) - top) / q.temperature)
			q.cumulative = append(q.cumulative, sum)
		}
	}
}

// accumulateRow is accumulate for one of many rows.
func (q *Gumbel) accumulateRow(row []float32, top float32) {
	q.weight = reuse.Slice(q.weight, len(row))
	for j, z := range row {
		q.weight[j] = float32(float64(z-top) / q.temperature)
	}
	kernel.Exp(q.weight, q.weight)
	sum := 0.0
	for j, w := range q.weight {
		if !math.IsInf(float64(row[j]), -1) {
			sum += float64(w)
		}
		q.cumulative = append(q.cumulative, sum)
	}
}

// draw sets q.choice to a random decision.
func (q *Gumbel) draw(s *Scores) {
	q.rand.Floats(q.random)
	switch {
	case s.Options == 1:
		for i, u := range q.random {
			q.choice[i] = 0
			if u < q.cumulative[i] {
				q.choice[i] = 1
			}
		}
	case s.Options > 1:
		kernel.Pick(s.Options, q.cumulative, q.random, q.choice)
	default:
		for i := range q.random {
			begin, end := s.bounds(i)
			kernel.Pick(end-begin, q.cumulative[begin:end], q.random[i:i+1], q.choice[i:i+1])
		}
	}
}

// SaveState implements checkpoints.Stateful.
func (q *Gumbel) SaveState(s *checkpoints.State) error { return q.rand.SaveState(s) }

// LoadState implements checkpoints.Stateful.
func (q *Gumbel) LoadState(s *checkpoints.State) error { return q.rand.LoadState(s) }
