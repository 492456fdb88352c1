package mecoffload

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

var _ rl.Env[Observation, Action] = (*Simulator)(nil)
var _ checkpoints.Stateful = (*Simulator)(nil)

// Simulator runs a scenario slot by slot. It implements rl.Env and never ends an episode: the
// caller decides how many slots to run.
//
// In each slot the task of device m, sent to server n and run up to exit l, arrives at d_m /
// r_{m,n}. A server serves first come first served, ties in order of device, and is first free at
// its backlog b_n; a task takes tau_{n,l} / c_n. A task whose deadline has passed before it could
// start is dropped and takes no time. Then b_n' = max(0, free_n - slot). The reward is the mean
// over the tasks of phi_l * (1 - w*T/delta) for those finished by their deadline, and 0 in a slot
// without tasks.
//
// Real values differ from the observed ones by a factor U(1-e, 1+e) on each rate and U(1-j, 1+j) on
// each inference time, or one drawn from the measured times of the profile (see [Profile.Luck]; the
// same draw serves all exits). All randomness of a slot, including these factors for every device and
// server, is a function of the seed, the slot number and the scenario, never of an action. So under
// the same seed all methods meet the same tasks, and the same choice meets the same luck.
//
// With an energy budget every device has a virtual queue of the energy that it uses above its budget,
// counted in budgets of a slot. It starts at the weight V, so that the budget holds from the first
// slots on, and the observation has the price of a joule that follows from it.
//
// With recorded rates, Reset gives each device-server link a random trace and a random place in it.
// The link then advances with simulated time, holds each one-second sample for a second, and wraps
// around at the trace's end.
type Simulator struct {
	scenario Scenario
	profile  Profile
	times    []float64   // tau [N x L], s
	lucks    []Luck      // of real over nominal inference times [N x L]
	traces   [][]float64 // bit/s

	started bool
	seed    uint64
	slot    int64
	present []bool  // by device
	reach   []int32 // [Devices x R], of a scenario with a reach
	links   []link  // [Devices x R], with traces only

	source *rand.PCG
	random *rand.Rand

	obs    Observation
	energy *droo.VirtualQueues // [Devices]; nil: no budgets
	rates  rateDraws

	// Scratch buffers of Step.
	order   arrivalOrder
	arrive  []float64
	queue   []int32
	free    []float64
	gain    []float64
	outcome Outcome
}

// link is the position of a device-server link in its trace.
type link struct {
	trace  int
	offset float64 // s
}

// NewSimulator returns a simulator of sc with the network and the servers of p. It reads the
// scenario's trace files, if any.
func NewSimulator(sc Scenario, p Profile) (*Simulator, error) {
	if err := sc.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: scenario %q: %w", sc.Name, err)
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: profile %q: %w", p.Name, err)
	}
	traces, err := sc.rates()
	if err != nil {
		return nil, fmt.Errorf("mecoffload: scenario %q: %w", sc.Name, err)
	}
	d, n, degree := sc.Devices, sc.Servers, sc.Degree()
	s := &Simulator{
		scenario: sc,
		profile:  p,
		times:    p.Times(n, nil),
		lucks:    p.lucks(n, sc.Jitter),
		traces:   traces,
		present:  make([]bool, d),
		source:   rand.NewPCG(0, 0),
		obs: Observation{
			Servers:  n,
			Exits:    p.Exits(),
			Links:    sc.links(),
			Bits:     make([]float64, 0, d),
			Deadline: make([]float64, 0, d),
			Reach:    make([]int32, 0, d*sc.links()),
			Rate:     make([]float64, 0, d*degree),
			Capacity: make([]float64, n),
			Backlog:  make([]float64, n),
			ID:       make([]int, 0, d),
		},
		arrive: make([]float64, d),
		queue:  make([]int32, d),
		free:   make([]float64, n),
		gain:   make([]float64, n),
		outcome: Outcome{
			Status:   make([]Status, 0, d),
			Accuracy: make([]float64, 0, d),
			Latency:  make([]float64, 0, d),
			Server:   make([]int, 0, d),
			Exit:     make([]int, 0, d),
			Busy:     make([]float64, n),
		},
	}
	s.random = rand.New(s.source)
	if len(traces) > 0 {
		s.links = make([]link, d*degree)
	}
	if r := sc.links(); r > 0 {
		s.reach = make([]int32, d*r)
		for id := range d {
			sc.reach(id, s.reach[id*r:][:r])
		}
	}
	return s, s.addBudgets()
}

