package memory

import (
	"math"
	"runtime/debug"
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
