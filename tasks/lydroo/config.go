package lydroo

import (
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/graphrl/graphrl/internal/strictyaml"
)

// Config fully determines a run. It is written in YAML:
//
//	method: lydroo-graph
//	users: 10               # or data: result_10.mat
//	arrivals: 3
//	frames: 10000
//
// A key that is left out has its value from [DefaultConfig] of the method.
type Config struct {
	Method   Method  `yaml:"method"`
	Data     string  `yaml:"data,omitempty"`  // file that OpenDataset reads; empty: random frames
	Users    int     `yaml:"users,omitempty"` // of random frames
	Arrivals float64 `yaml:"arrivals"`        // mean of random arrivals, Mbit a frame
	Frames   int     `yaml:"frames"`
	Seed     uint64  `yaml:"seed"` // of random frames, initial weights, noise and minibatches

	V          float64 `yaml:"v"`           // weight of the rate against the queues
	PowerLimit float64 `yaml:"power_limit"` // mean power of a user, W

	EnergyWeight float64 `yaml:"energy_weight"` // of the energy queues against the data queues

	ReportInterval     int `yaml:"report_interval"`     // frames from one report to the next
	CheckpointInterval int `yaml:"checkpoint_interval"` // frames from one checkpoint to the next

	Noise         float64 `yaml:"noise"`          // standard deviation of the noise of half of the candidates; 0: no such candidates
	Candidates    int     `yaml:"candidates"`     // the most there ever are; 0: twice the number of users
	AdaptInterval int     `yaml:"adapt_interval"` // see droo.Config, as for the next three
	TrainInterval int     `yaml:"train_interval"`
	BatchSize     int     `yaml:"batch_size"`
	MemorySize    int     `yaml:"memory_size"`

	LearningRate float64 `yaml:"learning_rate"` // of Adam
	Hidden       []int   `yaml:"hidden"`        // widths of the MLP actor's hidden layers
	GraphHidden  int     `yaml:"graph_hidden"`  // width of the graph actor's embeddings
	GraphRounds  int     `yaml:"graph_rounds"`  // of messages to the server and back

	// Of methods that learn the value of queues.
	Gamma         float64 `yaml:"gamma"`          // discount factor, in (0, 1)
	ValueInterval int     `yaml:"value_interval"` // frames from one fit to the next
	ValueMemory   int     `yaml:"value_memory"`   // latest frames that the value is fitted to
}

// DefaultConfig returns the published settings of LyDROO, and ours for the graph actor.
func DefaultConfig(m Method) Config {
	p := PaperParams()
	c := Config{
		Method: m, Users: 10, Arrivals: 3, Frames: 10_000, Seed: 1, V: p.V, PowerLimit: p.PowerLimit, EnergyWeight: p.EnergyWeight,
		ReportInterval: 100, CheckpointInterval: 1000,
		Noise: 1, AdaptInterval: 32, TrainInterval: 20, BatchSize: 128, MemorySize: 1024,
		LearningRate: 0.01, Hidden: []int{256, 128}, GraphHidden: 16, GraphRounds: 2,
		Gamma: 0.98, ValueInterval: 20, ValueMemory: 2048,
	}
	if m.graph() { // ours: small steps from the first frames on
		c.Noise, c.TrainInterval, c.BatchSize = 2, 2, 16
	}
	return c
}

func (c Config) params() Params {
	p := PaperParams()
	p.V, p.PowerLimit, p.EnergyWeight = c.V, c.PowerLimit, c.EnergyWeight
	return p
}

// source returns the frames of the run.
func (c Config) source() (Source, error) {
	if c.Data != "" {
		d, err := OpenDataset(c.Data)
		if err != nil {
			return nil, err
		}
		return NewReplay(d), nil
	}
	return NewRandom(Distances(c.Users), c.Arrivals)
}

// Larger values are typing errors.
const (
	maxFrames  = 10_000_000
	maxUsers   = 1000
	maxSamples = 1 << 20
	maxWidth   = 1 << 14
	maxLayers  = 64
)

// Validate reports the first invalid value and its key.
func (c Config) Validate() error {
	if err := c.check(); err != nil {
		return fmt.Errorf("lydroo: configuration: %w", err)
	}
	return nil
}

