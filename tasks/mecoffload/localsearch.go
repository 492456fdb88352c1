package mecoffload

import (
	"math"

	"github.com/graphrl/graphrl/internal/reuse"
)

// SeparableValue is a ValueFunction that is a sum over servers of a function of each backlog, plus a
// function of the mean backlog, all in seconds. Then the worth of a change is found from the servers
// that it touches.
type SeparableValue interface {
	ValueFunction
	// OfServer is the term of server n of the given number of servers.
	OfServer(n, servers int, backlog float64) float64
	// OfMean is the term of the mean backlog.
	OfMean(mean float64) float64
}

// localSearch keeps the terms of the value that change with single servers.
type localSearch struct {
	every []int32        // option
	terms []float64      // [N]
	value SeparableValue // nil: none, or it is not separable
	total float64        // of the backlogs after the slot, s
}

// BeginSwitches prepares for Switch and Reinsert, which then cost as much as the tasks of the servers it
// touches. It reports false if the objective's future is no [SeparableValue].
func (m *SlotModel) BeginSwitches() bool {
	s := &m.local
	s.value = nil
	if m.objective.Future != nil {
		value, ok := m.objective.Future.(SeparableValue)
		if !ok {
			return false
		}
		s.value = value
	}
	m.refresh()
	for o := len(s.every); o < len(m.link); o++ {
		s.every = append(s.every, int32(o))
	}
	s.every = s.every[:len(m.link)]
	s.terms, s.total = reuse.Slice(s.terms, m.servers), 0
	for n := range s.terms {
		s.terms[n] = m.term(n, m.did[n])
		s.total += carryOver(m.did[n].free, m.slot)
	}
	return true
}

// term returns the contribution of a server to the objective.
func (m *SlotModel) term(n int, did served) float64 {
	gain := did.gain
	if m.objective.Prices != nil {
		gain -= m.objective.Prices[n] * did.busy
	}
	gain /= float64(max(m.tasks, 1))
	if m.local.value != nil {
		gain += m.objective.Discount * m.local.value.OfServer(n, m.servers, carryOver(did.free, m.slot))
	}
	return gain
}

// ofMean returns the term of the mean of backlogs with a sum.
func (m *SlotModel) ofMean(total float64) float64 {
	if m.local.value == nil {
		return 0
	}
	return m.objective.Discount * m.local.value.OfMean(total/float64(m.servers))
}

// Switch gives one device the best of some options, nil for all, if it beats the present one, and
// returns the gain. Call BeginSwitches after the last change by another method.
func (m *SlotModel) Switch(device int, options []int32) float64 {
	old := m.choice[device]
	home := m.serverOf(device, old)
	before := m.did[home]
	worth := m.takeOut(device)
	pick, did, gain := m.bestOption(device, options, old, worth+leastGain)
	if pick < 0 {
		m.putIn(device, old, before)
		return 0
	}
	m.putIn(device, pick, did)
	return gain - worth
}

// Reinsert takes some different devices out of their queues and then puts them back, one after the
// other, each with its best option. Like Switch it needs BeginSwitches; the decision may get worse.
func (m *SlotModel) Reinsert(devices []int) {
	for _, i := range devices {
		m.takeOut(i)
	}
	for _, i := range devices {
		pick, did, _ := m.bestOption(i, nil, -1, math.Inf(-1))
		m.putIn(i, pick, did)
	}
}

// takeOut takes a device out of its queue and returns what it was worth there.
func (m *SlotModel) takeOut(device int) (worth float64) {
	s := &m.local
	option := m.choice[device]
	home := m.serverOf(device, option)
	with := s.terms[home] + m.ofMean(s.total)
	m.flip(home, device, option)
	m.settle(home, m.serve(home))
	return with - (s.terms[home] + m.ofMean(s.total))
}

// putIn puts a device that was taken out into the queue of an option's server, which then does that.
func (m *SlotModel) putIn(device int, option int32, did served) {
	server := m.serverOf(device, option)
	m.choice[device] = option
	m.flip(server, device, option)
	m.settle(server, did)
}

// bestOption finds which of some options, nil for all, other than one gains most for a device that was
// taken out, if it gains more than the least: pick is -1 otherwise. It returns what the option's server
// does then.
func (m *SlotModel) bestOption(device int, options []int32, other int32, least float64) (pick int32, did served, gain float64) {
	s := &m.local
	if options == nil {
		options = s.every
	}
	pick, gain = -1, least
	mean := m.ofMean(s.total)
	tasks := place{server: -1}
	for _, option := range options {
		if option == other {
			continue
		}
		server := m.serverOf(device, option)
		if server != tasks.server {
			tasks = m.ahead(server, device, option)
		}
		m.choice[device] = option
		m.flip(server, device, option)
		with := m.behind(tasks)
		m.flip(server, device, option)
		total := s.total - carryOver(m.did[server].free, m.slot) + carryOver(with.free, m.slot)
		change := m.term(server, with) - s.terms[server] + m.ofMean(total) - mean
		if change > gain {
			pick, did, gain = option, with, change
		}
	}
	return pick, did, gain
}

// place is a device's place in a server's queue, and what the server does before.
type place struct {
	server int
	rank   int32
	before served
}

// ahead serves the tasks that arrive at an option's server before the device's own.
func (m *SlotModel) ahead(server, device int, option int32) place {
	rank := m.rank[device*m.degree+int(m.link[option])]
	return place{server, rank, m.serveRanks(server, 0, rank, served{free: m.backlog[server]})}
}

// behind serves the tasks from a place on.
func (m *SlotModel) behind(p place) served {
	return m.serveRanks(p.server, p.rank, m.begin[p.server+1]-m.begin[p.server], p.before)
}

// settle stores the new state of a server.
func (m *SlotModel) settle(n int, did served) {
	s := &m.local
	s.total += carryOver(did.free, m.slot) - carryOver(m.did[n].free, m.slot)
	m.did[n] = did
	s.terms[n] = m.term(n, did)
}
