//go:build !cgo

package memory

// threadBytes is the address space that a thread reserves.
const threadBytes = 0
