package memory

import (
	"math"
	"runtime/debug"
	"slices"
	"testing"
)

func TestAvailableSeesGoLimit(t *testing.T) {
	old := debug.SetMemoryLimit(1 << 20) // below what the test itself takes, or little above
	defer debug.SetMemoryLimit(old)
	got := Available()
	if got.Bytes > 1<<20 || got.Bytes < 0 || got.Source != "GOMEMLIMIT" {
		t.Errorf("%+v with GOMEMLIMIT=1MiB", got)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	if got := Available(); got.Source == "GOMEMLIMIT" {
		t.Errorf("%+v without GOMEMLIMIT", got)
	}
}

func TestFormat(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 24_100_000_000: "24.1 GB", math.MaxInt64: "9223.4 PB",
	} {
		if got := Format(bytes); got != want {
			t.Errorf("%d: %q, want %q", bytes, got, want)
		}
	}
}

// The runtime heeds a limit of the system, not one that other processes move, and Available still
// names the system's.
func TestHeed(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() {
		debug.SetMemoryLimit(before)
		heeded.Store(false)
	})
	debug.SetMemoryLimit(1 << 40)
	Heed()
	if got := debug.SetMemoryLimit(math.MaxInt64); got != 1<<40 || heeded.Load() {
		t.Errorf("GOMEMLIMIT became %d", got)
	}
	Heed()
	fixed := slices.ContainsFunc(system(), func(l Limit) bool { return l.Bytes != Unlimited && l.Source != freeMemory })
	if limited := debug.SetMemoryLimit(-1) != math.MaxInt64; limited != fixed || heeded.Load() != fixed {
		t.Errorf("limited %v, heeded %v with the limits %v", limited, heeded.Load(), system())
	}
	if l := Available(); l.Source == "GOMEMLIMIT" {
		t.Errorf("%+v", l)
	}
}
