package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// ErrRequest means that a request has no meaning: there is nothing to decide, not even by a rule.
var ErrRequest = errors.New("the request cannot be understood")

// Query is one question to a model.
type Query struct {
	Observation *servepb.Offloading
	// Budget is the time for the answer, from Start on; 0: no limit.
	Budget time.Duration
	Start  time.Time // zero: now
	// Draws is the state of the draws after the answer before; empty: a new sequence from Seed or, if
	// that is nil, from the seed of the training.
	Draws []byte
	Seed  *uint64
	// AnyInput lets the policy decide although the observation is out of range, see [Ranges].
	AnyInput bool
}

// worker holds what one answer needs besides the network.
type worker struct {
	request
	action mecoffload.Action
	finish []float64
	rule   *mecoffload.BestExitInTime
	slot   *mecoffload.SlotModel // for the times of the rule's decisions
	ruleOf *Model                // that the two are for
}

var workers sync.Pool // of *worker

func getWorker() *worker {
	if w, ok := workers.Get().(*worker); ok {
		return w
	}
	return new(worker)
}

// Decide answers a query. It fails only with an error that wraps [ErrRequest], or if ctx ends.
func (m *Model) Decide(ctx context.Context, q Query) (*servepb.DecideResponse, error) {
	w := getWorker()
	defer workers.Put(w)
	return m.decide(ctx, q, w)
}

// decide is Decide; afterwards w holds the observation and the action.
func (m *Model) decide(ctx context.Context, q Query, w *worker) (*servepb.DecideResponse, error) {
	if err := w.read(q.Observation, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	o := &w.obs
	w.action, w.finish = reuse.Slice(w.action, o.Devices), reuse.Slice(w.finish, o.Devices)
	out := &servepb.DecideResponse{Version: m.version, Draws: q.Draws}
	var err error
	if out.Fallback, out.Detail = m.refuse(w, q.AnyInput); out.Fallback == servepb.Fallback_FALLBACK_NONE {
		err = m.byPolicy(ctx, q, w, out)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, ErrRequest):
			return nil, err
		case errors.Is(err, errBudget):
			out.Fallback, out.Detail = servepb.Fallback_FALLBACK_BUDGET, fmt.Sprintf("no time left of %v", q.Budget)
		default:
			out.Fallback, out.Detail = servepb.Fallback_FALLBACK_POLICY_FAILED, err.Error()
		}
	}
	if out.Fallback != servepb.Fallback_FALLBACK_NONE {
		if err := m.byRule(w); err != nil {
			return nil, err
		}
	}
	if w.reconnect() {
		if err := m.times(w); err != nil {
			return nil, err
		}
	}
	out.Assignments = w.answer(w.action, w.finish)
	return out, nil
}

// refuse says why the policy should not decide.
func (m *Model) refuse(w *worker, any bool) (servepb.Fallback, string) {
	switch {
	case w.unknown != "":
		return servepb.Fallback_FALLBACK_UNKNOWN_SIZE, w.unknown
	case w.invalid != "":
		return servepb.Fallback_FALLBACK_INVALID_VALUE, w.invalid
	case any:
		return servepb.Fallback_FALLBACK_NONE, ""
	}
	if what := m.ranges.check(&w.request); what != "" {
		return servepb.Fallback_FALLBACK_OUT_OF_RANGE, what
	}
	return servepb.Fallback_FALLBACK_NONE, ""
}

// byPolicy lets the policy decide.
func (m *Model) byPolicy(ctx context.Context, q Query, w *worker, out *servepb.DecideResponse) error {
	s, fits := m.sizeOf(&w.obs)
	if !fits {
		return fmt.Errorf("%s was trained for %d devices and %d servers", m.method, m.scenario.Devices, m.scenario.Servers)
	}
	p := m.pool(s)
	var end time.Time
	if q.Budget > 0 {
		if q.Start.IsZero() {
			q.Start = time.Now()
		}
		end = q.Start.Add(q.Budget)
		if time.Until(end) < time.Duration(p.first.Load()) {
			p.skipped()
			return errBudget
		}
	}
	d, err := m.take(ctx, p, s, end)
	if err != nil {
		return err
	}
	defer p.give(d)
	if len(q.Draws) > 0 {
		if err := d.policy.SetDraws(q.Draws); err != nil {
			return fmt.Errorf("%w: draws: %w", ErrRequest, err)
		}
	} else if q.Seed != nil {
		d.policy.Reseed(*q.Seed)
	} else {
		d.policy.Reseed(m.seed)
	}
	d.budget = budget{end: end, start: time.Now()}
	if end.IsZero() {
		d.policy.SetLimit(nil)
	} else {
		d.policy.SetLimit(d.budget.spent)
	}
	if err := d.policy.Decide(w.obs, w.action); err != nil {
		return err
	}
	if began := d.budget.began.Load(); began > 0 {
		p.took(time.Duration(began))
	}
	out.Value, out.Cut = d.policy.Value(), d.policy.Cut()
	if w.obs.Devices > 0 {
		if err := d.policy.Finishes(w.finish); err != nil {
			return err
		}
	}
	out.Draws, err = d.policy.AppendDraws(make([]byte, 0, 20))
	return err
}

// byRule lets the rule decide: the best exit in time, task by task.
func (m *Model) byRule(w *worker) error {
	if err := w.prepare(m); err != nil {
		return err
	}
	if err := w.rule.Decide(w.obs, w.action); err != nil {
		return fmt.Errorf("serve: the rule: %w", err)
	}
	return m.times(w)
}

// prepare makes the rule and the model of a slot for a model.
func (w *worker) prepare(m *Model) (err error) {
	if w.ruleOf == m {
		return nil
	}
	if w.rule, err = mecoffload.NewBestExitInTime(m.profile); err != nil {
		return err
	}
	w.slot, err = mecoffload.NewSlotModel(m.scenario, m.profile, mecoffload.Objective{})
	w.ruleOf = m
	return err
}

// times computes when the tasks of the action will be done.
func (m *Model) times(w *worker) error {
	if err := w.prepare(m); err != nil {
		return err
	}
	if err := errors.Join(w.slot.Begin(&w.obs), w.slot.Choose(w.action)); err != nil {
		return fmt.Errorf("serve: finish times: %w", err)
	}
	w.slot.Finishes(w.finish)
	return nil
}
