package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// World changes the world that a checkpoint was trained in. The zero value keeps it.
type World struct {
	Scenario *mecoffload.Scenario
	Profile  *mecoffload.Profile
	// Devices and Servers, if not 0, replace the scenario's numbers.
	Devices, Servers int
}

// Model is a trained policy of tasks/mecoffload, ready to decide for any number of devices and
// servers. It never changes, and is safe for concurrent use.
type Model struct {
	version  string
	method   string
	scenario mecoffload.Scenario // to serve, by default that of the training
	profile  mecoffload.Profile
	seed     uint64
	graph    bool // the network fits any number of devices and servers
	load     func(mecoffload.Scenario) (*agent.Policy, error)
	ranges   *Ranges
	saved    *experiment.Checkpoint

	mu    sync.Mutex
	sizes map[size]*pool
	clock uint64 // of uses of pools
}

// size is the world that a decider is made for. Candidates and the price of server time depend on
// it, so it is that of the scenario for all observations that fit, and for larger ones the next
// power of two.
type size struct{ devices, servers int }

// mostSizes bounds the worlds that a model keeps deciders for. The one not used for longest goes
// first.
const mostSizes = 32

// OpenModel loads a checkpoint: a run folder, or the folder of a checkpoint. name is best or latest,
// or empty for the best if there is one.
func OpenModel(dir, name string, w World) (*Model, error) {
	c, err := openCheckpoint(dir, name)
	if err != nil {
		return nil, err
	}
	return NewModel(c, w)
}

// openCheckpoint opens a checkpoint of a run folder or, if dir is none, in dir itself.
func openCheckpoint(dir, name string) (*experiment.Checkpoint, error) {
	c, _, err := experiment.OpenLearned(dir, name)
	if err == nil || name != "" {
		return c, err
	}
	if alone, alsoErr := experiment.OpenCheckpoint(dir); alsoErr == nil {
		return alone, nil
	}
	return nil, err
}

// NewModel returns the model of a checkpoint in a world. It plays the world for a moment to learn
// which observations are usual, see [Ranges].
func NewModel(c *experiment.Checkpoint, w World) (*Model, error) { return newModel(c, w, nil) }

// newModel is NewModel with ranges that are known, unless they are nil.
func newModel(c *experiment.Checkpoint, w World, ranges *Ranges) (*Model, error) {
	m := &Model{
		ranges:   ranges,
		saved:    c,
		version:  fmt.Sprintf("%s@%d-%.8s", c.Config.Method, c.Slot, c.Digest()),
		method:   string(c.Config.Method),
		scenario: c.Config.Scenario,
		profile:  c.Config.Profile,
		seed:     c.Config.Seed,
		graph:    c.Config.Method.Graph(),
		sizes:    make(map[size]*pool),
	}
	if w.Scenario != nil {
		m.scenario = *w.Scenario
	}
	if w.Profile != nil {
		m.profile = *w.Profile
	}
	if w.Devices > 0 {
		m.scenario.Devices = w.Devices
	}
	if w.Servers > 0 {
		m.scenario.Servers = w.Servers
	}
	if m.scenario.Energy != (mecoffload.Energy{}) {
		return nil, fmt.Errorf("serve: scenario %q has an energy budget, and requests carry no prices "+
			"of energy: serve the policy in a scenario without the key energy", m.scenario.Name)
	}
	m.load = func(sc mecoffload.Scenario) (*agent.Policy, error) { return c.Policy(sc, m.profile) }
	d, err := m.newDecider(m.world())
	if err != nil {
		return nil, err
	}
	if m.ranges == nil {
		if m.ranges, err = learnRanges(m.scenario, m.profile, d.policy, m.seed); err != nil {
			return nil, err
		}
	}
	return m, m.warmUp(d)
}

// Version identifies the model: method, slots of training and the digest of its weights.
func (m *Model) Version() string { return m.version }

// Ranges returns what the model takes for usual.
func (m *Model) Ranges() *Ranges { return m.ranges }

// world is the size of the scenario.
func (m *Model) world() size { return size{m.scenario.Devices, m.scenario.Servers} }

// sizeOf is the size for an observation, and whether the network is for it.
func (m *Model) sizeOf(obs *mecoffload.Observation) (size, bool) {
	s := m.world()
	if obs.Devices <= s.devices && obs.Servers == s.servers {
		return s, true
	}
	if !m.graph {
		return s, false
	}
	for s.devices < obs.Devices {
		s.devices = powerAbove(s.devices)
	}
	s.devices = min(s.devices, mecoffload.MaxDevices)
	s.servers = obs.Servers
	return s, obs.Devices <= mecoffload.MaxDevices && obs.Servers <= mecoffload.MaxServers
}

