package suite

import (
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// larger are the larger networks of suite claims, seven devices to a server. They were named before
// anything was run there on its seeds.
var larger = []World{{Scenario: "dynamic", Devices: 28, Servers: 4, Slot: shortSlot}, {Scenario: "dynamic", Devices: 42, Servers: 6, Slot: shortSlot}}

// fresh compares methods with their default recipes, on seeds that no recipe was chosen on.
func fresh(title, about string, worlds []World, methods ...agent.Method) plan {
	p := comparison(title, about, worlds)
	p.methods, p.own, p.tests = methods, true, nil
	p.firstSeed = firstClaims
	return p
}

// claimsPlan judges the published ratios on many streams. It has no baselines, because searches
// would take hours.
func claimsPlan() plan {
	worlds := crossing([]string{"dynamic"}, []mecoffload.Seconds{shortSlot}, []int{6, 10, 14})
	worlds = append(append(worlds, World{Scenario: "dynamic", Devices: 14, Servers: 2, Slot: longSlot}), larger...)
	p := fresh("The published ratios on forty streams",
		"Every method with its default recipe on 40 streams that no recipe was chosen on, where "+
			"the ratios to GRL and DROOE are claimed, and in two larger networks: 28 devices and "+
			"four servers, and 42 devices and six.",
		worlds, agent.GRLELT, agent.GRLE, agent.GRL, agent.DROOE, agent.DROO)
	p.seeds, p.baselines = 40, false
	return p
}

// longPlan checks that learned skill lasts.
func longPlan() plan {
	p := fresh("Long runs",
		"GRLE and GRLE-LT learn for 30,000 slots with rates drawn anew, with recorded rates, and "+
			"with devices that come and go. Without recordings, "+
			"choose one of the other worlds with --scenario.",
		[]World{
			crowded,
			{Scenario: "trace", Devices: 14, Servers: 2, Slot: shortSlot},
			{Scenario: "churn", Devices: 14, Servers: 2, Slot: shortSlot},
		}, agent.GRLELT, agent.GRLE)
	p.slots, p.baselines, p.streams = longSlots, false, true
	return p
}

// longSlots is the length of long runs.
const longSlots = 30_000

// leaveOneOutPlan checks whether methods that learn from some recordings do well on another.
func leaveOneOutPlan() plan {
	p := fresh("Recorded 5G links that were not trained on",
		"GRLE and GRLE-LT learn from all recordings but one, and decide, learning no more, with "+
			"the one that was left out: a fold for every recording. "+
			"Policies that do not learn meet the same tasks.",
		crossing([]string{"trace"}, []mecoffload.Seconds{shortSlot}, []int{6, 14}), agent.GRLELT, agent.GRLE)
	p.slots, p.leaveOneOut = 3000, true
	return p
}
