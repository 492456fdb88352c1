package agent

import "github.com/graphrl/graphrl/tasks/mecoffload"

// view is the problem as a method sees it: unchanged or, for methods without early exits, with only
// the last exit.
type view struct {
	profile mecoffload.Profile // what the method sees
	exits   int32              // number of real exits
}

func newView(p mecoffload.Profile, earlyExits bool) view {
	v := view{profile: p, exits: int32(p.Exits())}
	if !earlyExits {
		v.profile = p.LastExit()
	}
	return v
}

// all reports whether the method sees all exits.
func (v *view) all() bool { return v.profile.Exits() == int(v.exits) }

// observation is obs as the method sees it.
func (v *view) observation(obs mecoffload.Observation) mecoffload.Observation {
	if !v.all() {
		obs.Exits = 1
	}
	return obs
}

// fromMethod writes a decision of the method to action [M].
func (v *view) fromMethod(action mecoffload.Action, decision []int32) {
	copy(action, decision)
	if v.all() {
		return
	}
	for i, server := range decision {
		action[i] = server*v.exits + v.exits - 1
	}
}

// toMethod writes an action to a decision of the method [M].
func (v *view) toMethod(decision []int32, action mecoffload.Action) {
	copy(decision, action)
	if v.all() {
		return
	}
	for i, option := range action {
		decision[i] = option / v.exits
	}
}
