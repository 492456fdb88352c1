package checkpoints

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/nn"
)

// SaveParams puts the values of parameters under their names.
func SaveParams(s *State, ps nn.Params) {
	for _, p := range ps {
		s.PutFloat32(p.Name, p.Shape(), p.Data())
	}
}

// LoadParams sets parameters to what SaveParams has put. It reports every one that is missing or of another size.
func LoadParams(s *State, ps nn.Params) error {
	var errs []error
	for _, p := range ps {
		errs = append(errs, s.Float32(p.Name, p.Data()))
	}
	return errors.Join(errs...)
}

// SaveOptimizer puts all that an optimiser needs to go on bit for bit.
func SaveOptimizer(s *State, opt nn.Optimizer) {
	state := opt.State()
	s.PutInt("step", int64(state.Step))
	SaveParams(s, state.Slots)
}

// LoadOptimizer restores what SaveOptimizer has put, for an optimiser made alike.
func LoadOptimizer(s *State, opt nn.Optimizer) error {
	step, err := s.Int("step")
	if err != nil {
		return err
	}
	if step < 0 || step > math.MaxInt32 {
		return fmt.Errorf("checkpoints: a saved optimiser has taken %d steps", step)
	}
	opt.SetStep(int(step))
	return LoadParams(s, opt.State().Slots)
}
