package testbed

import (
	"fmt"
	"slices"
)

// Order is the order in which a server takes tasks.
type Order string

const (
	// BySlot is the simulator's order: the tasks of a slot by arrival, and the next slot's after
	// them. A server waits for a task whose transmission has begun before it starts the next slot.
	BySlot Order = "slot"
	// ByArrival is first come, first served, whatever the slot. A server never waits while it has an
	// image.
	ByArrival Order = "arrival"
)

// Validate reports an unknown order.
func (o Order) Validate() error {
	if o != BySlot && o != ByArrival {
		return fmt.Errorf("order %q: want %s or %s", o, BySlot, ByArrival)
	}
	return nil
}

// job is a task at a server. Times are ns of the Unix epoch.
type job struct {
	header  Header
	pixels  []uint8
	arrived int64 // 0: not yet
	done    chan answer
}

type answer struct {
	Answer
	text string
}

// queue holds the tasks that a server has heard of and not started. It knows no clock.
type queue struct {
	order   Order
	waiting []*job
	// unblocked is the last time at which a task left or expired that others may have waited for.
	unblocked int64
}

// add takes a task whose transmission begins.
func (q *queue) add(j *job) { q.waiting = append(q.waiting, j) }

// remove forgets a task.
func (q *queue) remove(j *job, now int64) {
	if i := slices.Index(q.waiting, j); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		q.unblocked = now
	}
}

// next returns the task to serve next, and takes it off the queue. If there is none, it returns
// nil and the time at which to ask again if nothing has changed; 0: not before a change.
func (q *queue) next(now int64) (*job, int64) {
	slot, again := uint64(0), int64(0)
	if q.order == BySlot {
		first := true
		for _, j := range q.waiting {
			if j.blocks(now) && (first || j.header.Slot < slot) {
				slot, first = j.header.Slot, false
			}
		}
	}
	best := -1
	for i, j := range q.waiting {
		switch {
		case q.order == BySlot && !j.blocks(now) && j.header.Slot <= slot:
			q.unblocked = max(q.unblocked, j.header.Deadline)
		case q.order == BySlot && j.header.Slot != slot:
		case j.arrived != 0:
			if best < 0 || j.arrived < q.waiting[best].arrived {
				best = i
			}
		case q.order == BySlot && j.blocks(now) && (again == 0 || j.header.Deadline < again):
			again = j.header.Deadline
		}
	}
	if best < 0 {
		if again != 0 {
			again++ // then its deadline has passed
		}
		return nil, again
	}
	j := q.waiting[best]
	q.waiting = slices.Delete(q.waiting, best, best+1)
	return j, 0
}

// blocks reports whether later slots have to wait for a task: not if it cannot start in time.
func (j *job) blocks(now int64) bool { return j.arrived != 0 || now <= j.header.Deadline }
