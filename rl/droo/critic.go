package droo

// Critic scores candidate decisions: higher is better. It may be a model of the problem (DROO
// solves a convex problem per candidate), a learned function, or a mixture of both such as
// LongTerm.
type Critic[O any] interface {
	// Score writes the value of candidate k of d to dst[k]. dst has length d.K. A value of -Inf
	// marks a candidate that cannot be executed; NaN is always an error.
	Score(obs O, d *Decisions, dst []float64) error
}

// Improver improves a decision, for instance by local search on the critic's value. It lets a
// learner look beyond the candidates that its actor proposes.
type Improver[O any] interface {
	// Improve may change decision [Rows] in place. It returns the value of the result on the
	// critic's scale, which is not below the original's.
	Improve(obs O, decision []int32) (value float64, err error)
}

// Guided is an Improver that also uses the actor's scores, and tries the options they hold likely.
type Guided interface {
	// Guide gives the scores of the decision to be improved next. They are valid until then.
	Guide(s Scores)
}

// Proposer suggests a decision that needs no learning, for instance the rule an installation used
// before.
type Proposer[O any] interface {
	// Propose writes a decision for obs to dst [Rows].
	Propose(obs O, dst []int32) error
}

// CriticFunc is a Critic that scores one candidate decision at a time.
type CriticFunc[O any] func(obs O, decision []int32) (float64, error)

// Score implements Critic.
func (f CriticFunc[O]) Score(obs O, d *Decisions, dst []float64) error {
	for k := range dst {
		v, err := f(obs, d.Candidate(k))
		if err != nil {
			return err
		}
		dst[k] = v
	}
	return nil
}