// addBudgets adds what the scenario's energy budgets need, if it has some.
func (s *Simulator) addBudgets() (err error) {
	if s.energy, err = s.scenario.energyQueues(); s.energy != nil {
		devices := s.scenario.Devices
		s.obs.EnergyPrice, s.outcome.Energy = make([]float64, 0, devices), make([]float64, devices)
	}
	return err
}

// energyQueues returns the virtual queues of the devices' energy, in J; nil without a budget.
func (s Scenario) energyQueues() (*droo.VirtualQueues, error) {
	if !s.Energy.enabled() {
		return nil, nil
	}
	limits, scales := make([]float64, s.Devices), make([]float64, s.Devices)
	for i := range limits {
		limits[i], scales[i] = s.Energy.budget(), 1/s.Energy.budget()
	}
	q, err := droo.NewVirtualQueues(limits, scales)
	if err != nil {
		return nil, err
	}
	return q, q.StartAt(s.Energy.weight())
}

// Scenario returns the scenario being simulated.
func (s *Simulator) Scenario() Scenario { return s.scenario }

// Profile returns the network and servers being simulated.
func (s *Simulator) Profile() Profile { return s.profile }

// Reset starts an episode with idle servers. seed determines everything random in it.
func (s *Simulator) Reset(seed uint64) (Observation, error) {
	s.started, s.seed, s.slot = true, seed, 0
	clear(s.obs.Backlog)
	if s.energy != nil {
		s.energy.Reset()
	}
	s.drawLinks()
	s.drawPopulation()
	s.drawSlot()
	return s.obs, nil
}

// Step executes action in the current slot and returns its reward and the next observation.
func (s *Simulator) Step(action Action) (rl.Transition[Observation], error) {
	if !s.started {
		return rl.Transition[Observation]{}, fmt.Errorf("mecoffload: Step before Reset")
	}
	if err := s.check(action); err != nil {
		return rl.Transition[Observation]{}, fmt.Errorf("mecoffload: action: %w", err)
	}
	s.execute(action)
	if s.energy != nil {
		if err := s.energy.Observe(s.outcome.Energy); err != nil {
			return rl.Transition[Observation]{}, err
		}
	}
	for n, free := range s.free {
		s.obs.Backlog[n] = carryOver(free, float64(s.scenario.Slot))
	}
	s.slot++
	s.movePopulation()
	s.drawSlot()
	return rl.Transition[Observation]{Observation: s.obs, Reward: s.outcome.Reward}, nil
}

// check reports an action that does not fit the slot.
func (s *Simulator) check(action Action) error {
	if s.energy == nil || len(action) != s.obs.Devices {
		return checkAction(action, s.obs.Devices, s.obs.Options())
	}
	for i := range action {
		if action[i] == Held {
			continue
		}
		if err := checkAction(action[i:i+1], 1, s.obs.Options()); err != nil {
			return fmt.Errorf("device %d: %w", i, err)
		}
	}
	return nil
}

// Outcome returns the fate of the last slot's tasks. The simulator owns it; it is valid until the
// next Step.
func (s *Simulator) Outcome() *Outcome { return &s.outcome }

// Luck returns what the observation hides of the current slot for one of its devices and the server
// at the end of a link: real over nominal rate, and real over nominal time of an inference up to an
// exit. It is valid until the next Step. It draws on first use, so it is not for several goroutines at
// once.
func (s *Simulator) Luck(device, link, exit int) (rate, time float64) {
	at := device*s.obs.Degree() + link
	return s.rateLuck(at), s.timeLuck(at, s.obs.ServerOf(device, link), exit)
}

// Status is the fate of a task.
type Status uint8

// A task finishes by its deadline, or after it, or never starts: its deadline has passed, or its device
// held it back.
const (
	InTime Status = iota
	Late
	Dropped
)

// Outcome is the fate of the tasks of one slot, in the order of its observation's devices.
type Outcome struct {
	Status   []Status  // [M]
	Accuracy []float64 // [M] accuracy of the exit if in time, else 0
	Latency  []float64 // [M] T from the slot's start to the result, s; +Inf if dropped
	Server   []int     // [M] server chosen; -1 if held back
	Exit     []int     // [M] exit chosen; -1 if held back
	// [N] time each server spends on these tasks, s; part of it may lie after the slot's end
	Busy   []float64
	Reward float64
	// [Devices] energy that each device used to send its task, J; nil without an energy budget
	Energy []float64
}

// resize grows or shrinks the slices to m tasks.
func (o *Outcome) resize(m int) {
	o.Status, o.Accuracy, o.Latency = o.Status[:m], o.Accuracy[:m], o.Latency[:m]
	o.Server, o.Exit = o.Server[:m], o.Exit[:m]
}

