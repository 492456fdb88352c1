package rl

import (
	"errors"
	"fmt"
	"unsafe"
)

// Rollout stores the steps of a policy in several environments, as on-policy learners such as A2C
// and PPO collect them, and estimates advantages. All slices are row-major [Steps x Envs], with
// step 0 of all environments first.
//
// In each step, Act stores the policy's observations and actions while they are valid. After
// VecEnv.Step, Observe stores the results:
//
//	rollout.Clear()
//	for range rollout.Steps {
//		...                                             // the policy: actions, logProbs, values
//		err = rollout.Act(obs, actions, logProbs, values)
//		steps, err := env.Step(actions)
//		err = rollout.Observe(steps)
//	}
//	err = rollout.Finish(lastValues, 0.99, 0.95)
type Rollout[O, A any] struct {
	Steps, Envs int // capacity

	Observations []O       // the policy's input
	Actions      []A       // and its actions
	LogProbs     []float32 // of the actions when they were taken
	Values       []float32 // the critic's estimates for the observations
	Rewards      []float32 // of the actions
	Terminated   []bool    // whether the episode ended with the step, see Transition
	Truncated    []bool
	// Skipped marks steps that started a new episode instead of executing the action. Learners must
	// ignore them.
	Skipped []bool

	// Results of Finish. Where Skipped, the advantage is 0 and the return is the value.
	Advantages []float32
	Returns    []float32 // Advantages + Values, the targets of the critic

	observation Codec[O]
	action      Codec[A]
	acted       int // number of steps
	observed    int
}

// NewRollout returns an empty rollout. The codecs copy observations and actions.
func NewRollout[O, A any](steps, envs int, observation Codec[O], action Codec[A]) (*Rollout[O, A], error) {
	if steps < 1 || envs < 1 {
		return nil, fmt.Errorf("rl: rollout of %d steps in %d environments, want at least one of each", steps, envs)
	}
	if observation == nil || action == nil {
		return nil, errors.New("rl: rollout: want two codecs, got nil")
	}
	if err := fits(steps, envs*int(unsafe.Sizeof(*new(O)))); err != nil {
		return nil, fmt.Errorf("rl: rollout of %d steps in %d environments: %w", steps, envs, err)
	}
	n := steps * envs
	return &Rollout[O, A]{
		Steps: steps, Envs: envs,
		Observations: make([]O, n), Actions: make([]A, n),
		LogProbs: make([]float32, n), Values: make([]float32, n), Rewards: make([]float32, n),
		Terminated: make([]bool, n), Truncated: make([]bool, n), Skipped: make([]bool, n),
		Advantages: make([]float32, n), Returns: make([]float32, n),
		observation: observation, action: action,
	}, nil
}

// Clear empties the rollout for the next one.
func (r *Rollout[O, A]) Clear() { r.acted, r.observed = 0, 0 }

// Act stores copies of the policy's observation and action in each environment [Envs].
func (r *Rollout[O, A]) Act(obs []O, actions []A, logProbs, values []float32) error {
	if r.acted != r.observed || r.acted == r.Steps {
		return fmt.Errorf("rl: rollout: Act after %d of %d steps, of which Observe has seen %d",
			r.acted, r.Steps, r.observed)
	}
	if n := r.Envs; len(obs) != n || len(actions) != n || len(logProbs) != n || len(values) != n {
		return fmt.Errorf("rl: rollout: %d observations, %d actions, %d log-probabilities and %d values for %d environments",
			len(obs), len(actions), len(logProbs), len(values), n)
	}
	at := r.acted * r.Envs
	for i := range r.Envs {
		r.observation.Copy(&r.Observations[at+i], obs[i])
		r.action.Copy(&r.Actions[at+i], actions[i])
	}
	copy(r.LogProbs[at:], logProbs)
	copy(r.Values[at:], values)
	r.acted++
	return nil
}

// Observe stores the results of the actions in each environment [Envs].
func (r *Rollout[O, A]) Observe(steps []VecStep[O]) error {
	if r.acted != r.observed+1 {
		return errors.New("rl: rollout: Observe without Act before it")
	}
	if len(steps) != r.Envs {
		return fmt.Errorf("rl: rollout: %d steps of %d environments", len(steps), r.Envs)
	}
	at := r.observed * r.Envs
	for i, s := range steps {
		r.Rewards[at+i] = float32(s.Reward)
		r.Terminated[at+i], r.Truncated[at+i], r.Skipped[at+i] = s.Terminated, s.Truncated, s.Reset
	}
	r.observed++
	return nil
}

// Finish computes advantages and returns of a full rollout by generalised advantage estimation (J.
// Schulman et al., "High-Dimensional Continuous Control Using Generalized Advantage Estimation",
// ICLR 2016, eq. 16):
//
//	delta_t = r_t + gamma V(s_t+1) - V(s_t)
//	A_t     = delta_t + gamma lambda A_t+1
//
// where V(s_t+1) counts as 0 if the episode terminated with step t, and A_t+1 as 0 if it ended for
// either reason: a truncated episode bootstraps from the value of its last state. lambda = 0 gives
// the one-step temporal difference, lambda = 1 the discounted return minus the value. lastValues
// [Envs] are the values of the observations after the last step.
func (r *Rollout[O, A]) Finish(lastValues []float32, gamma, lambda float64) error {
	if r.observed != r.Steps {
		return fmt.Errorf("rl: rollout: Finish after %d of %d steps", r.observed, r.Steps)
	}
	if len(lastValues) != r.Envs {
		return fmt.Errorf("rl: rollout: %d last values for %d environments", len(lastValues), r.Envs)
	}
	for env := range r.Envs {
		next, advantage := float64(lastValues[env]), 0.0
		for t := r.Steps - 1; t >= 0; t-- {
			i := t*r.Envs + env
			value := float64(r.Values[i])
			if r.Terminated[i] {
				next = 0
			}
			if r.Terminated[i] || r.Truncated[i] {
				advantage = 0
			}
			advantage = float64(r.Rewards[i]) + gamma*next - value + gamma*lambda*advantage
			if r.Skipped[i] {
				advantage = 0
			}
			r.Advantages[i], r.Returns[i] = float32(advantage), float32(advantage+value)
			next = value
		}
	}
	return nil
}

// Executed appends the indices of all steps that are not skipped to dst.
func (r *Rollout[O, A]) Executed(dst []int) []int {
	for i, skipped := range r.Skipped {
		if !skipped {
			dst = append(dst, i)
		}
	}
	return dst
}

// Shuffled appends the indices of all steps that are not skipped to dst, in random order. Cut into
// pieces, they are the minibatches of an epoch.
func (r *Rollout[O, A]) Shuffled(rand *Rand, dst []int) []int {
	begin := len(dst)
	dst = r.Executed(dst)
	indices := dst[begin:]
	rand.Shuffle(len(indices), func(i, j int) { indices[i], indices[j] = indices[j], indices[i] })
	return dst
}
