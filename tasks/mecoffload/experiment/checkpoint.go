package experiment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Checkpoints of a run, as folders of the one given to [Run.Checkpoint].
const (
	LatestCheckpoint = "latest"
	BestCheckpoint   = "best"
)

// CheckpointDue reports whether a checkpoint interval has just ended.
func (r *Run) CheckpointDue() bool {
	return r.slot > 0 && (r.slot%r.cfg.CheckpointInterval == 0 || r.Done())
}

// Checkpoint saves the run to dir/latest, and to dir/best if a checkpoint is due and the moving reward higher than at any due one
// before.
func (r *Run) Checkpoint(dir string) error {
	if reward, _ := r.Moving(); r.CheckpointDue() && reward > r.best {
		r.best = reward
		// First: if only this one gets done, the run goes on from an older latest one and comes by here again.
		if err := r.save(filepath.Join(dir, BestCheckpoint)); err != nil {
			return err
		}
	}
	return r.save(filepath.Join(dir, LatestCheckpoint))
}

func (r *Run) save(dir string) error {
	state := checkpoints.NewState()
	if err := r.SaveState(state); err != nil {
		return fmt.Errorf("mecoffload: checkpoint at slot %d: %w", r.slot, err)
	}
	return checkpoints.Save(dir, state, checkpoints.Manifest{
		Method:       string(r.cfg.Method),
		Architecture: r.cfg.agent().Architecture(),
		Step:         r.slot,
		Config:       json.RawMessage(r.config),
	})
}

// Checkpoint is a run that has been saved.
type Checkpoint struct {
	// Config is the run's configuration, Slot the number of slots it had done.
	Config Config
	Slot   int64

	dir          string
	architecture string
	state        *checkpoints.State
}

// OpenCheckpoint reads the checkpoint in dir. If there is none the error wraps [io/fs.ErrNotExist], if it is damaged
// [checkpoints.ErrDamaged].
func OpenCheckpoint(dir string) (*Checkpoint, error) {
	state, manifest, err := checkpoints.Load(dir)
	if err != nil {
		return nil, err
	}
	cfg, err := ParseConfig(manifest.Config, filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, err
	}
	if manifest.Method != string(cfg.Method) {
		return nil, fmt.Errorf("mecoffload: checkpoint %s is of method %q, and its configuration of %s", dir, manifest.Method, cfg.Method)
	}
	return &Checkpoint{cfg, manifest.Step, dir, manifest.Architecture, state}, nil
}

// fits reports whether the checkpoint's networks are those of a configuration.
func (c *Checkpoint) fits(cfg Config) error {
	if want := cfg.agent().Architecture(); c.Config.Method != cfg.Method || c.architecture != want {
		return fmt.Errorf("mecoffload: checkpoint %s is of another architecture: it holds %s with %s, and %s with %s is needed "+
			"(graph actors fit any number of devices, servers and exits; MLP actors do not)",
			c.dir, c.Config.Method, c.architecture, cfg.Method, want)
	}
	return nil
}

// Resume returns the run as it was saved. cfg is the configuration it is believed to have.
func (c *Checkpoint) Resume(cfg Config) (*Run, error) {
	if err := c.fits(cfg); err != nil {
		return nil, err
	}
	want, err := cfg.JSON()
	if err != nil {
		return nil, err
	}
	saved, err := c.Config.JSON()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(want, saved) {
		return nil, fmt.Errorf("mecoffload: checkpoint %s was saved with another configuration: a run goes on with the one it was started with; "+
			"start a new run with the new one", c.dir)
	}
	run, err := NewRun(cfg)
	if err != nil {
		return nil, err
	}
	if err := run.LoadState(c.state); err != nil {
		run.Close()
		return nil, fmt.Errorf("mecoffload: checkpoint %s: %w", c.dir, err)
	}
	return run, nil
}

// Agent returns an agent with the networks of the checkpoint for the world of cfg, which may differ from the one it was trained in in
// whatever does not change the networks: for graph actors that is any number of devices, for all methods the uncertainties and the
// seed. Of what was learned it has the networks and their optimizers' moments, not the replay memory.
func (c *Checkpoint) Agent(cfg Config) (*agent.Agent, error) {
	if err := c.fits(cfg); err != nil {
		return nil, err
	}
	a, err := agent.New(cfg.agent())
	if err != nil {
		return nil, err
	}
	if err := a.LoadLearned(c.state.Sub(agentState)); err != nil {
		a.Close()
		return nil, fmt.Errorf("mecoffload: checkpoint %s: %w", c.dir, err)
	}
	return a, nil
}
