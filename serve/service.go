package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graphrl/graphrl/serve/servepb"
	"go.opentelemetry.io/otel/trace"
)

// Errors that callers match.
var (
	// ErrUnknownPolicy means that no policy has the name of a request.
	ErrUnknownPolicy = errors.New("no such policy")
	// ErrNothingThere means that there is no shadow to promote or no earlier policy to return to.
	ErrNothingThere = errors.New("there is none")
)

// Policy is a policy to serve.
type Policy struct {
	Name string
	// Open loads the policy: at the start, and again by Reload. Exactly one of Open and Graph is set.
	Open func() (*Model, error)
	// Graph loads a policy of another task.
	Graph func() (*GraphModel, error)
	// Shadow, if not nil, loads a policy that decides and is scored, but does not act.
	Shadow func() (*Model, error)
	// OpenShadow loads a shadow by the name that SetShadow was given. Nil: SetShadow is refused.
	OpenShadow func(checkpoint string) (*Model, error)
	// Budget is the time for a decision; 0: no limit.
	Budget time.Duration
	// AnyInput lets the policy decide about observations that are out of range, see [Ranges].
	AnyInput bool
	// Rule promotes the shadow by itself; the zero value does not.
	Rule PromotionRule
	// Online, if not nil, learns from reports.
	Online *OnlineConfig
}

// Config describes a service.
type Config struct {
	Policies []Policy
	Limits   Limits
	// Tokens are bearer tokens of clients, and AdminTokens of those that may use AdminService. With
	// neither, everybody may do everything.
	Tokens, AdminTokens []string
	Log                 *slog.Logger // nil: none
	Tracer              trace.Tracer // nil: no traces
}

// Service serves policies. Make it with [New] and [Service.Close] it.
type Service struct {
	cfg     Config
	log     *slog.Logger
	served  []*served
	byName  map[string]*served
	metrics *metrics
	running chan struct{} // a place for each request that runs
	ready   atomic.Bool
	ending  chan struct{} // closed when the service shuts down
	endOnce sync.Once

	clients, admins tokens // with neither, everybody may do everything
}

// served is a policy under its name.
type served struct {
	Policy
	graph  atomic.Pointer[GraphModel]
	acting atomic.Pointer[Model]
	drift  drift
	view   view
	twins  *twins
	online *online
	meters meters
	log    *slog.Logger

	mu               sync.Mutex // of changes of policy
	previous, shadow *Model
	previousGraph    *GraphModel
}

// New loads the policies of a configuration.
func New(c Config) (*Service, error) {
	if len(c.Policies) == 0 {
		return nil, errors.New("serve: no policies: name at least one")
	}
	c.Limits = c.Limits.withDefaults()
	s := &Service{cfg: c, log: c.Log, byName: map[string]*served{}, running: make(chan struct{}, c.Limits.Requests), ending: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.clients, s.admins = digests(c.Tokens), digests(append(c.AdminTokens, adminOf(c)...))
	s.metrics = newMetrics(s)
	for _, p := range c.Policies {
		if s.byName[p.Name] != nil || p.Name == "" {
			return nil, errors.Join(fmt.Errorf("serve: policy name %q is empty or used twice", p.Name), s.Close())
		}
		v, err := s.start(p)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("serve: policy %s: %w", p.Name, err), s.Close())
		}
		s.served, s.byName[p.Name] = append(s.served, v), v
	}
	s.ready.Store(true)
	return s, nil
}

