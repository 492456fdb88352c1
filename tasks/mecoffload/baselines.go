package mecoffload

import (
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
)

// Policy decides without learning.
type Policy interface {
	// Name is the name of the policy in tables.
	Name() string
	// Decide writes one option per device of obs to dst [M].
	Decide(obs Observation, dst Action) error
}

// Baselines returns the policies to compare learning methods with: Random, RoundRobin, LeastLoaded,
// BestExitInTime, Search on the one-slot reward ("search") and ShadowPriceSearch.
func Baselines(sc Scenario, p Profile, seed uint64) ([]Policy, error) {
	leastLoaded, err := NewLeastLoaded(p)
	if err != nil {
		return nil, err
	}
	bestExit, err := NewBestExitInTime(p)
	if err != nil {
		return nil, err
	}
	search, err := NewSearch(sc, p, SearchConfig{Objective: sc.RewardObjective(), Seed: seed})
	if err != nil {
		return nil, err
	}
	shadow, err := NewShadowPriceSearch(sc, p, seed)
	if err != nil {
		return nil, err
	}
	return []Policy{NewRandom(seed), &RoundRobin{}, leastLoaded, bestExit, search, shadow}, nil
}

func checkRoom(obs *Observation, dst Action) error {
	if len(dst) != obs.Devices {
		return fmt.Errorf("mecoffload: the action has %d entries for %d devices",
			len(dst), obs.Devices)
	}
	return nil
}

// Random chooses every option with the same probability.
type Random struct{ random *rl.Rand }

// NewRandom returns a random policy.
func NewRandom(seed uint64) *Random { return &Random{rl.NewRand(seed, 0)} }

// Name implements Policy.
func (*Random) Name() string { return "random" }

// Decide implements Policy.
func (r *Random) Decide(obs Observation, dst Action) error {
	if err := checkRoom(&obs, dst); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = int32(r.random.IntN(obs.Options()))
	}
	return nil
}

// SaveState implements checkpoints.Stateful.
func (r *Random) SaveState(s *checkpoints.State) error { return r.random.SaveState(s) }

// LoadState implements checkpoints.Stateful.
func (r *Random) LoadState(s *checkpoints.State) error { return r.random.LoadState(s) }

// RoundRobin sends tasks to the servers in turn and always runs the whole network. Each slot
// continues where the last one ended.
type RoundRobin struct{ next int }

// Name implements Policy.
func (*RoundRobin) Name() string { return "round-robin" }

// Decide implements Policy.
func (r *RoundRobin) Decide(obs Observation, dst Action) error {
	if err := checkRoom(&obs, dst); err != nil {
		return err
	}
	for i := range dst {
		link := r.next % obs.Degree()
		dst[i] = int32(link*obs.Exits + obs.Exits - 1)
		r.next = link + 1
	}
	return nil
}

// SaveState implements checkpoints.Stateful.
func (r *RoundRobin) SaveState(s *checkpoints.State) error {
	s.PutInt("next", int64(r.next))
	return nil
}

// LoadState implements checkpoints.Stateful.
func (r *RoundRobin) LoadState(s *checkpoints.State) error {
	next, err := s.Int("next")
	if err != nil {
		return err
	}
	if next < 0 {
		return fmt.Errorf("mecoffload: saved link %d in turn is negative", next)
	}
	r.next = int(next)
	return nil
}

// greedy assigns tasks one by one, in the order of their earliest possible arrival at any server,
// and tracks when each server becomes free.
type greedy struct {
	profile Profile
	exits   bool // true: choose among all exits; false: run the whole network

	earliest []float64 // [M]
	order    []int32   // [M]
	free     []float64 // [N]
	work     []float64 // [N*L] tau/c, s
	sorter   arrivalOrder
}

func newGreedy(p Profile, exits bool) (*greedy, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("mecoffload: profile %q: %w", p.Name, err)
	}
	return &greedy{profile: p, exits: exits}, nil
}

