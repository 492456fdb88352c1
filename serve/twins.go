package serve

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// twins compare the shadow with the policy that acts. What a policy that does not act would have
// earned cannot be seen, and one slot says little: a policy that takes more server time looks better
// now and pays later. But tasks, rates and capacities do not depend on decisions, only backlogs do.
// So each source has two twins that meet the same tasks: in one the acting policy decides, in the
// other the shadow, and each has the backlogs that its own decisions leave. Times are nominal, and a
// task counts with its probability of being in time, learned from outcomes.
//
// The work is done beside the requests. If there is too much, slots are left out, and the twins of
// the source start again from the backlogs that were observed.
type twins struct {
	of      *served
	queue   chan *twinSlot
	spare   sync.Pool // of *twinSlot
	done    chan struct{}
	on      atomic.Bool
	skipped atomic.Int64

	mu    sync.Mutex
	pair  *twinPair
	pairs pairs
	error pairs // expected reward of the acting policy's decisions minus the reported reward
	odds  *agent.DeadlineModel
}

// twinPair are two models that are compared.
type twinPair struct {
	acting, shadow *Model
	sides          [2]twinSide
	sources        map[string]*twinSource
}

// twinSide decides in one of the twins.
type twinSide struct {
	policy *agent.Policy
	size   size // of the policy
	model  *mecoffload.SlotModel
	odds   mecoffload.OnTimeTable
	action mecoffload.Action
	value  float64
}

// twinSource are the twins of one source after a slot.
type twinSource struct {
	slot    uint64
	backlog [2][]float64 // [N] s
}

// twinSlot is an observation to decide on.
type twinSlot struct {
	source string
	slot   uint64
	obs    mecoffload.Observation
}

const (
	twinQueue   = 64
	mostSources = 1024
)

func newTwins(v *served) *twins {
	queue := make(chan *twinSlot, twinQueue)
	t := &twins{of: v, queue: queue, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		for s := range queue {
			t.step(s)
			t.spare.Put(s)
		}
	}()
	return t
}

func (t *twins) close() {
	t.on.Store(false)
	t.mu.Lock()
	if t.queue != nil {
		close(t.queue)
		t.queue = nil
	}
	t.mu.Unlock()
	<-t.done
}

// compare starts a comparison of two models; with a nil shadow there is none.
func (t *twins) compare(acting, shadow *Model) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pair, t.pairs, t.error = nil, pairs{}, pairs{}
	odds := *acting.ranges.odds // a copy, which learns on
	t.odds = &odds
	if shadow != nil {
		t.pair = &twinPair{acting: acting, shadow: shadow, sources: map[string]*twinSource{}}
	}
	t.on.Store(shadow != nil)
}

// offer gives the twins a slot, if there is a shadow and room in the queue.
func (t *twins) offer(r *servepb.DecideRequest, w *worker) {
	if !t.on.Load() || w.invalid != "" || w.unknown != "" || w.obs.Devices == 0 {
		return
	}
	s, ok := t.spare.Get().(*twinSlot)
	if !ok {
		s = new(twinSlot)
	}
	s.source, s.slot = r.Source, r.Slot
	w.obs.CopyTo(&s.obs)
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case t.queue <- s:
	default:
		t.skipped.Add(1)
	}
}

// step lets both sides decide one slot.
func (t *twins) step(s *twinSlot) {
	t.mu.Lock()
	pair := t.pair
	t.mu.Unlock()
	if pair == nil {
		return
	}
	source, goesOn := pair.source(s)
	observed := s.obs.Backlog
	for side, m := range [2]*Model{pair.acting, pair.shadow} {
		if goesOn {
			s.obs.Backlog = source.backlog[side]
		} else {
			s.obs.Backlog = observed
		}
		if err := t.decide(m, &pair.sides[side], &s.obs, &source.backlog[side]); err != nil {
			source.slot = math.MaxUint64 // the next slot starts again
			s.obs.Backlog = observed
			return
		}
	}
	s.obs.Backlog = observed
	source.slot = s.slot
	t.count(pair)
	t.of.view.twins(s, pair, source, t.estimate())
}

// source returns the twins of a slot's source, and whether the slot follows the one before.
func (p *twinPair) source(s *twinSlot) (source *twinSource, goesOn bool) {
	source = p.sources[s.source]
	if source == nil {
		if len(p.sources) >= mostSources {
			clear(p.sources)
		}
		source = &twinSource{slot: math.MaxUint64}
		p.sources[s.source] = source
	}
	n := s.obs.Servers
	return source, s.source != "" && source.slot != math.MaxUint64 && s.slot == source.slot+1 &&
		len(source.backlog[0]) == n && len(source.backlog[1]) == n
}

// decide lets one side decide, sets the reward it expects and the backlogs that it leaves.
func (t *twins) decide(m *Model, side *twinSide, obs *mecoffload.Observation, left *[]float64) error {
	size, fits := m.sizeOf(obs)
	if !fits {
		return errBudget
	}
	if side.policy == nil || side.size != size {
		d, err := m.newDecider(size)
		if err != nil {
			return err
		}
		side.policy, side.size = d.policy, size
	}
	side.action = reuse.Slice(side.action, obs.Devices)
	if err := side.policy.Decide(*obs, side.action); err != nil {
		return err
	}
	if side.model == nil {
		objective := mecoffload.Objective{Weight: m.scenario.RewardWeight, OnTime: &side.odds}
		var err error
		if side.model, err = mecoffload.NewSlotModel(m.scenario, m.profile, objective); err != nil {
			return err
		}
	}
	t.mu.Lock()
	side.odds = *t.odds.Table()
	t.mu.Unlock()
	if err := side.model.Begin(obs); err != nil {
		return err
	}
	if err := side.model.Choose(side.action); err != nil {
		return err
	}
	side.value = side.model.Value()
	*left = reuse.Slice(*left, obs.Servers)
	side.model.NextBacklog(*left)
	return nil
}

// count adds a slot to the estimate, and lets the rule look at it.
func (t *twins) count(pair *twinPair) {
	t.mu.Lock()
	if t.pair != pair {
		t.mu.Unlock()
		return
	}
	t.pairs.add(pair.sides[1].value - pair.sides[0].value)
	promote := t.of.Rule.promotes(&t.pairs)
	t.mu.Unlock()
	if promote && t.of.promote(pair.shadow) == nil {
		t.of.log.Info("the rule has promoted the shadow", "version", pair.shadow.version)
	}
}

// estimate is the difference of the shadow's expected reward to that of the acting policy.
func (t *twins) estimate() estimate {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pairs.interval(0.95)
}

// modelError is the estimate of how much too high the expected rewards are.
func (t *twins) modelError() estimate {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.error.interval(0.95)
}

// report learns the odds of being in time from a reported slot: ratio [M] are the nominal T/delta of
// its tasks, expected is the reward that the twins' model expects of the decision, and got is what
// came of it.
func (t *twins) report(ratio []float64, status []mecoffload.Status, expected, got float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.odds.Observe(ratio, status)
	t.error.add(expected - got)
}
