package wpmec

import (
	"fmt"
	"strings"

	"github.com/graphrl/graphrl/internal/strictyaml"
	"github.com/graphrl/graphrl/internal/validate"
)

// Config is a [RunConfig] that can be written down: all that a run follows from, with the data set
// by its file. It is written in YAML:
//
//	method: droo
//	data: data_10.mat   # or users: 10, for generated channels
//	frames: 10000
//	hidden: [120, 80]
//
// A key that is left out has its value from [DefaultConfig] of the method. Equal configurations
// give equal runs, but for times.
type Config struct {
	Method Method `yaml:"method"`
	Data   string `yaml:"data,omitempty"`  // file that OpenDataset reads; empty: generated channels
	Users  int    `yaml:"users,omitempty"` // number of users, of generated channels
	Frames int    `yaml:"frames"`
	Seed   uint64 `yaml:"seed"` // of generated channels, initial weights and minibatches

	// Schedule names the changes during the run, see ScheduleNames.
	Schedule string `yaml:"schedule"`

	// ReportInterval is the number of frames that a [Report] covers, CheckpointInterval the number
	// of frames between checkpoints.
	ReportInterval     int `yaml:"report_interval"`
	CheckpointInterval int `yaml:"checkpoint_interval"`

	Noise         float64 `yaml:"noise"`          // see RunConfig
	Candidates    int     `yaml:"candidates"`     // the most there ever are; 0: the number of users
	AdaptInterval int     `yaml:"adapt_interval"` // see droo.Config, as for the next four
	TrainInterval int     `yaml:"train_interval"`
	StepsPerTrain int     `yaml:"steps_per_train"`
	BatchSize     int     `yaml:"batch_size"`
	MemorySize    int     `yaml:"memory_size"`

	LearningRate float64 `yaml:"learning_rate"` // of Adam
	Beta1        float64 `yaml:"beta1"`         // of Adam
	Hidden       []int   `yaml:"hidden"`        // widths of the MLP actor's hidden layers
	GraphHidden  int     `yaml:"graph_hidden"`  // width of the graph actor's embeddings
	GraphRounds  int     `yaml:"graph_rounds"`  // of messages to the access point and back
}

// DefaultConfig is [DefaultRunConfig] with seed 1.
func DefaultConfig(m Method) Config {
	run := DefaultRunConfig(m)
	actor := run.MLP.ActorConfig
	if m == DROOGraph {
		actor = run.Graph.ActorConfig
	}
	return Config{
		Method:   m,
		Users:    run.Users,
		Frames:   run.Frames,
		Seed:     1,
		Schedule: schedules[0].name,

		ReportInterval:     100,
		CheckpointInterval: 1000,

		Noise:         run.Noise,
		Candidates:    run.Learner.Candidates,
		AdaptInterval: run.Learner.AdaptInterval,
		TrainInterval: run.Learner.TrainInterval,
		StepsPerTrain: run.Learner.StepsPerTrain,
		BatchSize:     run.Learner.BatchSize,
		MemorySize:    run.Learner.MemorySize,
		LearningRate:  actor.LearningRate,
		Beta1:         actor.Beta1,
		Hidden:        run.MLP.Hidden,
		GraphHidden:   run.Graph.Hidden,
		GraphRounds:   run.Graph.Rounds,
	}
}

// ParseMethod returns the method with a name, ignoring case.
func ParseMethod(name string) (Method, error) {
	return validate.Name("wpmec: unknown method", name, Methods())
}

var schedules = [...]struct {
	name     string
	schedule Schedule
}{
	{"none", nil},
	{"swap-weights", SwapWeights},
	{"switch-users", SwitchUsers},
}

// ScheduleNames lists the possible changes during a run: none, the weights ([SwapWeights]), or the
// set of active users ([SwitchUsers]).
func ScheduleNames() []string {
	var names []string
	for _, s := range schedules {
		names = append(names, s.name)
	}
	return names
}

func parseSchedule(name string) (Schedule, error) {
	for _, s := range schedules {
		if s.name == name {
			return s.schedule, nil
		}
	}
	return nil, strictyaml.Invalid("schedule", "%q is not one of %s", name, strings.Join(ScheduleNames(), ", "))
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
		return fmt.Errorf("wpmec: configuration: %w", err)
	}
	return nil
}

