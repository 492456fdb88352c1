package agent

import (
	"slices"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// excerptDevices is the most devices of a sample for the replay memory. Of a larger graph a sample is a
// part, so that a slot to be learned from costs the same memory and time however many devices there
// are.
const excerptDevices = 64

// excerpt cuts a part out of a large observation: a random device and those that are near it, as they
// reach the same servers. Messages of the actor are means over neighbours, and most neighbours of the
// excerpt's vertices are in it.
type excerpt struct {
	kinds int // of servers

	obs      mecoffload.Observation
	decision []int32

	devices []int32 // of the whole, in the order in which they are found
	found   []bool  // [M]
	begin   []int32 // [N+1] first device of each server in in
	in      []int32 // devices by server
	number  []int32 // [N] a server's number in the excerpt, -1 outside
}

// cut returns an excerpt of obs and the decision about it, valid until the next call.
func (c *excerpt) cut(obs *mecoffload.Observation, decision []int32, random *rl.Rand) (mecoffload.Observation, []int32) {
	c.choose(obs, random)
	slices.Sort(c.devices)
	c.renumber(obs)
	o, degree := &c.obs, obs.Degree()
	o.Devices, o.Exits, o.Links = len(c.devices), obs.Exits, obs.Links
	o.Bits, o.Deadline, o.ID, o.Rate, o.Reach = o.Bits[:0], o.Deadline[:0], o.ID[:0], o.Rate[:0], o.Reach[:0]
	c.decision = c.decision[:0]
	for _, i := range c.devices {
		o.Bits, o.Deadline = append(o.Bits, obs.Bits[i]), append(o.Deadline, obs.Deadline[i])
		o.ID = append(o.ID, obs.ID[i])
		o.Rate = append(o.Rate, obs.Rate[int(i)*degree:][:degree]...)
		for j := range obs.Links {
			o.Reach = append(o.Reach, c.number[obs.ServerOf(int(i), j)])
		}
		c.decision = append(c.decision, decision[i])
	}
	return *o, c.decision
}

// choose finds the devices of the excerpt by breadth-first search.
func (c *excerpt) choose(obs *mecoffload.Observation, random *rl.Rand) {
	c.devices, c.found = c.devices[:0], reuse.Slice(c.found, obs.Devices)
	clear(c.found)
	add := func(i int32) {
		if !c.found[i] && len(c.devices) < excerptDevices {
			c.found[i] = true
			c.devices = append(c.devices, i)
		}
	}
	if obs.Links > 0 {
		c.group(obs)
	}
	for next := 0; len(c.devices) < excerptDevices; {
		if next == len(c.devices) { // at the start, and where nothing else is in reach
			add(int32(random.IntN(obs.Devices)))
			continue
		}
		for j := range obs.Links {
			server := obs.ServerOf(int(c.devices[next]), j)
			for _, i := range c.in[c.begin[server]:c.begin[server+1]] {
				add(i)
			}
		}
		next++
	}
}

// group lists the devices that reach each server.
func (c *excerpt) group(obs *mecoffload.Observation) {
	c.begin, c.in = reuse.Slice(c.begin, obs.Servers+2), reuse.Slice(c.in, len(obs.Reach))
	clear(c.begin)
	for _, server := range obs.Reach {
		c.begin[server+2]++
	}
	for n := 2; n < len(c.begin); n++ {
		c.begin[n] += c.begin[n-1]
	}
	for at, server := range obs.Reach {
		c.in[c.begin[server+1]] = int32(at / obs.Links)
		c.begin[server+1]++
	}
}

// renumber takes the servers that the excerpt reaches, in ascending order. A server keeps its kind,
// its number modulo the number of kinds; numbers skipped for that belong to idle servers that no
// device reaches.
func (c *excerpt) renumber(obs *mecoffload.Observation) {
	o := &c.obs
	o.Capacity, o.Backlog = o.Capacity[:0], o.Backlog[:0]
	if obs.Links == 0 {
		o.Capacity, o.Backlog = append(o.Capacity, obs.Capacity...), append(o.Backlog, obs.Backlog...)
		o.Servers = obs.Servers
		return
	}
	c.number = reuse.Slice(c.number, obs.Servers)
	for n := range c.number {
		c.number[n] = -1
	}
	for _, i := range c.devices {
		for j := range obs.Links {
			c.number[obs.ServerOf(int(i), j)] = 0
		}
	}
	for n := range c.number {
		if c.number[n] < 0 {
			continue
		}
		for len(o.Capacity)%c.kinds != n%c.kinds {
			o.Capacity, o.Backlog = append(o.Capacity, 1), append(o.Backlog, 0)
		}
		c.number[n] = int32(len(o.Capacity))
		o.Capacity, o.Backlog = append(o.Capacity, obs.Capacity[n]), append(o.Backlog, obs.Backlog[n])
	}
	o.Servers = len(o.Capacity)
}
