package serve

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// inBackground calls f on a thread that runs only when no other one of the processor has work, or all
// but so. Go's scheduler has no priorities: where it has no processor to spare, it would let requests
// wait for up to 10 ms until f rests. The thread needs a place among GOMAXPROCS beside those that
// decide.
func inBackground[T any](f func() (T, error)) (v T, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked, so that the thread ends with the goroutine
		idle := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
		_ = unix.SchedSetAttr(0, idle, 0) // where that is forbidden, requests may wait as above
		v, err = f()
	}()
	<-done
	return v, err
}
