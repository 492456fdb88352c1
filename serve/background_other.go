//go:build !linux

package serve

import "runtime"

// inBackground calls f: where threads have no priorities of their own, Go's scheduler decides.
func inBackground[T any](f func() (T, error)) (T, error) {
	defer leisure()()
	return f()
}

// processors is GOMAXPROCS.
func processors() int { return runtime.GOMAXPROCS(0) }
