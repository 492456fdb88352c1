package serve

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// backgroundNice is how much nicer a thread in the background is than the others: beside those that
// never rest it still has a tenth of a processor.
var backgroundNice = 10

// onNiceThread calls f on a thread that the kernel lets wait while another one has work. Go's scheduler
// has no priorities: where it has no processor to spare, it would let requests wait for up to 10 ms until
// f rests. Meanwhile GOMAXPROCS is one higher, as the thread keeps one of its places even while it waits.
func onNiceThread[T any](f func() (T, error)) (v T, err error) {
	spare.add()
	defer spare.done()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked, so that the thread ends with the goroutine
		thread := unix.Gettid()
		if priority, err := unix.Getpriority(unix.PRIO_PROCESS, thread); err == nil { // 20 less the niceness
			_ = unix.Setpriority(unix.PRIO_PROCESS, thread, 20-priority+backgroundNice)
		} // where that is forbidden, requests may wait as above
		v, err = f()
	}()
	<-done
	return v, err
}

// spare is the place of a background thread among GOMAXPROCS. Several threads share one.
var spare place

type place struct {
	mu     sync.Mutex
	users  int
	before int // GOMAXPROCS without the place
}

// processors is GOMAXPROCS without a place for the background.
func processors() int {
	spare.mu.Lock()
	defer spare.mu.Unlock()
	if spare.users > 0 {
		return spare.before
	}
	return runtime.GOMAXPROCS(0)
}

func (p *place) add() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users++; p.users == 1 {
		p.before = runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(p.before + 1)
	}
}

func (p *place) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users--; p.users > 0 || runtime.GOMAXPROCS(0) != p.before+1 { // somebody else's choice stays
		return
	}
	runtime.SetDefaultGOMAXPROCS() // which goes on to follow the limit of a container
	if runtime.GOMAXPROCS(0) != p.before {
		runtime.GOMAXPROCS(p.before)
	}
}
