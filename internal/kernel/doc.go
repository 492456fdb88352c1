// Package kernel holds the inner loops on which everything above it runs, nearly all in float32:
// matrix products, sparse products, activations, losses, the fused edge operations of graph
// networks, Adam, and draws from distributions.
//
// Slices in, slices out: no tensors, no graphs, no allocation in steady state. Large matrix products
// and edge operations use several cores (package cores), except in portable Go.
//
// # Conventions
//
// Matrices are row-major. A leading dimension (lda, ldb, ...) is the distance between two rows in
// elements and is at least the row's length. Indices are int32. Slices may be longer than needed;
// the excess is not touched. Unless a function says otherwise its outputs must not overlap its
// inputs.
//
// # Instruction sets
//
// On amd64 the kernels are assembly for AVX-512 (F, BW, VL, DQ) or for AVX2 with FMA, depending on
// the processor. Elsewhere, or with the build tag purego, they are portable Go. [Path] returns the
// one in use. The environment variable GRAPHRL_KERNEL (avx512, avx2 or go) selects a lesser one.
//
// AVX-512 and AVX2 agree bit for bit: sums run along the same chains of fused multiply-adds, or in
// the same 16 lanes, and exponentials take the same steps. The number of cores never changes a
// result, and neither does the number of rows in a product A B. Portable Go rounds differently.
// Reference implementations in the tests spell out every rounding.
//
// The module in the folder gen writes the assembly, with avo; go generate runs it.
//
// # Errors
//
// Lengths and indices that do not fit are the caller's bug, and panic with a message that names the
// function and the argument. They are always checked first, those of a CSR when it is set, so no
// call reads or writes outside its slices.
package kernel
