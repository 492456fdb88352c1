package rl

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
)

// VecStep is the result of a step in one environment of a VecEnv.
type VecStep[O any] struct {
	Transition[O]
	// Reset means that the previous step ended the episode, so this one ignored the action and
	// started another: Observation is its first one. Learners must ignore the step, because no
	// decision led there.
	Reset bool
}

// VecEnv steps several environments in lock step, on several goroutines, and starts a new episode
// where one has ended.
//
// The new episode starts in the next step ("next-step autoreset", Gymnasium's default). The step
// that ends an episode returns the episode's last observation like any other step, because a
// learner needs it to bootstrap from a truncated episode. The step after that ignores its action
// and resets the environment. So the observation of a step is always the result of the action or,
// if VecStep.Reset is set, the first of an episode.
//
// The seed of VecEnv.Reset and an environment's index determine the seeds of its episodes. So
// results do not depend on the number of goroutines or on the other environments.
//
// A VecEnv can be saved and restored with any environments. It saves the state and the last
// observation of one that implements checkpoints.Stateful. For any other it keeps the seed and the
// actions of the running episode and replays them, which leads to the same state by the contract of
// Env.
type VecEnv[O, A any] struct {
	envs    []Env[O, A]
	seeds   []*Rand
	shown   Codec[O] // codec of the last observations of Stateful environments
	codec   Codec[A]
	played  []episode[A] // running episodes so far
	obs     []O
	steps   []VecStep[O]
	errs    []error
	started bool

	actions []A      // of the current step; nil: reset all
	work    []func() // each function steps its share of the environments
	wait    sync.WaitGroup
}

// episode determines the state of an environment that is not Stateful.
type episode[A any] struct {
	seed    uint64
	steps   int
	actions []A // one per step; none if the environment is Stateful
}

// NewVecEnv combines environments, stepped by the given number of goroutines. With cheap
// environments one goroutine is fastest: handing a step to another costs as much as about a
// microsecond of simulation.
//
// Saving and restoring always need the codec of actions. They need the codec of observations, which
// may otherwise be nil, if an environment implements checkpoints.Stateful.
func NewVecEnv[O, A any](envs []Env[O, A], goroutines int, observations Codec[O], actions Codec[A]) (*VecEnv[O, A], error) {
	n := len(envs)
	if n == 0 || goroutines < 1 {
		return nil, fmt.Errorf("rl: vectorised environment: %d environments on %d goroutines, want at least one of each", n, goroutines)
	}
	for i, env := range envs {
		if env == nil {
			return nil, fmt.Errorf("rl: vectorised environment: environment %d is nil", i)
		}
		if _, ok := env.(checkpoints.Stateful); ok && observations == nil {
			return nil, fmt.Errorf("rl: vectorised environment: environment %d has a state of its own, which needs a codec of observations, got nil", i)
		}
	}
	if actions == nil {
		return nil, errors.New("rl: vectorised environment: want a codec of actions, got nil")
	}
	v := &VecEnv[O, A]{
		envs:   envs,
		seeds:  make([]*Rand, n),
		shown:  observations,
		codec:  actions,
		played: make([]episode[A], n),
		obs:    make([]O, n),
		steps:  make([]VecStep[O], n),
		errs:   make([]error, n),
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

// Reset starts an episode in every environment and returns their first observations [Len]. Like all
// results of a VecEnv, they are valid until the next Reset or Step.
func (v *VecEnv[O, A]) Reset(seed uint64) ([]O, error) {
	for i, r := range v.seeds {
		r.Reseed(seed, uint64(i))
	}
	v.started = true
	_, err := v.run(nil)
	return v.obs, err
}

// Step executes one action in each environment [Len], or starts a new episode where the last one
// ended.
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
			return nil, fmt.Errorf("rl: %w", v.at(i, err))
		}
		v.obs[i] = v.steps[i].Observation
	}
	return v.steps, nil
}

// at adds the position of an environment to its error: the seed and the step of the episode
// reproduce it.
func (v *VecEnv[O, A]) at(i int, err error) error {
	return atStep(err, i, v.played[i].steps, v.played[i].seed)
}

func atStep(err error, env, step int, seed uint64) error {
	return fmt.Errorf("environment %d: %w (after step %d of the episode with seed %d)", env, err, step, seed)
}

// locate replaces the index of an observation by its environment and step.
func (v *VecEnv[O, A]) locate(err error) error {
	var bad *observationError
	if errors.As(err, &bad) {
		return v.at(bad.index, bad.err)
	}
	return err
}

// step executes an action in an environment whose episode continues.
func step[O any](env Env[O, int], action int) (Transition[O], error) {
	if action < 0 {
		return Transition[O]{}, ErrNoAction
	}
	return env.Step(action)
}

// checkReward reports a reward that no learner can use.
func checkReward(reward float64) error {
	if !(math.Abs(reward) <= math.MaxFloat32) {
		return fmt.Errorf("the reward is %v, want a number that fits into a float32: %w", reward, nn.ErrNotFinite)
	}
	return nil
}

