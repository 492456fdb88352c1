package memory

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// system reads the limits that Linux sets.
func system() []Limit {
	limits := []Limit{addressSpace()}
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		if kib, ok := field(data, "MemAvailable:"); ok {
			swap, _ := field(data, "SwapFree:")
			limits = append(limits, Limit{(kib + swap) << 10, freeMemory})
		}
	}
	if data, err := os.ReadFile("/proc/self/cgroup"); err == nil {
		limits = append(limits, controlGroups(os.ReadFile, data)...)
	}
	return limits
}

// addressSpace returns the rest of ulimit -v. Address space counts even if nothing has been written
// to it.
func addressSpace() Limit {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err != nil || limit.Cur >= Unlimited {
		return Limit{Unlimited, ""}
	}
	used := int64(0)
	if data, err := os.ReadFile("/proc/self/statm"); err == nil {
		if pages, err := strconv.ParseInt(strings.Fields(string(data))[0], 10, 64); err == nil {
			used = pages * int64(os.Getpagesize())
		}
	}
	return Limit{int64(limit.Cur) - used, "ulimit -v"}
}

// CheckAddressSpace reports an address space (ulimit -v) in which the Go runtime itself ends with a
// crash: it reserves much more of it than it uses. Where it does not even start, nothing can be
// reported.
func CheckAddressSpace() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		return nil
	}
	needed := uint64(runtimeBytes + (runtime.GOMAXPROCS(0)+4)*threadBytes)
	if limit.Cur >= needed {
		return nil
	}
	return fmt.Errorf("ulimit -v leaves %s of address space, of which the Go runtime alone reserves up to %s "+
		"without using it: raise the limit, or limit what is used by GOMEMLIMIT or a control group",
		Format(int64(limit.Cur)), Format(int64(needed)))
}

// runtimeBytes is the memory that the runtime reserves at its start, measured on amd64 as the
// smallest limit under which a short run does not crash.
const runtimeBytes = 900 << 20

// controlGroups reads the memory limits of the process's control group and of those around it,
// given /proc/self/cgroup.
func controlGroups(read func(name string) ([]byte, error), self []byte) []Limit {
	var limits []Limit
	lines := bufio.NewScanner(bytes.NewReader(self))
	for lines.Scan() {
		parts := strings.SplitN(lines.Text(), ":", 3) // hierarchy, controllers, path
		if len(parts) != 3 {
			continue
		}
		root, most, used := "/sys/fs/cgroup", "memory.max", "memory.current" // version 2
		if parts[1] != "" {
			if !strings.Contains(","+parts[1]+",", ",memory,") {
				continue
			}
			root, most, used = "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes" // version 1
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			limit, limited := number(read, path.Join(root, dir, most))
			current, _ := number(read, path.Join(root, dir, used))
			if limited {
				limits = append(limits, Limit{limit - current, "the control group"})
			}
			if dir == "/" {
				break
			}
		}
	}
	return limits
}

// number reads a file that holds a number. "max", the absence of a limit, is not one.
func number(read func(name string) ([]byte, error), name string) (int64, bool) {
	data, err := read(name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}

// field returns the number after a name in lines of "name: number unit".
func field(data []byte, name string) (int64, bool) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) >= 2 && f[0] == name {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// ResetPeak makes Peak forget what was before. It returns unused memory to the system first.
func ResetPeak() {
	debug.FreeOSMemory()
	// Where this fails, the peak is that of the process since its start.
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// Peak returns the most memory that the process had at once since ResetPeak, in bytes; 0: not known.
func Peak() int64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	kib, _ := field(data, "VmHWM:")
	return kib << 10
}
