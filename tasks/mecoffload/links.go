package mecoffload

import (
	"math"
	"slices"

	"github.com/graphrl/graphrl/internal/reuse"
)

// LinkSelection reduces observations to the links that matter. Most of many servers are too far or
// too busy for a device to choose them, but each costs every step of a decision as much as one that
// it chooses. The zero value is ready to use.
type LinkSelection struct {
	rate  []float64
	reach []int32
}

// Best returns the observation with the k best links of each device. Half of them, rounded up, have
// the highest rates; the others are those over which its task could start first, at max(d/r, b).
// The first criterion spreads the devices over the servers, the second sees the queues. With k = 0,
// or k links or fewer, it returns the observation unchanged. The result shares memory with o and
// the selection and is valid until the next call. It is an error if the slices of o have
// inconsistent lengths.
func (s *LinkSelection) Best(o Observation, k int) (Observation, error) {
	degree := o.Degree()
	if k <= 0 || degree <= k {
		return o, nil
	}
	if err := o.checkShape(); err != nil {
		return Observation{}, err
	}
	return s.reduce(o, k), nil
}

// reduce is Best where there are more than k links.
func (s *LinkSelection) reduce(o Observation, k int) Observation {
	degree := o.Degree()
	s.rate, s.reach = reuse.Slice(s.rate, o.Devices*k), reuse.Slice(s.reach, o.Devices*k)
	parallel(o.Devices, degree, func(first, end int) {
		best := make([]ranked, k)
		for i := first; i < end; i++ {
			links := s.reach[i*k:][:k]
			o.best(i, best, links)
			for j, link := range links {
				s.rate[i*k+j] = o.Rate[i*degree+int(link)]
				links[j] = int32(o.ServerOf(i, int(link)))
			}
		}
	})
	o.Links, o.Rate, o.Reach = k, s.rate, s.reach
	return o
}

// ranked is a link and its sort key: less is better.
type ranked struct {
	key  float64
	link int32
}

// insert puts a link that is better than the last into its place among the best, which drops the
// last.
func insert(best []ranked, r ranked) {
	j := len(best) - 1
	for ; j > 0 && best[j-1].key > r.key; j-- {
		best[j] = best[j-1]
	}
	best[j] = r
}

// best writes the best links of a device to links [k], in ascending order. Of equal ones the first
// wins.
func (o *Observation) best(device int, best []ranked, links []int32) {
	degree, bits := o.Degree(), o.Bits[device]
	rates := o.Rate[device*degree:][:degree]
	for i := range best {
		best[i] = ranked{math.Inf(1), int32(i)} // links that stay where rates make no sense
	}
	fastest, first := best[:(len(best)+1)/2], best[(len(best)+1)/2:]
	for j, r := range rates {
		if -r < fastest[len(fastest)-1].key {
			insert(fastest, ranked{-r, int32(j)})
		}
	}
	if len(first) > 0 {
		o.soonest(device, bits, rates, fastest, first)
	}
	for i, b := range best {
		links[i] = b.link
	}
	slices.Sort(links)
}

// soonest fills first with the links over which the device's task could start first, other than
// those in taken.
func (o *Observation) soonest(device int, bits float64, rates []float64, taken, first []ranked) {
	last := &first[len(first)-1]
	slowest := taken[len(taken)-1] // of the fastest: nothing before it is slower
	for j, r := range rates {
		backlog := o.Backlog[o.ServerOf(device, j)]
		// bits/r < last.key without a division
		if !(backlog < last.key && bits < last.key*r) {
			continue
		}
		if -r <= slowest.key && slices.ContainsFunc(taken, func(t ranked) bool { return int(t.link) == j }) {
			continue
		}
		insert(first, ranked{min(max(bits/r, backlog), math.MaxFloat64), int32(j)})
	}
}
