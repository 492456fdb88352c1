//go:build !linux

package memory

// system knows no limits here.
func system() []Limit { return nil }

// CheckAddressSpace reports nothing here.
func CheckAddressSpace() error { return nil }

// ResetPeak does nothing here.
func ResetPeak() {}

// Peak is not known here.
func Peak() int64 { return 0 }
