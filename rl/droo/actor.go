package droo

// Actor is a trainable map from observations to relaxed scores.
type Actor[O any] interface {
	Scorer[O]
	// Train makes one optimiser step towards the decisions of batch (by cross-entropy, in this
	// module's actors) and returns the loss before the step. It neither keeps nor modifies batch.
	Train(batch []Sample[O]) (loss float64, err error)
}

// Scorer is a map from observations to relaxed scores.
type Scorer[O any] interface {
	// Scores returns the logits for obs. The scorer owns them; they are valid until its next call.
	Scores(obs O) (Scores, error)
}
