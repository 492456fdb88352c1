package agent

import (
	"slices"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// planner searches for good decisions on the model of a slot under one objective. It scores
// candidates (droo.Critic), proposes one that needs no learning (droo.Proposer) and improves the
// best (droo.Improver). begin sets the model's observation once per slot; the methods must get the
// same one.
type planner struct {
	model  *mecoffload.SlotModel
	greedy *mecoffload.BestExitInTime // nil: no proposal
	// evaluations of the objective per improved decision; 0: no improvement
	trials int
	// options tried per device of a decision for many of them; 0: none
	switches int
	random   *rl.Rand // draws what a search changes

	ahead   *preparation // of the slot
	spent   func() bool  // nil: no limit on the time to improve
	scores  droo.Scores  // of the decision to be improved
	likely  []ranked     // [switches] scratch
	option  []int32      // [switches] scratch
	devices [ruined]int  // scratch
}

// ranked is an option and its logit.
type ranked struct {
	logit  float32
	option int32
}

var (
	_ droo.Critic[mecoffload.Observation]   = (*planner)(nil)
	_ droo.Proposer[mecoffload.Observation] = (*planner)(nil)
	_ droo.Improver[mecoffload.Observation] = (*planner)(nil)
	_ droo.Guided                           = (*planner)(nil)
)

// newPlanner returns a planner. Only the long-term objective is worth improving on: under the
// one-slot objective a better search is worse in the long run once the servers are saturated.
func newPlanner(sc mecoffload.Scenario, p mecoffload.Profile, o mecoffload.Objective, r Recipe, longTerm bool, random *rl.Rand) (*planner, error) {
	model, err := mecoffload.NewSlotModel(sc, p, o)
	if err != nil {
		return nil, err
	}
	pl := &planner{model: model, switches: r.Switches, random: random, ahead: new(preparation)}
	if longTerm {
		pl.trials = r.RefineTrials
	}
	if r.ProposeGreedy {
		pl.greedy, err = mecoffload.NewBestExitInTime(p)
	}
	return pl, err
}

// Score implements droo.Critic.
func (p *planner) Score(_ mecoffload.Observation, d *droo.Decisions, dst []float64) error {
	if err := p.wait(); err != nil {
		return err
	}
	return p.model.Score(d, dst)
}

// Propose implements droo.Proposer: it takes the best exit in time for every task.
func (p *planner) Propose(obs mecoffload.Observation, dst []int32) error {
	if err := p.wait(); err != nil {
		return err
	}
	if len(p.ahead.proposal) > 0 {
		copy(dst, p.ahead.proposal)
		return nil
	}
	return p.greedy.Decide(obs, dst)
}

// Guide implements droo.Guided.
func (p *planner) Guide(s droo.Scores) { p.scores = s }

// Improve implements droo.Improver.
func (p *planner) Improve(obs mecoffload.Observation, decision []int32) (float64, error) {
	if err := p.model.Choose(decision); err != nil {
		return 0, err
	}
	value := p.model.Value()
	if obs.Devices <= manyDevices {
		return p.search(&obs, decision, value)
	}
	if tries := p.tries(&obs); tries > 0 && p.model.BeginSwitches() {
		value += p.switchAll(tries)
		copy(decision, p.model.Choice())
	}
	return value, nil
}

// A search puts so many devices in other queues at a time, and ends after so many times in a row that
// were no better.
const (
	ruined   = 4
	patience = 16
)

// search improves a decision of the given value by local search, and returns the new value. First each
// device in turn gets its best option. Then it ruins and recreates (G. Schrimpf and others, J. Comput.
// Phys. 159, 2000): it takes a few devices out of their queues and puts each back with its best option.
// What is better stays.
func (p *planner) search(obs *mecoffload.Observation, best []int32, value float64) (float64, error) {
	options, left := obs.Options(), p.trials-obs.Devices*obs.Options()
	if left < 0 || !p.model.BeginSwitches() {
		return value, nil
	}
	for i := 0; i < obs.Devices && p.hasTime(); i++ {
		p.model.Switch(i, nil)
	}
	devices := p.devices[:min(ruined, obs.Devices)]
	for worse := 0; ; worse++ {
		if v := p.model.Value(); v > value {
			value, worse = v, 0
			copy(best, p.model.Choice())
		}
		if err := p.model.Choose(best); err != nil {
			return 0, err
		}
		if left -= len(devices) * options; left < 0 || worse == patience || !p.hasTime() {
			return value, nil
		}
		p.model.BeginSwitches()
		p.draw(devices, obs.Devices)
		p.model.Reinsert(devices)
	}
}

// draw draws different devices of a number of them.
func (p *planner) draw(dst []int, devices int) {
	for i := range dst {
		dst[i] = p.random.IntN(devices)
		for slices.Contains(dst[:i], dst[i]) {
			dst[i] = p.random.IntN(devices)
		}
	}
}

// hasTime reports whether the limit on time leaves some.
func (p *planner) hasTime() bool { return p.spent == nil || !p.spent() }

// switchTasks limits the tasks served again to find a device's best option: those of the server it
// leaves and of the servers it tries. Where every server has that many, there is only time for a
// few of them, and other exits for some would not help.
const switchTasks = 48

// tries is how many options of a device are tried.
func (p *planner) tries(obs *mecoffload.Observation) int {
	if p.scores.Rows != obs.Devices {
		return 0
	}
	return min(p.switches, switchTasks*obs.Servers/obs.Devices-1)
}

// switchAll gives each device in turn the best of the options that the actor holds most probable,
// unless its present one is better, and returns the gain.
func (p *planner) switchAll(tries int) float64 {
	gain := 0.0
	for i := range p.scores.Rows {
		if !p.hasTime() {
			break
		}
		gain += p.model.Switch(i, p.mostLikely(p.scores.Row(i), tries))
	}
	return gain
}

// unlikely is how far a logit may be below the highest of a row for its option to be tried: options
// that the actor holds twenty times less probable are hardly ever better.
const unlikely = 3

// mostLikely lists the options of the highest logits, at most so many.
func (p *planner) mostLikely(logits []float32, most int) []int32 {
	best := p.likely[:0]
	for option, z := range logits {
		if len(best) == most {
			if z <= best[len(best)-1].logit {
				continue
			}
			best = best[:len(best)-1]
		}
		best = append(best, ranked{z, int32(option)})
		for j := len(best) - 1; j > 0 && best[j-1].logit < best[j].logit; j-- {
			best[j-1], best[j] = best[j], best[j-1]
		}
	}
	p.likely, p.option = best, p.option[:0]
	for _, b := range best {
		if b.logit >= best[0].logit-unlikely {
			p.option = append(p.option, b.option)
		}
	}
	return p.option
}
