package mecoffload

import "github.com/graphrl/graphrl/internal/reuse"

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
	terms []float64      // [N]
	value SeparableValue // nil: none, or it is not separable
	total float64        // of the backlogs after the slot, s
}

// BeginSwitches prepares for Switch, which then costs as much as the tasks of the servers it
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
	s.terms, s.total = reuse.Slice(s.terms, m.servers), 0
	for n := range s.terms {
		s.terms[n] = m.term(n, m.gain[n], m.busy[n], m.free[n])
		s.total += carryOver(m.free[n], m.slot)
	}
	return true
}

// term returns the contribution of a server to the objective.
func (m *SlotModel) term(n int, gain, busy, free float64) float64 {
	if m.objective.Prices != nil {
		gain -= m.objective.Prices[n] * busy
	}
	gain /= float64(max(m.tasks, 1))
	if m.local.value != nil {
		gain += m.objective.Discount * m.local.value.OfServer(n, m.servers, carryOver(free, m.slot))
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

// Switch gives one device the best of some options, if it beats the present one, and returns the
// gain. Call BeginSwitches after the last change by another method.
func (m *SlotModel) Switch(device int, options []int32) float64 {
	s := &m.local
	old := m.choice[device]
	home := m.serverOf(device, old)
	mean := m.ofMean(s.total)
	homeBacklog := carryOver(m.free[home], m.slot)

	// The server that the device would leave.
	m.flip(home, device, old)
	leftGain, leftBusy, leftFree := m.serve(home)
	left := m.term(home, leftGain, leftBusy, leftFree)
	leftTotal := s.total - homeBacklog + carryOver(leftFree, m.slot)

	best, pick := leastGain, old
	var gain, busy, free float64 // of pick's server
	for _, option := range options {
		if option == old {
			continue
		}
		server := m.serverOf(device, option)
		m.choice[device] = option
		m.flip(server, device, option)
		g, b, f := m.serve(server)
		m.flip(server, device, option)
		change := m.term(server, g, b, f) - s.terms[server]
		total := s.total - carryOver(m.free[server], m.slot) + carryOver(f, m.slot)
		if server != home {
			change += left - s.terms[home]
			total += leftTotal - s.total
		}
		if change += m.ofMean(total) - mean; change > best {
			best, pick, gain, busy, free = change, option, g, b, f
		}
	}
	m.choice[device] = pick
	m.flip(m.serverOf(device, pick), device, pick)
	if pick == old {
		return 0
	}
	if server := m.serverOf(device, pick); server != home {
		m.settle(home, leftGain, leftBusy, leftFree)
		m.settle(server, gain, busy, free)
	} else {
		m.settle(home, gain, busy, free)
	}
	return best
}

// settle stores the new state of a server.
func (m *SlotModel) settle(n int, gain, busy, free float64) {
	s := &m.local
	s.total += carryOver(free, m.slot) - carryOver(m.free[n], m.slot)
	m.gain[n], m.busy[n], m.free[n] = gain, busy, free
	s.terms[n] = m.term(n, gain, busy, free)
}
