package experiment

import (
	"context"
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Validation is the performance of the frozen method after a slot on tasks that are neither trained
// nor tested on. They are the same for all checkpoints of a run.
type Validation struct {
	Slot     int64   `json:"slot"`  // of the training
	Slots    int64   `json:"slots"` // decided
	Accuracy float64 `json:"accuracy"`
	Reward   float64 `json:"reward"`
}

// validationSeed returns the seed of the tasks that a run validates on. It is far from the small
// numbers used as seeds of runs and evaluations.
func validationSeed(seed uint64) uint64 { return seed ^ 0x76616c6964617465 } // "validate"

// validate makes the validation of the slot. It changes nothing that the training depends on.
func (r *Run) validate() error {
	learned := checkpoints.NewState()
	if err := r.agent.SaveLearned(learned); err != nil {
		return err
	}
	c := r.cfg.agent()
	c.Workers = 1
	a, err := agent.New(c)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.LoadLearned(learned); err != nil {
		return err
	}
	e := Evaluation{
		Scenario: r.cfg.Scenario, Profile: r.cfg.Profile,
		Seed: validationSeed(r.cfg.Seed), Slots: r.cfg.ValidationSlots,
	}
	row, err := e.Policy(context.Background(), a)
	if err != nil {
		return fmt.Errorf("validation: %w", err)
	}
	r.valid = &Validation{r.Slot(), row.Slots, row.Accuracy, row.Reward}
	return nil
}

// validationState is where a run's state has its latest validation.
const validationState = "validation"

// save puts a validation, or none, into a run's state.
func (v *Validation) save(s *checkpoints.State) error {
	if v == nil {
		return nil
	}
	s.PutInt("slot", v.Slot)
	s.PutInt("slots", v.Slots)
	s.PutFloat("accuracy", v.Accuracy)
	s.PutFloat("reward", v.Reward)
	return nil
}

// loadValidation restores what save stored.
func loadValidation(s *checkpoints.State) (*Validation, error) {
	if len(s.Names()) == 0 {
		return nil, nil
	}
	v := new(Validation)
	var errs [4]error
	v.Slot, errs[0] = s.Int("slot")
	v.Slots, errs[1] = s.Int("slots")
	v.Accuracy, errs[2] = s.Float("accuracy")
	v.Reward, errs[3] = s.Float("reward")
	return v, errors.Join(errs[:]...)
}
