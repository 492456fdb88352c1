package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Checkpoints of a run, as folders in the one passed to [Run.Checkpoint].
const (
	LatestCheckpoint = runfolder.Latest
	BestCheckpoint   = runfolder.Best
)

// Task describes this package's runs to package runfolder.
func Task() runfolder.Task[Config, *Run] {
	return runfolder.Task[Config, *Run]{
		Parse:    parseWritten,
		YAML:     Config.YAML,
		Manifest: manifest,
		New:      NewRun,
		Length:   func(c Config) int64 { return c.Slots },
		Lengthen: func(c Config, slots int64) (Config, error) {
			c.Slots = slots
			return c, c.Validate()
		},
	}
}

// parseWritten is ParseConfig for a configuration that an earlier run wrote down in full. A key that
// it lacks is younger than the run, which did without what the key controls.
func parseWritten(data []byte, filename string) (Config, error) {
	c, err := ParseConfig(data, filename)
	if err != nil {
		return c, err
	}
	var young struct { // 0 or nil where the key is not given
		ValidationSlots int64 `yaml:"validation_slots"`
		Recipe          struct {
			RandomCandidates int     `yaml:"random_candidates"`
			Links            int     `yaml:"links"`
			Cells            *int    `yaml:"cells"`
			Switches         int     `yaml:"switches"`
			TimePrice        float64 `yaml:"time_price"`
			ValueAverage     int     `yaml:"value_average"`
		} `yaml:"recipe"`
	}
	if err := yaml.Unmarshal(data, &young); err != nil {
		return c, fmt.Errorf("mecoffload: configuration %s: %w", filename, err)
	}
	c.ValidationSlots = young.ValidationSlots
	r := &c.Recipe
	r.RandomCandidates, r.Links, r.Switches = young.Recipe.RandomCandidates, young.Recipe.Links, young.Recipe.Switches
	if r.Cells = 1; young.Recipe.Cells != nil { // 0 is automatic
		r.Cells = *young.Recipe.Cells
	}
	r.TimePrice = young.Recipe.TimePrice
	r.ValueAverage = max(young.Recipe.ValueAverage, 1) // 0 is invalid where it is given
	return c, c.Validate()
}

func manifest(c Config) (checkpoints.Manifest, error) {
	config, err := c.JSON()
	return checkpoints.Manifest{
		Method:       string(c.Method),
		Architecture: c.agent().Architecture(),
		Config:       json.RawMessage(config),
	}, err
}

// Manifest implements runfolder.Run.
func (r *Run) Manifest() (checkpoints.Manifest, error) { return r.manifest, nil }

// CheckpointDue reports whether a checkpoint interval has just ended.
func (r *Run) CheckpointDue() bool { return r.course.CheckpointDue() }

// Checkpoint saves the run to dir/latest. It also saves to dir/best if a checkpoint is due and its
// reward is the highest at any due one so far.
func (r *Run) Checkpoint(dir string) error {
	if err := runfolder.Checkpoint(dir, r); err != nil {
		return fmt.Errorf("mecoffload: %w", err)
	}
	return nil
}

func (r *Run) save(dir string) error { return runfolder.Save(dir, r) }

// Checkpoint is a saved run.
type Checkpoint struct {
	// Config is the run's configuration, Slot the number of slots it has done.
	Config Config
	Slot   int64

	saved *runfolder.Saved[Config]
}

// OpenCheckpoint reads the checkpoint in dir. The error wraps [io/fs.ErrNotExist] if there is none
// and [checkpoints.ErrDamaged] if it is damaged.
func OpenCheckpoint(dir string) (*Checkpoint, error) {
	saved, err := Task().Open(dir)
	if err != nil {
		return nil, err
	}
	return newCheckpoint(saved)
}

// OpenRun reads a checkpoint of a run folder, [LatestCheckpoint] or [BestCheckpoint]. If that
// fails, the error is a [runfolder.CheckpointError], which says whether the other one is readable.
func OpenRun(dir, name string) (*Checkpoint, error) {
	saved, err := runfolder.OpenIn(Task(), dir, name)
	if err != nil {
		return nil, err
	}
	return newCheckpoint(saved)
}

// OpenLearned reads the best checkpoint of a run folder if validation has found one, else the
// latest, and says why. name, if not empty, is the checkpoint to read in any case.
func OpenLearned(dir, name string) (c *Checkpoint, why string, err error) {
	if name != "" {
		c, err = OpenRun(dir, name)
		return c, "asked for", err
	}
	c, err = OpenRun(dir, BestCheckpoint)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", err
	}
	if err == nil {
		v, err := c.Validation()
		if err != nil {
			return nil, "", err
		}
		if v != nil {
			return c, fmt.Sprintf("highest reward in validation, %.3f on %d slots of their own", v.Reward, v.Slots), nil
		}
	}
	c, err = OpenRun(dir, LatestCheckpoint)
	return c, "none was validated", err
}

