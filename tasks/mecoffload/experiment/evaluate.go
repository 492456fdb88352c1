package experiment

import (
	"context"
	"fmt"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Evaluation is a stretch of a scenario on which to compare policies. All meet the same tasks.
type Evaluation struct {
	Scenario mecoffload.Scenario
	Profile  mecoffload.Profile
	Seed     uint64
	// Slots is the number of slots, From the first that counts; earlier slots fill the queues.
	Slots, From int64
	// Start is the first slot that the policy decides and learns from. BestExitInTime decides the
	// ones before it, which takes no time: warm-up is nearly free, except the slots the queues need
	// to settle.
	Start int64
	// Outcome, if not nil, is called after every slot with its outcome, which is valid during the
	// call.
	Outcome func(slot int64, out *mecoffload.Outcome)
	// Decision, if not nil, is called in every slot with what is decided on and the decision, before it
	// is executed. Both are valid during the call.
	Decision func(slot int64, obs *mecoffload.Observation, action mecoffload.Action)
	// Progress, if not nil, is called after every slot with the number of slots done.
	Progress func(slots int64)
}

// Policy evaluates a policy without training it.
func (e Evaluation) Policy(ctx context.Context, p mecoffload.Policy) (mecoffload.Row, error) {
	return e.run(ctx, p, nil)
}

// Online evaluates an agent that continues to learn.
func (e Evaluation) Online(ctx context.Context, a *agent.Agent) (mecoffload.Row, error) {
	return e.run(ctx, a, a)
}

func (e Evaluation) run(ctx context.Context, p mecoffload.Policy, learner *agent.Agent) (mecoffload.Row, error) {
	sim, err := mecoffload.NewSimulator(e.Scenario, e.Profile)
	if err != nil {
		return mecoffload.Row{}, err
	}
	if _, err := sim.Reset(e.Seed); err != nil {
		return mecoffload.Row{}, err
	}
	filler, err := mecoffload.NewBestExitInTime(e.Profile)
	if err != nil {
		return mecoffload.Row{}, err
	}
	metrics, err := mecoffload.NewMetrics(e.Scenario, e.Profile)
	if err != nil {
		return mecoffload.Row{}, err
	}
	episode := episode{sim: sim, policy: filler}
	for slot := range e.Slots {
		if e.Decision != nil {
			episode.decided = func(obs *mecoffload.Observation, action mecoffload.Action) { e.Decision(slot, obs, action) }
		}
		if ctx.Err() != nil {
			return mecoffload.Row{}, context.Cause(ctx)
		}
		if slot == max(e.Start, 0) {
			episode.policy, episode.learner = p, learner
		}
		decision, err := episode.step()
		if err != nil {
			return mecoffload.Row{}, fmt.Errorf("mecoffload: evaluating %s: slot %d: %w", p.Name(),
				slot, err)
		}
		if slot >= e.From {
			metrics.Add(sim.Outcome(), decision)
		}
		if e.Outcome != nil {
			e.Outcome(slot, sim.Outcome())
		}
		if e.Progress != nil {
			e.Progress(slot + 1)
		}
	}
	return metrics.Row(p.Name(), e.Seed), nil
}
