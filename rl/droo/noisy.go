package droo

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

// NoisyOrderPreserving is the quantizer of LyDROO (S. Bi, L. Huang, H. Wang, Y. J. Zhang, IEEE TWC
// 20(11), 2021). Half of its candidates are OrderPreserving ones of the scores. The other half are
// those of the scores plus Gaussian noise, which explores decisions in another order than the
// scores'.
//
// The noise is added to the logits, so that it also applies to one-of-n decisions and changes few of
// the decisions of which the actor is sure. The paper adds it to probabilities, see
// [NewNoisyProbabilities]. The halves are interleaved (see Interleave); a noisy candidate that
// repeats another is replaced by the next.
type NoisyOrderPreserving struct {
	sigma float64
	// probabilities are what the noise is added to, instead of logits
	probabilities bool

	rand  *rl.Rand
	inner OrderPreserving
	noisy []float32
	lists [2]Decisions
	merge merger
}

// NewNoisyOrderPreserving returns the quantizer with noise of standard deviation sigma (1 in the
// paper) from rand. The quantizer's state includes rand's.
func NewNoisyOrderPreserving(sigma float64, rand *rl.Rand) (*NoisyOrderPreserving, error) {
	if !(sigma > 0) {
		return nil, fmt.Errorf("droo: noisy order-preserving quantizer: sigma = %v, want a positive standard deviation", sigma)
	}
	return &NoisyOrderPreserving{sigma: sigma, rand: rand}, nil
}

// NewNoisyProbabilities returns the quantizer as published, for binary decisions: the noise is added
// to the probabilities, and an entry of the sum above 0 becomes 1. So even decisions of which the
// actor is sure flip in many candidates.
func NewNoisyProbabilities(sigma float64, rand *rl.Rand) (*NoisyOrderPreserving, error) {
	q, err := NewNoisyOrderPreserving(sigma, rand)
	if err == nil {
		q.probabilities = true
	}
	return q, err
}

// Candidates implements Quantizer.
func (q *NoisyOrderPreserving) Candidates(s Scores, k int, dst *Decisions) error {
	if err := q.inner.Candidates(s, k, &q.lists[0]); err != nil {
		return err
	}
	if q.probabilities && s.Options != 1 {
		return errors.New("droo: noisy probabilities are for binary decisions")
	}
	q.noisy = q.noisy[:0]
	for _, z := range s.Logits {
		if q.probabilities {
			z = float32(1 / (1 + math.Exp(-float64(z))))
		}
		q.noisy = append(q.noisy, z+float32(q.sigma*q.rand.NormFloat64()))
	}
	noisy := Scores{Rows: s.Rows, Options: s.Options, Ends: s.Ends, Logits: q.noisy}
	if err := q.inner.Candidates(noisy, k, &q.lists[1]); err != nil {
		return err
	}
	q.merge.interleave(q.lists[:], k, dst)
	return nil
}

// SaveState implements checkpoints.Stateful.
func (q *NoisyOrderPreserving) SaveState(s *checkpoints.State) error { return q.rand.SaveState(s) }

// LoadState implements checkpoints.Stateful.
func (q *NoisyOrderPreserving) LoadState(s *checkpoints.State) error { return q.rand.LoadState(s) }
