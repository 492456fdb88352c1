// Package gomlx measures GoMLX with its pure Go backend. It is a separate module with benchmarks
// only, named like the ones of ours that they are compared with.
package gomlx
