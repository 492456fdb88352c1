//go:build !linux

package earlyexit

// ThreadClock is nil where the system has no clock of a thread's processor time.
func ThreadClock() Clock { return nil }
