// Package reuse keeps scratch slices between calls, so that hot paths allocate only while they
// grow.
package reuse

import "slices"

// Slice returns a slice of length n in the memory of s where that suffices. Its content is
// arbitrary: the caller overwrites or clears it.
func Slice[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }
