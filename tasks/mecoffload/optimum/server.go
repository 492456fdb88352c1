package optimum

import (
	"cmp"
	"slices"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// offer is a task that a server could serve. Times are in bins of the grid.
type offer struct {
	device           int
	arrive, deadline float64
	work             []float64 // [L] nominal
}

// slot is what a slot's draw offers to each server, in order of arrival.
type slot struct {
	devices int
	offers  [][]offer // [N]
}

// newSlot returns the tasks of a slot with bins of the given length. The real rates count: a bound
// may know them although policies do not.
func newSlot(sim *mecoffload.Simulator, obs *mecoffload.Observation, bin float64) slot {
	p := sim.Profile()
	s := slot{obs.Devices, make([][]offer, obs.Servers)}
	for i := range obs.Devices {
		for link := range obs.Degree() {
			n := obs.ServerOf(i, link)
			luck, _ := sim.Luck(i, link, 0)
			o := offer{device: i, deadline: obs.Deadline[i] / bin}
			o.arrive = obs.Bits[i] / (obs.Rate[i*obs.Degree()+link] * luck) / bin
			for l := range p.Exits() {
				o.work = append(o.work, p.Time(n, l)/obs.Capacity[n]/bin)
			}
			s.offers[n] = append(s.offers[n], o)
		}
	}
	for _, offers := range s.offers {
		slices.SortStableFunc(offers, func(a, b offer) int { return cmp.Compare(a.arrive, b.arrive) })
	}
	return s
}

// scaled returns the slot for bins that are longer by a factor.
func (s slot) scaled(factor float64) slot {
	t := slot{s.devices, make([][]offer, len(s.offers))}
	for n, offers := range s.offers {
		for _, o := range offers {
			work := make([]float64, len(o.work))
			for l, w := range o.work {
				work[l] = w / factor
			}
			t.offers[n] = append(t.offers[n], offer{o.device, o.arrive / factor, o.deadline / factor, work})
		}
	}
	return t
}

// server finds the best that one server can do in a slot with the tasks on offer, by dynamic
// programming over the time at which it is free, task by task in order of arrival. Serving task i
// earns the accuracy of its exit, if it is in time, minus the price of the task.
//
// Times lie on a grid. Every value is that of the left end of its bin. Being free earlier is never
// worse, so values are never too low. The jitter of a task is averaged over exactly, and what
// follows may depend on it: no policy knows more.
type server struct {
	accuracy []float64
	lucks    []mecoffload.Luck // [L] real time of an inference over its nominal one
	bins     int               // of the grid
	slot     int               // bins of a slot

	value, next, sum []float64
	choice           [][]uint8 // [task][bins] exit + 1; 0: not served
}

// backlogs is the number of bins of a backlog: what is left after a slot, at most.
func (s *server) backlogs() int { return s.bins - s.slot }

// best returns, for every bin of the backlog, the most that the server can earn in the slot, where v
// is the value of the backlog that it leaves. The result is valid until the next call. With trace,
// forward can follow the decisions.
func (s *server) best(offers []offer, price, v []float64, trace bool) []float64 {
	if s.value == nil {
		s.value, s.next, s.sum = make([]float64, s.bins), make([]float64, s.bins), make([]float64, s.bins+1)
	}
	for k := range s.value {
		s.value[k] = v[max(0, k-s.slot)]
	}
	for len(s.choice) < len(offers) && trace {
		s.choice = append(s.choice, make([]uint8, s.bins))
	}
	for i := len(offers) - 1; i >= 0; i-- {
		var choice []uint8
		if trace {
			choice = s.choice[i]
			clear(choice)
		}
		s.step(&offers[i], price[offers[i].device], choice)
	}
	return s.value[:s.backlogs()]
}

// step puts one task before those that value is about.
func (s *server) step(o *offer, price float64, choice []uint8) {
	if o.arrive > o.deadline {
		return // it is always dropped
	}
	value, next := s.value, s.next
	copy(next, value)
	for k, x := range value {
		s.sum[k+1] = s.sum[k] + x
	}
	first, last := int(o.arrive), int(o.deadline)
	for l, work := range o.work {
		if s.accuracy[l] <= price {
			continue // never worth it, as the value falls with the time
		}
		if x := s.serve(o.arrive, o.deadline, work, l) - price; x > next[first] {
			next[first] = x
			if choice != nil {
				choice[first] = uint8(l + 1)
			}
		}
		for k := first + 1; k <= last; k++ {
			if x := s.serve(float64(k), o.deadline, work, l) - price; x > next[k] {
				next[k] = x
				if choice != nil {
					choice[k] = uint8(l + 1)
				}
			}
		}
	}
	// A server that is free before the task arrives waits for it, or does not serve it.
	for k := range first {
		if next[first] > value[k] {
			next[k] = next[first]
			if choice != nil {
				choice[k] = choice[first]
			}
		}
	}
	s.value, s.next = next, value
}

// serve returns the expected value of starting work at a time: the accuracy if it is in time, and
// the value of when it ends.
func (s *server) serve(start, deadline, work float64, exit int) float64 {
	gain := s.accuracy[exit] * s.inTime(start, deadline, work, exit)
	luck := &s.lucks[exit]
	if measured := luck.Measured(); len(measured) > 0 {
		total := 0.0
		for _, factor := range measured {
			total += s.value[int(start+factor*work)]
		}
		return gain + total/float64(len(measured))
	}
	low, high := luck.Range()
	if low == high {
		return gain + s.value[int(start+low*work)]
	}
	from, span := start+low*work, (high-low)*work
	return gain + (s.integral(from+span)-s.integral(from))/span
}

// inTime returns the probability that work which starts at a time ends by the deadline.
func (s *server) inTime(start, deadline, work float64, exit int) float64 {
	return s.lucks[exit].Below((deadline - start) / work)
}

// integral is the integral of value from 0 to x.
func (s *server) integral(x float64) float64 {
	k := int(x)
	return s.sum[k] + (x-float64(k))*s.value[k]
}

// forward follows the decisions of the last best with trace from a distribution of backlogs. It adds
// to served [M] the probability that each task is served, and returns the distribution of the
// backlogs after the slot.
func (s *server) forward(offers []offer, mass, served []float64) []float64 {
	at := make([]float64, s.bins)
	copy(at, mass)
	slope := make([]float64, s.bins+1) // differences of what is added to each bin
	for i := range offers {
		o, choice := &offers[i], s.choice[i]
		clear(slope)
		first := int(o.arrive)
		for k, m := range at {
			if m == 0 || choice[k] == 0 {
				continue
			}
			at[k] = 0
			served[o.device] += m
			exit := choice[k] - 1
			s.spread(slope, m, max(float64(k), o.arrive), o.work[exit], &s.lucks[exit])
		}
		level := 0.0
		for k := first; k < s.bins; k++ {
			level += slope[k]
			at[k] += max(level, 0)
		}
	}
	after := make([]float64, s.backlogs())
	for k, m := range at {
		after[max(0, k-s.slot)] += m
	}
	return after
}

// spread adds the mass of a task that starts work at a time to the bins in which it may end. slope
// are differences of what is added to each bin.
func (s *server) spread(slope []float64, mass, start, work float64, luck *mecoffload.Luck) {
	measured := luck.Measured()
	for _, factor := range measured {
		at := int(start + factor*work)
		slope[at] += mass / float64(len(measured))
		slope[at+1] -= mass / float64(len(measured))
	}
	if len(measured) > 0 {
		return
	}
	low, high := luck.Range()
	from, to := int(start+low*work), int(start+high*work)
	mass /= float64(to - from + 1)
	slope[from] += mass
	slope[to+1] -= mass
}
