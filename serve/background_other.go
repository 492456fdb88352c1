//go:build !linux

package serve

import "runtime"

// onNiceThread calls f: where threads have no priorities of their own, Go's scheduler decides.
func onNiceThread[T any](f func() (T, error)) (T, error) { return f() }

// processors is GOMAXPROCS.
func processors() int { return runtime.GOMAXPROCS(0) }
