package nn

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
)

// Trainer minimises a scalar loss: run the tape, clip the gradient, step the optimiser.
type Trainer struct {
	Tape      *Tape
	Optimizer Optimizer
	// ClipNorm bounds the global norm of the gradient; 0: no bound.
	ClipNorm float64
	// Schedule scales the learning rate by the number of steps taken; nil: constant.
	Schedule Schedule

	loss     *gorgonia.Node
	grads    []gorgonia.ValueGrad
	watched  bool // all of grads, by the tape
	baseRate float64
}

// NewTrainer differentiates loss with respect to params and compiles the tape that computes both.
// More outputs can be named to be read from the tape after a step.
func NewTrainer(loss *gorgonia.Node, params Params, opt Optimizer, outputs ...*gorgonia.Node) (*Trainer, error) {
	if loss == nil || !loss.IsScalar() {
		return nil, fmt.Errorf("nn: want a scalar loss, got %v", loss)
	}
	if opt == nil {
		return nil, errors.New("nn: a trainer needs an optimiser, got nil")
	}
	grads, err := Grad(loss, params)
	if err != nil {
		return nil, err
	}
	tape, err := NewTape(append(append(gorgonia.Nodes{loss}, grads...), outputs...)...)
	if err != nil {
		return nil, err
	}
	vg, err := tape.Gradients(params, grads)
	if err != nil {
		return nil, err
	}
	return &Trainer{Tape: tape, Optimizer: opt, loss: loss, grads: vg, watched: tape.watch(vg), baseRate: opt.LearningRate()}, nil
}

// Step trains once on the current inputs of the tape and returns the loss before the step. If a
// loss or a gradient is not finite, the error wraps [ErrNotFinite] and names the source, and
// neither weights nor the optimiser change.
func (t *Trainer) Step() (float64, error) {
	loss, err := t.backward()
	if err != nil {
		return loss, err
	}
	return loss, t.update(t.finite())
}

// backward computes the loss and the gradients.
func (t *Trainer) backward() (float64, error) {
	if t.loss == nil {
		return 0, errors.New("nn: a trainer without a loss: make it with NewTrainer")
	}
	if err := t.Tape.Run(); err != nil {
		return 0, err
	}
	loss := t.Tape.Scalar(t.loss)
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return loss, fmt.Errorf("nn: the loss is %v after %d steps: %s: %w", loss, t.Optimizer.State().Step, t.Tape.blame(), ErrNotFinite)
	}
	return loss, nil
}

// finite reports whether the tape has seen that all gradients of its last run are finite.
func (t *Trainer) finite() bool { return t.watched && !t.Tape.diverged }

// update steps the optimiser on the trainer's gradients. finite says that they are known to be.
func (t *Trainer) update(finite bool) error {
	var err error
	if t.ClipNorm != 0 { // a negative one and NaN are errors
		_, err = ClipGlobalNorm(t.grads, t.ClipNorm)
	} else if !finite {
		err = checkFinite(t.grads)
	}
	if err != nil {
		return t.diverged(err)
	}
	if t.Schedule != nil {
		t.Optimizer.SetLearningRate(t.baseRate * t.Schedule(t.Optimizer.State().Step))
	}
	if o, ok := t.Optimizer.(interface{ knowFinite(bool) }); ok {
		o.knowFinite(true)
		defer o.knowFinite(false)
	}
	return t.diverged(t.Optimizer.Step(t.grads))
}

// diverged adds to an error about a gradient that is not finite where it comes from.
func (t *Trainer) diverged(err error) error {
	if !errors.Is(err, ErrNotFinite) {
		return err
	}
	return fmt.Errorf("%w after %d steps: %s", err, t.Optimizer.State().Step, t.Tape.blame())
}
