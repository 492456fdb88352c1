package memory

import "fmt"

// Fits reports whether what is estimated to a fourth fits.
func (l Limit) Fits(estimate int64) bool {
	return l.Bytes == Unlimited || estimate+estimate/4 <= l.Bytes
}

// Network describes a network that learns by Adam from minibatches, in a run that saves checkpoints.
type Network struct {
	Weights     float64
	Activations float64 // numbers kept for a sample, forth and back
	Batch       int
	Others      float64 // bytes of the rest, such as the replay memory
}

// Perceptron is one with layers of the given widths.
func Perceptron(batch int, widths ...int) Network {
	n := Network{Batch: batch}
	for i, width := range widths {
		n.Activations += CopiesActive * float64(width)
		if i > 0 {
			n.Weights += float64(widths[i-1]) * float64(width)
		}
	}
	return n
}

// BipartiteScorer is one of gnn on a graph with the given numbers of vertices and edges.
func BipartiteScorer(batch, hidden, rounds, vertices, edges int) Network {
	h, r := float64(hidden), float64(rounds)
	return Network{
		Weights:     h * (h*(2+8*r) + 16 + 12*r),
		Activations: h*(6+14*r)*float64(vertices) + 20*float64(edges),
		Batch:       batch,
	}
}

// The numbers of copies, also for estimates elsewhere.
const (
	// CopiesTrained counts a weight, its gradient and the two moments of Adam.
	CopiesTrained = 4
	// CopiesSaved counts what a checkpoint copies of these, three, which may not have been collected
	// when the next one copies them again, and the weight of a policy that decides in validation.
	CopiesSaved = 7
	// CopiesActive counts an activation and its gradient, before and after its nonlinearity.
	CopiesActive = 4
	BytesFloat32 = 4 // of a number of a network
)

// Bytes estimates the peak.
func (n Network) Bytes() int64 {
	return int64(BytesFloat32*(n.Weights*(CopiesTrained+CopiesSaved)+n.Activations*float64(n.Batch)) + n.Others)
}

// Check refuses what is too large for the memory that is available, before it is allocated. what names
// it and advice says what to make smaller.
func (n Network) Check(what, advice string) error { return n.check(what, advice, Available()) }

func (n Network) check(what, advice string, limit Limit) error {
	if needed := n.Bytes(); !limit.Fits(needed) {
		return fmt.Errorf("%s takes about %s of memory, give or take a fourth, and %s leaves %s: choose %s",
			what, Format(needed), limit.Source, Format(limit.Bytes), advice)
	}
	return nil
}
