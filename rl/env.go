package rl

// Env is an environment: it shows an observation, takes an action and answers with a reward and the
// next observation. O is the type of observations and A the type of actions.
//
// Every environment must keep these rules, which rltest checks:
//
//   - Reset starts a new episode. seed alone determines everything random in the episode: the same
//     seed and the same actions give the same transitions, whatever the environment did before.
//   - Step before the first Reset, or after a transition that ended the episode, is an error.
//   - An action that the environment cannot execute is an error and leaves the environment as it was.
//   - An observation may share memory with the environment. It is valid until the next call of Step
//     or Reset; a caller who keeps it longer copies it. The environment never writes to an action
//     and never keeps it.
//
// Learners save a running episode as its seed and actions, and restore it by replaying it. If that
// is slow for an environment, or wrong because it keeps a state from one episode to the next (a
// curriculum, running statistics), implement checkpoints.Stateful: then its state is saved instead.
// LoadState is called on a new environment, without Reset before, and must lead to the very point
// where SaveState was called, within an episode or at its end.
type Env[O, A any] interface {
	// Reset starts an episode and returns its first observation.
	Reset(seed uint64) (O, error)
	// Step executes action in the current state.
	Step(action A) (Transition[O], error)
}

// Transition is the result of one step of an environment.
//
// Terminated and Truncated both end the episode; they differ in the value of the state that
// follows. Terminated: the process itself is over, so that value is 0. Truncated: the episode was
// cut off (by a time limit), so a learner still bootstraps from the value of Observation (Pardo et
// al., "Time Limits in Reinforcement Learning", ICML 2018).
type Transition[O any] struct {
	Observation O       // after the step, even if it ended the episode
	Reward      float64 // for the step
	Terminated  bool    // the episode and the process are over
	Truncated   bool    // the episode was cut off, but the process continues
}

// Done reports whether the episode is over, for either reason.
func (t Transition[O]) Done() bool { return t.Terminated || t.Truncated }
