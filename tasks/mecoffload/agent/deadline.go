package agent

import (
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// DeadlineModel estimates the probability that a task is served in time, given its nominal latency
// T relative to its deadline delta. A critic that trusts nominal values plans tasks to finish just
// in time, and with jitter and channel errors half of those are late. The agent does not observe
// how far reality strays, but it sees which of its tasks were in time, which is enough to learn
//
//	P(T/delta) = P(in time | nominal T/delta)
//
// as a non-increasing step function on a grid of T/delta: isotonic regression (M. Ayer et al., "An
// empirical distribution function for sampling with incomplete information", Annals of Mathematical
// Statistics 26, 1955) on exponentially forgotten counts. Before any observation, P is 1 up to the
// deadline and 0 after it; without uncertainty it stays so.
type DeadlineModel struct {
	inTime, all [mecoffload.OnTimeBins]float64 // exponentially forgotten counts of tasks by T/delta
	p           mecoffload.OnTimeTable
}

var _ checkpoints.Stateful = (*DeadlineModel)(nil)

const (
	deadlineMemory = 0.9995 // share of the counts kept per slot: a memory of about 2000 slots
	deadlinePrior  = 2      // weight of the nominal values per bin, in tasks
)

// NewDeadlineModel returns a model that trusts nominal values.
func NewDeadlineModel() *DeadlineModel {
	m := new(DeadlineModel)
	m.fit()
	return m
}

// Table returns the current P. The model owns it, and it changes as the model learns.
func (m *DeadlineModel) Table() *mecoffload.OnTimeTable { return &m.p }

// Observe learns from a slot: ratios [M] are the planned T/delta of its tasks, statuses [M] their
// fate. It ignores tasks that were planned to be dropped.
func (m *DeadlineModel) Observe(ratios []float64, statuses []mecoffload.Status) {
	for b := range m.all {
		m.all[b] *= deadlineMemory
		m.inTime[b] *= deadlineMemory
	}
	for i, ratio := range ratios {
		b := mecoffload.OnTimeBin(ratio)
		if b == mecoffload.OnTimeBins {
			continue
		}
		m.all[b]++
		if statuses[i] == mecoffload.InTime {
			m.inTime[b]++
		}
	}
	m.fit()
}

// fit runs the pool-adjacent-violators algorithm: it merges neighbouring bins whose shares rise
// until none do.
func (m *DeadlineModel) fit() {
	type pool struct {
		inTime, all float64
		bins        int
	}
	var stack [mecoffload.OnTimeBins]pool
	n, nominal := 0, mecoffload.NominalOnTime()
	for b := range m.all {
		stack[n] = pool{m.inTime[b], m.all[b] + deadlinePrior, 1}
		stack[n].inTime += nominal[b] * deadlinePrior
		n++
		for n > 1 && stack[n-2].inTime*stack[n-1].all < stack[n-1].inTime*stack[n-2].all {
			n--
			stack[n-1].inTime += stack[n].inTime
			stack[n-1].all += stack[n].all
			stack[n-1].bins += stack[n].bins
		}
	}
	p := m.p[:0]
	for _, s := range stack[:n] {
		for range s.bins {
			p = append(p, s.inTime/s.all)
		}
	}
}

// SaveState implements checkpoints.Stateful.
func (m *DeadlineModel) SaveState(s *checkpoints.State) error {
	s.PutFloat64("in_time", nil, m.inTime[:])
	s.PutFloat64("all", nil, m.all[:])
	return nil
}

// LoadState implements checkpoints.Stateful.
func (m *DeadlineModel) LoadState(s *checkpoints.State) error {
	if err := s.Float64("in_time", m.inTime[:]); err != nil {
		return err
	}
	if err := s.Float64("all", m.all[:]); err != nil {
		return err
	}
	for b, n := range m.all {
		if !(m.inTime[b] >= 0 && m.inTime[b] <= n) {
			return fmt.Errorf("mecoffload: saved deadline model: %v of %v tasks in time",
				m.inTime[b], n)
		}
	}
	m.fit()
	return nil
}
