package lydroo

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// EnvConfig describes an [Env].
type EnvConfig struct {
	Params Params
	Source Source
	Frames int // length of an episode
	// EnergyQueue is what every energy queue starts with, mJ. Above 0, less energy is used until it is
	// spent, and the power limit holds over a shorter time: see droo.VirtualQueues.StartAt.
	EnergyQueue float64
	// Solver allocates; nil: that of [NewSolver].
	Solver *Solver
}

// Env is the network as an environment. An observation is a frame with its queues, an action is a
// decision [N] (1 to offload, 0 to compute locally), which gets the best allocation, and the reward
// is the weighted sum of the rates in Mbit. An episode starts with empty data queues and is
// truncated after its last frame.
type Env struct {
	cfg      EnvConfig
	solver   *Solver
	energy   *droo.VirtualQueues // Y, of the mean power
	obs      Observation
	arrivals []float64
	t        int
	running  bool
}

var (
	_ rl.Env[Observation, []int32] = (*Env)(nil)
	_ checkpoints.Stateful         = (*Env)(nil)
)

// NewEnv returns an environment. It owns cfg.Source from then on.
func NewEnv(cfg EnvConfig) (*Env, error) {
	if cfg.Frames < 1 {
		return nil, fmt.Errorf("lydroo: an episode of %d frames: at least 1", cfg.Frames)
	}
	if cfg.Source == nil {
		return nil, errors.New("lydroo: an environment without a source of frames")
	}
	e := &Env{cfg: cfg, solver: cfg.Solver}
	var err error
	if e.solver == nil {
		if e.solver, err = NewSolver(cfg.Params); err != nil {
			return nil, err
		}
	}
	n := cfg.Source.Users()
	limits, scales := make([]float64, n), make([]float64, n)
	for i := range n {
		limits[i], scales[i] = cfg.Params.PowerLimit, energyScale
	}
	if e.energy, err = droo.NewVirtualQueues(limits, scales); err != nil {
		return nil, err
	}
	if err := e.energy.StartAt(cfg.EnergyQueue); err != nil {
		return nil, err
	}
	e.obs, e.arrivals = newObservation(n), make([]float64, n)
	copy(e.obs.W, Weights(n))
	return e, nil
}

// Reset implements rl.Env.
func (e *Env) Reset(seed uint64) (Observation, error) {
	e.cfg.Source.Reset(seed)
	e.t, e.running = 0, true
	clear(e.obs.Q)
	e.energy.Reset()
	e.observe()
	return e.obs, nil
}

// Step implements rl.Env.
func (e *Env) Step(x []int32) (rl.Transition[Observation], error) {
	if !e.running {
		return rl.Transition[Observation]{}, errors.New("lydroo: step outside an episode: call Reset first")
	}
	a, err := e.solver.Allocate(e.obs, x)
	if err != nil {
		return rl.Transition[Observation]{}, err
	}
	reward := 0.0
	for i, r := range a.Rate {
		reward += e.obs.W[i] * r
		e.obs.Q[i] = max(e.obs.Q[i]-r, 0) + e.arrivals[i]
	}
	if err := e.energy.Observe(a.Energy); err != nil {
		return rl.Transition[Observation]{}, err
	}
	e.t++
	e.running = e.t < e.cfg.Frames
	e.observe()
	return rl.Transition[Observation]{Observation: e.obs, Reward: reward, Truncated: !e.running}, nil
}

// observe makes the observation of frame t.
func (e *Env) observe() {
	e.cfg.Source.Next(e.obs.H, e.arrivals)
	copy(e.obs.Y, e.energy.Backlog())
}

// Observation returns the current observation, from Reset or the last Step.
func (e *Env) Observation() Observation { return e.obs }

// Allocation returns the allocation of the last step. The environment owns it.
func (e *Env) Allocation() Allocation { return e.solver.result }

// SaveState implements checkpoints.Stateful, for a Source that does.
func (e *Env) SaveState(s *checkpoints.State) error {
	source, ok := e.cfg.Source.(checkpoints.Stateful)
	if !ok {
		return fmt.Errorf("lydroo: frames of type %T cannot be saved: they do not implement checkpoints.Stateful", e.cfg.Source)
	}
	s.PutInt("frame", int64(e.t))
	s.PutFloat64("observation", nil, ObservationCodec{}.Encode(nil, e.obs))
	s.PutFloat64("arrivals", nil, e.arrivals)
	return errors.Join(e.energy.SaveState(s.Sub("energy")), source.SaveState(s.Sub("source")))
}

// LoadState implements checkpoints.Stateful. An environment with longer episodes continues where
// the saved one ended.
func (e *Env) LoadState(s *checkpoints.State) error {
	source, ok := e.cfg.Source.(checkpoints.Stateful)
	if !ok {
		return fmt.Errorf("lydroo: frames of type %T cannot be restored: they do not implement checkpoints.Stateful", e.cfg.Source)
	}
	values := make([]float64, 4*e.obs.Users())
	if err := errors.Join(
		checkpoints.LoadInt(s, "frame", &e.t, 0, e.cfg.Frames),
		s.Float64("observation", values),
		s.Float64("arrivals", e.arrivals),
		e.energy.LoadState(s.Sub("energy")),
		source.LoadState(s.Sub("source")),
	); err != nil {
		return err
	}
	e.running = e.t < e.cfg.Frames
	return ObservationCodec{}.Decode(&e.obs, values)
}
