package mecoffload

import (
	"fmt"
	"slices"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
)

var _ checkpoints.Stateful = (*Metrics)(nil)

// Metrics accumulates the fate of tasks in constant memory. All figures of a run come from here.
type Metrics struct {
	Slots   int64
	Tasks   int64 // InTime + Late + Dropped
	InTime  int64
	Late    int64
	Dropped int64

	scenario string
	devices  int
	slot     float64

	accuracy float64   // sum over tasks
	reward   float64   // sum over tasks
	busy     []float64 // [N] s
	energy   []float64 // [Devices] J; nil without budgets
	budget   float64   // J a slot
	exits    []int64   // [L]
	latency  histogram
	decision histogram
}

// NewMetrics returns empty metrics for runs of sc with the network of p.
func NewMetrics(sc Scenario, p Profile) (*Metrics, error) {
	if sc.Servers < 1 || !(sc.Slot > 0) || p.Exits() < 1 {
		return nil, fmt.Errorf("mecoffload: metrics of %d servers, %d exits and slots of %v, want "+
			"at least one of each", sc.Servers, p.Exits(), sc.Slot)
	}
	m := &Metrics{
		scenario: sc.Name,
		devices:  sc.Devices,
		slot:     float64(sc.Slot),
		busy:     make([]float64, sc.Servers),
		exits:    make([]int64, p.Exits()),
	}
	if sc.Energy.enabled() {
		m.energy, m.budget = make([]float64, sc.Devices), sc.Energy.budget()
	}
	return m, nil
}

// Add counts one slot. decision is the time that deciding took.
func (m *Metrics) Add(out *Outcome, decision time.Duration) {
	m.Slots++
	m.Tasks += int64(len(out.Status))
	for i, status := range out.Status {
		switch status {
		case InTime:
			m.InTime++
		case Late:
			m.Late++
		case Dropped:
			m.Dropped++
		}
		if status != Dropped {
			m.latency.add(out.Latency[i])
		}
		m.accuracy += out.Accuracy[i]
		if out.Exit[i] >= 0 { // the task was not held back
			m.exits[out.Exit[i]]++
		}
	}
	m.reward += out.Reward * float64(len(out.Status))
	for n, b := range out.Busy {
		m.busy[n] += b
	}
	for i, e := range out.Energy {
		m.energy[i] += e
	}
	m.decision.add(decision.Seconds())
}

// Merge adds the counts of other, which must have the same number of servers, number of exits and
// slot length.
func (m *Metrics) Merge(other *Metrics) error {
	if len(other.energy) != len(m.energy) {
		return fmt.Errorf("mecoffload: cannot merge metrics of %d devices with energy budgets into %d", len(other.energy), len(m.energy))
	}
	if len(other.busy) != len(m.busy) || len(other.exits) != len(m.exits) || other.slot != m.slot {
		return fmt.Errorf("mecoffload: cannot merge metrics of %d servers, %d exits and %v slots "+
			"into %d servers, %d exits and %v slots",
			len(other.busy), len(other.exits), Seconds(other.slot), len(m.busy), len(m.exits), Seconds(m.slot))
	}
	m.Slots += other.Slots
	m.Tasks += other.Tasks
	m.InTime += other.InTime
	m.Late += other.Late
	m.Dropped += other.Dropped
	m.accuracy += other.accuracy
	m.reward += other.reward
	for n, b := range other.busy {
		m.busy[n] += b
	}
	for i, e := range other.energy {
		m.energy[i] += e
	}
	for l, c := range other.exits {
		m.exits[l] += c
	}
	m.latency.merge(&other.latency)
	m.decision.merge(&other.decision)
	return nil
}

// Reset clears all counts.
func (m *Metrics) Reset() {
	busy, exits, energy := m.busy, m.exits, m.energy
	clear(busy)
	clear(exits)
	clear(energy)
	*m = Metrics{
		scenario: m.scenario, devices: m.devices, slot: m.slot, budget: m.budget,
		busy: busy, exits: exits, energy: energy,
	}
}

