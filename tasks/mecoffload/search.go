package mecoffload

import (
	"cmp"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

// Search decides by local search on an Objective. It starts from the decision of BestExitInTime and
// gives one device at a time its best option until no such change helps. Then it tries to exchange
// the options of two devices, and restarts from a randomly changed copy of the best decision so
// far. With the reward as its objective it comes close to the best one-slot decision, at a few
// thousand evaluations of the model per slot.
type Search struct {
	cfg       SearchConfig
	evaluator *SlotModel
	start     *greedy
	random    *rl.Rand
	best      Action
}

var _ checkpoints.Stateful = (*Search)(nil)

// SearchConfig describes a Search.
type SearchConfig struct {
	Name      string    // as a policy; default "search"
	Objective Objective // what decisions are scored by; default the accuracy of the slot
	Seed      uint64    // of the restarts
	// Restarts is the number of restarts. Default 32; negative: none.
	Restarts int
	// ThoroughDevices is the largest number of devices for which Search exchanges and restarts.
	// Above it, Search only gives one device at a time its best option, until that changes nothing
	// or for a few passes. Default 64.
	ThoroughDevices int
}

// NewSearch returns a search for observations of sc with the network and servers of p.
func NewSearch(sc Scenario, p Profile, cfg SearchConfig) (*Search, error) {
	cfg.Name = cmp.Or(cfg.Name, "search")
	cfg.Restarts, cfg.ThoroughDevices = cmp.Or(cfg.Restarts, 32), cmp.Or(cfg.ThoroughDevices, 64)
	e, err := NewSlotModel(sc, p, cfg.Objective)
	if err != nil {
		return nil, err
	}
	start, err := newGreedy(p, true)
	if err != nil {
		return nil, err
	}
	return &Search{cfg: cfg, evaluator: e, start: start, random: rl.NewRand(cfg.Seed, 0)}, nil
}

// Name implements Policy.
func (s *Search) Name() string { return s.cfg.Name }

// Decide implements Policy.
func (s *Search) Decide(obs Observation, dst Action) error {
	if err := s.start.Decide(obs, dst); err != nil {
		return err
	}
	e := s.evaluator
	if err := e.Begin(&obs); err != nil {
		return err
	}
	if obs.Devices == 0 {
		return nil
	}
	if err := e.Choose(dst); err != nil {
		return err
	}
	thorough := obs.Devices <= s.cfg.ThoroughDevices
	if !thorough && e.BeginSwitches() {
		s.switchAll(&obs)
		copy(dst, e.Choice())
		e.HoldBack(dst)
		return nil
	}
	best := s.climb(thorough)
	s.best = append(s.best[:0], e.Choice()...)
	for restart := 0; thorough && restart < s.cfg.Restarts; restart++ {
		// About half of the devices, at least two, get a random option.
		for range max(2, obs.Devices/2) {
			e.Move(s.random.IntN(obs.Devices), int32(s.random.IntN(obs.Options())))
		}
		if v := s.climb(true); v > best {
			best = v
			copy(s.best, e.Choice())
		} else if err := e.Choose(s.best); err != nil {
			return err
		}
	}
	copy(dst, s.best)
	if err := e.Choose(dst); err != nil {
		return err
	}
	e.HoldBack(dst)
	return nil
}

// switchPasses is how often a search goes through more devices than fewDevices. With 1001 devices and
// 143 servers three passes bring 99.5 % of what passes without end bring.
const (
	switchPasses = 3
	fewDevices   = 1000
)

// switchAll gives one device at a time its best option until that changes nothing, or often enough.
func (s *Search) switchAll(obs *Observation) {
	for pass := 0; obs.Devices <= fewDevices || pass < switchPasses; pass++ {
		gain := 0.0
		for i := range obs.Devices {
			gain += s.evaluator.Switch(i, nil)
		}
		if gain == 0 { // every switch gains at least leastGain, so this comes to an end
			return
		}
	}
}

// climb improves the evaluator's decision until no change of one device and, if requested, no
// exchange of two helps. It returns the decision's value.
func (s *Search) climb(exchanges bool) float64 {
	e := s.evaluator
	m := e.tasks
	value := e.Value()
	for {
		for unchanged, i := 0, 0; unchanged < m; i = (i + 1) % m {
			unchanged++
			if v := e.Improve(i, value); v != value {
				value, unchanged = v, 0
			}
		}
		if !exchanges {
			return value
		}
		before := value
		for i := range m {
			for j := range i {
				if e.choice[i] == e.choice[j] {
					continue
				}
				if v := e.TrySwap(i, j); v > value+leastGain {
					e.Swap(i, j)
					value = v
				}
			}
		}
		if value == before {
			return value
		}
	}
}

// SaveState implements checkpoints.Stateful.
func (s *Search) SaveState(st *checkpoints.State) error { return s.random.SaveState(st) }

// LoadState implements checkpoints.Stateful.
func (s *Search) LoadState(st *checkpoints.State) error { return s.random.LoadState(st) }

// maxExhaustive is the largest number of decisions that Exhaustive enumerates.
const maxExhaustive = 1 << 20

// Exhaustive writes the best of all (N*L)^M decisions to dst [M] and returns its value: the ground
// truth for tiny instances. Among equally good ones it takes the first in lexical order, with
// device 0 varying slowest.
func Exhaustive(e *SlotModel, obs Observation, dst Action) (float64, error) {
	if err := e.Begin(&obs); err != nil {
		return 0, err
	}
	if len(dst) != obs.Devices {
		return 0, fmt.Errorf("mecoffload: the action has %d entries for %d devices",
			len(dst), obs.Devices)
	}
	options := obs.Options()
	if n := math.Pow(float64(options), float64(obs.Devices)); n > maxExhaustive {
		return 0, fmt.Errorf("mecoffload: %d devices with %d options each have %.3g decisions, "+
			"too many for an exhaustive search", obs.Devices, options, n)
	}
	e.refresh()
	best := math.Inf(-1)
	for {
		if v := e.Value(); v > best {
			best = v
			copy(dst, e.Choice())
		}
		// Count up in base N*L.
		i := obs.Devices - 1
		for ; i >= 0 && int(e.choice[i]) == options-1; i-- {
			e.move(i, 0)
		}
		if i < 0 {
			return best, nil
		}
		e.Move(i, e.choice[i]+1)
	}
}
