package mecoffload

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Terminal puts a value on the servers' backlogs [N], in seconds, with which a decision leaves the next slot.
type Terminal interface {
	Value(backlog []float64) float64
}

// Objective is what a decision is worth for one slot, with nominal values:
//
//	(1/M) sum_m P(T/delta) * phi * (1 - Weight*min(T/delta, 1)) - (1/M) sum_n Prices[n] * busy_n + Terminal(b')
//
// where busy_n is the time server n spends on the slot's tasks and b' the backlog they leave. In a slot without tasks only
// Terminal remains. The zero value is the slot's average accuracy.
type Objective struct {
	// Weight is w of the reward, see Scenario.RewardWeight.
	Weight float64
	// OnTime is P, the probability that a task is served in time. Nil takes T at its word: 1 for T <= delta, else 0.
	OnTime *OnTimeTable
	// Prices are what a second of each server is worth [N], in units of accuracy. Nil is free.
	Prices []float64
	// Terminal is added for the backlog after the slot. Nil is nothing.
	Terminal Terminal
}

// Evaluator computes what decisions for one observation are worth under an Objective, assuming that what the observation
// says is what happens: in a scenario without jitter and channel errors that is exactly the simulator's reward.
//
// Begin sorts the tasks by arrival at every server, once per observation. From then on the evaluator holds a decision, as one
// bit set of arrival ranks per server, and a change of decision recomputes only the servers it touches. The value is always
// the sum over servers, in order, of sums over each server's tasks in order of arrival; so it does not depend, to the last bit, on
// how the decision was reached. An Evaluator allocates only when an observation is larger than any before.
//
// Move, Swap and their Try forms are for inner loops: devices and options must be those of the observation, or they panic like an
// index out of range.
type Evaluator struct {
	profile   Profile
	slot      float64
	objective Objective

	tasks, servers, exits int
	words                 int       // of one server's bit set
	server                []int     // [N*L] by option
	accuracy              []float64 // [N*L] by option
	times                 []float64 // [N*L] tau by option, s

	// The observation.
	backlog  []float64 // [N]
	deadline []float64 // [M]
	slope    []float64 // [M] Weight / deadline
	work     []float64 // [N*L] tau/c by option, s
	arrive   []float64 // [N x M] by rank
	task     []int32   // [N x M] of each rank
	rank     []int32   // [M x N] of each task, at each server

	// The decision, and each server under it.
	choice []int32  // [M]
	queue  []uint64 // [N x words] set of ranks
	gain   []float64
	busy   []float64
	free   []float64
	stale  []bool    // gain, busy and free are to be recomputed
	finish []float64 // [M] T of each task when its server was served last, s; +Inf if dropped

	order arrivalOrder

	// Scratch.
	byTask []float64 // [M]
	next   []float64 // [N]
}

// NewEvaluator returns an evaluator for observations of sc with the network and servers of p.
func NewEvaluator(sc Scenario, p Profile, objective Objective) (*Evaluator, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: profile %q: %w", p.Name, err)
	}
	if err := sc.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: scenario %q: %w", sc.Name, err)
	}
	return &Evaluator{profile: p, slot: float64(sc.Slot), objective: objective}, nil
}

