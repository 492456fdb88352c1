//go:build unix

package cli

import (
	"runtime"
	"syscall"
	"time"
)

// processUse returns the processor time of this process and its largest memory in bytes.
func processUse() (cpu time.Duration, memory int64, ok bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0, false
	}
	memory = int64(u.Maxrss)
	if runtime.GOOS != "darwin" { // which counts bytes
		memory *= 1024
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), memory, true
}
