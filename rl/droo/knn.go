package droo

import (
	"fmt"
	"math"
)

// KNN is the k-nearest-neighbour quantizer for binary decisions: the k vectors of {0,1}^n closest
// in euclidean distance to the vector of probabilities, closest first (G. Dulac-Arnold et al.,
// "Deep Reinforcement Learning in Large Discrete Action Spaces", 2015, a baseline in the DROO
// paper). The zero value is ready for use.
//
// The published code measures the distance to all 2^n vectors. This one is exact too, but costs O(n
// log n + k log k): choosing against a row's probability p adds |1-2p| to the squared distance,
// independent of the other rows, so the nearest vectors are the smallest sums of these, as in
// KBest.
type KNN struct{ sums bestSums }

// Candidates implements Quantizer. One-of-n scores are an error.
func (q *KNN) Candidates(s Scores, k int, dst *Decisions) error {
	if s.Options != 1 {
		return fmt.Errorf("droo: knn quantizer: scores [%d x %d] are not binary; use KBest for one of n", s.Rows, s.Options)
	}
	if err := begin(s, k, dst); err != nil {
		return fmt.Errorf("droo: knn quantizer: %w", err)
	}
	q.sums.reset()
	for i, best := range dst.Candidate(0) {
		// |1 - 2 sigmoid(z)| without cancellation.
		q.sums.add(i, best, 1-best, math.Tanh(math.Abs(float64(s.Logits[i]))/2))
	}
	q.sums.enumerate(k, dst)
	return nil
}
