package experiment

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/graphrl/graphrl/internal/strictyaml"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Config fully determines a training run: equal configurations give equal runs, bit for bit. In
// YAML:
//
//	method: GRLE-LT
//	slots: 20000
//	scenario: churn          # a built-in, a .yaml file, or a mapping
//	profile: mine.yaml       # likewise; without it, vgg16-cifar10
//	recipe:                  # a built-in or a mapping
//	  name: tuned
//	  learning_rate: 0.0005
//
// A missing key takes its value from [DefaultConfig], a missing recipe from [Method.DefaultRecipe].
// A mapping starts from the built-in with its name, else from the scenario static or the method's
// default recipe.
type Config struct {
	Method agent.Method `yaml:"method"`
	// Slots is the number of slots the method learns for.
	Slots int64 `yaml:"slots"`
	// Seed determines the tasks, the initial weights and all other random draws, each from its own
	// stream.
	Seed uint64 `yaml:"seed"`
	// Workers is the number of goroutines that share a training step. Runs are equal to the last
	// bit only for equal numbers.
	Workers int `yaml:"workers"`

	// ReportInterval is the number of slots that a [Report] covers.
	ReportInterval int64 `yaml:"report_interval"`
	// CheckpointInterval is the number of slots from one checkpoint to the next.
	CheckpointInterval int64 `yaml:"checkpoint_interval"`
	// Window is the number of slots in the moving averages that show progress and choose the best
	// checkpoint.
	Window int `yaml:"window"`
	// ValidationSlots is the number of slots, of a separate stream, on which the frozen method is
	// validated after every checkpoint interval. The checkpoint with the highest reward there is
	// the best. 0: no validation, and the best is by the moving average of the training.
	ValidationSlots int64 `yaml:"validation_slots"`

	Recipe   agent.Recipe        `yaml:"recipe"`
	Scenario mecoffload.Scenario `yaml:"scenario"`
	Profile  mecoffload.Profile  `yaml:"profile"`
}

// DefaultConfig trains GRLE for 10,000 slots of the scenario dynamic with seed 1.
func DefaultConfig() (Config, error) { return ParseConfig(nil, "default") }

// agent returns the part of the configuration that defines an agent.
func (c Config) agent() agent.Config {
	return agent.Config{
		Method:   c.Method,
		Scenario: c.Scenario,
		Profile:  c.Profile,
		Recipe:   c.Recipe,
		Seed:     c.Seed,
		Workers:  c.Workers,
	}
}

// MaxSlots is the largest number of slots of a run.
const MaxSlots int64 = 1 << 40

// Limits: larger values are typing errors.
const (
	maxWorkers = 256
	maxWindow  = 1_000_000
)

// Validate reports the first invalid value and its key.
func (c Config) Validate() error {
	if err := c.Method.Validate(); err != nil {
		return strictyaml.Invalid("method", "%s", strings.TrimPrefix(err.Error(), "mecoffload: "))
	}
	for _, v := range []struct {
		key         string
		value, most int64
	}{
		{"slots", c.Slots, MaxSlots},
		{"workers", int64(c.Workers), maxWorkers},
		{"report_interval", c.ReportInterval, MaxSlots},
		{"checkpoint_interval", c.CheckpointInterval, MaxSlots},
		{"window", int64(c.Window), maxWindow},
	} {
		if v.value < 1 || v.value > v.most {
			return strictyaml.Invalid(v.key, "%d is not in 1..%d", v.value, v.most)
		}
	}
	if v := c.ValidationSlots; v < 0 || v > MaxSlots {
		return strictyaml.Invalid("validation_slots", "%d is not in 0..%d", v, int64(MaxSlots))
	}
	if err := strictyaml.Below("recipe", c.Recipe.Validate()); err != nil {
		return err
	}
	if c.Workers > c.Recipe.BatchSize {
		return strictyaml.Invalid("workers", "%d goroutines cannot share minibatches of %d (recipe.batch_size): choose at most %d workers",
			c.Workers, c.Recipe.BatchSize, c.Recipe.BatchSize)
	}
	if err := strictyaml.Below("scenario", c.Scenario.Validate()); err != nil {
		return err
	}
	if err := strictyaml.Below("profile", c.Profile.Validate()); err != nil {
		return err
	}
	if n, listed := c.Scenario.Servers, len(c.Profile.Servers); n < listed {
		return strictyaml.Invalid("profile.servers", "profile %q lists %d servers and scenario %q has %d: a profile may list fewer servers than there are, "+
			"which then repeat, but not more; choose %d servers or another profile", c.Profile.Name, listed, c.Scenario.Name, n, listed)
	}
	return nil
}

