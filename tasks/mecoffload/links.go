package mecoffload

import (
	"math"
	"slices"

	"github.com/graphrl/graphrl/internal/cores"
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
// inconsistent lengths or a link leads nowhere.
func (s *LinkSelection) Best(o Observation, k int) (Observation, error) {
	degree := o.Degree()
	if k <= 0 || degree <= k {
		return o, nil
	}
	if err := o.checkLinks(); err != nil {
		return Observation{}, err
	}
	return s.reduce(o, k, nil), nil
}

// Within returns the observation with the k best links of each device into its cell. Where a device
// has fewer than k of those, the observation has no reach, or 0 links are asked for, it is Best and
// the cells are not apart.
func (s *LinkSelection) Within(o Observation, k int, c *Cells) (Observation, error) {
	c.apart = false
	if k < 1 || o.Links < k || o.Servers != len(c.of) {
		return s.Best(o, k)
	}
	if err := o.checkLinks(); err != nil {
		return Observation{}, err
	}
	c.home = reuse.Slice(c.home, o.Devices)
	parallel(o.Devices, o.Links, func(first, end int) {
		for i := first; i < end; i++ {
			c.find(&o, i)
		}
	})
	if c.apart = c.group(k); !c.apart {
		return s.Best(o, k)
	}
	return s.reduce(o, k, c.home), nil
}

// reduce is Best where there are more than k links, or at least k of those in a stretch for each device.
func (s *LinkSelection) reduce(o Observation, k int, homes []stretch) Observation {
	degree := o.Degree()
	s.rate, s.reach = reuse.Slice(s.rate, o.Devices*k), reuse.Slice(s.reach, o.Devices*k)
	parallel(o.Devices, degree, func(first, end int) {
		best := make([]ranked, k)
		for i := first; i < end; i++ {
			links, among := s.reach[i*k:][:k], stretch{links: int32(degree)}
			if homes != nil {
				among = homes[i]
			}
			o.best(i, among, best, links)
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

// best writes the best links of a device among some to links [k], in ascending order. Of equal ones
// the first wins.
func (o *Observation) best(device int, among stretch, best []ranked, links []int32) {
	from := int(among.link)
	rates := o.Rate[device*o.Degree()+from:][:among.links]
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
		o.soonest(device, from, rates, fastest, first)
	}
	for i, b := range best {
		links[i] = b.link + among.link
	}
	slices.Sort(links)
}

// soonest fills first with the links, counted from one on, over which the device's task could start
// first, other than those in taken.
func (o *Observation) soonest(device, from int, rates []float64, taken, first []ranked) {
	bits, last := o.Bits[device], &first[len(first)-1]
	slowest := taken[len(taken)-1] // of the fastest: nothing before it is slower
	for j, r := range rates {
		backlog := o.Backlog[o.ServerOf(device, from+j)]
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

// linkTime is about how long a core takes to look at a link, in nanoseconds.
const linkTime = 5

// parallel calls do for ranges that together are 0..n-1, side by side if the n items with so many
// links each are enough work for several cores. What do writes for an item must not depend on other
// items.
func parallel(n, links int, do func(first, end int)) {
	parts := cores.Parts(n*links*linkTime, n)
	if parts == 1 {
		do(0, n)
		return
	}
	cores.Run(parts, &ranges{n, parts, do})
}

// ranges is a loop over n items in parts.
type ranges struct {
	n, parts int
	do       func(first, end int)
}

func (r *ranges) Part(i int) { r.do(r.n*i/r.parts, r.n*(i+1)/r.parts) }
