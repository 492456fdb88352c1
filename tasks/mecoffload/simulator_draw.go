package mecoffload

import (
	"math/rand/v2"

	"github.com/graphrl/graphrl/internal/cores"
	"github.com/graphrl/graphrl/internal/pcg"
)

// Kinds of random draws. Each kind of each slot has its own stream. So scenarios that differ in one
// uncertainty share everything else, and a simulator's random state is just its seed and slot.
const (
	drawTasks = iota + 1
	drawRates
	drawCapacities
	drawRateLuck
	drawTimeLuck
	drawChurn
	drawTraceLinks
)

// stream points s.random at the draws of one kind in a slot.
func (s *Simulator) stream(kind uint64, slot int64) *rand.Rand {
	s.source.Seed(s.seeds(kind, slot))
	return s.random
}

// seeds are those of the draws of one kind in a slot.
func (s *Simulator) seeds(kind uint64, slot int64) (uint64, uint64) {
	return mix(s.seed ^ mix(kind)), mix(uint64(slot))
}

// luck returns the draw of U(0, 1) of one kind for a link of the current slot, or 0 where nothing is
// uncertain. Every link has a draw, but only those of the links that are used are made.
func (s *Simulator) luck(kind uint64, spread float64, link int) float64 {
	if !(spread > 0) {
		return 0
	}
	seed1, seed2 := s.seeds(kind, s.slot)
	pcg.Seek(s.source, seed1, seed2, uint64(link))
	return s.random.Float64()
}

// rateLuck returns real over nominal rate of a link.
func (s *Simulator) rateLuck(link int) float64 {
	csi := s.scenario.CSI
	return Interval[float64]{1 - csi, 1 + csi}.at(s.luck(drawRateLuck, csi, link))
}

// timeLuck returns real over nominal time of an inference over a link.
func (s *Simulator) timeLuck(link, server, exit int) float64 {
	return s.lucks[server*s.obs.Exits+exit].At(s.luck(drawTimeLuck, s.scenario.Jitter, link))
}

// rateDraws are a slot's rates, drawn in parts.
type rateDraws struct {
	rates        []float64
	between      Interval[float64] // Mbit/s
	seed1, seed2 uint64
	parts        int
}

// drawTime is about how long a core takes for a draw, in nanoseconds.
const drawTime = 4

// drawRates draws the nominal rates of all links.
func (s *Simulator) drawRates() {
	r := &s.rates
	r.rates, r.between = s.obs.Rate, s.scenario.RateMbit
	r.seed1, r.seed2 = s.seeds(drawRates, s.slot)
	r.parts = cores.Parts(len(r.rates)*drawTime, len(r.rates))
	cores.Run(r.parts, r)
}

// Part implements cores.Task.
func (r *rateDraws) Part(i int) {
	first, end := len(r.rates)*i/r.parts, len(r.rates)*(i+1)/r.parts
	var source rand.PCG
	pcg.Seek(&source, r.seed1, r.seed2, uint64(first))
	for k := range r.rates[first:end] {
		u := float64(source.Uint64()<<11>>11) / (1 << 53) // as rand.Float64 does
		r.rates[first+k] = r.between.at(u) * 1e6
	}
}

// mix is the output function of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): it sends
// consecutive numbers far apart.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// drawSlot draws the slot's tasks and the known and unknown values of its links and servers.
func (s *Simulator) drawSlot() {
	sc, o := &s.scenario, &s.obs
	o.Bits, o.Deadline, o.ID, o.Reach = o.Bits[:0], o.Deadline[:0], o.ID[:0], o.Reach[:0]
	random := s.stream(drawTasks, s.slot)
	for id, here := range s.present {
		// Every identity draws, so that a device's task does not depend on which others are
		// present.
		size, deadline, arrival := random.Float64(), random.Float64(), random.Float64()
		if here && arrival < sc.Arrival {
			o.Bits = append(o.Bits, sc.SizeKByte.at(size)*8000)
			o.Deadline = append(o.Deadline, sc.Deadline.at(deadline))
			o.ID = append(o.ID, id)
			o.Reach = append(o.Reach, s.reach[id*o.Links:(id+1)*o.Links]...)
		}
	}
	o.Devices = len(o.ID)
	if s.energy != nil {
		o.EnergyPrice = o.EnergyPrice[:0]
		perQueue := 1 / (sc.Energy.weight() * sc.Energy.budget())
		for _, id := range o.ID {
			o.EnergyPrice = append(o.EnergyPrice, s.energy.Backlog()[id]*perQueue)
		}
	}

	o.Rate = o.Rate[:o.Devices*o.Degree()]
	if len(s.traces) > 0 {
		s.readTraces()
	} else {
		s.drawRates()
	}
	random = s.stream(drawCapacities, s.slot)
	for n := range o.Capacity {
		o.Capacity[n] = sc.Capacity.at(random.Float64())
	}
}

// drawLinks gives each link a random trace and a random place in it.
func (s *Simulator) drawLinks() {
	random := s.stream(drawTraceLinks, 0)
	for i := range s.links {
		trace := random.IntN(len(s.traces))
		s.links[i] = link{trace, random.Float64() * float64(len(s.traces[trace]))}
	}
}

// readTraces sets the slot's rates from the traces.
func (s *Simulator) readTraces() {
	now := float64(s.slot) * float64(s.scenario.Slot)
	n := s.obs.Degree()
	for i, id := range s.obs.ID {
		for k, link := range s.links[id*n : (id+1)*n] {
			samples := s.traces[link.trace]
			s.obs.Rate[i*n+k] = samples[int((link.offset+now)/TraceSample)%len(samples)]
		}
	}
}

// drawPopulation draws the devices present in the first slot.
func (s *Simulator) drawPopulation() {
	for id := range s.present {
		s.present[id] = true
	}
	random := s.stream(drawChurn, s.slot)
	if fewest := s.scenario.fewestDevices(); fewest < s.scenario.Devices {
		for leave := random.IntN(s.scenario.Devices - fewest + 1); leave > 0; leave-- {
			s.flipOne(random, true)
		}
	}
}

// movePopulation lets at most one device leave and one join.
func (s *Simulator) movePopulation() {
	sc := &s.scenario
	if !sc.Churn.enabled() {
		return
	}
	random := s.stream(drawChurn, s.slot)
	if random.Float64() < sc.Churn.Leave && s.population() > sc.fewestDevices() {
		s.flipOne(random, true)
	}
	if random.Float64() < sc.Churn.Join && s.population() < sc.Devices {
		s.flipOne(random, false)
	}
}

// population returns the number of devices present.
func (s *Simulator) population() int {
	count := 0
	for _, here := range s.present {
		if here {
			count++
		}
	}
	return count
}

// flipOne flips the presence of one device, drawn uniformly from those present (or absent).
func (s *Simulator) flipOne(random *rand.Rand, present bool) {
	count := s.population()
	if !present {
		count = len(s.present) - count
	}
	pick := random.IntN(count)
	for id, here := range s.present {
		if here != present {
			continue
		}
		if pick == 0 {
			s.present[id] = !present
			return
		}
		pick--
	}
}
