// Package kernel holds the float32 inner loops everything above it runs on:
// matrix products, sparse products, activations, losses, the fused edge
// operations of graph networks, and Adam.
//
// Slices in, slices out: no tensors, no graphs, no goroutines of its own
// (except inside one very large matrix product), no allocation in steady state.
//
// # Conventions
//
// Matrices are row-major. A leading dimension (lda, ldb, ...) is the distance
// between two rows in elements and is at least the row's length. Indices are
// int32. Slices may be longer than needed; what lies beyond is not touched.
// Unless a function says otherwise its outputs must not overlap its inputs.
//
// # Errors
//
// Lengths and indices that do not fit are the caller's bug, and panic with a
// message naming the function and the argument. They are always checked first,
// so no call reads or writes outside its slices.
package kernel
