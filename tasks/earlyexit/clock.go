package earlyexit

import "time"

// Clock returns the time since some fixed moment.
type Clock func() time.Duration

var began = time.Now()

// WallClock is time as everybody knows it: an inference that waits for a processor takes longer.
func WallClock() time.Duration { return time.Since(began) }
