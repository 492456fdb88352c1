package rl

// Critic puts a value on candidate decisions: higher is better. A critic may be a model of the problem (DROO solves a
// convex problem per candidate), a learned function, or a mixture of both such as LongTerm.
type Critic[O any] interface {
	// Score writes the value of candidate k of d to dst[k]. dst has length d.K. A value of -Inf marks a candidate that
	// cannot be executed; NaN is an error wherever it is used.
	Score(obs O, d *Decisions, dst []float64) error
}
