// Package cores runs the parts of one computation on several cores.
//
// A caller cuts its work into parts whose results do not depend on the cut, such as rows of a
// product, so any number of cores gives the same bits. [Parts] says into how many: into one where
// the work takes less time than starting another core is worth, which the process measures once.
// The environment variable GRAPHRL_SPLIT overrides the measurement: a duration such as 1ms is the
// least work, in time of one core, that is split; off splits nothing.
//
// Helpers are goroutines that take parts when they come in time. The caller takes parts too and
// never waits for a helper that has not come, so a busy machine costs next to nothing. Helpers wait
// for the next work with an eye on it for a while, then sleep. Nothing is allocated per call.
package cores

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Task is work in parts. Parts may run at the same time and in any order.
type Task interface{ Part(i int) }

// maxParts is the number of parts that a ticket has room for.
const maxParts = 1<<16 - 1

// attention is how long a helper that has nothing to do waits awake. Waking it takes up to 0.1 ms,
// as long as some kernels.
const attention = 200 * time.Microsecond

// crew is the helpers and the one task that they share. A task that finds them busy runs alone.
var crew struct {
	busy    atomic.Bool
	task    Task
	ticket  atomic.Uint64 // of the task: its number, its parts, and the next part to take
	working atomic.Int32  // helpers that may hold a part
	asleep  atomic.Int32
	helpers int // started; guarded by busy
}

var wake = make(chan struct{})

// Run calls t.Part(i) for 0 <= i < n and returns when all are done.
func Run(n int, t Task) {
	if n <= 1 || n > maxParts || !crew.busy.CompareAndSwap(false, true) {
		for i := range n {
			t.Part(i)
		}
		return
	}
	defer finish() // also after a panic
	for ; crew.helpers < runtime.GOMAXPROCS(0)-1; crew.helpers++ {
		go help()
	}
	crew.task = t
	crew.ticket.Store((crew.ticket.Load()>>32+1)<<32 | uint64(n)<<16)
	for helpers := min(n-1, int(crew.asleep.Load())); helpers > 0; helpers-- {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	takeParts()
}

// takeParts runs parts of the task until none is left.
func takeParts() {
	for {
		ticket := crew.ticket.Load()
		part := ticket & maxParts
		if part == ticket>>16&maxParts {
			return
		}
		if crew.ticket.CompareAndSwap(ticket, ticket+1) {
			crew.task.Part(int(part))
		}
	}
}

// finish waits for the helpers that hold a part.
func finish() {
	crew.ticket.Store(crew.ticket.Load() >> 32 << 32) // no parts left
	for spins := 1; crew.working.Load() > 0; spins++ {
		pause()
		if spins%256 == 0 {
			runtime.Gosched()
		}
	}
	crew.task = nil
	crew.busy.Store(false)
}

// help is a helper's life.
func help() {
	since := time.Now()
	for spins := 1; ; spins++ {
		if ticket := crew.ticket.Load(); ticket&maxParts != ticket>>16&maxParts {
			crew.working.Add(1)
			takeParts()
			crew.working.Add(-1)
			since = time.Now()
			continue
		}
		pause()
		if spins%64 != 0 {
			continue
		}
		runtime.Gosched() // others may want the processor
		if time.Since(since) > attention {
			crew.asleep.Add(1)
			<-wake
			crew.asleep.Add(-1)
			since = time.Now()
		}
	}
}
