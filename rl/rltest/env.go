package rltest

import (
	"fmt"
	"math"
	"reflect"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

// EnvConfig defines how to exercise an environment.
type EnvConfig[O, A any] struct {
	// New returns a new environment, equal to all others it returns.
	New func() rl.Env[O, A]
	// Action returns a random valid action for obs, which shares no memory with others.
	Action func(obs O, r *rl.Rand) A
	// Clone returns a copy of obs that shares no memory with it.
	Clone func(obs O) O
	// Invalid returns actions that the environment must reject for obs. Optional.
	Invalid func(obs O) []A
	// Steps is the number of steps after which to abandon a running episode. Default 200.
	Steps int
	// Deterministic means that the seed makes no difference.
	Deterministic bool
}

// Env checks environments against the contract of rl.Env. The seed and the actions alone determine
// an episode, independent of other environments and earlier use. An observation stays unchanged
// until the next call; actions are neither changed nor kept; rewards are finite. Step fails before
// Reset, after the end of an episode, and for an invalid action, which changes nothing. If an
// environment implements checkpoints.Stateful, a new one that loads its state continues like the
// saved one.
func Env[O, A any](t T, cfg EnvConfig[O, A]) {
	t.Helper()
	if cfg.Steps == 0 {
		cfg.Steps = 200
	}
	for seed := range uint64(3) {
		checkEpisode(t, cfg, seed)
	}
	if _, ok := cfg.New().(checkpoints.Stateful); ok {
		checkState(t, cfg)
	}
	want := record(t, cfg, cfg.New(), 1, cfg.Steps)
	used := cfg.New()
	other := record(t, cfg, used, 2, cfg.Steps)
	if !cfg.Deterministic && reflect.DeepEqual(want, other) {
		t.Errorf("seeds 1 and 2 give the same episode")
	}
	record(t, cfg, used, 3, 2) // abandoned in the middle, unless it ends sooner
	if got := record(t, cfg, used, 1, cfg.Steps); !reflect.DeepEqual(want, got) {
		t.Errorf("Reset does not forget what the environment was used for before: %s", difference(want, got))
	}
	if _, err := cfg.New().Step(cfg.Action(want[0].Observation, rl.NewRand(0, 0))); err == nil {
		t.Errorf("Step before Reset: no error")
	}
}

// checkEpisode runs an environment side by side with a twin that also gets invalid actions, and
// with an unrelated one.
func checkEpisode[O, A any](t T, cfg EnvConfig[O, A], seed uint64) {
	t.Helper()
	want := record(t, cfg, cfg.New(), seed, cfg.Steps)
	env, twin, other := cfg.New(), cfg.New(), cfg.New()
	obs, obsTwin, obsOther := reset(t, env, seed), reset(t, twin, seed), reset(t, other, seed+100)
	rng, rngTwin, rngOther := actions(), actions(), actions()
	for i, step := range want[1:] {
		if !reflect.DeepEqual(cfg.Clone(obs), want[i].Observation) {
			t.Fatalf("seed %d, step %d: observation %+v, in an environment that runs alone %+v", seed, i, obs, want[i].Observation)
		}
		if cfg.Invalid != nil {
			for _, bad := range cfg.Invalid(cfg.Clone(obsTwin)) {
				if _, err := twin.Step(bad); err == nil {
					t.Fatalf("seed %d, step %d: no error for the invalid action %v", seed, i, bad)
				}
			}
		}
		action := cfg.Action(obs, rng)
		before := fmt.Sprintf("%#v", action)
		transition, err := env.Step(action)
		if err != nil {
			t.Fatalf("seed %d, step %d: Step(%v): %v", seed, i, action, err)
		}
		if after := fmt.Sprintf("%#v", action); after != before {
			t.Fatalf("seed %d, step %d: Step changed the action from %s to %s", seed, i, before, after)
		}
		scribble(&action)
		transitionTwin, err := twin.Step(cfg.Action(obsTwin, rngTwin))
		if err != nil {
			t.Fatalf("seed %d, step %d, after invalid actions: %v", seed, i, err)
		}
		kept := cfg.Clone(transition.Observation)
		transitionOther, err := other.Step(cfg.Action(obsOther, rngOther))
		if err != nil {
			t.Fatalf("seed %d, step %d: %v", seed+100, i, err)
		}
		obsOther = transitionOther.Observation
		if transitionOther.Done() {
			obsOther = reset(t, other, seed+100)
		}
		if !reflect.DeepEqual(kept, cfg.Clone(transition.Observation)) {
			t.Fatalf("seed %d, step %d: a step of another environment changed the observation from %+v to %+v", seed, i, kept, transition.Observation)
		}
		obs, obsTwin = transition.Observation, transitionTwin.Observation
		transition.Observation, transitionTwin.Observation = kept, cfg.Clone(obsTwin)
		if !reflect.DeepEqual(transition, step) {
			t.Fatalf("seed %d, step %d: next to others, with its action overwritten after the "+
				"step, an environment continues with %+v; alone with %+v", seed, i, transition, step)
		}
		if !reflect.DeepEqual(transitionTwin, step) {
			t.Fatalf("seed %d, step %d: after invalid actions an environment continues with %+v; "+
				"without them with %+v", seed, i, transitionTwin, step)
		}
	}
	if want[len(want)-1].Done() {
		if _, err := env.Step(cfg.Action(obs, rng)); err == nil {
			t.Errorf("seed %d: Step after the end of the episode: no error", seed)
		}
	}
}

// checkState saves an environment at a few steps, loads the state into new ones and checks that
// they continue alike.
func checkState[O, A any](t T, cfg EnvConfig[O, A]) {
	t.Helper()
	const more = 20 // steps to compare
	for _, saved := range []int{0, 1, cfg.Steps / 2} {
		env, rng := cfg.New(), actions()
		state := checkpoints.NewState()
		obs := reset(t, env, 4)
		var chosen []A
		var want []rl.Transition[O]
		for i := 0; i < saved+more; i++ {
			if i == saved {
				if err := env.(checkpoints.Stateful).SaveState(state); err != nil {
					t.Fatalf("SaveState after %d steps: %v", i, err)
				}
			}
			action := cfg.Action(obs, rng)
			transition, err := env.Step(action)
			if err != nil {
				t.Fatalf("seed 4, step %d: %v", i, err)
			}
			obs = transition.Observation
			if i >= saved {
				transition.Observation = cfg.Clone(obs)
				chosen, want = append(chosen, action), append(want, transition)
			}
			if transition.Done() {
				break
			}
		}
		if len(want) == 0 {
			return // the episode was over before
		}
		other := cfg.New()
		if err := other.(checkpoints.Stateful).LoadState(state); err != nil {
			t.Fatalf("LoadState of a state after %d steps: %v", saved, err)
		}
		for i, action := range chosen {
			got, err := other.Step(action)
			if err != nil {
				t.Fatalf("saved after %d steps, loaded, step %d: %v", saved, i, err)
			}
			if got.Observation = cfg.Clone(got.Observation); !reflect.DeepEqual(got, want[i]) {
				t.Fatalf("saved after %d steps and loaded, an environment continues with %+v in step %d, the saved one with %+v",
					saved, got, i, want[i])
			}
		}
	}
}

// actions returns the source of the random actions, the same for every seed of an environment.
func actions() *rl.Rand { return rl.NewRand(1, 1) }

func reset[O, A any](t T, env rl.Env[O, A], seed uint64) O {
	t.Helper()
	obs, err := env.Reset(seed)
	if err != nil {
		t.Fatalf("Reset(%d): %v", seed, err)
	}
	return obs
}

// record plays an episode of at most steps random actions. The first of its transitions holds the
// observation of Reset.
func record[O, A any](t T, cfg EnvConfig[O, A], env rl.Env[O, A], seed uint64, steps int) []rl.Transition[O] {
	t.Helper()
	obs := reset(t, env, seed)
	episode := []rl.Transition[O]{{Observation: cfg.Clone(obs)}}
	rng := actions()
	for i := range steps {
		transition, err := env.Step(cfg.Action(obs, rng))
		if err != nil {
			t.Fatalf("seed %d, step %d: %v", seed, i, err)
		}
		if math.IsNaN(transition.Reward) || math.IsInf(transition.Reward, 0) {
			t.Fatalf("seed %d, step %d: reward %v", seed, i, transition.Reward)
		}
		obs = transition.Observation
		transition.Observation = cfg.Clone(obs)
		episode = append(episode, transition)
		if transition.Done() {
			break
		}
	}
	return episode
}

// difference describes the first transition in which two episodes differ.
func difference[O any](want, got []rl.Transition[O]) string {
	for i := range min(len(want), len(got)) {
		if !reflect.DeepEqual(want[i], got[i]) {
			return fmt.Sprintf("transition %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	return fmt.Sprintf("%d transitions, want %d", len(got), len(want))
}
