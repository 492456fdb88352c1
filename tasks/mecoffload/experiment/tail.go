package experiment

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// TailStart returns the slot at which the last quarter of a run begins. Methods are compared on
// that quarter; before it a learner still explores.
func TailStart(slots int64) int64 { return slots - max(slots/4, 1) }

// tail is the result of a run: figures of the slots from start on. It also records the fate of each
// task in them. So a lengthened run, whose tail begins later, gets the same figures as one with
// that length from the start.
type tail struct {
	start   int64
	metrics *mecoffload.Metrics

	// The record has all slots of the tail, or none if it would be too large or was not saved.
	slots    int64
	tasks    []int32   // of each slot
	reward   []float64 // of each slot
	busy     []float64 // [slots x N]
	status   []byte    // of each task
	exit     []int32   // of each task
	latency  []float64 // of each task
	accuracy []float64 // of each task
	energy   []float64 // [slots x Devices]; empty without budgets
}

// maxRecord is the largest number of tasks to record, at about 20 bytes each.
const maxRecord = 4 << 20

func newTail(cfg Config) (*tail, error) {
	metrics, err := mecoffload.NewMetrics(cfg.Scenario, cfg.Profile)
	return &tail{start: TailStart(cfg.Slots), metrics: metrics}, err
}

// add counts a slot if it belongs to the tail.
func (t *tail) add(slot int64, out *mecoffload.Outcome, decision time.Duration) {
	if slot < t.start {
		return
	}
	t.metrics.Add(out, decision)
	if t.slots != t.metrics.Slots-1 {
		return // not recorded from the start
	}
	if len(t.status)+len(out.Status) > maxRecord {
		t.forget()
		return
	}
	t.slots++
	t.tasks = append(t.tasks, int32(len(out.Status)))
	t.reward = append(t.reward, out.Reward)
	t.busy = append(t.busy, out.Busy...)
	for i, s := range out.Status {
		t.status = append(t.status, byte(s))
		t.exit = append(t.exit, int32(out.Exit[i]))
	}
	t.latency = append(t.latency, out.Latency...)
	t.accuracy = append(t.accuracy, out.Accuracy...)
	t.energy = append(t.energy, out.Energy...)
}

func (t *tail) forget() {
	*t = tail{start: t.start, metrics: t.metrics}
}

// SaveState implements checkpoints.Stateful.
func (t *tail) SaveState(s *checkpoints.State) error {
	s.PutInt32("tasks", nil, t.tasks)
	s.PutFloat64("slot_reward", nil, t.reward)
	s.PutFloat64("slot_busy", nil, t.busy)
	s.PutBytes("status", nil, t.status)
	s.PutInt32("exit", nil, t.exit)
	s.PutFloat64("task_latency", nil, t.latency)
	s.PutFloat64("accuracy", nil, t.accuracy)
	if t.metrics.Budgets() > 0 {
		s.PutFloat64("slot_energy", nil, t.energy)
	}
	return t.metrics.SaveState(s)
}

// load restores what SaveState saved after the given number of slots, of a run of this length or a
// shorter one.
func (t *tail) load(s *checkpoints.State, slot int64) error {
	if err := t.metrics.LoadState(s); err != nil {
		return err
	}
	if err := t.loadRecord(s); err != nil {
		return err
	}
	want := max(slot-t.start, 0)
	switch {
	case want == t.metrics.Slots:
		return nil
	case want == 0:
		t.metrics.Reset()
		t.forget()
		return nil
	case want > t.slots:
		return errors.New("a longer run cannot continue from here: its averages begin within the last " +
			"quarter of this one, where the fates of tasks were not recorded (saved by an older " +
			"graphrl, or too many tasks); choose a length of at least 4/3 of this one")
	}
	return t.keep(want)
}

func (t *tail) loadRecord(s *checkpoints.State) error {
	slots, err := s.Len("tasks")
	if err != nil {
		return nil // saved by a version without records
	}
	tasks, err := s.Len("status")
	if err != nil {
		return err
	}
	t.slots = int64(slots)
	t.tasks, t.reward = make([]int32, slots), make([]float64, slots)
	t.busy = make([]float64, slots*t.metrics.Servers())
	t.exit, t.latency, t.accuracy = make([]int32, tasks), make([]float64, tasks), make([]float64, tasks)
	t.status, err = s.Bytes("status")
	if err := errors.Join(err, s.Int32("tasks", t.tasks), s.Float64("slot_reward", t.reward), s.Float64("slot_busy", t.busy),
		s.Int32("exit", t.exit), s.Float64("task_latency", t.latency), s.Float64("accuracy", t.accuracy)); err != nil {
		return err
	}
	if n := t.metrics.Budgets(); n > 0 {
		t.energy = make([]float64, slots*n)
		if err := s.Float64("slot_energy", t.energy); err != nil {
			return err
		}
	}
	sum := int64(0)
	for _, n := range t.tasks {
		if n < 0 {
			return fmt.Errorf("mecoffload: a slot of %d tasks was saved", n)
		}
		sum += int64(n)
	}
	if sum != int64(tasks) || t.slots != 0 && t.slots != t.metrics.Slots {
		return fmt.Errorf("mecoffload: the record of %d slots and %d tasks does not fit the saved metrics", slots, tasks)
	}
	return nil
}

// keep drops all but the latest slots of the record and recounts the rest.
func (t *tail) keep(slots int64) error {
	old := *t
	t.forget()
	t.metrics.Reset()
	task := 0
	servers, budgets := t.metrics.Servers(), t.metrics.Budgets()
	for i, n := range old.tasks {
		from, to := task, task+int(n)
		task = to
		if old.slots-int64(i) > slots {
			continue
		}
		out := mecoffload.Outcome{
			Reward:   old.reward[i],
			Busy:     old.busy[i*servers : (i+1)*servers],
			Latency:  old.latency[from:to],
			Accuracy: old.accuracy[from:to],
			Energy:   old.energy[i*budgets : (i+1)*budgets],
		}
		for k := from; k < to; k++ {
			if e := int(old.exit[k]); e < -1 || e >= t.metrics.Exits() {
				return fmt.Errorf("mecoffload: a task at exit %d was saved", e)
			}
			out.Status = append(out.Status, mecoffload.Status(old.status[k]))
			out.Exit = append(out.Exit, int(old.exit[k]))
		}
		t.add(t.start, &out, 0)
	}
	t.tasks = slices.Clip(t.tasks)
	return nil
}