// Validation is how the checkpoint did in validation; nil if it was not validated.
func (c *Checkpoint) Validation() (*Validation, error) {
	v, err := loadValidation(c.saved.State.Sub(validationState))
	if err != nil || v == nil || v.Slot != c.Slot {
		return nil, err
	}
	return v, nil
}

// Name returns the name of the checkpoint's folder: [LatestCheckpoint] or [BestCheckpoint] in a run
// folder.
func (c *Checkpoint) Name() string { return filepath.Base(c.saved.Dir) }

// Digest is the SHA-256 of everything in the checkpoint, in hexadecimal.
func (c *Checkpoint) Digest() string { return c.saved.Manifest.Data.SHA256 }

// SaveTo saves a copy of the checkpoint to a folder of its own.
func (c *Checkpoint) SaveTo(dir string) error {
	return checkpoints.Save(dir, c.saved.State, c.saved.Manifest)
}

func newCheckpoint(saved *runfolder.Saved[Config]) (*Checkpoint, error) {
	if method := saved.Manifest.Method; method != string(saved.Config.Method) {
		return nil, fmt.Errorf("mecoffload: checkpoint %s is of method %q, and its configuration of %s", saved.Dir, method, saved.Config.Method)
	}
	return &Checkpoint{saved.Config, saved.Manifest.Step, saved}, nil
}

// fits reports whether the checkpoint has the networks of a configuration.
func (c *Checkpoint) fits(cfg Config) error {
	has := c.saved.Manifest.Architecture
	if want := cfg.agent().Architecture(); c.Config.Method != cfg.Method || has != want {
		return fmt.Errorf("mecoffload: checkpoint %s is of another architecture: it holds %s with %s, and %s with %s is needed "+
			"(graph actors fit any number of devices, servers and exits; MLP actors do not)",
			c.saved.Dir, c.Config.Method, has, cfg.Method, want)
	}
	return nil
}

// Resume returns the run as it was saved. cfg must be its configuration, or the same with more
// slots.
func (c *Checkpoint) Resume(cfg Config) (*Run, error) {
	if err := c.fits(cfg); err != nil {
		return nil, err
	}
	run, err := Task().Restore(c.saved, cfg)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: %w", err)
	}
	return run, nil
}

// Agent returns an agent with the networks of the checkpoint for the world of cfg. That world may
// differ from the trained one in anything that leaves the network shapes unchanged: for graph
// actors any number of devices, for all methods the uncertainties and the seed. The agent gets the
// networks and their optimizers' moments, not the replay memory.
func (c *Checkpoint) Agent(cfg Config) (*agent.Agent, error) {
	if err := c.fits(cfg); err != nil {
		return nil, err
	}
	if err := cfg.agent().CheckMemory(false); err != nil {
		return nil, err
	}
	a, err := agent.New(cfg.agent())
	if err != nil {
		return nil, err
	}
	if err := a.LoadLearned(c.saved.State.Sub(agentState)); err != nil {
		a.Close()
		return nil, fmt.Errorf("mecoffload: checkpoint %s: %w", c.saved.Dir, err)
	}
	return a, nil
}

// Learner returns the agent of the checkpoint as it was saved, with everything that it learns with,
// for a world of its own like that of [Checkpoint.Agent]. Its recipe must be the checkpoint's.
func (c *Checkpoint) Learner(cfg Config) (*agent.Agent, error) {
	if err := c.fits(cfg); err != nil {
		return nil, err
	}
	if err := cfg.agent().CheckMemory(true); err != nil {
		return nil, err
	}
	a, err := agent.New(cfg.agent())
	if err != nil {
		return nil, err
	}
	if err := a.LoadState(c.saved.State.Sub(agentState)); err != nil {
		a.Close()
		return nil, fmt.Errorf("mecoffload: checkpoint %s: %w", c.saved.Dir, err)
	}
	return a, nil
}

// State is everything in the checkpoint, to be read only.
func (c *Checkpoint) State() *checkpoints.State { return c.saved.State }

// Policy returns the checkpoint's policy, which decides and does not learn, for the world of sc and
// p. As with [Checkpoint.Agent], that may differ from the trained one. Everything else comes from
// the checkpoint.
func (c *Checkpoint) Policy(sc mecoffload.Scenario, p mecoffload.Profile) (*agent.Policy, error) {
	cfg := c.Config
	cfg.Scenario, cfg.Profile = sc, p
	if err := c.fits(cfg); err != nil {
		return nil, err
	}
	if err := cfg.agent().CheckMemory(false); err != nil {
		return nil, err
	}
	policy, err := agent.LoadPolicy(c.saved.State.Sub(agentState), cfg.agent())
	if err != nil {
		return nil, fmt.Errorf("mecoffload: checkpoint %s: %w", c.saved.Dir, err)
	}
	return policy, nil
}
