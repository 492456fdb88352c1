package mecoffload

import (
	"fmt"
	"math"
	"math/bits"
)

// SlotModel computes the value of decisions for one observation under an Objective, from the
// observation's nominal values. In a scenario without jitter and channel errors that is exactly the
// simulator's reward.
//
// Begin sorts the tasks by arrival at every server in reach, once per observation. From then on the
// model holds a decision, as one bit set of arrival ranks per server, and a change of the decision
// recomputes only the servers it touches. The value is always the sum over servers, in order, of
// sums over each server's tasks in order of arrival. So it does not depend, to the last bit, on how
// the decision was reached. A SlotModel allocates only when an observation is larger than any
// before.
//
// Move, Swap and their Try forms are for inner loops: they panic with an index out of range if a
// device or option is not one of the observation's.
type SlotModel struct {
	profile   Profile
	slot      float64
	transmit  float64 // power of a device, W
	objective Objective

	tasks, servers, exits, degree int
	link, exit                    []int32   // [R*L] by option
	times                         []float64 // [N*L] tau, s

	// The observation. Arrays by rank list the links of the first server in order of arrival, then
	// those of the second, and so on.
	backlog  []float64 // [N]
	deadline []float64 // [M]
	slope    []float64 // [M] Weight / deadline
	price    []float64 // [M] of a second of sending, in accuracies; empty: energy is free
	work     []float64 // [N*L] tau/c, s
	reach    []int32   // [M x R]; empty: link j leads to server j
	begin    []int32   // [N+1] first link of each server by rank
	word     []int32   // [N+1] first word of each server's bit set
	arrive   []float64 // [M*R] by rank
	task     []int32   // [M*R] by rank
	rank     []int32   // [M x R] of each link at its server

	// The decision, and each server under it.
	choice []int32   // [M]
	queue  []uint64  // bit sets of ranks
	did    []served  // [N]
	stale  []bool    // did must be recomputed
	held   []bool    // [M] the task is held back, where energy has a price
	finish []float64 // [M] T of each task when its server was served last, s; +Inf if dropped

	local localSearch

	order arrivalOrder

	// Scratch buffers.
	byTask   []float64  // [M]
	incoming []incoming // [M*R] links by server, with a reach
	next     []float64  // [N]
}

// NewSlotModel returns a model for observations of sc with the network and servers of p.
func NewSlotModel(sc Scenario, p Profile, objective Objective) (*SlotModel, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: profile %q: %w", p.Name, err)
	}
	if err := sc.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: scenario %q: %w", sc.Name, err)
	}
	if err := objective.validate(); err != nil {
		return nil, err
	}
	return &SlotModel{profile: p, slot: float64(sc.Slot), transmit: sc.Energy.TransmitW, objective: objective}, nil
}

// SetPrices replaces the prices [N] of the objective from the next Begin on.
func (m *SlotModel) SetPrices(prices []float64) { m.objective.Prices = prices }

// serverOf returns the server of a device's option.
func (m *SlotModel) serverOf(device int, option int32) int {
	link := int(m.link[option])
	if len(m.reach) == 0 {
		return link
	}
	return int(m.reach[device*m.degree+link])
}

// Choose makes choice [M] the decision. If few devices change their option, only the servers they
// touch are recomputed.
func (m *SlotModel) Choose(choice []int32) error {
	changed, err := m.changes(choice)
	if err != nil {
		return fmt.Errorf("mecoffload: decision: %w", err)
	}
	if changed > len(choice)/4 {
		m.replace(choice)
	} else {
		for i, option := range choice {
			if option != m.choice[i] {
				m.move(i, option)
			}
		}
	}
	m.refresh()
	return nil
}

// changes checks a decision and counts the devices whose option it changes.
func (m *SlotModel) changes(choice []int32) (int, error) {
	if len(choice) != m.tasks {
		return 0, checkAction(choice, m.tasks, len(m.link))
	}
	changed, now := 0, m.choice[:len(choice)]
	for i, option := range choice {
		if uint32(option) >= uint32(len(m.link)) {
			return 0, checkAction(choice, m.tasks, len(m.link))
		}
		if option != now[i] {
			changed++
		}
	}
	return changed, nil
}

