package rltest

import (
	"fmt"
	"strings"
)

// recorder is a T that keeps the failures.
type recorder struct{ failures []string }

type stop struct{}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(stop{})
}

// Failures returns the failures that check reports, one a line, to test conformance suites
// themselves.
func Failures(check func(T)) string {
	var r recorder
	func() {
		defer func() {
			if p := recover(); p != nil && p != (stop{}) {
				panic(p)
			}
		}()
		check(&r)
	}()
	return strings.Join(r.failures, "\n")
}