// powerAbove is the lowest power of two above n.
func powerAbove(n int) int {
	p := 1
	for p <= n {
		p *= 2
	}
	return p
}

// warmUp makes the deciders of the world, the first of which is given, so that none is made while
// somebody waits. Each decides once, which makes its buffers.
func (m *Model) warmUp(first *decider) error {
	sim, err := mecoffload.NewSimulator(m.scenario, m.profile)
	if err != nil {
		return err
	}
	obs, err := sim.Reset(m.seed)
	if err != nil {
		return err
	}
	p := newPool()
	m.sizes[m.world()] = p
	for d := first; ; {
		if err := d.policy.Decide(obs, make(mecoffload.Action, obs.Devices)); err != nil {
			return fmt.Errorf("serve: the first decision: %w", err)
		}
		p.made.Add(1)
		p.free <- d
		if len(p.free) == cap(p.free) {
			return nil
		}
		if d, err = m.newDecider(m.world()); err != nil {
			return err
		}
	}
}

// decider is a policy with its buffers, used by one goroutine at a time.
type decider struct {
	policy *agent.Policy
	budget budget
}

// budget is the limit on the time of one decision.
type budget struct {
	end   time.Time    // zero: none
	start time.Time    // of the network
	began atomic.Int64 // ns until the first candidates were scored; 0: not yet
}

// spent reports whether the time is up. The first question comes after the network, or that of the
// first cell. Cells that are decided side by side ask at the same time.
func (b *budget) spent() bool {
	now := time.Now()
	if b.began.Load() == 0 {
		b.began.CompareAndSwap(0, int64(max(now.Sub(b.start), 1)))
	}
	return now.After(b.end)
}

func (m *Model) newDecider(s size) (*decider, error) {
	sc := m.scenario
	sc.Devices, sc.Servers = s.devices, s.servers
	if sc.Reach > sc.Servers {
		sc.Reach = 0
	}
	p, err := m.load(sc)
	if err != nil {
		return nil, err
	}
	return &decider{policy: p}, nil
}

// pool holds the deciders of one size: as many as can run at once.
type pool struct {
	free   chan *decider
	made   atomic.Int32
	used   uint64       // clock of the last use
	first  atomic.Int64 // usual time until the first candidates are scored, ns
	once   sync.Once
	failed chan struct{} // closed if a decider could not be made
	err    error         // then
}

func newPool() *pool {
	return &pool{free: make(chan *decider, processors()), failed: make(chan struct{})}
}

// fail notes why no decider can be made.
func (p *pool) fail(err error) {
	p.once.Do(func() {
		p.err = err
		close(p.failed)
	})
}

// took notes the time that the network took, and returns nothing usual after a rest.
func (p *pool) took(d time.Duration) {
	old := p.first.Load()
	if old == 0 {
		p.first.Store(int64(d))
		return
	}
	p.first.Store(old + (int64(d)-old)/8)
}

// skipped lowers the usual time a little, so that the network is tried again some time.
func (p *pool) skipped() { p.first.Store(p.first.Load() * 15 / 16) }

// pool returns the pool of a size.
func (m *Model) pool(s size) *pool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock++
	p := m.sizes[s]
	if p == nil {
		if len(m.sizes) >= mostSizes {
			m.forget()
		}
		p = newPool()
		m.sizes[s] = p
	}
	p.used = m.clock
	return p
}

// forget drops the pool that was not used for longest. Its deciders in use end with their decision.
func (m *Model) forget() {
	var oldest size
	found := false
	for s, p := range m.sizes {
		if s != m.world() && (!found || p.used < m.sizes[oldest].used) {
			oldest, found = s, true
		}
	}
	delete(m.sizes, oldest)
}

// errBudget means that there was no time left for the policy.
var errBudget = errors.New("no time left")

// take takes a decider from the pool. It makes one if there may be more, in the background if there
// is a limit on the time.
func (m *Model) take(ctx context.Context, p *pool, s size, end time.Time) (*decider, error) {
	select {
	case d := <-p.free:
		return d, nil
	default:
	}
	if n := p.made.Add(1); int(n) > cap(p.free) {
		p.made.Add(-1)
	} else {
		go func() {
			d, err := m.newDecider(s)
			if err != nil {
				p.fail(err)
				return
			}
			p.free <- d
		}()
	}
	var late <-chan time.Time
	if !end.IsZero() {
		timer := time.NewTimer(time.Until(end))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case d := <-p.free:
		return d, nil
	case <-p.failed:
		return nil, p.err
	case <-late:
		return nil, errBudget
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// give puts a decider back.
func (p *pool) give(d *decider) { p.free <- d }
