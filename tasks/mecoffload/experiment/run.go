package experiment

import (
	"errors"
	"fmt"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/checkpoints/runfolder"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// Run is a training run: simulator, agent, figures and position. It starts at the first slot or, by
// LoadState or [Checkpoint.Resume], where another run of the same configuration was saved; it then
// continues exactly as that one would have.
//
//	for !run.Done() {
//		if err := run.Step(); err != nil { ... }
//		if run.ReportDue() { ... run.Report() ... }
//	}
type Run struct {
	course   runfolder.Course
	cfg      Config
	manifest checkpoints.Manifest
	sim      *mecoffload.Simulator
	agent    *agent.Agent
	episode  episode
	interval *mecoffload.Metrics
	tail     *tail
	recent   *movingAverage
	valid    *Validation // the latest; nil before the first
}

var (
	_ runfolder.Run     = (*Run)(nil)
	_ runfolder.Timed   = (*Run)(nil)
	_ runfolder.Figures = Report{}
)

// NewRun returns a run at its first slot. Close it when done.
func NewRun(cfg Config) (*Run, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: configuration: %w", err)
	}
	saved, err := manifest(cfg)
	if err != nil {
		return nil, err
	}
	if err := cfg.agent().CheckMemory(true); err != nil {
		return nil, err
	}
	sim, err := mecoffload.NewSimulator(cfg.Scenario, cfg.Profile)
	if err != nil {
		return nil, err
	}
	if _, err := sim.Reset(cfg.Seed); err != nil {
		return nil, err
	}
	interval, err := mecoffload.NewMetrics(cfg.Scenario, cfg.Profile)
	if err != nil {
		return nil, err
	}
	tail, err := newTail(cfg)
	if err != nil {
		return nil, err
	}
	a, err := agent.New(cfg.agent())
	if err != nil {
		return nil, err
	}
	return &Run{
		course:   runfolder.NewCourse(cfg.Slots, cfg.ReportInterval, cfg.CheckpointInterval),
		cfg:      cfg,
		manifest: saved,
		sim:      sim,
		agent:    a,
		episode:  episode{sim: sim, policy: a, learner: a},
		interval: interval,
		tail:     tail,
		recent:   newMovingAverage(cfg.Window),
	}, nil
}

// Close stops the goroutines that train.
func (r *Run) Close() { r.agent.Close() }

// Config returns the configuration.
func (r *Run) Config() Config { return r.cfg }

// Agent returns the agent being trained.
func (r *Run) Agent() *agent.Agent { return r.agent }

// Position implements runfolder.Run.
func (r *Run) Position() *runfolder.Course { return &r.course }

// Slot returns the number of slots done.
func (r *Run) Slot() int64 { return r.course.Steps() }

// Done reports whether all slots are done.
func (r *Run) Done() bool { return r.course.Done() }

// Step lets the agent decide one slot and learn from it.
func (r *Run) Step() error {
	if r.Done() {
		return errors.New("mecoffload: a step beyond the end of the run")
	}
	slot := r.Slot()
	decision, err := r.episode.step()
	if err != nil {
		return fmt.Errorf("mecoffload: slot %d: %w", slot, err)
	}
	if r.course.ReportStart() {
		r.interval.Reset()
	}
	out := r.sim.Outcome()
	r.interval.Add(out, decision)
	r.tail.add(slot, out, decision)
	r.recent.add(out)
	r.course.Advance()
	if r.course.AtInterval() && r.cfg.ValidationSlots > 0 {
		return r.validate()
	}
	return nil
}

// Moving returns the moving averages of reward and accuracy over the tasks of the latest Window
// slots.
func (r *Run) Moving() (reward, accuracy float64) { return r.recent.means() }

// Score implements runfolder.Run: it returns the reward of the latest validation, or without any the
// moving average of the training.
func (r *Run) Score() float64 {
	if r.valid != nil {
		return r.valid.Reward
	}
	reward, _ := r.Moving()
	return reward
}

// Report is the average over the slots since the last report: a line of a run's metrics.jsonl. It
// leaves out decision times, so equal runs have equal reports.
type Report struct {
	// Slot is the number of slots done.
	Slot int64 `json:"slot"`
	mecoffload.Row
	Decision *struct{} `json:"decision_us,omitempty"`
	// Validation is of a checkpoint among these slots, if there was one.
	Validation *Validation `json:"validation,omitempty"`
}

// Figures implements runfolder.Figures: the report without the values that are constant in a run.
func (r Report) Figures() any {
	f := figures{
		r.Accuracy, r.SSP, r.Throughput, r.Reward, r.AccuracyServed, r.Latency, r.Utilisation, r.Exits, validated{},
	}
	if v := r.Validation; v != nil {
		f.Validation = validated{&v.Accuracy, &v.Reward}
	}
	return f
}

// figures are the figures of a report, under the keys that the report has for them.
type figures struct {
	Accuracy       float64            `json:"accuracy"`
	SSP            float64            `json:"ssp"`
	Throughput     float64            `json:"throughput"`
	Reward         float64            `json:"reward"`
	AccuracyServed float64            `json:"accuracy_served"`
	Latency        mecoffload.Latency `json:"latency_ms"`
	Utilisation    float64            `json:"utilisation"`
	Exits          []float64          `json:"exits"`
	Validation     validated          `json:"validation"`
}

// validated are the figures of a validation, or null.
type validated struct {
	Accuracy *float64 `json:"accuracy"`
	Reward   *float64 `json:"reward"`
}

// ReportDue reports whether a report interval has just ended.
func (r *Run) ReportDue() bool { return r.course.ReportDue() }

