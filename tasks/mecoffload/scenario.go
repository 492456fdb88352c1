package mecoffload

import (
	"cmp"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/graphrl/graphrl/internal/share"
	"github.com/graphrl/graphrl/internal/strictyaml"
)

//go:embed scenarios/*.yaml
var scenarioFiles embed.FS

// DefaultScenario names the built-in scenario with every uncertainty switched on.
const DefaultScenario = "dynamic"

// Scenario describes the world a method runs in: the numbers of devices and servers, the
// distribution of tasks, and how far real values may differ from the observed ones. It is written
// in YAML, with the keys in the tags below. A missing key takes its value from the built-in
// scenario static, in which nothing is uncertain. Values without a named source are this project's
// own.
type Scenario struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`

	// Devices is the largest number of devices M. Every device has one task per slot unless Arrival
	// or Churn say otherwise.
	Devices int `yaml:"devices"`
	// Servers is the number of edge servers N.
	Servers int `yaml:"servers"`
	// Reach is the number of servers that a device can send its tasks to: the nearest ones, with
	// devices and servers spread evenly along a road that closes to a ring. 0: all of them.
	Reach int `yaml:"reach,omitempty"`
	// Slot is the time between two decisions.
	Slot Seconds `yaml:"slot"`

	// SizeKByte is the input size of a task in kB (1 kB = 8000 bit).
	SizeKByte Interval[float64] `yaml:"size_kbyte,flow"`
	// Deadline is the time a task has, from its slot's start to its result.
	Deadline Interval[Seconds] `yaml:"deadline,flow"`
	// RateMbit is the uplink rate of each device-server pair in Mbit/s (1 Mbit = 1e6 bit), redrawn
	// every slot. Not used when Trace names files.
	RateMbit Interval[float64] `yaml:"rate_mbit_s,flow"`
	// Capacity is the share c of each server that is free for these tasks, redrawn every slot, in
	// (0, 1].
	Capacity Interval[float64] `yaml:"capacity,flow"`

	// Jitter j in [0, 1) makes the real inference time tau/c * U(1-j, 1+j), drawn per task and
	// server. Where a profile has measured times, a j above 0 draws from them instead.
	Jitter float64 `yaml:"jitter"`
	// CSI e in [0, 1) makes the real rate r * U(1-e, 1+e), drawn per task and server: imperfect
	// channel state information.
	CSI float64 `yaml:"csi"`
	// Arrival is the probability that a device that is present has a task, per slot, in (0, 1].
	Arrival float64 `yaml:"arrival"`
	// RewardWeight is w in [0, 1] of the reward phi * (1 - w*T/delta) of a task finished in time.
	RewardWeight float64 `yaml:"reward_weight"`

	Energy Energy      `yaml:"energy,omitempty"`
	Churn  Churn       `yaml:"churn,omitempty"`
	Trace  TraceSource `yaml:"trace,omitempty"`
}

// Energy gives every device a budget: its mean energy a slot, over time, is at most BudgetMJ. Sending a
// task takes transmit power times transmission time. The zero value is energy for free.
//
// A device that spends more than its budget gets a virtual queue, which makes its energy dear
// (droo.VirtualQueues), and it may hold a task back, which is then lost. See [Observation.EnergyPrice].
type Energy struct {
	// TransmitW is the transmit power of a device in W.
	TransmitW float64 `yaml:"transmit_w"`
	// BudgetMJ is the mean energy of a device a slot in mJ, at most.
	BudgetMJ float64 `yaml:"budget_mj"`
	// Weight is V, the weight of the tasks against the queues; 0: 20. A larger one comes nearer to the
	// best accuracy within the budget, and it takes longer, about V slots, until the budget holds.
	Weight float64 `yaml:"weight,omitempty"`
}

func (e Energy) enabled() bool { return e != Energy{} }

// budget is the mean energy a slot in J.
func (e Energy) budget() float64 { return e.BudgetMJ / 1000 }

func (e Energy) weight() float64 { return cmp.Or(e.Weight, 20) }

func (e Energy) check() error {
	if !e.enabled() {
		return nil
	}
	for _, v := range []struct {
		key         string
		value, most float64
	}{{"transmit_w", e.TransmitW, 1e6}, {"budget_mj", e.BudgetMJ, 1e9}, {"weight", e.weight(), 1e6}} {
		if !(v.value >= smallest && v.value <= v.most) {
			return strictyaml.Invalid("energy."+v.key, "%v is not above 0, at least %v, and at most %v", v.value, smallest, v.most)
		}
	}
	return nil
}

// Churn lets devices come and go: the number of devices present is a birth-death chain between
// ceil(MinShare * Devices) and Devices. At the start of every slot one device leaves with
// probability Leave (each present one is equally likely), then one joins with probability Join
// (each absent one equally likely); a step beyond a bound does not happen. The first slot has a
// number drawn uniformly between the bounds. With Join = Leave all numbers are about equally
// frequent in the long run. The zero value is no churn: all devices are always present.
type Churn struct {
	MinShare float64 `yaml:"min_share"`
	Join     float64 `yaml:"join"`
	Leave    float64 `yaml:"leave"`
}

func (c Churn) enabled() bool { return c != Churn{} }

// TraceSource names recorded link rates that replace random ones. See [ReadTrace] for the format
// and [Simulator] for how links read them.
type TraceSource struct {
	// Files are CSV files, folders (every .csv file below them) or patterns such as logs/*/B_*.csv.
	// Relative names start at the working directory.
	Files []string `yaml:"files,omitempty"`
	// FloorMbit replaces lower rates, in Mbit/s, so that every transmission ends.
	FloorMbit float64 `yaml:"floor_mbit_s,omitempty"`
}

func (t TraceSource) enabled() bool { return len(t.Files) > 0 }

// Limits on the sizes of a scenario: far above any edge deployment, and low enough that a typing
// error does not exhaust memory.
const (
	MaxDevices = 100_000
	MaxServers = 20_000
)

// Validate reports the first invalid value and its key.
func (s Scenario) Validate() error {
	share := func(key string, v float64) error {
		if !(v >= 0 && v <= 1) {
			return strictyaml.Invalid(key, "%v is not in [0, 1]", v)
		}
		return nil
	}
	spread := func(key string, v float64) error {
		if !(v >= 0 && v < 1) {
			return strictyaml.Invalid(key, "%v is not in [0, 1)", v)
		}
		return nil
	}
	count := func(key string, v, most int) error {
		if v < 1 || v > most {
			return strictyaml.Invalid(key, "%d is not in 1..%d", v, most)
		}
		return nil
	}
	if s.Name == "" {
		return strictyaml.Invalid("name", "is missing")
	}
	for _, err := range []error{
		count("devices", s.Devices, MaxDevices),
		count("servers", s.Servers, MaxServers),
		s.checkReach(),
		Interval[Seconds]{s.Slot, s.Slot}.check("slot", 0, maxSpan, true),
		s.SizeKByte.check("size_kbyte", 0, 1e9, true),
		s.Deadline.check("deadline", 0, maxSpan, true),
		s.RateMbit.check("rate_mbit_s", 0, 1e9, true),
		s.Capacity.check("capacity", 0, 1, true),
		spread("jitter", s.Jitter),
		spread("csi", s.CSI),
		share("arrival", s.Arrival),
		share("reward_weight", s.RewardWeight),
		s.Energy.check(),
		share("churn.min_share", s.Churn.MinShare),
		share("churn.join", s.Churn.Join),
		share("churn.leave", s.Churn.Leave),
	} {
		if err != nil {
			return err
		}
	}
	if s.Arrival == 0 {
		return strictyaml.Invalid("arrival", "0 means that there is never a task")
	}
	if c := s.Churn; c.enabled() && (c.Join == 0 || c.Join == 1 || c.Leave == 0 || c.Leave == 1) {
		return strictyaml.Invalid("churn",
			"want both join and leave between 0 and 1, exclusive, or no churn at all")
	}
	if s.Trace.enabled() && !(s.Trace.FloorMbit >= smallest && s.Trace.FloorMbit <= 1e9) {
		return strictyaml.Invalid("trace.floor_mbit_s",
			"want a rate from 1e-9 to 1e9, not %v: a link that never delivers would keep a task for ever",
			s.Trace.FloorMbit)
	}
	return nil
}

// maxLinks bounds the device-server links of a scenario: their rates alone take 8 bytes each.
const maxLinks = 1 << 28

func (s Scenario) checkReach() error {
	if s.Reach < 0 || s.Reach > s.Servers {
		return strictyaml.Invalid("reach", "%d is not in 0..%d, the number of servers", s.Reach, s.Servers)
	}
	if links := s.Devices * s.Degree(); links > maxLinks {
		return strictyaml.Invalid("reach", "%d devices that reach %d servers each have %d links, more than %d: "+
			"let a device reach fewer", s.Devices, s.Degree(), links, maxLinks)
	}
	return nil
}

// links returns the number of servers that an observation lists for each device; 0: all are in
// reach.
func (s Scenario) links() int {
	if s.Reach == s.Servers {
		return 0
	}
	return s.Reach
}

// Degree returns the number of servers in a device's reach.
func (s Scenario) Degree() int {
	if s.Reach > 0 {
		return s.Reach
	}
	return s.Servers
}

// reach writes the servers that a device reaches to dst [links], in ascending order. Server s stands
// at (s+1/2)/N of the ring and device d at (d+1/2)/M.
func (s Scenario) reach(device int, dst []int32) {
	// The first of the nearest: floor(x + 1/2) of x = (d+1/2) N/M - R/2.
	n, m := s.Servers, s.Devices
	over, under := (2*device+1)*n-(len(dst)-1)*m, 2*m
	first := over / under
	if over%under < 0 {
		first--
	}
	for j := range dst {
		dst[j] = int32(((first+j)%n + n) % n)
	}
	slices.Sort(dst)
}

// ParseScenario reads a scenario from YAML. Errors name filename and the line.
func ParseScenario(data []byte, filename string) (Scenario, error) {
	s, err := defaults()
	if err != nil {
		return Scenario{}, err
	}
	s.Name, s.Description = "", ""
	if err := strictyaml.Unmarshal(data, filename, &s, func() error { return s.Validate() }); err != nil {
		return Scenario{}, fmt.Errorf("mecoffload: scenario %w", err)
	}
	return s, nil
}

// defaults returns the scenario static, whose values replace missing keys.
func defaults() (Scenario, error) {
	const filename = "static.yaml"
	data, err := scenarioFiles.ReadFile("scenarios/" + filename)
	if err != nil {
		return Scenario{}, fmt.Errorf("mecoffload: scenario %w", err)
	}
	var s Scenario
	if err := strictyaml.Unmarshal(data, filename, &s, func() error { return s.Validate() }); err != nil {
		return Scenario{}, fmt.Errorf("mecoffload: scenario %w", err)
	}
	return s, nil
}

// LoadScenario reads a scenario: a file if the name ends in .yaml or has a slash, else a built-in.
func LoadScenario(nameOrFile string) (Scenario, error) {
	data, filename, err := readConfig(scenarioFiles, "scenarios", nameOrFile)
	if err != nil {
		return Scenario{}, fmt.Errorf("mecoffload: scenario %w", err)
	}
	return ParseScenario(data, filename)
}

// ScenarioNames lists the built-in scenarios.
func ScenarioNames() []string { return builtinNames(scenarioFiles, "scenarios") }

// YAML returns the complete scenario as a file that ParseScenario reads back to the same value.
func (s Scenario) YAML() ([]byte, error) {
	data, err := strictyaml.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: scenario %q: %w", s.Name, err)
	}
	return data, nil
}

// TraceFiles returns the files that match Trace.Files, in the order of its entries and sorted
// within a folder or a pattern.
func (s Scenario) TraceFiles() ([]string, error) {
	var files []string
	for _, name := range s.Trace.Files {
		found, err := []string{name}, error(nil)
		// an existing file or folder is not a pattern, even if it has brackets
		if _, e := os.Stat(name); e != nil {
			if found, err = filepath.Glob(name); err != nil {
				return nil, fmt.Errorf("trace pattern %q: %w", name, err)
			}
		}
		before := len(files)
		for _, f := range found {
			csv, err := csvFiles(f)
			if err != nil {
				return nil, err
			}
			files = append(files, csv...)
		}
		if len(files) == before {
			return nil, fmt.Errorf("no trace at %q: the recorded link rates are not part of this "+
				"module; "+
				"get 5G logs (for instance the 5G dataset of Raca, Leahy, Sreenan and Quinlan, MMSys 2020, github.com/uccmisl/5Gdataset) "+
				"and name their folder under trace.files", name)
		}
	}
	return files, nil
}

// fewestDevices returns the smallest number of devices that churn leaves.
func (s Scenario) fewestDevices() int {
	if !s.Churn.enabled() {
		return s.Devices
	}
	return min(share.Ceil(s.Churn.MinShare, s.Devices), s.Devices)
}

// MeanTasks returns the long-run mean number of tasks per slot: Arrival times the mean number of
// devices present.
func (s Scenario) MeanTasks() float64 {
	// The stationary distribution of a birth-death chain by detailed balance: p(m+1) / p(m) = up(m)
	// / down(m+1).
	low, p, sum, mean := s.fewestDevices(), 1.0, 0.0, 0.0
	for m := low; m <= s.Devices; m++ {
		sum += p
		mean += p * float64(m)
		up, down := s.Churn.Join, s.Churn.Leave*(1-s.Churn.Join)
		if m > low {
			up *= 1 - s.Churn.Leave
		}
		p *= up / down
	}
	return s.Arrival * mean / sum
}
