package mecoffload

import (
	"github.com/graphrl/graphrl/internal/reuse"
)

// Cells cut the observation of a city into parts with their own devices and servers. Servers stand
// along a ring, as in [Scenario.Reach], and a cell is a run of them. A device belongs to the cell that
// has most of the servers in its reach, and keeps only its links into that cell: then no device of
// one cell can use a server of another.
type Cells struct {
	first []int32   // [C+1] first server of each cell
	of    []int32   // [N] cell of each server
	home  []stretch // [M]
	begin []int32   // [C+1] first device of each cell in devices
	in    []int32   // [M] devices by cell
	apart bool
}

// stretch is the links of a device into its cell.
type stretch struct{ cell, link, links int32 }

// NewCells returns the given number of cells of a ring of servers, of about the same size. Server n is
// of kind n modulo kinds in the ring and in its cell.
func NewCells(count, servers, kinds int) *Cells {
	blocks := (servers + kinds - 1) / kinds
	count = max(1, min(count, blocks))
	c := &Cells{first: make([]int32, count+1), of: make([]int32, servers), begin: make([]int32, count+2)}
	for i := range count {
		c.first[i+1] = int32(min(blocks*(i+1)/count*kinds, servers))
		for n := c.first[i]; n < c.first[i+1]; n++ {
			c.of[n] = int32(i)
		}
	}
	return c
}

// Count returns the number of cells.
func (c *Cells) Count() int { return len(c.first) - 1 }

// Apart reports whether the last observation of [LinkSelection.Within] falls apart into cells.
func (c *Cells) Apart() bool { return c.apart }

// find sets the home of a device. Links lead to ascending servers, so those into a cell are
// neighbours. Of cells with equally many the first wins.
func (c *Cells) find(o *Observation, device int) {
	best, now := stretch{}, stretch{cell: -1}
	for j, server := range o.Reach[device*o.Links:][:o.Links] {
		if cell := c.of[server]; cell != now.cell {
			now = stretch{cell: cell, link: int32(j)}
		}
		if now.links++; now.links > best.links {
			best = now
		}
	}
	c.home[device] = best
}

// group lists the devices of each cell, and reports whether each device has k links into its own.
func (c *Cells) group(k int) bool {
	clear(c.begin)
	for _, h := range c.home {
		if int(h.links) < k {
			return false
		}
		c.begin[h.cell+2]++
	}
	for i := 2; i < len(c.begin); i++ {
		c.begin[i] += c.begin[i-1]
	}
	c.in = reuse.Slice(c.in, len(c.home))
	for i, h := range c.home {
		c.in[c.begin[h.cell+1]] = int32(i)
		c.begin[h.cell+1]++
	}
	return true
}

// Devices returns the devices of a cell, in ascending order. The cells own them.
func (c *Cells) Devices(cell int) []int32 { return c.in[c.begin[cell]:c.begin[cell+1]] }

// Servers returns the first server of a cell and that of the next.
func (c *Cells) Servers(cell int) (first, end int) {
	return int(c.first[cell]), int(c.first[cell+1])
}

// Part writes the part of an observation of [LinkSelection.Within] that is one cell's to dst, whose
// memory it reuses. dst shares the servers' values with o.
func (c *Cells) Part(o *Observation, cell int, dst *Observation) {
	first, end := c.Servers(cell)
	devices := c.Devices(cell)
	dst.Devices, dst.Servers, dst.Exits, dst.Links = len(devices), end-first, o.Exits, o.Links
	dst.Capacity, dst.Backlog = o.Capacity[first:end:end], o.Backlog[first:end:end]
	dst.Bits, dst.Deadline, dst.ID = dst.Bits[:0], dst.Deadline[:0], dst.ID[:0]
	dst.EnergyPrice, dst.Rate = dst.EnergyPrice[:0], dst.Rate[:0]
	dst.Reach = reuse.Slice(dst.Reach, len(devices)*o.Links)
	for at, device := range devices {
		i := int(device)
		dst.Bits, dst.Deadline = append(dst.Bits, o.Bits[i]), append(dst.Deadline, o.Deadline[i])
		dst.ID = append(dst.ID, o.ID[i])
		dst.Rate = append(dst.Rate, o.Rate[i*o.Links:][:o.Links]...)
		for j, server := range o.Reach[i*o.Links:][:o.Links] {
			dst.Reach[at*o.Links+j] = server - int32(first)
		}
		if len(o.EnergyPrice) > 0 {
			dst.EnergyPrice = append(dst.EnergyPrice, o.EnergyPrice[i])
		}
	}
}