func (c Config) check() error {
	if _, err := ParseMethod(string(c.Method)); err != nil {
		return strictyaml.Invalid("method", "%s", strings.TrimPrefix(err.Error(), "lydroo: "))
	}
	least := 1
	if c.Data != "" {
		if c.Users != 0 || c.Arrivals != 0 {
			return strictyaml.Invalid("data", "the data set %s has its own users and arrivals: leave out users and arrivals", c.Data)
		}
		least = 0
	}
	if len(c.Hidden) > maxLayers {
		return strictyaml.Invalid("hidden", "%d layers are more than %d", len(c.Hidden), maxLayers)
	}
	type integer struct {
		key                string
		value, least, most int
	}
	integers := []integer{
		{"users", c.Users, least, maxUsers}, {"frames", c.Frames, 1, maxFrames},
		{"report_interval", c.ReportInterval, 1, maxFrames}, {"checkpoint_interval", c.CheckpointInterval, 1, maxFrames},
		{"candidates", c.Candidates, 0, maxSamples}, {"adapt_interval", c.AdaptInterval, 0, maxSamples},
		{"train_interval", c.TrainInterval, 1, maxSamples}, {"batch_size", c.BatchSize, 1, maxSamples},
		{"memory_size", c.MemorySize, c.BatchSize, maxSamples},
		{"graph_hidden", c.GraphHidden, 1, maxWidth}, {"graph_rounds", c.GraphRounds, 1, maxLayers},
		{"value_interval", c.ValueInterval, 1, maxFrames}, {"value_memory", c.ValueMemory, 1, maxSamples},
	}
	for i, w := range c.Hidden {
		integers = append(integers, integer{fmt.Sprintf("hidden[%d]", i), w, 1, maxWidth})
	}
	for _, v := range integers {
		if v.value < v.least || v.value > v.most {
			return strictyaml.Invalid(v.key, "%d is not in %d..%d", v.value, v.least, v.most)
		}
	}
	if c.Method == Exhaustive && c.Users > MaxExhaustive {
		return strictyaml.Invalid("users", "an exhaustive search over %d users: at most %d", c.Users, MaxExhaustive)
	}
	if !(c.Gamma > 0 && c.Gamma < 1) {
		return strictyaml.Invalid("gamma", "%v is not between 0 and 1", c.Gamma)
	}
	for _, v := range []struct {
		key      string
		value    float64
		positive bool
	}{{"arrivals", c.Arrivals, false}, {"v", c.V, false}, {"noise", c.Noise, false}, {"power_limit", c.PowerLimit, true}, {"energy_weight", c.EnergyWeight, true}, {"learning_rate", c.LearningRate, true}} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) || v.positive && v.value == 0 {
			return strictyaml.Invalid(v.key, "%v is not a finite number of at least 0, or above 0 where it divides", v.value)
		}
	}
	return nil
}

// ParseConfig reads a configuration from YAML or JSON. Errors name the file, the line and the key.
func ParseConfig(data []byte, filename string) (Config, error) {
	var c Config
	if err := strictyaml.Unmarshal(data, filename, &c, func() error { return c.check() }); err != nil {
		return Config{}, fmt.Errorf("lydroo: configuration %w", err)
	}
	return c, nil
}

// UnmarshalNode implements [strictyaml.Unmarshaler]: keys that are left out have the defaults of
// the method.
func (c *Config) UnmarshalNode(n strictyaml.Node) error {
	method := LyDROO
	if m, given := n.Field("method"); given {
		var name string
		if err := m.Decode(&name); err != nil {
			return err
		}
		var err error
		if method, err = ParseMethod(name); err != nil {
			return m.Errorf("%s", strings.TrimPrefix(err.Error(), "lydroo: "))
		}
	}
	type plain Config
	p := plain(DefaultConfig(method))
	if _, given := n.Field("data"); given {
		p.Users, p.Arrivals = 0, 0
	}
	if err := n.Decode(&p); err != nil {
		return err
	}
	*c = Config(p)
	c.Method = method
	return nil
}

// LoadConfig is [ParseConfig] on a file.
func LoadConfig(filename string) (Config, error) {
	data, err := os.ReadFile(filename)
	if err != nil {
		return Config{}, fmt.Errorf("lydroo: configuration: %w", err)
	}
	return ParseConfig(data, filename)
}

// YAML returns the configuration as a file that ParseConfig reads back to the same value.
func (c Config) YAML() ([]byte, error) {
	data, err := strictyaml.Marshal(c, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("lydroo: configuration: %w", err)
	}
	return data, nil
}
