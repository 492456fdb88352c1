package serve

import (
	"fmt"
	"math"
	"strconv"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// request is an observation as it was asked for and as policies take it, with its buffers.
type request struct {
	asked *servepb.Offloading
	obs   mecoffload.Observation
	place []int32 // [M] task of each of the observation's devices; empty: in the order of the request

	invalid string // what was replaced in the observation; empty: nothing
	unknown string // why no network is for it; empty: nothing
}

// read makes an observation of a message, for the profile and the training ranges of a model. Values
// that nobody can calculate with are replaced by the least favourable ones of the training. An error
// means that the message has no meaning.
func (r *request) read(asked *servepb.Offloading, m *Model) error {
	r.asked, r.invalid, r.unknown, r.place = asked, "", "", r.place[:0]
	if err := r.shape(asked, m.profile.Exits()); err != nil {
		return err
	}
	usual := m.ranges
	for i, s := range asked.Servers {
		r.obs.Capacity[i] = r.value("capacity", i, s.Capacity, usual.Capacity.Low, s.Capacity >= tiny && s.Capacity <= 1)
		b := s.BacklogSeconds
		r.obs.Backlog[i] = r.value("backlog", i, b, usual.Backlog.High*float64(m.scenario.Slot), b >= 0 && b <= huge)
	}
	for i, t := range asked.Tasks {
		r.obs.Bits[i] = r.value("size", i, t.Bits, usual.Bits.High, positive(t.Bits))
		r.obs.Deadline[i] = r.value("deadline", i, t.DeadlineSeconds, usual.Deadline.Low, positive(t.DeadlineSeconds))
		r.obs.ID[i] = i
		if err := r.links(i, t); err != nil {
			return err
		}
	}
	if !m.graph {
		return r.order(m)
	}
	return nil
}

// shape sets the sizes of the observation.
func (r *request) shape(asked *servepb.Offloading, exits int) error {
	m, n := len(asked.GetTasks()), len(asked.GetServers())
	if n == 0 {
		return fmt.Errorf("an observation without servers: name at least one")
	}
	if m > mecoffload.MaxDevices || n > mecoffload.MaxServers {
		return fmt.Errorf("%d tasks and %d servers, at most %d and %d are decided at once", m, n, mecoffload.MaxDevices, mecoffload.MaxServers)
	}
	o, links, all := &r.obs, 0, false
	for i, t := range asked.Tasks {
		degree := len(t.Reach)
		if degree == 0 {
			degree, all = n, true
		}
		if len(t.RateBitS) != degree {
			return fmt.Errorf("task %d (device %q) has %d rates for the %d servers in its reach", i, t.Device, len(t.RateBitS), degree)
		}
		links = max(links, degree)
	}
	if all || links == n {
		links = 0 // everybody reaches everybody, or hardly does
	}
	o.Devices, o.Servers, o.Exits, o.Links = m, n, exits, links
	o.Bits, o.Deadline, o.ID = reuse.Slice(o.Bits, m), reuse.Slice(o.Deadline, m), reuse.Slice(o.ID, m)
	o.Capacity, o.Backlog = reuse.Slice(o.Capacity, n), reuse.Slice(o.Backlog, n)
	o.Reach, o.Rate = reuse.Slice(o.Reach, m*links), reuse.Slice(o.Rate, m*o.Degree())
	return nil
}

// positive reports whether x is a number above 0 that a quantity in units can have.
func positive(x float64) bool { return x >= tiny && x <= huge }

// No bits, seconds or bit/s of this world are outside of these. They keep calculations finite.
const (
	tiny = 1e-12
	huge = 1e18
)

// value returns x, or instead if x is not valid.
func (r *request) value(what string, i int, x, instead float64, valid bool) float64 {
	if valid {
		return x
	}
	r.replaced(what, i, x)
	return instead
}

func (r *request) replaced(what string, i int, x float64) {
	if r.invalid == "" {
		r.invalid = fmt.Sprintf("%s %d is %v", what, i, x)
	}
}

// links reads the links of a task. Where devices reach different numbers of servers, or a rate is no
// number above 0, the observation has links over which nothing arrives in time.
func (r *request) links(i int, t *servepb.Task) error {
	o := &r.obs
	degree := o.Degree()
	rates := o.Rate[i*degree:][:degree]
	dead := deadRate(o.Bits[i], o.Deadline[i])
	if o.Links > 0 {
		if err := r.reach(i, t); err != nil {
			return err
		}
	}
	last := -1
	for j := range rates {
		rates[j] = dead
	}
	for j, rate := range t.RateBitS {
		at := j
		if len(t.Reach) > 0 {
			server := int(t.Reach[j])
			if server >= o.Servers || server <= last {
				return fmt.Errorf("task %d (device %q): reach %d leads to server %d, want ascending ones of 0..%d", i, t.Device, j, server, o.Servers-1)
			}
			last, at = server, o.LinkTo(i, server)
		}
		if positive(rate) {
			rates[at] = rate
		} else {
			r.replaced("rate of task "+strconv.Itoa(i)+" to server", at, rate)
		}
	}
	return nil
}

// reach lists the servers of a task, and others up to the number of links.
func (r *request) reach(i int, t *servepb.Task) error {
	o := &r.obs
	dst := o.Reach[i*o.Links:][:o.Links]
	own, other, n := 0, 0, 0
	missing := o.Links - len(t.Reach)
	for server := 0; server < o.Servers && n < len(dst); server++ {
		switch {
		case own < len(t.Reach) && int(t.Reach[own]) == server:
			own++
		case other < missing:
			other++
		default:
			continue
		}
		dst[n] = int32(server)
		n++
	}
	if own != len(t.Reach) || n != len(dst) {
		return fmt.Errorf("task %d (device %q) reaches servers %v, want ascending ones of 0..%d", i, t.Device, t.Reach, o.Servers-1)
	}
	return nil
}

// deadRate is a rate at which a task arrives long after its deadline.
func deadRate(bits, deadline float64) float64 { return bits / deadline * 1e-6 }

// dead reports whether a link is one over which nothing arrives.
func (r *request) dead(device, link int) bool {
	o := &r.obs
	return o.Rate[device*o.Degree()+link] <= deadRate(o.Bits[device], o.Deadline[device])
}

// order sorts the devices by their places in a network with a fixed input for each. A device's place
// is the number that its ID is.
func (r *request) order(m *Model) error {
	if r.obs.Servers != m.scenario.Servers || r.obs.Links > 0 {
		r.unknown = fmt.Sprintf("%s was trained for %d servers in reach of all devices", m.method, m.scenario.Servers)
		return nil
	}
	r.place = reuse.Slice(r.place, m.scenario.Devices)
	for i := range r.place {
		r.place[i] = -1
	}
	for i, t := range r.asked.Tasks {
		id, err := strconv.Atoi(t.Device)
		if err != nil || id < 0 || id >= len(r.place) || r.place[id] >= 0 {
			r.place, r.unknown = r.place[:0], fmt.Sprintf("device %q has no place in the network of %s, which knows devices 0 to %d, once each",
				t.Device, m.method, m.scenario.Devices-1)
			return nil
		}
		r.place[id] = int32(i)
	}
	o, n := &r.obs, 0
	var sorted mecoffload.Observation
	o.CopyTo(&sorted)
	for id, task := range r.place {
		if task < 0 {
			continue
		}
		sorted.ID[n], sorted.Bits[n], sorted.Deadline[n] = id, o.Bits[task], o.Deadline[task]
		copy(sorted.Rate[n*o.Servers:][:o.Servers], o.Rate[int(task)*o.Servers:])
		r.place[n] = task
		n++
	}
	r.place = r.place[:n]
	r.obs = sorted
	return nil
}

// task is the request's task of a device of the observation.
func (r *request) task(device int) int {
	if len(r.place) == 0 {
		return device
	}
	return int(r.place[device])
}

// reconnect moves tasks that would be sent over a dead link, although their device has another, to the
// first exit of the fastest link. It reports whether there were any.
func (w *worker) reconnect() (moved bool) {
	o := &w.obs
	for i, option := range w.action {
		if !w.dead(i, int(option)/o.Exits) {
			continue
		}
		best := 0
		for link, rate := range o.Rate[i*o.Degree():][:o.Degree()] {
			if rate > o.Rate[i*o.Degree()+best] {
				best = link
			}
		}
		if !w.dead(i, best) {
			w.action[i], moved = int32(best*o.Exits), true
		}
	}
	return moved
}

// answer lists what an action [M] means, for the tasks in the order of the request. finish [M] holds
// the times of the tasks' results, +Inf if there will be none.
func (r *request) answer(action mecoffload.Action, finish []float64) []*servepb.Assignment {
	o := &r.obs
	values, times := make([]servepb.Assignment, o.Devices), make([]float64, o.Devices)
	list := make([]*servepb.Assignment, o.Devices)
	for i, option := range action {
		task, link := r.task(i), int(option)/o.Exits
		a := &values[task]
		a.Device = r.asked.Tasks[task].Device
		list[task] = a
		if r.dead(i, link) {
			continue // nothing would arrive in time anywhere: the task stays where it is
		}
		a.Server, a.Exit = r.asked.Servers[o.ServerOf(i, link)].Id, uint32(int(option)%o.Exits+1)
		if !math.IsInf(finish[i], 1) {
			times[task] = finish[i]
			a.FinishSeconds = &times[task]
		}
	}
	return list
}
