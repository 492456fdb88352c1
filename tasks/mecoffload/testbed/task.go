package testbed

import (
	"cmp"
	"math"
	"slices"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Task is a task of a run: the decision and its outcome. Times are in seconds of the
// scenario.
type Task struct {
	Slot         int64
	Device       int // its identity in the scenario
	Server, Exit int

	Begin    float64 // start of its slot, from the start of the run
	Deadline float64 // from Begin, as all that follow
	Transfer float64 // what the transmission takes, with the real rate
	Work     float64 // what the inference takes by the profile, with the server's share and the luck

	Status  mecoffload.Status
	Lost    bool    // no answer: the server failed. Its status is Dropped
	Correct bool    // the answer was right
	Latency float64 // until the answer; +Inf if dropped
	// Arrived is when the server had the whole task; it was busy with it from Started to Finished. All
	// are 0 if it was dropped.
	Arrived, Started, Finished float64
	// Compute is the processor time of the inference, in seconds.
	Compute float64
}

// Fate is the outcome of a task.
type Fate struct {
	Status  mecoffload.Status
	Latency float64 // +Inf if dropped
}

// Replay returns the fates of tasks whose transmissions and inferences take exactly Transfer and
// Work, on servers that work in the given order. For BySlot these are the simulator's outcomes of the
// same decisions. Lost tasks take no time.
func Replay(tasks []Task, order Order) []Fate {
	fates := make([]Fate, len(tasks))
	queue := make([]int, 0, len(tasks))
	for i, t := range tasks {
		fates[i] = Fate{mecoffload.Dropped, math.Inf(1)}
		if !t.Lost {
			queue = append(queue, i)
		}
	}
	slices.SortStableFunc(queue, func(i, j int) int {
		a, b := &tasks[i], &tasks[j]
		if order == BySlot {
			return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Transfer, b.Transfer))
		}
		return cmp.Compare(a.Begin+a.Transfer, b.Begin+b.Transfer)
	})
	free := map[int]float64{}
	for _, i := range queue {
		t := &tasks[i]
		// relative to the slot, as the simulator reckons
		start := max(t.Transfer, free[t.Server]-t.Begin)
		if start > t.Deadline {
			continue
		}
		finish := start + t.Work
		free[t.Server] = t.Begin + finish
		fates[i] = Fate{mecoffload.Late, finish}
		if finish <= t.Deadline {
			fates[i].Status = mecoffload.InTime
		}
	}
	return fates
}