// Decide implements Policy.
func (g *greedy) Decide(obs Observation, dst Action) error {
	if err := obs.Validate(); err != nil {
		return err
	}
	if obs.Exits != g.profile.Exits() {
		return fmt.Errorf("mecoffload: observation with %d exits, profile %q has %d", obs.Exits,
			g.profile.Name, g.profile.Exits())
	}
	if err := checkRoom(&obs, dst); err != nil {
		return err
	}
	m := obs.Devices
	g.earliest, g.order = reuse.Slice(g.earliest, m), reuse.Slice(g.order, m)
	for i, bits := range obs.Bits {
		fastest := 0.0
		for _, r := range obs.Rate[i*obs.Degree():][:obs.Degree()] {
			fastest = max(fastest, r)
		}
		g.earliest[i] = bits / fastest
	}
	g.sorter.sort(g.earliest, g.order)
	g.free = append(g.free[:0], obs.Backlog...)
	g.work = g.profile.Times(obs.Servers, g.work)
	for at := range g.work {
		g.work[at] /= obs.Capacity[at/obs.Exits]
	}
	for _, i := range g.order {
		dst[i] = g.place(&obs, int(i))
	}
	return nil
}

// place picks an option for one task, books the server's time and returns the option. Among the
// options that finish in time it takes the most accurate, then the earliest to finish. If none
// does, it takes the earliest to finish, or one on a server that would drop the task without losing
// time.
func (g *greedy) place(obs *Observation, task int) int32 {
	last := obs.Exits - 1
	first := last
	if g.exits {
		first = 0
	}
	deadline := obs.Deadline[task]
	best := struct {
		option           int
		accuracy, finish float64
		dropped          bool
	}{option: -1}
	for link, rate := range obs.Rate[task*obs.Degree():][:obs.Degree()] {
		n := obs.ServerOf(task, link)
		arrive, free := obs.Bits[task]/rate, g.free[n]
		work := g.work[n*obs.Exits:][:obs.Exits]
		for l := first; l <= last; l++ {
			finish, served := serve(free, arrive, work[l], deadline)
			accuracy := 0.0
			if served && finish <= deadline {
				accuracy = g.profile.Accuracy[l]
			}
			better := accuracy > best.accuracy
			if accuracy == best.accuracy {
				better = best.option < 0 || best.dropped == !served && finish < best.finish || accuracy == 0 && !best.dropped && !served
			}
			if better {
				best.option, best.accuracy, best.finish, best.dropped = link*obs.Exits+l, accuracy, finish, !served
			}
		}
	}
	if !best.dropped {
		g.free[obs.ServerOf(task, best.option/obs.Exits)] = best.finish
	}
	return int32(best.option)
}

// LeastLoaded gives each task to the server that would finish it first and always runs the whole
// network. It places tasks in the order of their earliest possible arrival.
type LeastLoaded struct{ greedy }

// NewLeastLoaded returns a LeastLoaded policy for the network and servers of p.
func NewLeastLoaded(p Profile) (*LeastLoaded, error) {
	g, err := newGreedy(p, false)
	if err != nil {
		return nil, err
	}
	return &LeastLoaded{*g}, nil
}

// Name implements Policy.
func (*LeastLoaded) Name() string { return "least-loaded" }

// BestExitInTime gives each task the most accurate exit, on any server, that finishes in time after
// the tasks placed before it. It places tasks in the order of their earliest possible arrival.
type BestExitInTime struct{ greedy }

// NewBestExitInTime returns a BestExitInTime policy for the network and servers of p.
func NewBestExitInTime(p Profile) (*BestExitInTime, error) {
	g, err := newGreedy(p, true)
	if err != nil {
		return nil, err
	}
	return &BestExitInTime{*g}, nil
}

// Name implements Policy.
func (*BestExitInTime) Name() string { return "best-exit-in-time" }

// shadowWeight is the weight of early results in ShadowPriceSearch, as a share of the reward's. It
// is a margin against jitter and channel errors: with 0, many tasks are planned to finish just in
// time and then do not. Of 0, 0.1, 0.2 and 0.5 it gave the highest accuracy over all dynamic
// scenarios together.
const shadowWeight = 0.2

// NewShadowPriceSearch returns a Search on accuracy minus price times work. [ShadowPrices] gives
// the price of a second of each server: its long-run value when server time is scarce. Prices make
// the one-slot problem account for later slots.
func NewShadowPriceSearch(sc Scenario, p Profile, seed uint64) (*Search, error) {
	prices, err := ShadowPrices(sc, p)
	if err != nil {
		return nil, err
	}
	return NewSearch(sc, p, SearchConfig{Name: "shadow-price", Objective: Objective{Weight: shadowWeight, Prices: prices}, Seed: seed})
}
