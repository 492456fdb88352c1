// Package gomlx measures GoMLX with its backend in pure Go. It is a module of its own, with
// benchmarks only, named like those of ours that they stand beside.
package gomlx
