package memory

import (
	"io/fs"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/internal/race"
)

func TestControlGroups(t *testing.T) {
	files := map[string]string{
		"/sys/fs/cgroup/a/b/memory.max":                 "max\n",
		"/sys/fs/cgroup/a/b/memory.current":             "5\n",
		"/sys/fs/cgroup/a/memory.max":                   "1000\n",
		"/sys/fs/cgroup/a/memory.current":               "400\n",
		"/sys/fs/cgroup/memory/c/memory.limit_in_bytes": "300\n",
		"/sys/fs/cgroup/memory/c/memory.usage_in_bytes": "100\n",
	}
	read := func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	for self, want := range map[string][]Limit{
		"0::/a/b\n":                            {{600, "the control group"}},
		"3:cpu,cpuacct:/a\n4:rdma,memory:/c\n": {{200, "the control group"}},
		"":                                     nil,
		"nonsense\n":                           nil,
	} {
		if d := cmp.Diff(want, controlGroups(read, []byte(self))); d != "" {
			t.Errorf("%q: -want +got:\n%s", self, d)
		}
	}
}

func TestField(t *testing.T) {
	info := []byte("MemTotal:       16 kB\nMemAvailable:   12 kB\n")
	if n, ok := field(info, "MemAvailable:"); !ok || n != 12 {
		t.Errorf("%d, %v", n, ok)
	}
	if _, ok := field(info, "MemFree:"); ok {
		t.Error("found what is not there")
	}
}

// A limit below what the runtime reserves is reported, a usual one is not.
func TestCheckAddressSpace(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &old); err != nil {
		t.Fatal(err)
	}
	if err := CheckAddressSpace(); err != nil {
		t.Skip(err)
	}
	tight := old
	tight.Cur = 300 << 20 // for this moment, in which nothing is mapped
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &tight); err != nil {
		t.Fatal(err)
	}
	err := CheckAddressSpace()
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &old); err != nil {
		t.Fatal(err)
	}
	if err == nil || !strings.Contains(err.Error(), "ulimit -v") {
		t.Errorf("error %v", err)
	}
}

// The peak sees memory that is no longer there, until it is reset.
func TestPeak(t *testing.T) {
	ResetPeak()
	before := Peak()
	large := make([]byte, 64<<20)
	for i := range large {
		large[i] = byte(i)
	}
	runtime.KeepAlive(large)
	large = nil
	if peak := Peak(); before == 0 || peak < before+48<<20 {
		t.Fatalf("a peak of %d, %d before 64 MiB were written", peak, before)
	}
	ResetPeak()
	if race.Enabled {
		return // the detector keeps its notes about memory that is gone
	}
	if after := Peak(); after > before+32<<20 {
		t.Errorf("a peak of %d after a reset, %d before", after, before)
	}
}