// execute serves the tasks of the slot with their real rates and times, and fills s.outcome and
// s.free.
func (s *Simulator) execute(action Action) {
	m, degree, exits := s.obs.Devices, s.obs.Degree(), s.obs.Exits
	out := &s.outcome
	out.resize(m)
	arrive, queue := s.arrive[:m], s.queue[:m]
	clear(out.Energy)
	for i, option := range action {
		if option == Held {
			out.Server[i], out.Exit[i], arrive[i] = -1, -1, s.obs.Deadline[i]
			continue
		}
		link := int(option) / exits
		out.Server[i], out.Exit[i] = s.obs.ServerOf(i, link), int(option)%exits
		at := i*degree + link
		arrive[i] = s.obs.Bits[i] / (s.obs.Rate[at] * s.rateLuck(at))
		if s.energy != nil {
			out.Energy[s.obs.ID[i]] = s.scenario.Energy.TransmitW * arrive[i]
		}
	}
	s.order.sort(arrive, queue)

	// One pass over all tasks in order of arrival serves each server's own tasks in that order.
	copy(s.free, s.obs.Backlog)
	clear(s.gain)
	clear(out.Busy)
	for _, i := range queue {
		out.Status[i], out.Accuracy[i], out.Latency[i] = Dropped, 0, math.Inf(1)
		n, l := out.Server[i], out.Exit[i]
		if n < 0 {
			continue
		}
		luck := s.timeLuck(int(i)*degree+int(action[i])/exits, n, l)
		work := s.times[n*exits+l] / s.obs.Capacity[n] * luck
		deadline := s.obs.Deadline[i]
		finish, served := serve(s.free[n], arrive[i], work, deadline)
		if !served {
			continue
		}
		out.Status[i], out.Latency[i] = Late, finish
		s.free[n] = finish
		out.Busy[n] += work
		if finish <= deadline {
			out.Status[i], out.Accuracy[i] = InTime, s.profile.Accuracy[l]
			s.gain[n] += s.profile.Accuracy[l] * timeliness(finish, s.scenario.RewardWeight/deadline)
		}
	}
	out.Reward = 0
	if m > 0 {
		for _, g := range s.gain {
			out.Reward += g
		}
		out.Reward /= float64(m)
	}
}

// Observation returns the current observation, for instance after LoadState.
func (s *Simulator) Observation() (Observation, error) {
	if !s.started {
		return Observation{}, fmt.Errorf("mecoffload: no observation before Reset")
	}
	return s.obs, nil
}

// energyState is where the virtual queues of energy are in a simulator's state.
const energyState = "energy"

// SaveState implements checkpoints.Stateful. The outcome of the last slot is not saved.
func (s *Simulator) SaveState(st *checkpoints.State) error {
	if !s.started {
		return fmt.Errorf("mecoffload: SaveState before Reset")
	}
	present := make([]byte, len(s.present))
	for id, here := range s.present {
		if here {
			present[id] = 1
		}
	}
	st.PutInt("seed", int64(s.seed))
	st.PutInt("slot", s.slot)
	st.PutBytes("present", nil, present)
	st.PutFloat64("backlog", nil, s.obs.Backlog)
	if s.energy != nil {
		return s.energy.SaveState(st.Sub(energyState))
	}
	return nil
}

// LoadState implements checkpoints.Stateful: the simulator continues as the saved one would have.
func (s *Simulator) LoadState(st *checkpoints.State) error {
	seed, err := st.Int("seed")
	if err != nil {
		return err
	}
	slot, err := st.Int("slot")
	if err != nil {
		return err
	}
	present, err := st.Bytes("present")
	if err != nil {
		return err
	}
	if slot < 0 || len(present) != len(s.present) {
		return fmt.Errorf("mecoffload: saved simulator at slot %d with %d devices, this one has %d",
			slot, len(present), len(s.present))
	}
	if err := st.Float64("backlog", s.obs.Backlog); err != nil {
		return err
	}
	for n, b := range s.obs.Backlog {
		if !(b >= 0) {
			return fmt.Errorf("mecoffload: saved backlog %v of server %d is not a time", b, n)
		}
	}
	if s.energy != nil {
		if err := s.energy.LoadState(st.Sub(energyState)); err != nil {
			return err
		}
	}
	s.started, s.seed, s.slot = true, uint64(seed), slot
	s.drawLinks()
	for id := range present {
		s.present[id] = present[id] != 0
	}
	s.drawSlot()
	return nil
}
