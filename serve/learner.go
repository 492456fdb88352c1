package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// learner is an agent that learns from reports, in the order of their numbers. What it becomes
// depends on nothing else, to the bit.
type learner struct {
	agent  *agent.Agent
	config experiment.Config // of the checkpoints
	slots  int64             // of the training, before the first report
	number uint64            // last report learned from

	sources map[string]*source

	// The report at hand.
	request
	model    *Model // to read requests by
	slot     *mecoffload.SlotModel
	odds     mecoffload.OnTimeTable
	own      mecoffload.Action
	executed mecoffload.Action
	ratio    []float64
	expected float64 // reward
	outcome  mecoffload.Outcome
}

// source is what the learner remembers of one source of reports.
type source struct {
	next       uint64 // slot
	afterstate []float32
}

// Parts of the state beside the agent's.
const (
	agentPart  = "agent" // as in the checkpoints of a training
	numberPart = "online/number"
	startPart  = "online/start"
	namesPart  = "online/sources"
	nextPart   = "online/next"
	afterPart  = "online/afterstate"
)

// loadLearner loads what was learned from reports or, if nothing was, the checkpoint to start from.
func loadLearner(cfg OnlineConfig) (*learner, error) {
	dir, again := filepath.Join(cfg.Dir, learnedDir), true
	c, err := experiment.OpenCheckpoint(dir)
	if errors.Is(err, fs.ErrNotExist) {
		again = false
		c, err = openCheckpoint(cfg.From, cfg.Name)
	}
	if err != nil {
		return nil, err
	}
	m, err := NewModel(c, cfg.World)
	if err != nil {
		return nil, err
	}
	l := &learner{config: c.Config, slots: c.Slot, sources: map[string]*source{}, model: m}
	l.config.Scenario, l.config.Profile = m.scenario, m.profile
	if l.agent, err = c.Learner(l.config); err != nil {
		return nil, err
	}
	if again {
		if err := l.load(c.State()); err != nil {
			l.close()
			return nil, fmt.Errorf("checkpoint %s: %w", dir, err)
		}
	}
	objective := mecoffload.Objective{Weight: m.scenario.RewardWeight, OnTime: &l.odds}
	l.odds = *m.ranges.odds.Table()
	l.slot, err = mecoffload.NewSlotModel(m.scenario, m.profile, objective)
	return l, err
}

func (l *learner) close() { l.agent.Close() }

// nextSlots are the next slots of the sources.
func (l *learner) nextSlots() map[string]uint64 {
	next := map[string]uint64{}
	for name, s := range l.sources {
		next[name] = s.next
	}
	return next
}

// save saves the state of learning.
func (l *learner) save(dir string) error {
	m, err := manifestOf(l.config, l.slots+int64(l.number))
	if err != nil {
		return err
	}
	s := checkpoints.NewState()
	if err := l.agent.SaveState(s.Sub(agentPart)); err != nil {
		return err
	}
	s.PutInt(numberPart, int64(l.number))
	s.PutInt(startPart, l.slots)
	var names []string
	for name := range l.sources {
		names = append(names, name)
	}
	slices.Sort(names)
	var next []int64
	var text []byte
	for i, name := range names {
		text = append(append(text, name...), 0)
		next = append(next, int64(l.sources[name].next))
		s.PutFloat32(fmt.Sprintf("%s/%d", afterPart, i), nil, l.sources[name].afterstate)
	}
	s.PutBytes(namesPart, nil, text)
	s.PutInt64(nextPart, nil, next)
	return checkpoints.Save(dir, s, m)
}

// load restores what save has saved beside the agent.
func (l *learner) load(s *checkpoints.State) error {
	number, err := s.Int(numberPart)
	if err != nil {
		return err
	}
	if l.slots, err = s.Int(startPart); err != nil {
		return err
	}
	text, err := s.Bytes(namesPart)
	if err != nil {
		return err
	}
	count, err := s.Len(nextPart)
	if err != nil {
		return err
	}
	next := make([]int64, count)
	if err := s.Int64(nextPart, next); err != nil {
		return err
	}
	l.number = uint64(number)
	for i := range next {
		end := slices.Index(text, 0)
		if end < 0 {
			return errors.New("fewer names of sources than slots")
		}
		part := fmt.Sprintf("%s/%d", afterPart, i)
		n, err := s.Len(part)
		if err != nil {
			return err
		}
		one := &source{next: uint64(next[i]), afterstate: make([]float32, n)}
		if err := s.Float32(part, one.afterstate); err != nil {
			return err
		}
		l.sources[string(text[:end])], text = one, text[end+1:]
	}
	return nil
}

