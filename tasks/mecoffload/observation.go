package mecoffload

import (
	"fmt"
	"math"
	"slices"
)

// Observation is what the agent sees at the start of a slot: nominal values. The real ones may
// differ by jitter and imperfect channel state information. Its M devices are those with a task in
// this slot, in increasing order of ID; there may be none.
//
// The environment owns the slices. They are valid until its next Step or Reset; CopyTo copies them.
type Observation struct {
	Devices int // M
	Servers int // N
	Exits   int // L
	// Links is R, the number of servers that each device reaches, as Reach lists them; 0: all N.
	Links int

	Bits     []float64 // [M] input size d of each task, bit
	Deadline []float64 // [M] deadline delta of each task from the slot's start, s
	Reach    []int32   // [M x R] server of each link, ascending in a device; empty with Links 0
	Rate     []float64 // [M x R] uplink rate r of each link, bit/s
	Capacity []float64 // [N] share c of each server free for these tasks, (0, 1]
	Backlog  []float64 // [N] residual busy time b of each server at the slot's start, s
	ID       []int     // [M] who the device is, 0 <= ID < Scenario.Devices

	// EnergyPrice is what a joule of each device is worth [M], in accuracies of one task: the price that
	// keeps the device within its budget. Empty: energy is free.
	EnergyPrice []float64
}

// Degree is R, the number of servers that each device reaches: N unless the observation has Links.
func (o *Observation) Degree() int {
	if o.Links > 0 {
		return o.Links
	}
	return o.Servers
}

// Options returns the number of options of a device: one per link and exit.
func (o *Observation) Options() int { return o.Degree() * o.Exits }

// ServerOf is the server at the end of a device's link, 0 <= link < R.
func (o *Observation) ServerOf(device, link int) int {
	if o.Links > 0 {
		return int(o.Reach[device*o.Links+link])
	}
	return link
}

// CopyTo makes dst a deep copy of o and reuses the memory of dst.
func (o *Observation) CopyTo(dst *Observation) {
	dst.Devices, dst.Servers, dst.Exits, dst.Links = o.Devices, o.Servers, o.Exits, o.Links
	dst.Bits = append(dst.Bits[:0], o.Bits...)
	dst.Deadline = append(dst.Deadline[:0], o.Deadline...)
	dst.Reach = append(dst.Reach[:0], o.Reach...)
	dst.Rate = append(dst.Rate[:0], o.Rate...)
	dst.Capacity = append(dst.Capacity[:0], o.Capacity...)
	dst.Backlog = append(dst.Backlog[:0], o.Backlog...)
	dst.ID = append(dst.ID[:0], o.ID...)
	dst.EnergyPrice = append(dst.EnergyPrice[:0], o.EnergyPrice...)
}

// LinkTo returns the link of a device that leads to a server, or -1 if there is none.
func (o *Observation) LinkTo(device, server int) int {
	if o.Links == 0 {
		return server
	}
	return slices.Index(o.Reach[device*o.Links:][:o.Links], int32(server))
}

// checkShape reports slices of inconsistent lengths.
func (o *Observation) checkShape() error {
	m, n := o.Devices, o.Servers
	if m < 0 || n < 1 || o.Exits < 1 || o.Links < 0 || o.Links > n || len(o.Bits) != m || len(o.Deadline) != m ||
		len(o.Reach) != m*o.Links || len(o.Rate) != m*o.Degree() ||
		len(o.Capacity) != n || len(o.Backlog) != n || len(o.ID) != m || len(o.EnergyPrice) != 0 && len(o.EnergyPrice) != m {
		return fmt.Errorf("mecoffload: observation of %d devices, %d servers, %d exits and %d links has "+
			"bits [%d], deadlines [%d], reach [%d], rates [%d], "+
			"capacities [%d], backlogs [%d], IDs [%d] and prices of energy [%d]",
			m, n, o.Exits, o.Links, len(o.Bits), len(o.Deadline), len(o.Reach), len(o.Rate),
			len(o.Capacity), len(o.Backlog), len(o.ID), len(o.EnergyPrice))
	}
	return nil
}

// checkLinks reports slices of inconsistent lengths, and a link that leads out of the world or is out
// of order.
func (o *Observation) checkLinks() error {
	if err := o.checkShape(); err != nil {
		return err
	}
	for first := 0; first < len(o.Reach); first += o.Links {
		last := int32(-1)
		for j, s := range o.Reach[first:][:o.Links] {
			if s <= last || int(s) >= o.Servers {
				return fmt.Errorf("mecoffload: observation: link %d of device %d leads to server %d, want "+
					"ascending ones of 0..%d", j, first/o.Links, s, o.Servers-1)
			}
			last = s
		}
	}
	return nil
}

// Validate reports slices of inconsistent lengths and invalid values.
func (o *Observation) Validate() error {
	if err := o.checkLinks(); err != nil {
		return err
	}
	for _, v := range []struct {
		name   string
		values []float64
	}{{"size", o.Bits}, {"deadline", o.Deadline}, {"rate", o.Rate}, {"capacity", o.Capacity}} {
		for i, x := range v.values {
			if !(x > 0 && x <= math.MaxFloat64) {
				return fmt.Errorf("mecoffload: observation: %s %d is %v, want a number above 0",
					v.name, i, x)
			}
		}
	}
	for i, b := range o.Backlog {
		if !(b >= 0 && b <= math.MaxFloat64) {
			return fmt.Errorf("mecoffload: observation: the backlog of server %d is %v, want a "+
				"time of at least 0", i, b)
		}
	}
	for i, p := range o.EnergyPrice {
		if !(p >= 0 && p <= math.MaxFloat64) {
			return fmt.Errorf("mecoffload: observation: the price of energy of device %d is %v, want at least 0", i, p)
		}
	}
	for i, id := range o.ID {
		if id < 0 || i > 0 && id <= o.ID[i-1] {
			return fmt.Errorf("mecoffload: observation: ID %d of device %d is not above that of "+
				"the device before it", id, i)
		}
	}
	return nil
}

// Action is one option for each device of an observation [M]: option j*L + l runs the task on the
// server of the device's link j, which is server j where all devices reach all servers, up to exit l.
type Action []int32

// Held is the choice of a device that does not send its task, which is lost. Only a scenario with an
// energy budget has it.
const Held = -1

// checkAction reports an action that does not fit m devices with the given number of options.
func checkAction(action []int32, m, options int) error {
	if len(action) != m {
		return fmt.Errorf("%d choices for %d devices", len(action), m)
	}
	for i, o := range action {
		if uint32(o) >= uint32(options) {
			return fmt.Errorf("option %d of device %d is not in 0..%d", o, i, options-1)
		}
	}
	return nil
}