// Report returns the latest report, while it is due.
func (r *Run) Report() Report {
	report := Report{Slot: r.Slot(), Row: r.interval.Row(string(r.cfg.Method), r.cfg.Seed)}
	report.Row.Decision = mecoffload.DecisionTime{}
	if from := (report.Slot - 1) / r.cfg.ReportInterval * r.cfg.ReportInterval; r.valid != nil && r.valid.Slot > from {
		report.Validation = r.valid
	}
	return report
}

// Line implements runfolder.Run: it returns the Report.
func (r *Run) Line() any { return r.Report() }

// Row returns the result, averaged from [TailStart] on.
func (r *Run) Row() mecoffload.Row { return r.tail.metrics.Row(string(r.cfg.Method), r.cfg.Seed) }

// SaveState implements checkpoints.Stateful.
func (r *Run) SaveState(s *checkpoints.State) error {
	return errors.Join(
		r.course.SaveState(s),
		r.sim.SaveState(s.Sub("simulator")),
		r.agent.SaveState(s.Sub(agentState)),
		r.interval.SaveState(s.Sub("metrics/interval")),
		r.tail.SaveState(s.Sub("metrics/tail")),
		r.recent.SaveState(s.Sub("metrics/recent")),
		r.valid.save(s.Sub(validationState)),
	)
}

// LoadState implements checkpoints.Stateful. The run must have the configuration of the saved one,
// or the same with more slots.
func (r *Run) LoadState(s *checkpoints.State) error {
	if err := r.course.LoadState(s); err != nil {
		return fmt.Errorf("mecoffload: %w", err)
	}
	var err error
	r.valid, err = loadValidation(s.Sub(validationState))
	return errors.Join(err,
		r.sim.LoadState(s.Sub("simulator")),
		r.agent.LoadState(s.Sub(agentState)),
		r.interval.LoadState(s.Sub("metrics/interval")),
		r.tail.load(s.Sub("metrics/tail"), r.Slot()),
		r.recent.LoadState(s.Sub("metrics/recent")),
	)
}

// SaveTimes implements runfolder.Timed.
func (r *Run) SaveTimes(s *checkpoints.State) error { return r.tail.metrics.SaveTimes(s) }

// LoadTimes implements runfolder.Timed.
func (r *Run) LoadTimes(s *checkpoints.State) error {
	if r.tail.metrics.Slots == 0 {
		return nil
	}
	return r.tail.metrics.LoadTimes(s)
}

// agentState is the name of the agent in a run's state.
const agentState = "agent"

// episode lets a policy act in a simulator, slot by slot.
type episode struct {
	sim     *mecoffload.Simulator
	policy  mecoffload.Policy
	learner *agent.Agent // the policy if it learns, else nil
	action  mecoffload.Action
	decided func(*mecoffload.Observation, mecoffload.Action) // if not nil, is told the decision
}

// step runs one slot. It returns the time that deciding took, without learning.
func (e *episode) step() (time.Duration, error) {
	obs, err := e.sim.Observation()
	if err != nil {
		return 0, err
	}
	e.action = reuse.Slice(e.action, obs.Devices)
	start := time.Now()
	err = e.policy.Decide(obs, e.action)
	decision := time.Since(start)
	if err != nil {
		return 0, err
	}
	if e.decided != nil {
		e.decided(&obs, e.action)
	}
	if e.learner != nil {
		if err := e.learner.Learn(obs, e.action); err != nil {
			return 0, err
		}
	}
	t, err := e.sim.Step(e.action)
	if err != nil {
		return 0, err
	}
	if e.learner != nil {
		if err := e.learner.Observe(t, e.sim.Outcome()); err != nil {
			return 0, err
		}
	}
	return decision, nil
}

// movingAverage averages reward and accuracy over the tasks of the latest slots.
type movingAverage struct {
	tasks, reward, accuracy []float64 // sums of each slot [Window], as a ring
	slots                   int64     // added so far
}

func newMovingAverage(window int) *movingAverage {
	return &movingAverage{make([]float64, window), make([]float64, window), make([]float64, window), 0}
}

func (m *movingAverage) add(out *mecoffload.Outcome) {
	i := m.slots % int64(len(m.tasks))
	m.slots++
	tasks, accuracy := float64(len(out.Status)), 0.0
	for _, a := range out.Accuracy {
		accuracy += a
	}
	m.tasks[i], m.reward[i], m.accuracy[i] = tasks, out.Reward*tasks, accuracy
}

// means returns 0 without tasks.
func (m *movingAverage) means() (reward, accuracy float64) {
	tasks := 0.0
	for i, n := range m.tasks {
		tasks += n
		reward += m.reward[i]
		accuracy += m.accuracy[i]
	}
	if tasks == 0 {
		return 0, 0
	}
	return reward / tasks, accuracy / tasks
}

// SaveState implements checkpoints.Stateful.
func (m *movingAverage) SaveState(s *checkpoints.State) error {
	s.PutInt("slots", m.slots)
	s.PutFloat64("tasks", nil, m.tasks)
	s.PutFloat64("reward", nil, m.reward)
	s.PutFloat64("accuracy", nil, m.accuracy)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (m *movingAverage) LoadState(s *checkpoints.State) error {
	var err error
	if m.slots, err = s.Int("slots"); err != nil {
		return err
	}
	if m.slots < 0 {
		return fmt.Errorf("mecoffload: saved moving average of %d slots", m.slots)
	}
	return errors.Join(s.Float64("tasks", m.tasks), s.Float64("reward", m.reward), s.Float64("accuracy", m.accuracy))
}