// check reports why a report cannot be learned from.
func (l *learner) check(q *servepb.ObserveRequest) error {
	var r request
	if err := r.read(q.Offloading, l.model); err != nil {
		return err
	}
	if r.invalid != "" {
		return errors.New(r.invalid)
	}
	if r.unknown != "" {
		return errors.New(r.unknown)
	}
	if len(q.Outcomes) != r.obs.Devices {
		return fmt.Errorf("%d outcomes for %d tasks", len(q.Outcomes), r.obs.Devices)
	}
	if len(q.Source) > mostSourceName || slices.Contains([]byte(q.Source), 0) {
		return fmt.Errorf("the name of the source has %d bytes, at most %d and no zero bytes are allowed", len(q.Source), mostSourceName)
	}
	if q.Slot >= math.MaxInt64 {
		return fmt.Errorf("slot %d is too large", q.Slot)
	}
	if n := l.model.scenario.Servers; r.obs.Servers != n {
		return fmt.Errorf("%d servers, and what is learned is for %d", r.obs.Servers, n)
	}
	if n := l.model.scenario.Devices; r.obs.Devices > n {
		return fmt.Errorf("%d tasks, and what is learned is for up to %d", r.obs.Devices, n)
	}
	_, err := r.outcome(q, nil, &mecoffload.Outcome{}, l.model)
	return err
}

const mostSourceName = 256

// outcome reads what was done and what came of it, for the devices of the observation.
func (r *request) outcome(q *servepb.ObserveRequest, action mecoffload.Action, out *mecoffload.Outcome, m *Model) (mecoffload.Action, error) {
	o := &r.obs
	index := make(map[string]int, len(q.Offloading.Servers))
	for n, s := range q.Offloading.Servers {
		index[s.Id] = n
	}
	*out = mecoffload.Outcome{Busy: make([]float64, o.Servers)}
	action = reuse.Slice(action, o.Devices)
	reward := 0.0
	for i := range action {
		t := q.Outcomes[r.task(i)]
		server, known := index[t.Server]
		if !known {
			return nil, fmt.Errorf("outcome %d: server %q is not in the observation", r.task(i), t.Server)
		}
		link := o.LinkTo(i, server)
		if link < 0 || t.Exit < 1 || int(t.Exit) > o.Exits {
			return nil, fmt.Errorf("outcome %d: server %q is not in reach, or exit %d not in 1..%d", r.task(i), t.Server, t.Exit, o.Exits)
		}
		exit := int(t.Exit) - 1
		action[i] = int32(link*o.Exits + exit)
		status, accuracy, latency := mecoffload.Dropped, 0.0, math.Inf(1)
		switch t.Status {
		case servepb.Status_STATUS_IN_TIME:
			status, accuracy, latency = mecoffload.InTime, m.profile.Accuracy[exit], t.FinishSeconds
			reward += accuracy * (1 - m.scenario.RewardWeight*latency/o.Deadline[i])
		case servepb.Status_STATUS_LATE:
			status, latency = mecoffload.Late, t.FinishSeconds
		case servepb.Status_STATUS_DROPPED:
		default:
			return nil, fmt.Errorf("outcome %d: status %v is not known", r.task(i), t.Status)
		}
		late := latency > o.Deadline[i]*(1+1e-9)
		if status != mecoffload.Dropped && (!positive(latency) || late != (status == mecoffload.Late)) {
			return nil, fmt.Errorf("outcome %d: %v at %v s with a deadline of %v s", r.task(i), t.Status, latency, o.Deadline[i])
		}
		out.Status, out.Accuracy, out.Latency = append(out.Status, status), append(out.Accuracy, accuracy), append(out.Latency, latency)
		out.Server, out.Exit = append(out.Server, server), append(out.Exit, exit)
	}
	out.Reward = reward / float64(max(o.Devices, 1))
	return action, nil
}

// learn learns from a report with a number.
func (l *learner) learn(number uint64, q *servepb.ObserveRequest) error {
	if err := l.read(q.Offloading, l.model); err != nil {
		return err
	}
	var err error
	if l.executed, err = l.request.outcome(q, l.executed, &l.outcome, l.model); err != nil {
		return err
	}
	if err := l.expect(); err != nil {
		return err
	}
	from := l.sources[q.Source]
	if from == nil {
		from = &source{next: math.MaxUint64}
		l.sources[q.Source] = from
	}
	if from.next == q.Slot {
		l.agent.SetAfterstate(from.afterstate)
	} else {
		l.agent.SetAfterstate(nil)
	}
	l.own = reuse.Slice(l.own, l.obs.Devices)
	if err := l.agent.Decide(l.obs, l.own); err != nil {
		return err
	}
	err = l.agent.LearnOther(l.obs, l.own, l.executed)
	switch {
	case errors.Is(err, agent.ErrCannotDecide):
		l.agent.SetAfterstate(nil)
	case err != nil:
		return err
	default:
		if err := l.agent.Observe(rl.Transition[mecoffload.Observation]{Reward: l.outcome.Reward}, &l.outcome); err != nil {
			return err
		}
	}
	from.next, from.afterstate = q.Slot+1, append(from.afterstate[:0], l.agent.Afterstate()...)
	l.number = number
	return nil
}

// expect computes what the model of a slot expects of the executed decision.
func (l *learner) expect() error {
	if err := l.slot.Begin(&l.obs); err != nil {
		return err
	}
	if err := l.slot.Choose(l.executed); err != nil {
		return err
	}
	l.expected = l.slot.Value()
	l.ratio = reuse.Slice(l.ratio, l.obs.Devices)
	l.slot.Ratios(l.ratio)
	return nil
}

func makeDir(dir string) error {
	if dir == "" {
		return errors.New("learning needs a folder of its own")
	}
	return os.MkdirAll(dir, 0o777)
}