func (v *VecEnv[O, A]) step(i int) (VecStep[O], error) {
	e := &v.played[i]
	if v.actions == nil || v.steps[i].Done() {
		e.seed, e.steps, e.actions = v.seeds[i].Uint64(), 0, e.actions[:0]
		obs, err := v.envs[i].Reset(e.seed)
		return VecStep[O]{Transition: Transition[O]{Observation: obs}, Reset: true}, err
	}
	t, err := v.envs[i].Step(v.actions[i])
	if err != nil {
		return v.steps[i], err
	}
	e.steps++
	if _, ok := v.envs[i].(checkpoints.Stateful); !ok {
		n := len(e.actions)
		e.actions = slices.Grow(e.actions, 1)[:n+1]
		v.codec.Copy(&e.actions[n], v.actions[i])
	}
	return VecStep[O]{Transition: t}, checkReward(t.Reward)
}

// Observations returns the current observation of each environment [Len].
func (v *VecEnv[O, A]) Observations() []O { return v.obs }

// SaveState implements checkpoints.Stateful.
func (v *VecEnv[O, A]) SaveState(s *checkpoints.State) error {
	if !v.started {
		return errors.New("rl: vectorised environment: nothing to save before Reset")
	}
	s.PutInt("environments", int64(len(v.envs)))
	for i := range v.envs {
		if err := v.saveEnv(i, s.Sub(strconv.Itoa(i))); err != nil {
			return fmt.Errorf("rl: environment %d: %w", i, err)
		}
	}
	return nil
}

func (v *VecEnv[O, A]) saveEnv(i int, s *checkpoints.State) error {
	e := v.played[i]
	s.PutInt("seed", int64(e.seed))
	if err := v.seeds[i].SaveState(s.Sub("seeds")); err != nil {
		return err
	}
	env, ok := v.envs[i].(checkpoints.Stateful)
	if !ok {
		saveItems(s.Sub("actions"), v.codec, e.actions)
		return nil
	}
	step := v.steps[i]
	s.PutInt("steps", int64(e.steps))
	for name, flag := range map[string]bool{"terminated": step.Terminated, "truncated": step.Truncated, "reset": step.Reset} {
		value := int64(0)
		if flag {
			value = 1
		}
		s.PutInt(name, value)
	}
	saveItems(s.Sub("observation"), v.shown, v.obs[i:i+1])
	return env.SaveState(s.Sub("state"))
}

// LoadState implements checkpoints.Stateful. There must be as many environments as were saved, made
// alike.
func (v *VecEnv[O, A]) LoadState(s *checkpoints.State) error {
	if err := checkInt(s, "environments", len(v.envs)); err != nil {
		return fmt.Errorf("rl: vectorised environment: %w", err)
	}
	for i := range v.envs {
		if err := v.loadEnv(i, s.Sub(strconv.Itoa(i))); err != nil {
			return fmt.Errorf("rl: environment %d: %w", i, err)
		}
		v.obs[i] = v.steps[i].Observation
	}
	v.started = true
	return nil
}

func (v *VecEnv[O, A]) loadEnv(i int, s *checkpoints.State) error {
	seed, err := s.Int("seed")
	if err != nil {
		return err
	}
	v.played[i].seed = uint64(seed)
	if err := v.seeds[i].LoadState(s.Sub("seeds")); err != nil {
		return err
	}
	if env, ok := v.envs[i].(checkpoints.Stateful); ok {
		return v.loadStateful(i, env, s)
	}
	return v.replay(i, s)
}

// loadStateful restores a Stateful environment and its last observation.
func (v *VecEnv[O, A]) loadStateful(i int, env checkpoints.Stateful, s *checkpoints.State) error {
	var terminated, truncated, reset int
	shown := make([]O, 1)
	n, err := loadItems(s.Sub("observation"), v.shown, shown)
	if err == nil && n != 1 {
		err = fmt.Errorf("%d observations were saved, want 1", n)
	}
	if err := errors.Join(
		err,
		checkpoints.LoadInt(s, "steps", &v.played[i].steps, 0, math.MaxInt),
		checkpoints.LoadInt(s, "terminated", &terminated, 0, 1),
		checkpoints.LoadInt(s, "truncated", &truncated, 0, 1),
		checkpoints.LoadInt(s, "reset", &reset, 0, 1),
		env.LoadState(s.Sub("state")),
	); err != nil {
		return err
	}
	v.steps[i] = VecStep[O]{
		Transition: Transition[O]{Observation: shown[0], Terminated: terminated == 1, Truncated: truncated == 1},
		Reset:      reset == 1,
	}
	return nil
}

// replay plays a saved episode of environment i again.
func (v *VecEnv[O, A]) replay(i int, s *checkpoints.State) error {
	e := &v.played[i]
	n, err := s.Sub("actions").Len("ends")
	if err != nil {
		return err
	}
	e.steps, e.actions = n, make([]A, n)
	if _, err := loadItems(s.Sub("actions"), v.codec, e.actions); err != nil {
		return err
	}
	step := VecStep[O]{Reset: true}
	if step.Observation, err = v.envs[i].Reset(e.seed); err != nil {
		return err
	}
	for k, action := range e.actions {
		t, err := v.envs[i].Step(action)
		if err != nil {
			return fmt.Errorf("action %d of the saved episode: %w", k, err)
		}
		step = VecStep[O]{Transition: t}
	}
	v.steps[i] = step
	return nil
}
