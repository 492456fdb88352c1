package rl

import "fmt"

// Policy decides what to do. All learners of this package that learn from rewards are one: they decide greedily, without
// the exploration they train with.
type Policy[O any] interface {
	// Decide writes the action to take for each of obs. Deciding changes nothing that is learned or drawn later.
	Decide(obs []O, actions []int) error
}

// evaluationWidth is the most environments that Evaluate steps side by side.
const evaluationWidth = 100

// Evaluate returns the return (the undiscounted sum of rewards) of a policy in each of a number of episodes. The k-th
// episode follows from seed and k alone.
func Evaluate[O any](policy Policy[O], newEnv func() Env[O, int], episodes int, seed uint64) ([]float64, error) {
	if episodes < 1 {
		return nil, fmt.Errorf("rl: evaluation of %d episodes, want at least 1", episodes)
	}
	type running struct {
		env     Env[O, int]
		episode int
	}
	returns := make([]float64, episodes)
	var all []running
	var obs []O
	begin := func(env Env[O, int], episode int) (O, error) {
		o, err := env.Reset(NewRand(seed, streamEvaluation+uint64(episode)).Uint64())
		if err != nil {
			err = fmt.Errorf("rl: evaluation: episode %d: %w", episode, err)
		}
		return o, err
	}
	begun := 0
	for ; begun < min(episodes, evaluationWidth); begun++ {
		r := running{newEnv(), begun}
		o, err := begin(r.env, begun)
		if err != nil {
			return nil, err
		}
		all, obs = append(all, r), append(obs, o)
	}
	actions := make([]int, len(all))
	for len(all) > 0 {
		if err := policy.Decide(obs, actions[:len(all)]); err != nil {
			return nil, fmt.Errorf("rl: evaluation: %w", err)
		}
		left := 0
		for i, r := range all {
			t, err := r.env.Step(actions[i])
			if err != nil {
				return nil, fmt.Errorf("rl: evaluation: episode %d: %w", r.episode, err)
			}
			returns[r.episode] += t.Reward
			o := t.Observation
			if t.Done() {
				if begun == episodes {
					continue // the environment has nothing more to do
				}
				r.episode = begun
				if o, err = begin(r.env, begun); err != nil {
					return nil, err
				}
				begun++
			}
			all[left], obs[left] = r, o
			left++
		}
		all, obs = all[:left], obs[:left]
	}
	return returns, nil
}
