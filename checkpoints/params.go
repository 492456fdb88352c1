package checkpoints

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/nn"
)

// SaveParams stores the values of parameters under their names, with their shapes.
func SaveParams(s *State, ps nn.Params) {
	for _, p := range ps {
		if p == nil {
			s.all().fail(s.prefix, errors.New("a parameter is nil"))
			continue
		}
		s.PutFloat32(p.Name, p.Shape(), p.Data())
	}
}

// LoadParams sets parameters to the values that [SaveParams] stored. If any is missing or has
// another shape, it changes none and reports all of them by an error that wraps [ErrMismatch].
func LoadParams(s *State, ps nn.Params) error {
	var errs []error
	for _, p := range ps {
		if p == nil {
			errs = append(errs, errors.New("checkpoints: load: a parameter is nil"))
			continue
		}
		t, err := s.lookup(p.Name, typeF32)
		if err == nil && !slices.Equal(t.shape, p.Shape()) {
			err = s.mismatch(p.Name, "has shape %v in the checkpoint, %v in the network", t.shape, p.Shape())
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, p := range ps {
		if err := s.Float32(p.Name, p.Data()); err != nil {
			return err
		}
	}
	return nil
}

// SaveOptimizer stores everything an optimiser needs to resume bit for bit.
func SaveOptimizer(s *State, opt nn.Optimizer) {
	if opt == nil {
		s.all().fail(s.prefix, errors.New("the optimiser is nil"))
		return
	}
	state := opt.State()
	s.PutInt("step", int64(state.Step))
	SaveParams(s, state.Slots)
}

// LoadOptimizer restores what [SaveOptimizer] stored into an optimiser of the same kind for the
// same parameters; otherwise the error wraps [ErrMismatch].
func LoadOptimizer(s *State, opt nn.Optimizer) error {
	if opt == nil {
		return errors.New("checkpoints: load: the optimiser is nil")
	}
	step, err := s.Int("step")
	if err != nil {
		return err
	}
	if step < 0 || step > math.MaxInt32 {
		return s.mismatch("step", "is %d, want a number of steps in [0, %d]", step, math.MaxInt32)
	}
	if err := LoadParams(s, opt.State().Slots); err != nil {
		return fmt.Errorf("optimiser: %w", err)
	}
	opt.SetStep(int(step))
	return nil
}
