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
	// ErrStop is what a Callback returns to end the training as if it were complete.
	ErrStop = errors.New("stop training")
	// ErrNoAction reports an observation that forbids every action although its episode goes on.
	ErrNoAction = errors.New("no action is allowed")
	// ErrDiverged reports a network whose scores, values, loss or gradient are not finite although
	// its inputs are. Such errors match nn.ErrNotFinite too. An observation or a reward that is not
	// finite matches nn.ErrNotFinite only: the environment is at fault, not the training.
	ErrDiverged = errors.New("training diverged")
)

// Learner learns in updates. The learners of this package are PPO, A2C, REINFORCE and DQN; Train
// trains any other as well.
type Learner interface {
	// Update acts in the environments and then learns from what happened.
	Update() error
	// Progress reports how far the training is.
	Progress() Progress
}

// Progress is how far a learner is.
type Progress struct {
	Steps    int         // of the environments, all together
	Updates  int         // of the network: for PPO and DQN of several minibatches each
	Episodes int         // that have ended
	Return   float64     // mean of the last 100 episodes of training; NaN before the first has ended
	Loss     float64     // of the last update, mean over its minibatches
	Policy   PolicyStats // of the last update, mean over its minibatches; nothing with DQN
}

// Callback is called by Train after every update, when the learner can be evaluated, saved or
// changed. The error ErrStop ends the training as if it were complete; any other makes Train fail.
type Callback func(Progress) error

// Train updates a learner until it has made the given number of steps in its environments; steps
// before a restored checkpoint count. The name of the algorithm begins its errors.
//
// Callbacks are called after every update. When ctx is cancelled, Train returns its cause after the
// update that runs: then the learner can still be saved, and trained on.
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

// notify calls callbacks and reports whether training is to stop.
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

// diverged adds to an error about numbers that are not finite what may have caused them: the inputs
// of networks are checked when loaded, so it is not those. Targets are returns or action values.
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
		cause = "no step is learned yet, so the observations are too large for the network"
	}
	if largest > 0 {
		cause += fmt.Sprintf(", returns are up to %.3g", largest)
	}
	return fmt.Errorf("%w (%s): %w", ErrDiverged, cause, err)
}

// Checkpoint returns a Callback that saves state in the directory dir (see checkpoints.Save) once
// in the given number of steps. The manifest's Step is set to that of the learner. Where several
// callbacks have a state, save them together by Parts, and make the checkpoint the last callback.
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
