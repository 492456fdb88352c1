package rl

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
)

// Policy decides on actions. All learners of this package are policies: they decide greedily,
// without exploration.
type Policy[O any] interface {
	// Decide writes the action to take for each of obs. Deciding changes nothing that is learned or
	// drawn later.
	Decide(obs []O, actions []int) error
}

// LoadPolicy returns the policy that a learner of this package has saved in s. It needs the network,
// which is all it uses of the problem, and nothing of the training: not the algorithm, its
// configuration or the number of environments. It decides exactly as that learner does, greedily,
// and takes any number of observations at a time.
//
// A state that holds no policy for this network is an error that wraps checkpoints.ErrMismatch. If
// the learner was saved under a name, as a part of Parts, give s.Sub(name).
func LoadPolicy[O any](s *checkpoints.State, problem Problem[O]) (Policy[O], error) {
	if problem.NewModel == nil {
		return nil, errors.New("rl: load policy: the problem has no NewModel")
	}
	const onPolicy, offPolicy = "policy", "online" // parts of a learner: an ActorCritic or a qNetwork
	part := offPolicy
	if !holds(s, offPolicy) {
		part = onPolicy
	}
	if !holds(s, part) {
		return nil, fmt.Errorf("rl: load policy: the state has no weights of a learner of package rl; if one was saved "+
			"under a name, as a part, give the state of that part: %w", checkpoints.ErrMismatch)
	}
	model, err := problem.newModel(0)
	if err != nil {
		return nil, err
	}
	s = s.Sub(part)
	err = errors.Join(
		checkpoints.LoadParams(s.Sub("weights"), model.Params()),
		checkpoints.LoadOptional(s, "model", model),
	)
	if err != nil {
		return nil, fmt.Errorf("rl: load policy: %w", err)
	}
	act, err := newPolicy(model, part == offPolicy)
	if err != nil {
		return nil, fmt.Errorf("rl: load policy: %w", err)
	}
	return &loadedPolicy[O]{act}, nil
}

// holds reports whether a state has weights of a part.
func holds(s *checkpoints.State, part string) bool {
	return slices.ContainsFunc(s.Names(), func(name string) bool { return strings.HasPrefix(name, part+"/weights/") })
}

// newPolicy compiles the values that a policy decides by: the scores or, for a network of action
// values with a value, the dueling values.
func newPolicy[O any](model Model[O], actionValues bool) (*Compiled[O], error) {
	net, err := model.Build()
	if err != nil {
		return nil, err
	}
	if actionValues && net.Value != nil {
		q, err := newQNetwork(model, true)
		if err != nil {
			return nil, err
		}
		return q.act, nil
	}
	tape, err := nn.NewTape(net.Scores)
	return Compile(net, tape), err
}

// loadedPolicy is a policy that does not learn.
type loadedPolicy[O any] struct{ act *Compiled[O] }

// Decide implements Policy.
func (p *loadedPolicy[O]) Decide(obs []O, actions []int) error {
	if err := p.act.decide(obs, actions); err != nil {
		return fmt.Errorf("rl: policy: %w", err)
	}
	return nil
}
