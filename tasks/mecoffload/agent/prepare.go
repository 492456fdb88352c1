package agent

import (
	"runtime"
	"sync"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// sideBySide is from how many devices on a planner prepares a slot beside the network's scores:
// below it, starting a goroutine costs more than it saves.
const sideBySide = 1000

// preparation is what a planner does for a slot that does not depend on the scores.
type preparation struct {
	running  sync.WaitGroup
	obs      mecoffload.Observation
	start    func() // kept, as each new one would be an allocation
	err      error
	proposal []int32 // empty: none is made beforehand
}

// begin starts a slot. With many devices and another processor the model and the greedy proposal are
// made beside what the caller does next, with the same results. wait ends that.
func (p *planner) begin(obs *mecoffload.Observation) error {
	p.ahead.err, p.ahead.proposal = nil, p.ahead.proposal[:0]
	if obs.Devices < sideBySide || runtime.GOMAXPROCS(0) == 1 {
		return p.model.Begin(obs)
	}
	if p.ahead.start == nil {
		p.ahead.start = func() {
			defer p.ahead.running.Done()
			p.ahead.err = p.prepare(p.ahead.obs)
		}
	}
	p.ahead.obs = *obs
	p.ahead.running.Add(1)
	go p.ahead.start()
	return nil
}

func (p *planner) prepare(obs mecoffload.Observation) error {
	if err := p.model.Begin(&obs); err != nil || p.greedy == nil {
		return err
	}
	p.ahead.proposal = reuse.Slice(p.ahead.proposal, obs.Devices)
	return p.greedy.Decide(obs, p.ahead.proposal)
}

// wait waits for the preparation that begin has started, if any.
func (p *planner) wait() error {
	p.ahead.running.Wait()
	return p.ahead.err
}
