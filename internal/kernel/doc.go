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
// # Instruction sets
//
// On amd64 the kernels are assembly for AVX-512 (F, BW, VL, DQ) or for AVX2 with
// FMA, whichever the processor has; elsewhere, or built with the tag purego, they
// are portable Go. Path tells which. The environment variable GRAPHRL_KERNEL
// (avx512, avx2 or go) asks for a lesser one.
//
// AVX-512 and AVX2 agree bit for bit: sums run along the same chains of fused
// multiply-adds, or in the same 16 lanes, and exponentials take the same steps.
// Neither the number of threads nor, in a product A B, the number of rows changes
// a result. Portable Go rounds differently. Reference implementations in the
// tests spell out every rounding.
//
// The assembly is written by the module in the folder gen, with avo; go generate
// runs it.
//
// # Errors
//
// Lengths and indices that do not fit are the caller's bug, and panic with a
// message naming the function and the argument. They are always checked first,
// those of a CSR when it is set, so no call reads or writes outside its slices.
package kernel
