package wpmec

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/internal/strictyaml"
)

// Training is a [Run] that can be stopped after every frame, saved, and resumed, and then ends as
// if it had never stopped.
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
	run, err := cfg.RunConfig()
	if err != nil {
		return nil, err
	}
	e, err := newExecution(run)
	if err != nil {
		return nil, err
	}
	course := runfolder.NewCourse(int64(cfg.Frames), int64(cfg.ReportInterval), int64(cfg.CheckpointInterval))
	return &Training{runfolder.NewFrames(cfg, course, e.step), e}, nil
}

// Users returns the number of users.
func (t *Training) Users() int { return t.e.users }

// Result returns the result over all frames. Call it when they are done.
func (t *Training) Result() *Result { return t.e.result() }

// Report is about the frames since the report before it: a line of a run's metrics.jsonl.
type Report struct {
	// Frame is the number of frames done.
	Frame int64 `json:"frame"`
	Summary
	Candidates float64 `json:"k"` // mean number of candidates; 0 without any
}

// Report returns the latest report, while it is due.
func (t *Training) Report() Report {
	done, from := t.Frame(), int(t.Position().ReportFrom())
	r := Report{Frame: int64(done), Summary: Summarize(t.e.normalized[from:])}
	if t.e.k != nil {
		for _, k := range t.e.k[from:] {
			r.Candidates += float64(k) / float64(done-from)
		}
	}
	return r
}

// Line implements runfolder.Run: it is Report.
func (t *Training) Line() any { return t.Report() }

// Moving returns the mean normalized rate of the latest 500 frames.
func (t *Training) Moving() float64 {
	const window = 500
	return Summarize(t.e.normalized[max(t.Frame()-window, 0):]).NormalizedRate
}

// Score implements runfolder.Run: it is Moving.
func (t *Training) Score() float64 { return t.Moving() }

// SaveState implements checkpoints.Stateful.
func (t *Training) SaveState(s *checkpoints.State) error {
	s.PutFloat64("normalized", nil, t.e.normalized)
	s.PutInt32("k", nil, t.e.k)
	return errors.Join(
		t.Position().SaveState(s),
		t.e.env.SaveState(s.Sub("env")),
		checkpoints.SaveOptional(s, policyState, t.e.policy),
	)
}

// Names of parts of the state: the policy, and the actor in the state of methods that learn.
const (
	policyState = "policy"
	actorState  = policyState + "/actor"
)

// LoadState implements checkpoints.Stateful.
func (t *Training) LoadState(s *checkpoints.State) error {
	if err := t.Position().LoadState(s); err != nil {
		return fmt.Errorf("wpmec: %w", err)
	}
	done := t.Frame()
	rates, k := make([]float64, done), []int32(nil)
	if t.e.policy.candidates() > 0 {
		k = make([]int32, done)
	}
	if err := errors.Join(
		s.Float64("normalized", rates),
		s.Int32("k", k),
		t.e.env.LoadState(s.Sub("env")),
		checkpoints.LoadOptional(s, policyState, t.e.policy),
	); err != nil {
		return err
	}
	t.e.normalized, t.e.k = rates, k
	t.e.obs = t.e.env.Observation()
	return nil
}

// SaveTimes implements runfolder.Timed.
func (t *Training) SaveTimes(s *checkpoints.State) error {
	s.PutDurations("decision_ns", t.e.decision)
	s.PutDurations("frame_ns", t.e.frame)
	return nil
}

// LoadTimes implements runfolder.Timed.
func (t *Training) LoadTimes(s *checkpoints.State) error {
	decision, errD := s.Durations("decision_ns", t.Frame())
	frame, errF := s.Durations("frame_ns", t.Frame())
	if err := errors.Join(errD, errF); err != nil {
		return err
	}
	t.e.decision, t.e.frame = decision, frame
	return nil
}

// Manifest implements runfolder.Run.
func (t *Training) Manifest() (checkpoints.Manifest, error) { return t.Config().manifest(t.e.users) }

// manifest returns the manifest of checkpoints of a run for a number of users.
func (c Config) manifest(users int) (checkpoints.Manifest, error) {
	config, err := strictyaml.MarshalJSON(c)
	return checkpoints.Manifest{Method: string(c.Method), Architecture: c.architecture(users), Config: config}, err
}

// architecture describes the networks of a method: weights fit where it is the same.
func (c Config) architecture(users int) string {
	switch c.Method {
	case DROO:
		return fmt.Sprintf("MLP actor: users %d, hidden %v", users, c.Hidden)
	case DROOGraph:
		return fmt.Sprintf("graph actor: hidden %d, rounds %d", c.GraphHidden, c.GraphRounds)
	}
	return "no network"
}

// Task is how run folders keep trainings.
func Task() runfolder.Task[Config, *Training] {
	return runfolder.Task[Config, *Training]{
		Parse: ParseConfig,
		YAML:  Config.YAML,
		Manifest: func(c Config) (checkpoints.Manifest, error) {
			users := c.Users
			if c.Data != "" && c.Method == DROO { // the only network that depends on it
				data, err := OpenDataset(c.Data)
				if err != nil {
					return checkpoints.Manifest{}, err
				}
				users = data.Users
			}
			return c.manifest(users)
		},
		New:      NewTraining,
		Length:   func(c Config) int64 { return int64(c.Frames) },
		Lengthen: lengthen,
	}
}

func lengthen(c Config, frames int64) (Config, error) {
	switch {
	case c.Data != "":
		return c, errors.New("wpmec: a run on a data set cannot be made longer: which rows are for training and which for the test depends on its length")
	case c.Schedule != ScheduleNames()[0]:
		return c, fmt.Errorf("wpmec: a run with the schedule %s cannot be made longer: when things change depends on its length", c.Schedule)
	}
	c.Frames = int(min(frames, math.MaxInt32))
	return c, c.Validate()
}

// Checkpoint is a training that has been saved.
type Checkpoint struct {
	// Config is its configuration, Frame the number of frames it had done.
	Config Config
	Frame  int64

	saved *runfolder.Saved[Config]
}

// OpenCheckpoint reads the checkpoint in dir.
func OpenCheckpoint(dir string) (*Checkpoint, error) {
	saved, err := Task().Open(dir)
	if err != nil {
		return nil, err
	}
	return &Checkpoint{saved.Config, saved.Manifest.Step, saved}, nil
}

// OpenRun reads a checkpoint of a run folder: runfolder.Latest or runfolder.Best.
func OpenRun(dir, name string) (*Checkpoint, error) {
	saved, err := runfolder.OpenIn(Task(), dir, name)
	if err != nil {
		return nil, err
	}
	return &Checkpoint{saved.Config, saved.Manifest.Step, saved}, nil
}

// Learned returns the state of the actor for a [RunConfig] of the same method and networks and the
// given number of users, which may be any for DROOGraph. It is nil for methods that do not learn.
func (c *Checkpoint) Learned(users int) (*checkpoints.State, error) {
	if c.Config.Method != DROO && c.Config.Method != DROOGraph {
		return nil, nil
	}
	return c.saved.Part(actorState, c.Config.architecture(users))
}
