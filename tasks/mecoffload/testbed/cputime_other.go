//go:build !linux

package testbed

import "time"

// threadTime returns a time of the clock: here nothing tells the processor time of a thread.
func threadTime() time.Duration { return time.Since(started) }
