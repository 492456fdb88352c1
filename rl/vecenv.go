package rl

import (
	"fmt"
	"sync"
)

// VecStep is what a step of one environment of a VecEnv led to.
type VecStep[O any] struct {
	Transition[O]
	// Reset says that the step before had ended the episode, so that this one ignored the action and started another:
	// Observation is its first one. No decision of the policy led there, so learners leave the step out.
	Reset bool
}

// VecEnv steps several environments in lock step, on several goroutines, and starts a new episode where one has ended.
//
// It does so in the next step ("next-step autoreset", as Gymnasium calls it, and its default): the step that ends an
// episode returns the episode's last observation as any other would, which a learner needs to bootstrap from when the
// episode was truncated; the step after that resets the environment instead of executing the action. So the observation
// of a step always is what the step before led to or, if VecStep.Reset is set, the first of an episode.
//
// The seeds of the episodes of each environment follow from the seed of VecEnv.Reset and the environment's index. So
// results depend on neither the number of goroutines nor on what the other environments do.
type VecEnv[O, A any] struct {
	envs    []Env[O, A]
	seeds   []*Rand
	obs     []O
	steps   []VecStep[O]
	errs    []error
	started bool

	actions []A      // of the current step; nil: reset all
	work    []func() // each steps its share of the environments
	wait    sync.WaitGroup
}

// NewVecEnv returns the environments as one, stepped by the given number of goroutines. With cheap environments one
// goroutine is fastest: handing a step to another costs about as much as a microsecond of simulation.
func NewVecEnv[O, A any](envs []Env[O, A], goroutines int) (*VecEnv[O, A], error) {
	n := len(envs)
	if n == 0 || goroutines < 1 {
		return nil, fmt.Errorf("rl: vectorised environment: %d environments on %d goroutines, want at least one of each", n, goroutines)
	}
	v := &VecEnv[O, A]{
		envs:  envs,
		seeds: make([]*Rand, n),
		obs:   make([]O, n),
		steps: make([]VecStep[O], n),
		errs:  make([]error, n),
	}
	for i := range v.seeds {
		v.seeds[i] = NewRand(0, 0)
	}
	workers := min(goroutines, n)
	for w := range workers {
		begin, end := w*n/workers, (w+1)*n/workers
		v.work = append(v.work, func() {
			defer v.wait.Done()
			for i := begin; i < end; i++ {
				v.steps[i], v.errs[i] = v.step(i)
			}
		})
	}
	return v, nil
}

// Len returns the number of environments.
func (v *VecEnv[O, A]) Len() int { return len(v.envs) }

// Reset starts an episode in every environment and returns their first observations [Len]. They are valid until the next
// Reset or Step, like all a VecEnv returns.
func (v *VecEnv[O, A]) Reset(seed uint64) ([]O, error) {
	for i, r := range v.seeds {
		r.Reseed(seed, uint64(i))
	}
	v.started = true
	_, err := v.run(nil)
	return v.obs, err
}

// Step executes one action in each environment [Len], or starts a new episode where the last has ended.
func (v *VecEnv[O, A]) Step(actions []A) ([]VecStep[O], error) {
	if !v.started {
		return nil, fmt.Errorf("rl: vectorised environment: Step before Reset")
	}
	if len(actions) != len(v.envs) {
		return nil, fmt.Errorf("rl: vectorised environment: %d actions for %d environments", len(actions), len(v.envs))
	}
	return v.run(actions)
}

// run steps all environments, or resets them if actions is nil.
func (v *VecEnv[O, A]) run(actions []A) ([]VecStep[O], error) {
	v.actions = actions
	v.wait.Add(len(v.work))
	for _, work := range v.work[1:] {
		go work()
	}
	v.work[0]()
	v.wait.Wait()
	for i, err := range v.errs {
		if err != nil {
			return nil, fmt.Errorf("rl: environment %d: %w", i, err)
		}
		v.obs[i] = v.steps[i].Observation
	}
	return v.steps, nil
}

func (v *VecEnv[O, A]) step(i int) (VecStep[O], error) {
	if v.actions == nil || v.steps[i].Done() {
		obs, err := v.envs[i].Reset(v.seeds[i].Uint64())
		return VecStep[O]{Transition: Transition[O]{Observation: obs}, Reset: true}, err
	}
	t, err := v.envs[i].Step(v.actions[i])
	return VecStep[O]{Transition: t}, err
}