// Utilisation returns the share of the time that each server worked [N]. Work counts in the slot
// that decides on it, including what is left at the end of a run, so a share may slightly exceed 1.
func (m *Metrics) Utilisation() []float64 {
	u := make([]float64, len(m.busy))
	for n, b := range m.busy {
		u[n] = ratio(b, float64(m.Slots)*m.slot)
	}
	return u
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Row is the result of one run: a line of a benchmark table, with stable JSON keys. Without tasks
// all averages are 0.
type Row struct {
	Method   string  `json:"method"`
	Scenario string  `json:"scenario"`
	Devices  int     `json:"devices"`
	Servers  int     `json:"servers"`
	SlotMS   float64 `json:"slot_ms"`
	Slots    int64   `json:"slots"`
	Seed     uint64  `json:"seed"`

	// Accuracy is the accuracy of the exit used, averaged over all tasks; a late or dropped one
	// counts as 0.
	Accuracy float64 `json:"accuracy"`
	// SSP is the service success probability: the share of all tasks that finished in time.
	SSP float64 `json:"ssp"`
	// Throughput is the number of tasks finished in time per second of simulated time.
	Throughput float64 `json:"throughput"`
	// Reward is phi * (1 - w*T/delta) averaged over all tasks; a late or dropped one counts as 0.
	Reward float64 `json:"reward"`
	// AccuracyServed is the accuracy of the exit used, averaged over the tasks finished in time.
	AccuracyServed float64 `json:"accuracy_served"`
	// Latency runs from the slot's start to the result, over all tasks that were not dropped.
	Latency Latency `json:"latency_ms"`
	// Utilisation is the share of the time that servers worked, averaged over the servers; see
	// Metrics.Utilisation.
	Utilisation float64 `json:"utilisation"`
	// Exits is the share of all tasks, dropped ones included, that was sent to each exit [L]. The rest
	// was held back.
	Exits []float64 `json:"exits"`
	// Decision is the wall-clock time of one decision.
	Decision DecisionTime `json:"decision_us"`
	// Energy is what devices sent their tasks with; nil without budgets.
	Energy *EnergyUse `json:"energy_mj,omitempty"`
}

// EnergyUse is the energy of a device a slot, in millijoules.
type EnergyUse struct {
	Mean      float64 `json:"mean"`       // over devices and slots
	MaxDevice float64 `json:"max_device"` // the largest mean of a device
	Budget    float64 `json:"budget"`
}

// Latency is a distribution of latencies in milliseconds. The percentiles are accurate to 0.4 %.
type Latency struct {
	Mean float64 `json:"mean"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
}

// DecisionTime is a distribution of decision times in microseconds. The percentile is accurate to
// 0.4 %.
type DecisionTime struct {
	Mean float64 `json:"mean"`
	P99  float64 `json:"p99"`
}

// Row returns the accumulated result of a method run with a seed.
func (m *Metrics) Row(method string, seed uint64) Row {
	exits := make([]float64, len(m.exits))
	for l, c := range m.exits {
		exits[l] = ratio(float64(c), float64(m.Tasks))
	}
	busy := 0.0
	for _, u := range m.Utilisation() {
		busy += u
	}
	tasks := float64(m.Tasks)
	return Row{
		Method:         method,
		Scenario:       m.scenario,
		Devices:        m.devices,
		Servers:        len(m.busy),
		SlotMS:         Seconds(m.slot).Milliseconds(),
		Slots:          m.Slots,
		Seed:           seed,
		Accuracy:       ratio(m.accuracy, tasks),
		SSP:            ratio(float64(m.InTime), tasks),
		Throughput:     ratio(float64(m.InTime), float64(m.Slots)*m.slot),
		Reward:         ratio(m.reward, tasks),
		AccuracyServed: ratio(m.accuracy, float64(m.InTime)),
		Latency: Latency{
			Mean: m.latency.mean() * 1e3,
			P95:  m.latency.quantile(0.95) * 1e3,
			P99:  m.latency.quantile(0.99) * 1e3,
		},
		Utilisation: ratio(busy, float64(len(m.busy))),
		Exits:       exits,
		Decision: DecisionTime{
			Mean: m.decision.mean() * 1e6,
			P99:  m.decision.quantile(0.99) * 1e6,
		},
		Energy: m.energyUse(),
	}
}

func (m *Metrics) energyUse() *EnergyUse {
	if m.energy == nil {
		return nil
	}
	sum, most := 0.0, 0.0
	for _, e := range m.energy {
		sum += e
		most = max(most, e)
	}
	slots := float64(m.Slots) / 1000
	return &EnergyUse{ratio(sum, slots*float64(len(m.energy))), ratio(most, slots), m.budget * 1000}
}

// Servers returns N, the number of servers.
func (m *Metrics) Servers() int { return len(m.busy) }

// Budgets returns the number of devices with an energy budget.
func (m *Metrics) Budgets() int { return len(m.energy) }

// Exits returns L, the number of exits.
func (m *Metrics) Exits() int { return len(m.exits) }

// SaveState implements checkpoints.Stateful. It leaves out decision times (see SaveTimes), so equal
// runs have equal states.
func (m *Metrics) SaveState(s *checkpoints.State) error {
	s.PutInt64("counts", nil, []int64{m.Slots, m.Tasks, m.InTime, m.Late, m.Dropped})
	s.PutFloat64("sums", nil, []float64{m.accuracy, m.reward})
	s.PutFloat64("busy", nil, m.busy)
	s.PutInt64("exits", nil, m.exits)
	if m.energy != nil {
		s.PutFloat64("energy", nil, m.energy)
	}
	return m.latency.SaveState(s.Sub("latency"))
}

// LoadState implements checkpoints.Stateful.
func (m *Metrics) LoadState(s *checkpoints.State) error {
	var counts [5]int64
	if err := s.Int64("counts", counts[:]); err != nil {
		return err
	}
	if slices.Min(counts[:]) < 0 {
		return fmt.Errorf("mecoffload: saved metrics have negative counts %v", counts)
	}
	var sums [2]float64
	if err := s.Float64("sums", sums[:]); err != nil {
		return err
	}
	m.Slots, m.Tasks, m.InTime, m.Late, m.Dropped = counts[0], counts[1], counts[2], counts[3], counts[4]
	m.accuracy, m.reward = sums[0], sums[1]
	if err := s.Float64("busy", m.busy); err != nil {
		return err
	}
	if err := s.Int64("exits", m.exits); err != nil {
		return err
	}
	if m.energy != nil {
		if err := s.Float64("energy", m.energy); err != nil {
			return err
		}
	}
	return m.latency.LoadState(s.Sub("latency"))
}

// SaveTimes saves the decision times, which differ from run to run.
func (m *Metrics) SaveTimes(s *checkpoints.State) error {
	return m.decision.SaveState(s.Sub("decision"))
}

// LoadTimes restores the times that SaveTimes saved.
func (m *Metrics) LoadTimes(s *checkpoints.State) error {
	return m.decision.LoadState(s.Sub("decision"))
}