// replace is a move of every device. It is branch-free: which devices of two random decisions differ
// is unpredictable.
func (m *SlotModel) replace(choice []int32) {
	copy(m.choice, choice)
	m.requeue()
}

// requeue rebuilds the queues from the choices.
func (m *SlotModel) requeue() {
	clear(m.queue)
	link, word, queue, ranks := m.link, m.word, m.queue, m.rank
	for i, option := range m.choice {
		server := link[option]
		at := i*m.degree + int(server)
		if len(m.reach) > 0 {
			server = m.reach[at]
		}
		rank := ranks[at]
		queue[word[server]+rank>>6] |= 1 << (rank & 63)
	}
	for n := range m.stale {
		m.stale[n] = true
	}
}

// Move gives one device another option.
func (m *SlotModel) Move(device int, option int32) {
	m.move(device, option)
	m.refresh()
}

// Choice returns the current decision [M]. The model owns it.
func (m *SlotModel) Choice() []int32 { return m.choice }

// TryMove returns the value of the decision with another option for one device.
func (m *SlotModel) TryMove(device int, option int32) float64 {
	old := m.choice[device]
	m.move(device, option)
	v := m.Value()
	m.undo(device, old)
	return v
}

// TrySwap returns the value of the decision if two devices exchanged their options.
func (m *SlotModel) TrySwap(i, j int) float64 {
	a, b := m.choice[i], m.choice[j]
	m.move(i, b)
	m.move(j, a)
	v := m.Value()
	m.undo(i, a)
	m.undo(j, b)
	return v
}

// Swap exchanges the options of two devices.
func (m *SlotModel) Swap(i, j int) {
	a, b := m.choice[i], m.choice[j]
	m.move(i, b)
	m.move(j, a)
	m.refresh()
}

// leastGain is the smallest gain that counts as one. It exceeds any rounding error, which could
// send a search in circles.
const leastGain = 1e-12

// Improve gives one device its best option, if that beats the decision's current value, and returns
// the value afterwards.
func (m *SlotModel) Improve(device int, value float64) float64 {
	best, pick := value+leastGain, int32(-1)
	for o := range int32(len(m.link)) {
		if o == m.choice[device] {
			continue
		}
		if v := m.TryMove(device, o); v > best {
			best, pick = v, o
		}
	}
	if pick < 0 {
		return value
	}
	m.Move(device, pick)
	return best
}

// NextBacklog writes to dst [N] the backlog, in seconds, that the current decision leaves to the
// next slot.
func (m *SlotModel) NextBacklog(dst []float64) {
	for n := range dst {
		dst[n] = carryOver(m.did[n].free, m.slot)
	}
}

// Ratios writes to dst [M] the nominal T/delta of each task under the current decision, +Inf for a
// dropped one. A Try since the last Choose, Move or Swap invalidates the result.
func (m *SlotModel) Ratios(dst []float64) {
	for i, d := range m.deadline {
		dst[i] = m.finish[i] / d
	}
}

// Finishes writes to dst [M] the nominal T of each task under the current decision, in seconds, +Inf
// for one that is dropped or held back.
func (m *SlotModel) Finishes(dst []float64) {
	for n := range m.stale { // a Try may have left other times
		m.serve(n)
	}
	copy(dst, m.finish)
}

// HoldBack writes [Held] to dst [M] for the devices whose tasks the current decision holds back: those
// that are not expected to earn what sending them costs.
func (m *SlotModel) HoldBack(dst []int32) {
	if len(m.price) == 0 {
		return
	}
	for n := range m.stale { // a Try may have left others
		m.serve(n)
	}
	for i, held := range m.held {
		if held {
			dst[i] = Held
		}
	}
}