// start loads one policy.
func (s *Service) start(p Policy) (*served, error) {
	v := &served{Policy: p, meters: s.metrics.of(p.Name), log: s.log.With("policy", p.Name)}
	if p.Graph != nil {
		g, err := p.Graph()
		v.graph.Store(g)
		return v, err
	}
	m, err := p.Open()
	if err != nil {
		return nil, err
	}
	if p.Online != nil {
		if v.online, err = startOnline(*p.Online, v, v.log); err != nil {
			return nil, err
		}
		if last := v.online.acting(); last != nil {
			m = last
		}
	}
	v.acting.Store(m)
	v.twins = newTwins(v)
	if p.Shadow != nil {
		if v.shadow, err = p.Shadow(); err != nil {
			return nil, errors.Join(err, v.close())
		}
	}
	v.twins.compare(m, v.shadow)
	if v.online != nil {
		v.online.run()
	}
	s.log.Info("policy loaded", "policy", p.Name, "version", m.version)
	return v, nil
}

// close ends what runs beside the requests, and saves what was learned.
func (v *served) close() error {
	if v.twins != nil {
		v.twins.close()
	}
	if v.online != nil {
		return v.online.close()
	}
	return nil
}

// Close ends the service. What was learned is saved.
func (s *Service) Close() error {
	s.end()
	var errs []error
	for _, v := range s.served {
		errs = append(errs, v.close())
	}
	return errors.Join(errs...)
}

// end tells all that wait that the service ends.
func (s *Service) end() {
	s.endOnce.Do(func() {
		s.ready.Store(false)
		close(s.ending)
	})
}

func (s *Service) isEnding() bool {
	select {
	case <-s.ending:
		return true
	default:
		return false
	}
}

// find returns the policy with a name; an empty one is that of the only policy.
func (s *Service) find(name string) (*served, error) {
	if name == "" && len(s.served) == 1 {
		return s.served[0], nil
	}
	if v := s.byName[name]; v != nil {
		return v, nil
	}
	var names []string
	for _, v := range s.served {
		names = append(names, v.Name)
	}
	return nil, fmt.Errorf("%w: %q, there are %q", ErrUnknownPolicy, name, names)
}

// Decide answers a request.
func (s *Service) Decide(ctx context.Context, r *servepb.DecideRequest) (*servepb.DecideResponse, error) {
	start := time.Now()
	v, err := s.find(r.Policy)
	if err != nil {
		return nil, err
	}
	out, err := v.decide(ctx, r, start)
	if err != nil {
		v.meters.failed.Inc()
		return nil, fmt.Errorf("policy %s: %w", v.Name, err)
	}
	out.Policy = v.Name
	v.meters.decided(out, time.Since(start))
	return out, nil
}

func (v *served) decide(ctx context.Context, r *servepb.DecideRequest, start time.Time) (*servepb.DecideResponse, error) {
	budget := v.Budget
	if b := r.BudgetSeconds; b > 0 && (budget == 0 || b < budget.Seconds()) {
		budget = max(time.Duration(min(b, 3600)*1e9), 1)
	}
	if g := v.graph.Load(); g != nil {
		if r.GetGraph() == nil {
			return nil, fmt.Errorf("%w: it decides about graphs, and the request has none", ErrRequest)
		}
		return g.Decide(ctx, r.GetGraph(), budget, start)
	}
	if r.GetOffloading() == nil {
		return nil, fmt.Errorf("%w: it decides about offloading, and the request has no such observation", ErrRequest)
	}
	m := v.acting.Load()
	w := getWorker()
	defer workers.Put(w)
	out, err := m.decide(ctx, Query{r.GetOffloading(), budget, start, r.Draws, r.Seed, v.AnyInput}, w)
	if err != nil {
		return nil, err
	}
	v.drift.add(m.ranges.drift, &w.obs, w.action, m.ranges.slot)
	v.twins.offer(r, w)
	v.view.add(r, w, out)
	return out, nil
}

// Reload loads a policy again and lets it act.
func (s *Service) Reload(name string) error {
	v, err := s.find(name)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.Graph != nil {
		g, err := inBackground(v.Graph)
		if err != nil {
			return fmt.Errorf("policy %s: %w", v.Name, err)
		}
		v.previousGraph = v.graph.Swap(g)
		return nil
	}
	m, err := inBackground(v.Open)
	if err != nil {
		return fmt.Errorf("policy %s: %w", v.Name, err)
	}
	v.swap(m, v.shadow)
	s.log.Info("policy reloaded", "policy", v.Name, "version", m.version)
	return nil
}

