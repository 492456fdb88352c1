// Package gorgonia measures Gorgonia unmodified: its own operations, tape machine and Adam. It is a
// separate module with benchmarks only, named like the ones of ours that they are compared with.
package gorgonia
