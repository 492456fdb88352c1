//go:build !linux

package serve

// inBackground calls f: where threads have no priorities of their own, Go's scheduler decides.
func inBackground[T any](f func() (T, error)) (T, error) { return f() }
