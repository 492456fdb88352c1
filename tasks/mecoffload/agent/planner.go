package agent

import (
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

	ahead  *preparation // of the slot
	spent  func() bool  // nil: no limit on the time to improve
	scores droo.Scores  // of the decision to be improved
	likely []ranked     // [switches] scratch
	option []int32      // [switches] scratch
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
func newPlanner(sc mecoffload.Scenario, p mecoffload.Profile, o mecoffload.Objective, r Recipe, longTerm bool) (*planner, error) {
	model, err := mecoffload.NewSlotModel(sc, p, o)
	if err != nil {
		return nil, err
	}
	pl := &planner{model: model, switches: r.Switches, ahead: new(preparation)}
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

// Propose implements droo.Proposer: it takes the best exit in time for every task, improved if
// improvement is on.
func (p *planner) Propose(obs mecoffload.Observation, dst []int32) error {
	err := p.wait()
	switch {
	case err != nil:
	case len(p.ahead.proposal) > 0:
		copy(dst, p.ahead.proposal)
	default:
		err = p.greedy.Decide(obs, dst)
	}
	if err == nil && p.trials > 0 && obs.Devices <= manyDevices {
		_, err = p.Improve(obs, dst)
	}
	return err
}

// Guide implements droo.Guided.
func (p *planner) Guide(s droo.Scores) { p.scores = s }

// Improve implements droo.Improver.
func (p *planner) Improve(obs mecoffload.Observation, decision []int32) (float64, error) {
	if err := p.model.Choose(decision); err != nil {
		return 0, err
	}
	value := p.model.Value()
	switch {
	case obs.Devices <= manyDevices:
		value = p.climb(obs, value)
	case p.tries(&obs) > 0 && p.model.BeginSwitches():
		value += p.switchAll(p.tries(&obs))
	}
	copy(decision, p.model.Choice())
	return value, nil
}

// climb returns the value after some passes, each of which gives each device in turn its best option.
// It stops when a pass changes nothing or the next one could exceed the trials.
func (p *planner) climb(obs mecoffload.Observation, value float64) float64 {
	perPass := obs.Devices * obs.Options()
	for trials := perPass; trials <= p.trials; trials += perPass {
		before := value
		for i := range obs.Devices {
			if p.spent != nil && p.spent() {
				return value
			}
			value = p.model.Improve(i, value)
		}
		if value == before {
			break
		}
	}
	return value
}

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
		if p.spent != nil && p.spent() {
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
