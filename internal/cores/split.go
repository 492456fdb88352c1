package cores

import (
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Never is more work than there is.
const Never = math.MaxInt

// small is the least work, in nanoseconds of one core, that may be split. What has less never asks
// for a measurement. A measurement alone would choose too little: it repeats one piece of arithmetic,
// where a network's operations wait for the helper and for what the other core has in its cache. With
// pieces of 16 us a training step on 14 devices took 1.74 ms in place of 0.92 on two cores of a
// virtual machine; with pieces of 250 us no case was slower and the largest took two thirds.
const small = 250_000

// least is the least work that is split, once it is known.
var least = sync.OnceValue(func() int { return choose(os.Getenv("GRAPHRL_SPLIT")) })

// forced replaces least; 0: it does not.
var forced int

// Parts returns into how many parts to cut work that takes one core about ns nanoseconds: at most
// limit, and one per core.
func Parts(ns, limit int) int {
	if ns < small && forced == 0 || limit < 2 {
		return 1
	}
	bound := forced
	if bound == 0 {
		bound = least()
	}
	if ns < bound {
		return 1
	}
	return max(1, min(runtime.GOMAXPROCS(0), limit, maxParts))
}

// Force makes tests split all work of at least ns nanoseconds, without a measurement, until restore
// is called.
func Force(ns int) (restore func()) {
	old := forced
	forced = max(ns, 1)
	return func() { forced = old }
}

// choose returns the least work that setting names, else what a measurement says.
func choose(setting string) int {
	switch d, err := time.ParseDuration(strings.TrimSpace(setting)); {
	case strings.TrimSpace(setting) == "off":
		return Never
	case err == nil && d > 0:
		return max(int(d), small)
	case runtime.NumCPU() == 1 || runtime.GOMAXPROCS(0) == 1:
		return Never // today; a process that starts so stays so
	}
	return measure()
}

// measured are the amounts of work that measure tries, in nanoseconds of one core.
var measured = [...]int{small / 2, small, 2 * small, 4 * small}

// measure returns twice the least amount of work from which on two halves on two cores take at most
// 0.9 of the time on one: the measurement finds the helper awake, work may find it asleep.
func measure() int {
	per := perNanosecond()
	bound := Never
	for _, ns := range slices.Backward(measured[:]) {
		whole, halves := &chains{rounds: int(per * float64(ns))}, &chains{rounds: int(per * float64(ns) / 2)}
		alone, together := quickest(func() { whole.Part(0) }), quickest(func() { Run(2, halves) })
		if float64(together) > 0.9*float64(alone) {
			break
		}
		bound = 2 * ns
	}
	return bound
}

// chains is work for a measurement: rounds of arithmetic, each part its own.
type chains struct {
	rounds int
	sums   [2][16]float32 // on different cache lines
}

func (c *chains) Part(i int) {
	x := float32(i)
	for range c.rounds {
		x = x*0.5 + 1
	}
	c.sums[i][0] = x
}

// perNanosecond returns how many rounds of chains a core does in a nanosecond.
func perNanosecond() float64 {
	c := &chains{rounds: 1 << 14}
	return float64(c.rounds) / float64(max(1, quickest(func() { c.Part(0) })))
}

// quickest returns the shortest time of several calls.
func quickest(f func()) time.Duration {
	best := time.Duration(math.MaxInt64)
	for range 12 {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	return best
}
