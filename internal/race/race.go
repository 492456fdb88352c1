//go:build race

// Package race reports to tests whether the race detector is on. The detector makes sync.Pool drop
// items, so counts of allocations mean nothing then.
package race

// Enabled reports whether the race detector is on.
const Enabled = true