// move changes the decision and marks the servers it touches.
func (m *SlotModel) move(device int, option int32) {
	old := m.choice[device]
	from, to := m.serverOf(device, old), m.serverOf(device, option)
	m.choice[device] = option
	m.stale[from], m.stale[to] = true, true
	if from != to {
		m.flip(from, device, old)
		m.flip(to, device, option)
	}
}

// undo reverts a move whose servers have not been refreshed since.
func (m *SlotModel) undo(device int, option int32) {
	from, to := m.serverOf(device, m.choice[device]), m.serverOf(device, option)
	m.move(device, option)
	m.stale[from], m.stale[to] = false, false
}

// flip puts a device into the queue of its option's server, or takes it out.
func (m *SlotModel) flip(server, device int, option int32) {
	rank := m.rank[device*m.degree+int(m.link[option])]
	m.queue[int(m.word[server])+int(rank>>6)] ^= 1 << (rank & 63)
}

// refresh brings every server up to date with the decision.
func (m *SlotModel) refresh() {
	for n, stale := range m.stale {
		if stale {
			m.did[n] = m.serve(n)
			m.stale[n] = false
		}
	}
}

// Value returns the value of the current decision.
func (m *SlotModel) Value() float64 {
	// A Try left this server stale: serve it, but do not keep the result.
	sum := 0.0
	for n, stale := range m.stale {
		did := m.did[n]
		if stale {
			did = m.serve(n)
		}
		if m.objective.Prices != nil {
			did.gain -= m.objective.Prices[n] * did.busy
		}
		sum += did.gain
		m.next[n] = carryOver(did.free, m.slot)
	}
	if m.tasks > 0 {
		sum /= float64(m.tasks)
	}
	if m.objective.Future != nil {
		sum += m.objective.Discount * m.objective.Future.Value(m.next)
	}
	return sum
}

// serve runs one server's queue.
func (m *SlotModel) serve(server int) served {
	return m.serveRanks(server, 0, m.begin[server+1]-m.begin[server], served{free: m.backlog[server]})
}

// served is what a server has done of its queue: what it has earned, how long it was busy, and when it
// is free.
type served struct{ gain, busy, free float64 }

// serveRanks runs a part of a server's queue: the tasks with ranks in [from, to). Where energy has a
// price, a task costs what its transmission takes. One that is not expected to earn that is held back:
// it never reaches the server.
func (m *SlotModel) serveRanks(server int, from, to int32, s served) served {
	begin, end := m.begin[server], m.begin[server+1]
	arrive, task := m.arrive[begin:end], m.task[begin:end]
	times, accuracy := m.work[server*m.exits:][:m.exits], m.profile.Accuracy
	first := int32(server * m.exits) // option of exit 0, where link j leads to server j
	queue := m.queue[m.word[server]:m.word[server+1]]
	for w := from >> 6; w<<6 < to; w++ {
		set := queue[w]
		if w == from>>6 {
			set &= ^uint64(0) << (from & 63)
		}
		if left := to - w<<6; left < 64 {
			set &= 1<<left - 1
		}
		for ; set != 0; set &= set - 1 {
			rank := int(w)<<6 | bits.TrailingZeros64(set)
			i := task[rank]
			option, deadline := m.choice[i], m.deadline[i]
			exit := option - first
			if len(m.reach) > 0 {
				exit = m.exit[option]
			}
			work := times[exit]
			finish, started := serve(s.free, arrive[rank], work, deadline)
			earned := 0.0
			if started {
				if table := m.objective.OnTime; table != nil {
					earned = table.At(finish/deadline) * accuracy[exit] * timeliness(min(finish, deadline), m.slope[i])
				} else if finish <= deadline {
					earned = accuracy[exit] * timeliness(finish, m.slope[i])
				}
			}
			if len(m.price) > 0 {
				cost := m.price[i] * arrive[rank] // which is how long it is sent
				m.held[i] = earned < cost
				if m.held[i] {
					started = false
				} else {
					s.gain -= cost
				}
			}
			if !started {
				m.finish[i] = math.Inf(1)
				continue
			}
			m.finish[i] = finish
			s.free = finish
			s.busy += work
			s.gain += earned
		}
	}
	return s
}
