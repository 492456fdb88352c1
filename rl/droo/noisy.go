package droo

import (
	"fmt"
	"github.com/graphrl/graphrl/rl"

	"github.com/graphrl/graphrl/checkpoints"
)

// NoisyOrderPreserving is the quantizer of LyDROO (S. Bi, L. Huang, H. Wang, Y. J. Zhang, IEEE TWC
// 20(11), 2021): half of its candidates are the OrderPreserving ones of the scores, and half those
// of the scores with Gaussian noise added, which explores decisions whose order differs from that
// of the scores.
//
// The paper adds the noise to the probabilities and squashes the sum; here it is added to the
// logits, which amounts to the same kind of exploration and applies to one-of-n decisions as well.
// The halves are interleaved (see Interleave), and where the noise leads to a candidate that is
// already there, the next one takes its place.
type NoisyOrderPreserving struct {
	sigma float64
	rand  *rl.Rand
	inner OrderPreserving
	noisy []float32
	lists [2]Decisions
	merge merger
}

// NewNoisyOrderPreserving returns the quantizer with noise of standard deviation sigma (the paper's
// is 1) from rand, whose state is saved as the quantizer's.
func NewNoisyOrderPreserving(sigma float64, rand *rl.Rand) (*NoisyOrderPreserving, error) {
	if !(sigma > 0) {
		return nil, fmt.Errorf("droo: noisy order-preserving quantizer: sigma = %v, want a positive standard deviation", sigma)
	}
	return &NoisyOrderPreserving{sigma: sigma, rand: rand}, nil
}

// Candidates implements Quantizer.
func (q *NoisyOrderPreserving) Candidates(s Scores, k int, dst *Decisions) error {
	if err := q.inner.Candidates(s, k, &q.lists[0]); err != nil {
		return err
	}
	q.noisy = q.noisy[:0]
	for _, z := range s.Logits {
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
