package serve

import (
	"sync/atomic"
	"time"
)

// A load in the background rests this many times as long as it works, up to mostRest in all: requests
// wait even for a thread that the kernel thinks nothing of, measured in docs/serve.md.
var (
	restPerWork = 9
	mostRest    = 5 * time.Second
)

// inBackgroundNow is the number of loads in the background.
var inBackgroundNow atomic.Int32

// inBackground calls f, which loads something while requests are answered, so that they wait for it as
// little as the system allows.
func inBackground[T any](f func() (T, error)) (T, error) {
	inBackgroundNow.Add(1)
	defer inBackgroundNow.Add(-1)
	return onNiceThread(f)
}

// leastWork is what is worth a rest.
const leastWork = 200 * time.Microsecond

// pace is of a task that may be part of a load in the background.
type pace struct {
	began  time.Time // to work
	rested time.Duration
}

// rest is called between the steps of the task.
func (p *pace) rest() {
	work := time.Since(p.began)
	if work < leastWork {
		return
	}
	if pause := time.Duration(restPerWork) * work; !p.began.IsZero() && inBackgroundNow.Load() > 0 && p.rested < mostRest {
		pause = min(pause, mostRest-p.rested)
		time.Sleep(pause)
		p.rested += pause
	}
	p.began = time.Now()
}
