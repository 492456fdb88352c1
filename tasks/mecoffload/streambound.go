package mecoffload

import (
	"fmt"
	"slices"

	"github.com/graphrl/graphrl/internal/reuse"
)

// StreamBound returns upper bounds on the expected average accuracy of any policy in each stretch
// of a stream between two consecutive edges, which are slots in ascending order. The stream is that
// of a simulator of sc reset with seed. With lastExitOnly the bounds are for methods without early
// exits.
//
// It is [DeadlineBound] with the tasks, the rates and the capacities of the stream instead of a
// sample, so it holds even for a policy that knows all of them beforehand. Only the jitter and the
// errors of the rates, which no policy can know, stay random. A stretch of T slots ends with a
// backlog b', and its servers work at most T*slot + b' each. No task starts after its deadline, so
// b' is at most the longest deadline plus the longest inference, minus a slot; that much is added.
//
// With recorded rates, the reachable accuracy differs between stretches. A policy's share of this
// bound separates what it has learned from how good its links were.
func StreamBound(sc Scenario, p Profile, lastExitOnly bool, seed uint64, edges []int64) ([]float64, error) {
	if len(edges) < 2 || edges[0] < 0 || !slices.IsSorted(edges) {
		return nil, fmt.Errorf("mecoffload: a bound for stretches between the slots %v: want two or "+
			"more, ascending from 0 or later", edges)
	}
	r, err := newRelaxation(sc, p, lastExitOnly)
	if err != nil {
		return nil, err
	}
	stream, err := newTaskStream(sc, p, seed)
	if err != nil {
		return nil, err
	}
	if _, err := stream.tasks(edges[0]); err != nil {
		return nil, err
	}
	var bounds []float64
	for i, to := range edges[1:] {
		tasks, err := stream.tasks(to)
		if err != nil {
			return nil, err
		}
		bounds = append(bounds, r.stretchBound(tasks, to-edges[i]))
	}
	return bounds, nil
}

// stretchBound returns the bound of the tasks of a number of slots, or 0 without tasks. Prices
// found on some of the tasks prove a bound for all.
func (r *relaxation) stretchBound(tasks []sampledTask, slots int64) float64 {
	if len(tasks) == 0 {
		return 0
	}
	r.meanTasks = float64(len(tasks)) / float64(slots)
	var some []sampledTask
	for i := 0; i < len(tasks); i += max(len(tasks)/priceSample, 1) {
		some = append(some, tasks[i])
	}
	lambda := r.minimise(some)
	sum := 0.0
	for i := range tasks {
		x, _, _ := r.contribution(lambda, &tasks[i])
		sum += x
	}
	for kind, count := range r.servers {
		sum += lambda[kind] * count * r.longestBacklog(kind)
	}
	return sum/float64(len(tasks)) + r.rent(lambda)
}

// longestBacklog is how much work, in seconds, a server can be left with after a slot.
func (r *relaxation) longestBacklog(kind int) float64 {
	slowest := 0.0
	for l, time := range r.times[kind] {
		_, most := r.lucks[kind][l].Range()
		slowest = max(slowest, time*most/r.sc.Capacity.Low)
	}
	return max(float64(r.sc.Deadline.High)+slowest-float64(r.sc.Slot), 0)
}

// taskStream is the stream of a simulator's tasks, which do not depend on decisions.
type taskStream struct {
	sim    *Simulator
	filler *BestExitInTime
	action Action
	slot   int64
}

func newTaskStream(sc Scenario, p Profile, seed uint64) (*taskStream, error) {
	sim, err := NewSimulator(sc, p)
	if err != nil {
		return nil, err
	}
	if _, err := sim.Reset(seed); err != nil {
		return nil, err
	}
	filler, err := NewBestExitInTime(p)
	return &taskStream{sim: sim, filler: filler}, err
}

// tasks moves on to a slot and returns the tasks on the way.
func (s *taskStream) tasks(to int64) ([]sampledTask, error) {
	var tasks []sampledTask
	for ; s.slot < to; s.slot++ {
		obs, err := s.sim.Observation()
		if err != nil {
			return nil, err
		}
		for i := range obs.Devices {
			tasks = append(tasks, sampleOf(&obs, i))
		}
		s.action = reuse.Slice(s.action, obs.Devices)
		if err := s.filler.Decide(obs, s.action); err != nil {
			return nil, err
		}
		if _, err := s.sim.Step(s.action); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// sampleOf returns the task of a device of an observation.
func sampleOf(obs *Observation, device int) sampledTask {
	degree := obs.Degree()
	t := sampledTask{bits: obs.Bits[device], deadline: obs.Deadline[device]}
	t.rate = slices.Clone(obs.Rate[device*degree:][:degree])
	for link := range degree {
		server := obs.ServerOf(device, link)
		t.server, t.capacity = append(t.server, server), append(t.capacity, obs.Capacity[server])
	}
	return t
}