func (c Config) check() error {
	if err := strictyaml.OneOf("method", c.Method, Methods()); err != nil {
		return err
	}
	if c.Data != "" && c.Users != 0 {
		return strictyaml.Invalid("users", "%d users and the data set %s: name one of the two, a data set has its own users", c.Users, c.Data)
	}
	leastUsers := 1
	if c.Data != "" {
		leastUsers = 0
	}
	for _, err := range []error{
		strictyaml.Count("users", c.Users, leastUsers, maxUsers),
		strictyaml.Count("frames", c.Frames, 1, maxFrames),
		strictyaml.Count("report_interval", c.ReportInterval, 1, maxFrames),
		strictyaml.Count("checkpoint_interval", c.CheckpointInterval, 1, maxFrames),
		strictyaml.Count("candidates", c.Candidates, 0, maxSamples),
		strictyaml.Count("adapt_interval", c.AdaptInterval, 0, maxSamples),
		strictyaml.Count("train_interval", c.TrainInterval, 1, maxSamples),
		strictyaml.Count("steps_per_train", c.StepsPerTrain, 1, maxSamples),
		strictyaml.Count("batch_size", c.BatchSize, 1, maxSamples),
		strictyaml.Count("memory_size", c.MemorySize, c.BatchSize, maxSamples),
		strictyaml.Count("graph_hidden", c.GraphHidden, 1, maxWidth),
		strictyaml.Count("graph_rounds", c.GraphRounds, 1, maxLayers),
		strictyaml.Widths("hidden", c.Hidden, maxLayers, maxWidth),
		strictyaml.Number("noise", c.Noise, false),
		strictyaml.Number("learning_rate", c.LearningRate, true),
	} {
		if err != nil {
			return err
		}
	}
	if !(c.Beta1 > 0 && c.Beta1 < 1) {
		return strictyaml.Invalid("beta1", "%v is not in (0, 1)", c.Beta1)
	}
	_, err := parseSchedule(c.Schedule)
	return err
}

// RunConfig opens the data set, if there is one, and returns the configuration for [Run].
func (c Config) RunConfig() (RunConfig, error) {
	if err := c.Validate(); err != nil {
		return RunConfig{}, err
	}
	run := DefaultRunConfig(c.Method)
	run.Frames, run.Seed, run.Users, run.Noise = c.Frames, c.Seed, c.Users, c.Noise
	run.Learner.Candidates = c.Candidates
	run.Learner.AdaptInterval = c.AdaptInterval
	run.Learner.TrainInterval = c.TrainInterval
	run.Learner.StepsPerTrain = c.StepsPerTrain
	run.Learner.BatchSize = c.BatchSize
	run.Learner.MemorySize = c.MemorySize
	actor := ActorConfig{LearningRate: c.LearningRate, Beta1: c.Beta1}
	run.MLP = MLPActorConfig{ActorConfig: actor, Hidden: c.Hidden}
	run.Graph = GraphActorConfig{ActorConfig: actor, Hidden: c.GraphHidden, Rounds: c.GraphRounds}
	var err error
	if run.Schedule, err = parseSchedule(c.Schedule); err != nil {
		return RunConfig{}, err
	}
	if c.Data != "" {
		if run.Data, err = OpenDataset(c.Data); err != nil {
			return RunConfig{}, err
		}
	}
	return run, nil
}

// ParseConfig reads a configuration from YAML. Errors name filename, line and key.
func ParseConfig(data []byte, filename string) (Config, error) {
	return strictyaml.ParseConfig("wpmec", data, filename, Config{}, func(c *Config) error { return c.check() })
}

// UnmarshalNode implements [strictyaml.Unmarshaler]: keys that are left out have the defaults of
// the method.
func (c *Config) UnmarshalNode(n strictyaml.Node) error {
	method, err := strictyaml.Named(n, "method", DROO, Methods())
	if err != nil {
		return err
	}
	*c = DefaultConfig(method)
	if d, given := n.Field("data"); given {
		if name, ok := d.Text(); ok && name != "" {
			c.Users = 0 // a data set has its own
		}
	}
	type plain Config // without this method
	err = n.Decode((*plain)(c))
	c.Method = method // as it is spelt here
	return err
}

// LoadConfig reads a configuration from a YAML file.
func LoadConfig(filename string) (Config, error) {
	return strictyaml.LoadConfig("wpmec", filename, ParseConfig)
}

// YAML returns the complete configuration as a file that ParseConfig reads back to the same value.
func (c Config) YAML() ([]byte, error) {
	return strictyaml.MarshalConfig("wpmec", c)
}
