package droo

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
)

// Policy decides as a Learner does, by steps 1 to 3 of Algorithm 1: an actor scores, a quantizer
// turns the scores into candidates, and the one that the critic scores highest is the decision. It
// does not learn: it has no memory, no gradients and no optimiser.
//
// A Policy is not safe for concurrent use.
type Policy[O any] struct {
	scorer    Scorer[O]
	quantizer Quantizer
	critic    Critic[O]
	improver  Improver[O] // nil: take the best candidate as it is
	proposer  Proposer[O] // nil: all candidates come from the quantizer
	k         int

	// The last decision, and buffers.
	candidates Decisions
	proposal   []int32
	values     []float64
	best       int
	decided    bool // a candidate of the quantizer was chosen since the last Learn

	spent func() bool // nil: no limit
	cut   bool        // the last decision
}

// NewPolicy returns a policy that scores the given number of candidates per decision.
func NewPolicy[O any](scorer Scorer[O], quantizer Quantizer, critic Critic[O], candidates int) (*Policy[O], error) {
	if scorer == nil || quantizer == nil || critic == nil {
		return nil, errors.New("droo: policy: want a scorer, a quantizer and a critic, got nil")
	}
	if candidates < 1 {
		return nil, fmt.Errorf("droo: policy: %d candidates, want at least 1", candidates)
	}
	return &Policy[O]{scorer: scorer, quantizer: quantizer, critic: critic, k: candidates}, nil
}

// LoadPolicy returns the policy that a Learner with a NetworkActor saved in s, without the parts
// that only training needs. It loads the weights of the network, the number of candidates and, for
// a critic that learns (see Learned), what that has learned. It does not load the quantizer's
// random numbers; the learner's are in s.Sub("quantizer").
//
// A state of another network is an error that wraps checkpoints.ErrMismatch.
func LoadPolicy[O any](s *checkpoints.State, model rl.Model[O], quantizer Quantizer, critic Critic[O]) (*Policy[O], error) {
	candidates := 0
	err := checkpoints.LoadInt(s.Sub(adaptiveState), "k", &candidates, 1, math.MaxInt32)
	if learned, ok := critic.(Learned); ok {
		err = errors.Join(err, learned.LoadLearned(s.Sub(criticState)))
	}
	if err != nil {
		return nil, fmt.Errorf("droo: load policy: %w", err)
	}
	scorer, err := LoadScorer(s, model)
	if err != nil {
		return nil, err
	}
	return NewPolicy(scorer, quantizer, critic, candidates)
}

// NewScorer returns the network of a model. It shares the model's weights, also those that are learned
// later.
func NewScorer[O any](model rl.Model[O]) (Scorer[O], error) {
	scorer, err := newNetworkScorer(model)
	if err != nil {
		return nil, fmt.Errorf("droo: network: %w", err)
	}
	return scorer, nil
}

// LoadScorer returns the network of a Learner with a NetworkActor that was saved in s. LoadPolicy
// calls it.
func LoadScorer[O any](s *checkpoints.State, model rl.Model[O]) (Scorer[O], error) {
	s = s.Sub(actorState)
	err := errors.Join(
		checkpoints.LoadParams(s.Sub(weightState), model.Params()),
		checkpoints.LoadOptional(s, modelState, model),
	)
	if err != nil {
		return nil, fmt.Errorf("droo: load policy: %w", err)
	}
	scorer, err := newNetworkScorer(model)
	if err != nil {
		return nil, fmt.Errorf("droo: load policy: %w", err)
	}
	return scorer, nil
}

// Learned is a critic that learns, such as LongTerm.
type Learned interface {
	// LoadLearned restores the part of a state saved by SaveState on which decisions depend.
	LoadLearned(*checkpoints.State) error
}

