//go:build race

package gnntest

// raceEnabled: the race detector makes sync.Pool, which kernels borrow scratch memory from, forget
// at random.
const raceEnabled = true
