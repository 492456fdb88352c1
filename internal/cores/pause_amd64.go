//go:build !purego

package cores

// pause tells the processor that a loop waits.
func pause()
