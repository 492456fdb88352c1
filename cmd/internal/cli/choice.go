package cli

import (
	"fmt"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// Choice is a checkpoint chosen for evaluation, with the reason. Its fields are null for a policy
// that does not learn.
type Choice struct {
	Name *string `json:"name"` // of its folder
	Slot *int64  `json:"slot"` // of the training
	Why  *string `json:"why"`
}

// NewChoice returns the choice of a checkpoint.
func NewChoice(c *experiment.Checkpoint, why string) Choice {
	name, slot := c.Name(), c.Slot
	return Choice{&name, &slot, &why}
}

// String returns for instance "checkpoint best, of slot 9000 (asked for)".
func (c Choice) String() string {
	if c.Name == nil {
		return "no checkpoint"
	}
	return fmt.Sprintf("checkpoint %s, of slot %d (%s)", *c.Name, *c.Slot, *c.Why)
}

// chosenRow is a row of an evaluation.
type chosenRow struct {
	mecoffload.Row
	Checkpoint Choice `json:"checkpoint"`
}

// chosen reports whether entries come from an evaluation of checkpoints.
func chosen(entries []Entry) bool {
	for _, e := range entries {
		if len(e.outcomes) > 0 && e.outcomes[0].choice.Name != nil {
			return true
		}
	}
	return false
}

// choice returns the choice for the entry's row i.
func (e Entry) choice(i int) Choice {
	if i < len(e.outcomes) {
		return e.outcomes[i].choice
	}
	return Choice{}
}
