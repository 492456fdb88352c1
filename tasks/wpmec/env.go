package wpmec

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

// Gains are a sequence of channel gains: [Channels] or [Replay].
type Gains interface {
	// Users returns N.
	Users() int
	// Reset starts the sequence that belongs to seed from its beginning.
	Reset(seed uint64)
	// Next writes the gains of the next frame to h [N].
	Next(h []float64)
}

// Replay is the Gains of a data set: its rows in the order of [Dataset.Row], independent of the
// seed, starting over after the last.
type Replay struct {
	data      *Dataset
	frames, t int
}

// NewReplay returns the Gains of a run of the given number of frames on d.
func NewReplay(d *Dataset, frames int) *Replay { return &Replay{data: d, frames: frames} }

// Users implements Gains.
func (r *Replay) Users() int { return r.data.Users }

// Reset implements Gains.
func (r *Replay) Reset(uint64) { r.t = 0 }

// Next implements Gains.
func (r *Replay) Next(h []float64) {
	copy(h, r.data.Channel(r.data.Row(r.t, r.frames)))
	r.t = (r.t + 1) % r.frames
}

// SaveState implements checkpoints.Stateful.
func (r *Replay) SaveState(s *checkpoints.State) error {
	s.PutInt("frame", int64(r.t))
	return nil
}

// LoadState implements checkpoints.Stateful.
func (r *Replay) LoadState(s *checkpoints.State) error {
	return checkpoints.LoadInt(s, "frame", &r.t, 0, r.frames-1)
}

// Schedule sets the changes over an episode other than the channels: the weights and the active
// users in frame t of frames. It receives the weights 1, 1.5, 1, 1.5, ... and all users on.
type Schedule func(t, frames int, w []float64, active []bool)

// SwapWeights is the authors' demonstration of changing weights: between 60 % and 80 % of the
// episode, users of weight 1 have weight 1.5 and vice versa.
func SwapWeights(t, frames int, w []float64, _ []bool) {
	if 10*t >= 6*frames && 10*t < 8*frames {
		copy(w, AlternatingWeights(len(w), true))
	}
}

// SwitchUsers is the authors' demonstration of users that come and go. One more user, the last
// active one, is switched off at 60, 65, 70 and 75 % of the episode. One returns at 80 and 85 %,
// all are back at 90 %, and two are off at 95 %. At least half of the users stay on.
func SwitchUsers(t, frames int, _ []float64, active []bool) {
	if frames == 0 {
		return
	}
	off := 0
	for i, n := range []int{1, 2, 3, 4, 3, 2, 0, 2} { // from 60 % on, every 5 %
		if 20*t >= (12+i)*frames {
			off = n
		}
	}
	n := len(active)
	for i := n - min(off, n/2); i < n; i++ {
		active[i] = false
	}
}

// EnvConfig describes an [Env].
type EnvConfig struct {
	Params   Params
	Gains    Gains
	Frames   int      // length of an episode
	Schedule Schedule // nil: nothing changes
}

// Env is the network as an environment: an observation is a frame, an action is a decision [N] (1
// to offload, 0 to compute locally), and the reward is the best weighted sum rate under it, in
// bit/s. Frames do not depend on what was decided in earlier ones. An episode is truncated after
// its last frame.
type Env struct {
	cfg     EnvConfig
	solver  *Solver
	obs     Observation
	weights []float64 // without a schedule
	t       int
	running bool
}

var (
	_ rl.Env[Observation, []int32] = (*Env)(nil)
	_ checkpoints.Stateful         = (*Env)(nil)
)

// NewEnv returns an environment. It owns cfg.Gains from then on.
func NewEnv(cfg EnvConfig) (*Env, error) {
	if cfg.Frames < 1 {
		return nil, fmt.Errorf("wpmec: an episode of %d frames: at least 1", cfg.Frames)
	}
	solver, err := NewSolver(cfg.Params)
	if err != nil {
		return nil, err
	}
	n := cfg.Gains.Users()
	e := &Env{cfg: cfg, solver: solver, weights: AlternatingWeights(n, false)}
	e.obs.H, e.obs.W = make([]float64, n), make([]float64, n)
	if cfg.Schedule != nil {
		e.obs.Active = make([]bool, n)
	}
	return e, nil
}

// Reset implements rl.Env.
func (e *Env) Reset(seed uint64) (Observation, error) {
	e.cfg.Gains.Reset(seed)
	e.t, e.running = 0, true
	e.observe()
	return e.obs, nil
}

// Step implements rl.Env.
func (e *Env) Step(x []int32) (rl.Transition[Observation], error) {
	if !e.running {
		return rl.Transition[Observation]{}, errors.New("wpmec: step outside an episode: call Reset first")
	}
	rate, err := e.solver.Rate(e.obs, x)
	if err != nil {
		return rl.Transition[Observation]{}, err
	}
	e.t++
	e.running = e.t < e.cfg.Frames
	e.observe()
	return rl.Transition[Observation]{Observation: e.obs, Reward: rate, Truncated: !e.running}, nil
}

// SaveState implements checkpoints.Stateful, for Gains that do.
func (e *Env) SaveState(s *checkpoints.State) error {
	gains, ok := e.cfg.Gains.(checkpoints.Stateful)
	if !ok {
		return fmt.Errorf("wpmec: channel gains of type %T cannot be saved: they do not implement checkpoints.Stateful", e.cfg.Gains)
	}
	s.PutInt("frame", int64(e.t))
	s.PutFloat64("observation", nil, ObservationCodec{}.Encode(nil, e.obs))
	return gains.SaveState(s.Sub("gains"))
}

// LoadState implements checkpoints.Stateful. An environment with longer episodes continues where
// the saved one ended.
func (e *Env) LoadState(s *checkpoints.State) error {
	gains, ok := e.cfg.Gains.(checkpoints.Stateful)
	if !ok {
		return fmt.Errorf("wpmec: channel gains of type %T cannot be restored: they do not implement checkpoints.Stateful", e.cfg.Gains)
	}
	n, err := s.Len("observation")
	if err != nil {
		return err
	}
	values := make([]float64, n)
	if err := errors.Join(
		checkpoints.LoadInt(s, "frame", &e.t, 0, e.cfg.Frames),
		s.Float64("observation", values),
		gains.LoadState(s.Sub("gains")),
	); err != nil {
		return err
	}
	var obs Observation
	if err := (ObservationCodec{}).Decode(&obs, values); err != nil {
		return err
	}
	if obs.Users() != e.obs.Users() || (obs.Active == nil) != (e.obs.Active == nil) {
		return fmt.Errorf("wpmec: an observation of %d users was saved, for an environment of %d", obs.Users(), e.obs.Users())
	}
	e.running = e.t < e.cfg.Frames
	copy(e.obs.H, obs.H)
	copy(e.obs.W, obs.W)
	copy(e.obs.Active, obs.Active)
	return nil
}

// Observation returns the current observation, from Reset or the last Step.
func (e *Env) Observation() Observation { return e.obs }

// observe makes the observation of frame t.
func (e *Env) observe() {
	e.cfg.Gains.Next(e.obs.H)
	copy(e.obs.W, e.weights)
	if e.cfg.Schedule == nil {
		return
	}
	for i := range e.obs.Active {
		e.obs.Active[i] = true
	}
	e.cfg.Schedule(e.t, e.cfg.Frames, e.obs.W, e.obs.Active)
}
