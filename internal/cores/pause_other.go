//go:build !amd64 || purego

package cores

// pause would tell the processor that a loop waits.
func pause() {}
