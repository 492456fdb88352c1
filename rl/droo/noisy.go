package droo

import (
	"fmt"
	"github.com/graphrl/graphrl/rl"

	"github.com/graphrl/graphrl/checkpoints"
)

// NoisyOrderPreserving is the quantizer of LyDROO (S. Bi, L. Huang, H. Wang, Y. J. Zhang, IEEE TWC
// 20(11), 2021). Half of its candidates are OrderPreserving ones of the scores. The other half are
// those of the scores plus Gaussian noise, which explores decisions in another order than the
// scores'.
//
// The paper adds the noise to the probabilities and squashes the sum. Here it is added to the
// logits, which explores in the same way and applies to one-of-n decisions as well. The halves are
// interleaved (see Interleave); a noisy candidate that repeats another is replaced by the next.
type NoisyOrderPreserving struct {
	sigma float64
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