// Decide returns the best of K candidate decisions for obs [Rows]. It is valid until the next
// Decide. Decide does not learn, so call it without Learn to evaluate a learner.
func (p *Policy[O]) Decide(obs O) ([]int32, error) {
	scores, err := p.scorer.Scores(obs)
	if err != nil {
		return nil, fmt.Errorf("droo: actor: %w", err)
	}
	if err := p.quantizer.Candidates(scores, p.k, &p.candidates); err != nil {
		return nil, fmt.Errorf("droo: candidates: %w", err)
	}
	quantized := p.candidates.K
	if p.proposer != nil {
		p.proposal = reuse.Slice(p.proposal, p.candidates.Rows)
		if err := p.proposer.Propose(obs, p.proposal); err != nil {
			return nil, fmt.Errorf("droo: proposal: %w", err)
		}
		p.candidates.Append(p.proposal)
	}
	if err := p.score(obs); err != nil {
		return nil, fmt.Errorf("droo: critic: %w", err)
	}
	p.best = 0
	for k, v := range p.values {
		if math.IsNaN(v) {
			return nil, fmt.Errorf("droo: critic: candidate %d of %d has the value NaN: %v",
				k, p.candidates.K, p.candidates.Candidate(k))
		}
		if v > p.values[p.best] {
			p.best = k
		}
	}
	if math.IsInf(p.values[p.best], -1) {
		return nil, fmt.Errorf("droo: critic: none of the %d candidates can be executed (all values are -Inf)", p.candidates.K)
	}
	// a proposal is no reason to score more of the quantizer's candidates
	p.decided = p.best < quantized
	decision := p.candidates.Candidate(p.best)
	if p.improver != nil && !p.cut {
		if guided, ok := p.improver.(Guided); ok {
			guided.Guide(scores)
		}
		v, err := p.improver.Improve(obs, decision)
		if err != nil {
			return nil, fmt.Errorf("droo: improve the best candidate: %w", err)
		}
		p.values[p.best] = v
	}
	return decision, nil
}

// scoredAtOnce is the number of candidates scored between two looks at the limit.
const scoredAtOnce = 8

// score computes the values of the candidates. Under a limit it scores the proposal and the most
// probable candidates first, and those for which there is no time left get -Inf.
func (p *Policy[O]) score(obs O) error {
	all := &p.candidates
	p.values, p.cut = reuse.Slice(p.values, all.K), false
	if p.spent == nil {
		return p.critic.Score(obs, all, p.values)
	}
	part := func(begin, end int) error {
		some := Decisions{K: end - begin, Rows: all.Rows, Choice: all.Choice[begin*all.Rows : end*all.Rows]}
		return p.critic.Score(obs, &some, p.values[begin:end])
	}
	most := all.K
	if p.proposer != nil {
		most--
		if err := part(most, all.K); err != nil {
			return err
		}
	}
	for begin := 0; begin < most; begin += scoredAtOnce {
		if p.cut = begin > 0 && p.spent(); p.cut {
			for k := begin; k < most; k++ {
				p.values[k] = math.Inf(-1)
			}
			return nil
		}
		if err := part(begin, min(begin+scoredAtOnce, most)); err != nil {
			return err
		}
	}
	p.cut = p.improver != nil && p.spent()
	return nil
}

// SetLimit makes Decide return the best candidate scored so far once spent returns true. It asks
// between groups of candidates and before the best one is improved, so at least one group is scored.
// Nil, the default, is no limit.
func (p *Policy[O]) SetLimit(spent func() bool) { p.spent = spent }

// Cut reports whether the limit ended the last Decide early.
func (p *Policy[O]) Cut() bool { return p.cut }

// SetImprover makes Decide improve the best candidate, and Learn train the actor on the result, as
// in expert iteration (T. Anthony, Z. Tian, D. Barber, NeurIPS 2017). Nil, the default, is DROO as
// published.
func (p *Policy[O]) SetImprover(i Improver[O]) { p.improver = i }

// SetProposer adds one candidate, which is scored, executed and learned like any other. So from the
// first slot on, no decision has a lower critic value than the proposal. Nil, the default, is DROO
// as published.
func (p *Policy[O]) SetProposer(r Proposer[O]) { p.proposer = r }

// K returns the number of candidates that the next Decide requests.
func (p *Policy[O]) K() int { return p.k }

// BestIndex returns the index of the best candidate of the last Decide, counting from 0.
func (p *Policy[O]) BestIndex() int { return p.best }

// BestValue returns the critic's value of the last decision, or NaN before the first.
func (p *Policy[O]) BestValue() float64 {
	if len(p.values) == 0 {
		return math.NaN()
	}
	return p.values[p.best]
}
