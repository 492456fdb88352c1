package rl

import (
	"context"
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
)

// Errors to match with errors.Is.
var (
	// ErrStop, returned by a Callback, ends the training as if it were complete.
	ErrStop = errors.New("stop training")
	// ErrNoAction reports an observation that forbids every action although its episode continues,
	// or, of a DROO learner, every option of a row.
	ErrNoAction = errors.New("no action is allowed")
	// ErrDiverged reports a network whose scores, values, loss or gradient are not finite although
	// its inputs are. Such errors match nn.ErrNotFinite too. An observation or a reward that is not
	// finite matches only nn.ErrNotFinite: the fault lies with the environment, not the training.
	ErrDiverged = errors.New("training diverged")
)

// Learner learns in updates. PPO, A2C, REINFORCE and DQN are learners; Train trains any other as
// well.
type Learner interface {
	// Update acts in the environments and then learns from the results.
	Update() error
	// Progress reports the progress of the training.
	Progress() Progress
}

// Progress describes how far a training has come.
type Progress struct {
	Steps    int // total steps of the environments
	Updates  int // of the network: for PPO and DQN of several minibatches each
	Episodes int // that have ended
	// mean of the last 100 episodes of training; NaN before the first has ended
	Return float64
	Loss   float64     // of the last update, mean over its minibatches
	Policy PolicyStats // of the last update, mean over its minibatches; zero with DQN
}

// Callback is called by Train after every update; it may evaluate, save or change the learner. The
// error ErrStop ends the training as if it were complete; any other error makes Train fail.
type Callback func(Progress) error

// Train updates a learner until it has made the given number of steps in its environments,
// including steps before a restored checkpoint. Errors begin with name, the name of the algorithm.
//
// Train calls the callbacks after every update. When ctx is cancelled, Train finishes the current
// update and returns the cause; the learner can then still be saved, and trained further.
func Train(ctx context.Context, name string, learner Learner, steps int, callbacks ...Callback) error {
	for p := learner.Progress(); p.Steps < steps; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := learner.Update()
		p = learner.Progress()
		if err != nil {
			return fmt.Errorf("rl: %s: after %d steps: %w", name, p.Steps, err)
		}
		if stop, err := notify(callbacks, p); stop || err != nil {
			return err
		}
	}
	return nil
}

// notify calls callbacks and reports whether to stop training.
func notify(callbacks []Callback, p Progress) (stop bool, err error) {
	for _, call := range callbacks {
		switch err := call(p); {
		case errors.Is(err, ErrStop):
			stop = true
		case err != nil:
			return true, err
		}
	}
	return stop, nil
}

// diverged adds the likely cause to an error about numbers that are not finite. The inputs are not
// the cause, because they are checked when loaded. targets are returns or action values.
func diverged(err error, optimizer nn.Optimizer, targets []float32) error {
	var bad *observationError
	if !errors.Is(err, nn.ErrNotFinite) || errors.As(err, &bad) {
		return err
	}
	largest := float32(0)
	for _, t := range targets {
		largest = max(largest, t, -t)
	}
	cause := fmt.Sprintf("the learning rate is %.3g", optimizer.LearningRate())
	if steps := optimizer.State().Step; steps == 0 {
		cause = "nothing was learned yet, so the observations are too large for the network"
	}
	if largest > 0 {
		cause += fmt.Sprintf(", returns are up to %.3g", largest)
	}
	return fmt.Errorf("%w (%s): %w", ErrDiverged, cause, err)
}

// Checkpoint returns a Callback that saves state in the directory dir (see checkpoints.Save) once
// every given number of steps. It sets the manifest's Step to the learner's. If several callbacks
// have a state, save them together with Parts, and make the checkpoint the last callback.
func Checkpoint(dir string, every int, state checkpoints.Stateful, manifest checkpoints.Manifest) Callback {
	last := -1
	return func(p Progress) error {
		if last < 0 {
			last = p.Steps - 1 // the first call of a training, which may be a resumed one
		}
		if every > 0 && p.Steps/every == last/every {
			return nil
		}
		last = p.Steps
		s := checkpoints.NewState()
		if err := state.SaveState(s); err != nil {
			return err
		}
		manifest.Step = int64(p.Steps)
		return checkpoints.Save(dir, s, manifest)
	}
}
