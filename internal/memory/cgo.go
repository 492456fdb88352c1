//go:build cgo

package memory

// threadBytes is the address space that the C library reserves for a thread: its stack and, for
// memory that it allocates, an arena of 64 MiB, aligned.
const threadBytes = 110 << 20
