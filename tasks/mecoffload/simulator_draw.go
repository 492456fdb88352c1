package mecoffload

import "math/rand/v2"

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
	s.source.Seed(mix(s.seed^mix(kind)), mix(uint64(slot)))
	return s.random
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
		random = s.stream(drawRates, s.slot)
		for i := range o.Rate {
			o.Rate[i] = sc.RateMbit.at(random.Float64()) * 1e6
		}
	}
	random = s.stream(drawCapacities, s.slot)
	for n := range o.Capacity {
		o.Capacity[n] = sc.Capacity.at(random.Float64())
	}
	s.rateLuck = s.draw(drawRateLuck, sc.CSI, s.rateLuck)
	luck := Interval[float64]{1 - sc.CSI, 1 + sc.CSI}
	for i, u := range s.rateLuck {
		s.rateLuck[i] = luck.at(u)
	}
	s.timeDraw = s.draw(drawTimeLuck, sc.Jitter, s.timeDraw)
}

// draw draws U(0, 1) for every link, or 0 where nothing is uncertain.
func (s *Simulator) draw(kind uint64, spread float64, dst []float64) []float64 {
	dst = dst[:len(s.obs.Rate)]
	clear(dst)
	if spread > 0 {
		random := s.stream(kind, s.slot)
		for i := range dst {
			dst[i] = random.Float64()
		}
	}
	return dst
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