// swap lets another model act, with a shadow. The caller holds v.mu.
func (v *served) swap(m, shadow *Model) {
	v.previous = v.acting.Swap(m)
	v.shadow = shadow
	v.twins.compare(m, shadow)
	v.meters.swaps.Inc()
	if v.online != nil {
		v.online.acts(m)
	}
}

// SetShadow makes a checkpoint the shadow of a policy; an empty name removes it.
func (s *Service) SetShadow(name, checkpoint string) error {
	v, err := s.offloading(name)
	if err != nil {
		return err
	}
	var m *Model
	if checkpoint != "" {
		if v.OpenShadow == nil {
			return fmt.Errorf("policy %s: shadows cannot be named here: %w", v.Name, ErrNothingThere)
		}
		m, err = inBackground(func() (*Model, error) { return v.OpenShadow(checkpoint) })
		if err != nil {
			return fmt.Errorf("policy %s: shadow: %w", v.Name, err)
		}
	}
	v.setShadow(m)
	return nil
}

func (v *served) setShadow(m *Model) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shadow = m
	v.twins.compare(v.acting.Load(), m)
}

// offloading returns a policy that can have a shadow.
func (s *Service) offloading(name string) (*served, error) {
	v, err := s.find(name)
	if err == nil && v.Graph != nil {
		err = fmt.Errorf("policy %s: a policy about graphs has no shadow: %w", v.Name, ErrNothingThere)
	}
	return v, err
}

// Promote lets the shadow act and makes the policy that acted the shadow.
func (s *Service) Promote(name string) error {
	v, err := s.offloading(name)
	if err != nil {
		return err
	}
	if err := v.promote(nil); err != nil {
		return fmt.Errorf("policy %s: %w", v.Name, err)
	}
	s.log.Info("shadow promoted", "policy", v.Name, "version", v.acting.Load().version)
	return nil
}

// promote promotes the shadow, or only if it is the one that was expected.
func (v *served) promote(expected *Model) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.shadow == nil || expected != nil && v.shadow != expected {
		return fmt.Errorf("a shadow to promote: %w", ErrNothingThere)
	}
	v.swap(v.shadow, v.acting.Load())
	return nil
}

// Rollback lets the policy act that did so before the last promotion or reload.
func (s *Service) Rollback(name string) error {
	v, err := s.find(name)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.previousGraph != nil:
		v.previousGraph = v.graph.Swap(v.previousGraph)
	case v.previous != nil:
		v.swap(v.previous, v.acting.Load())
	default:
		return fmt.Errorf("policy %s: an earlier policy: %w", v.Name, ErrNothingThere)
	}
	s.log.Info("policy rolled back", "policy", v.Name)
	return nil
}

// Policies describes what is served.
func (s *Service) Policies() []*servepb.PolicyInfo {
	list := make([]*servepb.PolicyInfo, len(s.served))
	for i, v := range s.served {
		list[i] = v.info()
	}
	return list
}

func (v *served) info() *servepb.PolicyInfo {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := &servepb.PolicyInfo{Name: v.Name, Task: "graph"}
	if g := v.graph.Load(); g != nil {
		p.Method, p.Version = g.cfg.Method, g.cfg.Version
		if v.previousGraph != nil {
			p.Previous = v.previousGraph.cfg.Version
		}
		return p
	}
	m := v.acting.Load()
	p.Task, p.Method, p.Version = "mecoffload", m.method, m.version
	if v.previous != nil {
		p.Previous = v.previous.version
	}
	if v.shadow != nil {
		p.Shadow = v.twins.estimate().message()
		p.Shadow.Version = v.shadow.version
	}
	if v.online != nil {
		p.Online = true
		p.Observed, p.Learned = v.online.counts()
	}
	return p
}