// resize returns a slice of length n, reusing s if it can; its content is arbitrary.
func resize[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// Begin starts on an observation, of any numbers of devices and servers, with every device on option 0.
func (e *Evaluator) Begin(obs *Observation) error {
	if err := obs.check(); err != nil {
		return fmt.Errorf("mecoffload: %w", err)
	}
	if obs.Exits != e.profile.Exits() {
		return fmt.Errorf("mecoffload: observation with %d exits, profile %q has %d", obs.Exits, e.profile.Name, e.profile.Exits())
	}
	if p := e.objective.Prices; p != nil && len(p) != obs.Servers {
		return fmt.Errorf("mecoffload: %d prices for %d servers", len(p), obs.Servers)
	}
	m, n := obs.Devices, obs.Servers
	if n != e.servers {
		e.shape(obs)
	}
	e.tasks, e.words = m, (m+63)/64

	e.backlog = append(e.backlog[:0], obs.Backlog...)
	e.deadline = append(e.deadline[:0], obs.Deadline...)
	e.slope = resize(e.slope, m)
	for i, d := range obs.Deadline {
		e.slope[i] = e.objective.Weight / d
	}
	for option, tau := range e.times {
		e.work[option] = tau / obs.Capacity[e.server[option]]
	}
	e.arrive, e.task, e.rank = resize(e.arrive, m*n), resize(e.task, m*n), resize(e.rank, m*n)
	e.choice, e.byTask, e.finish = resize(e.choice, m), resize(e.byTask, m), resize(e.finish, m)
	clear(e.choice)
	e.queue = resize(e.queue, n*e.words)
	clear(e.queue)
	for server := range n {
		e.sortArrivals(obs, server)
		e.stale[server] = true
	}
	for rank := range m { // option 0 is on server 0
		e.queue[rank/64] |= 1 << (rank % 64)
	}
	return nil
}

// shape adapts what depends on the number of servers only.
func (e *Evaluator) shape(obs *Observation) {
	n := obs.Servers
	e.servers, e.exits = n, obs.Exits
	e.times = e.profile.Times(n, e.times)
	e.server, e.accuracy = e.server[:0], e.accuracy[:0]
	for server := range n {
		for _, accuracy := range e.profile.Accuracy {
			e.server, e.accuracy = append(e.server, server), append(e.accuracy, accuracy)
		}
	}
	e.work = resize(e.work, n*e.exits)
	e.gain, e.busy, e.free = resize(e.gain, n), resize(e.busy, n), resize(e.free, n)
	e.next, e.stale = resize(e.next, n), resize(e.stale, n)
}

// sortArrivals ranks the tasks by their arrival at a server.
func (e *Evaluator) sortArrivals(obs *Observation, server int) {
	m := e.tasks
	arrive, task := e.arrive[server*m:][:m], e.task[server*m:][:m]
	byTask := e.byTask[:m]
	for i, d := range obs.Bits {
		byTask[i] = d / obs.Rate[i*e.servers+server]
	}
	e.order.sort(byTask, task)
	for r, i := range task {
		arrive[r] = byTask[i]
		e.rank[int(i)*e.servers+server] = int32(r)
	}
}

// Choose makes choice [M] the decision. If few devices change their option, only the servers they touch are recomputed.
func (e *Evaluator) Choose(choice []int32) error {
	if err := checkAction(choice, e.tasks, len(e.times)); err != nil {
		return fmt.Errorf("mecoffload: decision: %w", err)
	}
	changed := 0
	for i, option := range choice {
		if option != e.choice[i] {
			changed++
		}
	}
	if changed > len(choice)/4 {
		e.replace(choice)
	} else {
		for i, option := range choice {
			if option != e.choice[i] {
				e.move(i, option)
			}
		}
	}
	e.refresh()
	return nil
}

// replace is a move of every device. Which devices of two random decisions differ is what no branch predictor foresees, so it asks none.
func (e *Evaluator) replace(choice []int32) {
	copy(e.choice, choice)
	clear(e.queue)
	for i, option := range choice {
		server := e.server[option]
		rank := e.rank[i*e.servers+server]
		e.queue[server*e.words+int(rank>>6)] |= 1 << (rank & 63)
	}
	for n := range e.stale {
		e.stale[n] = true
	}
}

// Move gives one device another option.
func (e *Evaluator) Move(device int, option int32) {
	e.move(device, option)
	e.refresh()
}

// Choice is the current decision [M]. It is the evaluator's.
func (e *Evaluator) Choice() []int32 { return e.choice }

// TryMove is what the decision would be worth with another option for one device.
func (e *Evaluator) TryMove(device int, option int32) float64 {
	old := e.choice[device]
	e.move(device, option)
	v := e.Value()
	e.undo(device, old)
	return v
}

// TrySwap is what the decision would be worth if two devices exchanged their options.
func (e *Evaluator) TrySwap(i, j int) float64 {
	a, b := e.choice[i], e.choice[j]
	e.move(i, b)
	e.move(j, a)
	v := e.Value()
	e.undo(i, a)
	e.undo(j, b)
	return v
}

// Swap exchanges the options of two devices.
func (e *Evaluator) Swap(i, j int) {
	a, b := e.choice[i], e.choice[j]
	e.move(i, b)
	e.move(j, a)
	e.refresh()
}

// leastGain is what a change must help by: more than rounding errors could, or a search might go in circles.
const leastGain = 1e-12

// Improve gives one device its best option, if that is worth more than the current value of the decision, and returns the value
// after that.
func (e *Evaluator) Improve(device int, value float64) float64 {
	best, pick := value+leastGain, int32(-1)
	for o := range int32(len(e.times)) {
		if o == e.choice[device] {
			continue
		}
		if v := e.TryMove(device, o); v > best {
			best, pick = v, o
		}
	}
	if pick < 0 {
		return value
	}
	e.Move(device, pick)
	return best
}

// NextBacklog writes to dst [N] the backlog, in seconds, that the current decision leaves to the next slot.
func (e *Evaluator) NextBacklog(dst []float64) {
	for n := range dst {
		dst[n] = carryOver(e.free[n], e.slot)
	}
}

// Ratios writes to dst [M] the nominal T/delta of each task under the current decision, +Inf if it is to be dropped. A Try since the
// last Choose, Move or Swap spoils it.
func (e *Evaluator) Ratios(dst []float64) {
	for i, d := range e.deadline {
		dst[i] = e.finish[i] / d
	}
}

// move changes the decision and marks the servers it touches.
func (e *Evaluator) move(device int, option int32) {
	from, to := e.server[e.choice[device]], e.server[option]
	e.choice[device] = option
	e.stale[from], e.stale[to] = true, true
	if from != to {
		e.flip(from, device)
		e.flip(to, device)
	}
}

// undo takes a move back whose servers have not been refreshed since.
func (e *Evaluator) undo(device int, option int32) {
	from, to := e.server[e.choice[device]], e.server[option]
	e.move(device, option)
	e.stale[from], e.stale[to] = false, false
}

func (e *Evaluator) flip(server, device int) {
	rank := e.rank[device*e.servers+server]
	e.queue[server*e.words+int(rank>>6)] ^= 1 << (rank & 63)
}

// refresh brings every server up to date with the decision.
func (e *Evaluator) refresh() {
	for n, stale := range e.stale {
		if stale {
			e.gain[n], e.busy[n], e.free[n] = e.serve(n)
			e.stale[n] = false
		}
	}
}

// Value is what the current decision is worth.
func (e *Evaluator) Value() float64 {
	// A stale server is one that a Try has touched: serve it, but do not keep the result.
	sum := 0.0
	for n, stale := range e.stale {
		gain, busy, free := e.gain[n], e.busy[n], e.free[n]
		if stale {
			gain, busy, free = e.serve(n)
		}
		if e.objective.Prices != nil {
			gain -= e.objective.Prices[n] * busy
		}
		sum += gain
		e.next[n] = carryOver(free, e.slot)
	}
	if e.tasks > 0 {
		sum /= float64(e.tasks)
	}
	if e.objective.Terminal != nil {
		sum += e.objective.Terminal.Value(e.next)
	}
	return sum
}

// serve runs one server's queue.
func (e *Evaluator) serve(server int) (gain, busy, free float64) {
	arrive, task := e.arrive[server*e.tasks:][:e.tasks], e.task[server*e.tasks:][:e.tasks]
	free = e.backlog[server]
	for w, set := range e.queue[server*e.words:][:e.words] {
		for ; set != 0; set &= set - 1 {
			rank := w<<6 | bits.TrailingZeros64(set)
			i := task[rank]
			option, deadline := e.choice[i], e.deadline[i]
			work := e.work[option]
			finish, served := serve(free, arrive[rank], work, deadline)
			if !served {
				e.finish[i] = math.Inf(1)
				continue
			}
			e.finish[i] = finish
			free = finish
			busy += work
			if table := e.objective.OnTime; table != nil {
				gain += table.At(finish/deadline) * e.accuracy[option] * Timeliness(min(finish, deadline), e.slope[i])
			} else if finish <= deadline {
				gain += e.accuracy[option] * Timeliness(finish, e.slope[i])
			}
		}
	}
	return gain, busy, free
}
