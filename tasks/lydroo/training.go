package lydroo

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/internal/strictyaml"
)

// Training is a [Run] that can be stopped after every frame, saved, and resumed, and then ends as if
// it had never stopped.
type Training struct {
	runfolder.Frames[Config]
	e *execution
}

var (
	_ runfolder.Run   = (*Training)(nil)
	_ runfolder.Timed = (*Training)(nil)
)

// NewTraining returns a training at its first frame.
func NewTraining(cfg Config) (*Training, error) {
	e, err := newExecution(cfg, nil)
	if err != nil {
		return nil, err
	}
	course := runfolder.NewCourse(int64(cfg.Frames), int64(cfg.ReportInterval), int64(cfg.CheckpointInterval))
	return &Training{runfolder.NewFrames(cfg, course, e.step), e}, nil
}

// Users returns the number of users.
func (t *Training) Users() int { return len(t.e.energy) }

// Result returns the result over all frames. Call it when they are done.
func (t *Training) Result() *Result { return t.e.result() }

// Report is about the frames since the report before it: a line of a run's metrics.jsonl.
type Report struct {
	Frame        int64   `json:"frame"` // number of frames done
	QueueMbit    float64 `json:"queue_mbit"`
	EnergyJ      float64 `json:"energy_j"`
	WeightedRate float64 `json:"weighted_rate"`
}

// Report returns the latest report, while it is due.
func (t *Training) Report() Report {
	from := t.Position().ReportFrom()
	return Report{t.Position().Steps(), mean(t.e.queue[from:]), mean(t.e.power[from:]), mean(t.e.rate[from:])}
}

// Line implements runfolder.Run.
func (t *Training) Line() any { return t.Report() }

// Score implements runfolder.Run: short queues in the latest report interval.
func (t *Training) Score() float64 { return -t.Report().QueueMbit }

const policyState = "policy"

// SaveState implements checkpoints.Stateful.
func (t *Training) SaveState(s *checkpoints.State) error {
	s.PutFloat64("queue", nil, t.e.queue)
	s.PutFloat64("power", nil, t.e.power)
	s.PutFloat64("rate", nil, t.e.rate)
	s.PutFloat64("energy", nil, t.e.energy)
	s.PutInt32("k", nil, t.e.k)
	return errors.Join(
		t.Position().SaveState(s),
		t.e.env.SaveState(s.Sub("env")),
		checkpoints.SaveOptional(s, policyState, t.e.policy),
	)
}

// LoadState implements checkpoints.Stateful.
func (t *Training) LoadState(s *checkpoints.State) error {
	if err := t.Position().LoadState(s); err != nil {
		return fmt.Errorf("lydroo: %w", err)
	}
	done := t.Frame()
	queue, power, rate, k := make([]float64, done), make([]float64, done), make([]float64, done), []int32(nil)
	if t.e.policy.candidates() > 0 {
		k = make([]int32, done)
	}
	if err := errors.Join(
		s.Float64("queue", queue),
		s.Float64("power", power),
		s.Float64("rate", rate),
		s.Float64("energy", t.e.energy),
		s.Int32("k", k),
		t.e.env.LoadState(s.Sub("env")),
		checkpoints.LoadOptional(s, policyState, t.e.policy),
	); err != nil {
		return err
	}
	t.e.queue, t.e.power, t.e.rate, t.e.k = queue, power, rate, k
	t.e.obs = t.e.env.Observation()
	return nil
}

// SaveTimes implements runfolder.Timed.
func (t *Training) SaveTimes(s *checkpoints.State) error {
	s.PutDurations("frame_ns", t.e.times)
	return nil
}

// LoadTimes implements runfolder.Timed.
func (t *Training) LoadTimes(s *checkpoints.State) error {
	times, err := s.Durations("frame_ns", t.Frame())
	if err == nil {
		t.e.times = times
	}
	return err
}

// Manifest implements runfolder.Run.
func (t *Training) Manifest() (checkpoints.Manifest, error) { return t.Config().manifest(t.Users()) }

func (c Config) manifest(users int) (checkpoints.Manifest, error) {
	config, err := strictyaml.MarshalJSON(c)
	return checkpoints.Manifest{Method: string(c.Method), Architecture: c.architecture(users), Config: config}, err
}

// architecture describes the networks of a method: weights fit where it is the same.
func (c Config) architecture(users int) string {
	switch c.Method {
	case LyDROO:
		return fmt.Sprintf("MLP actor: users %d, hidden %v", users, c.Hidden)
	case LyDROOGraph:
		return fmt.Sprintf("graph actor: hidden %d, rounds %d", c.GraphHidden, c.GraphRounds)
	case LyDROOValue, LearnedValue:
		return fmt.Sprintf("graph actor: hidden %d, rounds %d; value", c.GraphHidden, c.GraphRounds)
	}
	return "no network"
}

// Task is how run folders keep trainings.
func Task() runfolder.Task[Config, *Training] {
	return runfolder.Task[Config, *Training]{
		Parse: ParseConfig,
		YAML:  Config.YAML,
		Manifest: func(c Config) (checkpoints.Manifest, error) {
			source, err := c.source()
			if err != nil {
				return checkpoints.Manifest{}, err
			}
			return c.manifest(source.Users())
		},
		New:    NewTraining,
		Length: func(c Config) int64 { return int64(c.Frames) },
		Lengthen: func(c Config, frames int64) (Config, error) {
			c.Frames = int(min(frames, math.MaxInt32))
			return c, c.Validate()
		},
	}
}

// Checkpoint is a training that has been saved.
type Checkpoint struct {
	Config Config
	Frame  int64 // number of frames it had done

	saved *runfolder.Saved[Config]
}

// OpenRun reads a checkpoint of a run folder: runfolder.Latest or runfolder.Best.
func OpenRun(dir, name string) (*Checkpoint, error) {
	saved, err := runfolder.OpenIn(Task(), dir, name)
	if err != nil {
		return nil, err
	}
	return &Checkpoint{saved.Config, saved.Manifest.Step, saved}, nil
}

// Learned returns the state of the policy for [RunFrom] with the given number of users, which may be
// any unless the actor is an MLP. It is nil for methods that do not learn.
func (c *Checkpoint) Learned(users int) (*checkpoints.State, error) {
	if !c.Config.Method.Learns() {
		return nil, nil
	}
	return c.saved.Part(policyState, c.Config.architecture(users))
}
