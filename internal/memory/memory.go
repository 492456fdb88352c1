// Package memory finds out how much memory the process may still take, so that a run that cannot
// fit is refused before it starts rather than killed while it runs.
package memory

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// Unlimited is the limit of a process without a known limit.
const Unlimited = math.MaxInt64

// Limit is a bound on the memory that the process may still allocate.
type Limit struct {
	Bytes int64
	// Source names where the bound comes from, such as "GOMEMLIMIT" or "free memory".
	Source string
}

// Available returns the tightest of the limits that the process can read: GOMEMLIMIT, the address
// space of ulimit -v, the control group and the machine's free memory. It ignores limits that it
// cannot read.
func Available() Limit {
	least := Limit{Unlimited, "no known limit"}
	for _, l := range append(system(), goLimit()) {
		if l.Bytes < least.Bytes {
			least = l
		}
	}
	least.Bytes = max(least.Bytes, 0)
	return least
}

// heeded is set where Heed, not the user, has given the Go runtime its limit.
var heeded atomic.Bool

// Heed makes the Go runtime collect garbage before it meets ulimit -v or the limit of a control group,
// where it would crash or be killed: by itself it lets garbage grow as large as what is in use. It
// leaves a GOMEMLIMIT alone.
func Heed() {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	least := int64(Unlimited)
	for _, l := range system() {
		if l.Source != freeMemory {
			least = min(least, l.Bytes)
		}
	}
	if least != Unlimited {
		heeded.Store(true)
		debug.SetMemoryLimit(max(least-least/16, 1<<20))
	}
}

// freeMemory is the source of a limit that other processes move.
const freeMemory = "free memory"

// goLimit returns the rest of GOMEMLIMIT. The limit is soft: the runtime exceeds it, but spends its
// time collecting garbage.
func goLimit() Limit {
	limit := debug.SetMemoryLimit(-1) // a negative limit only reads
	if limit == math.MaxInt64 || heeded.Load() {
		return Limit{Unlimited, ""}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Limit{limit - int64(m.HeapAlloc), "GOMEMLIMIT"}
}

// Format is a number of bytes for people, such as "24.1 GB".
func Format(bytes int64) string {
	const kilo = 1000
	value, units := float64(bytes), []string{"B", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for ; value >= kilo && i < len(units)-1; i++ {
		value /= kilo
	}
	if i == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[i])
}
