package agent

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// ErrCannotDecide means that an action uses an exit or a link that the method does not consider.
var ErrCannotDecide = errors.New("the method never decides so")

// view is the problem as a method sees it: with all exits or, for methods without early exits, with
// the last exit as the only one; and with all links or the best ones of each device.
type view struct {
	profile mecoffload.Profile // what the method sees
	exits   int32              // number of real exits
	links   int                // of a device that the method sees; 0: all

	cells     *mecoffload.Cells // that devices keep to; nil: none
	selection mecoffload.LinkSelection
}

func newView(p mecoffload.Profile, t traits, r Recipe) view {
	v := view{profile: p, exits: int32(p.Exits())}
	if !t.earlyExits {
		v.profile = p.LastExit()
	}
	if t.graph { // a perceptron has an input for every link
		v.links = r.Links
	}
	return v
}

// all reports whether the method sees all exits.
func (v *view) all() bool { return v.profile.Exits() == int(v.exits) }

// observation is obs as the method sees it, valid until the next call.
func (v *view) observation(obs mecoffload.Observation) (mecoffload.Observation, error) {
	if !v.all() {
		obs.Exits = 1
	}
	if v.cells != nil {
		return v.selection.Within(obs, v.links, v.cells)
	}
	return v.selection.Best(obs, v.links)
}

// fromMethod writes a decision of the method about seen to an action [M] for obs.
func (v *view) fromMethod(action mecoffload.Action, decision []int32, obs, seen *mecoffload.Observation) {
	copy(action, decision)
	if v.all() && obs.Links == seen.Links {
		return
	}
	for i, option := range decision {
		link, exit := int(option)/seen.Exits, int(option)%seen.Exits
		if !v.all() {
			exit = int(v.exits) - 1
		}
		if obs.Links != seen.Links {
			link = obs.LinkTo(i, seen.ServerOf(i, link))
		}
		action[i] = int32(link*int(v.exits) + exit)
	}
}

// toMethod writes an action [M] for obs to a decision of the method about seen. It is an error if
// the action uses a link that the method does not see. A task held back takes its place from own, the
// method's last decision.
func (v *view) toMethod(decision []int32, action mecoffload.Action, own []int32, obs, seen *mecoffload.Observation) error {
	copy(decision, action)
	same := v.all() && obs.Links == seen.Links
	if same && len(obs.EnergyPrice) == 0 {
		return nil
	}
	for i, option := range action {
		if option == mecoffload.Held {
			if len(own) != len(action) {
				return fmt.Errorf("device %d holds its task back, and the method has not decided where to "+
					"send it: %w", i, ErrCannotDecide)
			}
			decision[i] = own[i]
			continue
		}
		if same {
			continue
		}
		link, exit := int(option/v.exits), int(option%v.exits)
		if !v.all() {
			if exit != int(v.exits)-1 {
				return fmt.Errorf("device %d runs up to exit %d of %d: %w", i, exit+1, v.exits, ErrCannotDecide)
			}
			exit = 0
		}
		if obs.Links != seen.Links {
			server := obs.ServerOf(i, link)
			if link = seen.LinkTo(i, server); link < 0 {
				return fmt.Errorf("device %d is sent to server %d, which is not among the %d that the "+
					"method considers for it: Learn takes what Decide has chosen: %w", i, server, seen.Links, ErrCannotDecide)
			}
		}
		decision[i] = int32(link*seen.Exits + exit)
	}
	return nil
}
