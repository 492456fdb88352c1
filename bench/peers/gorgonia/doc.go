// Package gorgonia measures Gorgonia as it comes: its own operations, tape machine and Adam. It is
// a module of its own, with benchmarks only, named like those of ours that they stand beside.
package gorgonia
