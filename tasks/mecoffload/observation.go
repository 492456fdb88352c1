package mecoffload

import (
	"fmt"
	"math"
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

	Bits     []float64 // [M] input size d of each task, bit
	Deadline []float64 // [M] deadline delta of each task from the slot's start, s
	Rate     []float64 // [M x N] uplink rate r from each device to each server, bit/s
	Capacity []float64 // [N] share c of each server free for these tasks, (0, 1]
	Backlog  []float64 // [N] residual busy time b of each server at the slot's start, s
	ID       []int     // [M] who the device is, 0 <= ID < Scenario.Devices
}

// Options returns the number of options of a device: one per server and exit.
func (o *Observation) Options() int { return o.Servers * o.Exits }

// CopyTo makes dst a deep copy of o and reuses the memory of dst.
func (o *Observation) CopyTo(dst *Observation) {
	dst.Devices, dst.Servers, dst.Exits = o.Devices, o.Servers, o.Exits
	dst.Bits = append(dst.Bits[:0], o.Bits...)
	dst.Deadline = append(dst.Deadline[:0], o.Deadline...)
	dst.Rate = append(dst.Rate[:0], o.Rate...)
	dst.Capacity = append(dst.Capacity[:0], o.Capacity...)
	dst.Backlog = append(dst.Backlog[:0], o.Backlog...)
	dst.ID = append(dst.ID[:0], o.ID...)
}

// Validate reports slices of inconsistent lengths and invalid values.
func (o *Observation) Validate() error {
	m, n := o.Devices, o.Servers
	if m < 0 || n < 1 || o.Exits < 1 || len(o.Bits) != m || len(o.Deadline) != m || len(o.Rate) != m*n ||
		len(o.Capacity) != n || len(o.Backlog) != n || len(o.ID) != m {
		return fmt.Errorf("mecoffload: observation of %d devices, %d servers and %d exits has "+
			"bits [%d], deadlines [%d], rates [%d], "+
			"capacities [%d], backlogs [%d] and IDs [%d]",
			m, n, o.Exits, len(o.Bits), len(o.Deadline), len(o.Rate), len(o.Capacity), len(o.Backlog), len(o.ID))
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
	for i, id := range o.ID {
		if id < 0 || i > 0 && id <= o.ID[i-1] {
			return fmt.Errorf("mecoffload: observation: ID %d of device %d is not above that of "+
				"the device before it", id, i)
		}
	}
	return nil
}

// Action is one option for each device of an observation [M]: option n*L + l runs the task on
// server n up to exit l.
type Action []int32

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
