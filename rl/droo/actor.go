package droo

// Actor is a trainable map from observations to relaxed scores.
type Actor[O any] interface {
	// Scores returns the logits for obs. Their memory belongs to the actor and is valid until its
	// next call.
	Scores(obs O) (Scores, error)
	// Train makes one optimiser step towards the decisions of batch (by cross-entropy, for the
	// actors of this module) and returns the loss before the step. It neither keeps nor modifies
	// batch.
	Train(batch []Sample[O]) (loss float64, err error)
}
