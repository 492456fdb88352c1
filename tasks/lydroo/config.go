package lydroo

import (
	"fmt"

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
	if err := strictyaml.OneOf("method", c.Method, Methods()); err != nil {
		return err
	}
	least := 1
	if c.Data != "" {
		if c.Users != 0 || c.Arrivals != 0 {
			return strictyaml.Invalid("data", "the data set %s has its own users and arrivals: leave out users and arrivals", c.Data)
		}
		least = 0
	}
	for _, err := range []error{
		strictyaml.Count("users", c.Users, least, maxUsers),
		strictyaml.Count("frames", c.Frames, 1, maxFrames),
		strictyaml.Count("report_interval", c.ReportInterval, 1, maxFrames),
		strictyaml.Count("checkpoint_interval", c.CheckpointInterval, 1, maxFrames),
		strictyaml.Count("candidates", c.Candidates, 0, maxSamples),
		strictyaml.Count("adapt_interval", c.AdaptInterval, 0, maxSamples),
		strictyaml.Count("train_interval", c.TrainInterval, 1, maxSamples),
		strictyaml.Count("batch_size", c.BatchSize, 1, maxSamples),
		strictyaml.Count("memory_size", c.MemorySize, c.BatchSize, maxSamples),
		strictyaml.Count("graph_hidden", c.GraphHidden, 1, maxWidth),
		strictyaml.Count("graph_rounds", c.GraphRounds, 1, maxLayers),
		strictyaml.Count("value_interval", c.ValueInterval, 1, maxFrames),
		strictyaml.Count("value_memory", c.ValueMemory, 1, maxSamples),
		strictyaml.Widths("hidden", c.Hidden, maxLayers, maxWidth),
		strictyaml.Number("arrivals", c.Arrivals, false),
		strictyaml.Number("v", c.V, false),
		strictyaml.Number("noise", c.Noise, false),
		strictyaml.Number("power_limit", c.PowerLimit, true),
		strictyaml.Number("energy_weight", c.EnergyWeight, true),
		strictyaml.Number("learning_rate", c.LearningRate, true),
	} {
		if err != nil {
			return err
		}
	}
	if c.Method == Exhaustive && c.Users > MaxExhaustive {
		return strictyaml.Invalid("users", "an exhaustive search over %d users: at most %d", c.Users, MaxExhaustive)
	}
	if !(c.Gamma > 0 && c.Gamma < 1) {
		return strictyaml.Invalid("gamma", "%v is not between 0 and 1", c.Gamma)
	}
	return nil
}

// ParseConfig reads a configuration from YAML or JSON. Errors name the file, the line and the key.
func ParseConfig(data []byte, filename string) (Config, error) {
	return strictyaml.ParseConfig("lydroo", data, filename, Config{}, func(c *Config) error { return c.check() })
}

// UnmarshalNode implements [strictyaml.Unmarshaler]: keys that are left out have the defaults of
// the method.
func (c *Config) UnmarshalNode(n strictyaml.Node) error {
	method, err := strictyaml.Named(n, "method", LyDROO, Methods())
	if err != nil {
		return err
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
	return strictyaml.LoadConfig("lydroo", filename, ParseConfig)
}

// YAML returns the configuration as a file that ParseConfig reads back to the same value.
func (c Config) YAML() ([]byte, error) {
	return strictyaml.MarshalConfig("lydroo", c)
}