// ParseConfig reads a configuration from YAML, or from JSON, which is YAML. Errors name filename,
// line and key.
func ParseConfig(data []byte, filename string) (Config, error) {
	return strictyaml.ParseConfig("mecoffload", data, filename, Config{}, func(c *Config) error { return c.Validate() })
}

// LoadConfig reads a configuration from a YAML file.
func LoadConfig(filename string) (Config, error) {
	return strictyaml.LoadConfig("mecoffload", filename, ParseConfig)
}

// YAML returns the complete configuration, including profile and scenario, as a file that
// ParseConfig reads back to the same value, with times to the nanosecond.
func (c Config) YAML() ([]byte, error) {
	return c.encode(func(v any) ([]byte, error) { return strictyaml.Marshal(v, yaml.IndentSequence(true)) })
}

// JSON returns the same as YAML in a JSON object.
func (c Config) JSON() ([]byte, error) { return c.encode(strictyaml.MarshalJSON) }

func (c Config) encode(marshal func(any) ([]byte, error)) ([]byte, error) {
	data, err := marshal(c)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: configuration: %w", err)
	}
	// Repeating a run from this text must give the same run.
	again, err := ParseConfig(data, "config.yaml")
	if err != nil {
		return nil, fmt.Errorf("mecoffload: the configuration cannot be written down: %w", err)
	}
	echo, err := marshal(again)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: configuration: %w", err)
	}
	if !bytes.Equal(echo, data) {
		return nil, errors.New("mecoffload: the configuration cannot be written down: a scenario with the name of a built-in one, but without its churn or traces, " +
			"needs a name of its own")
	}
	return data, nil
}

// UnmarshalNode implements [strictyaml.Unmarshaler]. Missing keys take their values from
// [DefaultConfig].
func (c *Config) UnmarshalNode(n strictyaml.Node) error {
	*c = Config{
		Method:             agent.GRLE,
		Slots:              10_000,
		Seed:               1,
		Workers:            1,
		ReportInterval:     100,
		CheckpointInterval: 1000,
		Window:             500,
		ValidationSlots:    250,
	}
	type plain Config // without this method
	err := n.Without("recipe", "scenario", "profile").Decode((*plain)(c))
	if err != nil {
		return err
	}
	c.Scenario, err = decodePart(n, "scenario", mecoffload.LoadScenario, mecoffload.ScenarioNames(), mecoffload.DefaultScenario, "static")
	if err != nil {
		return err
	}
	c.Profile, err = decodePart(n, "profile", mecoffload.LoadProfile, mecoffload.ProfileNames(), mecoffload.DefaultProfile, mecoffload.DefaultProfile)
	if err != nil {
		return err
	}
	if part, given := n.Field("profile"); given {
		_, named := part.Text()
		if _, measured := part.Field("measured"); !named && !measured {
			c.Profile.Measured = nil // that of the built-in is not about the figures written out
		}
	}
	recipe := c.Method.DefaultRecipe()
	c.Recipe, err = decodePart(n, "recipe", agent.LoadRecipe, agent.RecipeNames(), recipe, recipe)
	return err
}

// decodePart reads a part of a configuration that is missing, named, or written out. A missing part
// is the built-in named absent. A written-out part starts from the built-in with its name, or from
// the one named base.
func decodePart[T any](n strictyaml.Node, key string, load func(name string) (T, error), builtins []string, absent, base string) (T, error) {
	var none T
	part, given := n.Field(key)
	if !given {
		return load(absent)
	}
	if name, ok := part.Text(); ok {
		v, err := load(name)
		if err != nil {
			return none, part.Errorf("%s", strings.TrimPrefix(err.Error(), "mecoffload: "))
		}
		return v, nil
	}
	if field, ok := part.Field("name"); ok {
		if name, ok := field.Text(); ok && slices.Contains(builtins, name) {
			base = name
		}
	}
	v, err := load(base)
	if err != nil {
		return none, err
	}
	err = part.Decode(&v)
	return v, err
}
