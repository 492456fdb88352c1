// Package gnntest checks graph layers. Any layer, this module's or your own, that
// passes [Run] computes what a plain float64 implementation of its formula
// computes, has the gradients that finite differences of that implementation
// give, follows relabelled vertices and reordered edges, treats the graphs of a
// batch as if each were alone, copes with isolated vertices, self loops, parallel
// edges and empty graphs, serves graphs of changing size from one expression
// graph, allocates nothing once warm, and reports features of the wrong shape.
//
// Gradients are compared with differences of the float64 reference, not of the
// layer itself: float32 differences are too coarse to tell a wrong gradient from
// rounding, most of all near the kink of a rectifier.
package gnntest
