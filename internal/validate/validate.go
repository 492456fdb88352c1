// Package validate collects the faults of a configuration, so that a user sees all of them at once.
package validate

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Fields collects the errors of one configuration. Name begins each message, such as "rl: PPO".
type Fields struct {
	Name string
	errs []error
}

// Want notes an error unless ok.
func (f *Fields) Want(ok bool, format string, args ...any) {
	if !ok {
		f.errs = append(f.errs, fmt.Errorf(f.Name+" config: "+format, args...))
	}
}

// Positive wants a finite number above 0.
func (f *Fields) Positive(field string, v float64) {
	f.Want(v > 0 && !math.IsInf(v, 1), "%s is %v, want it positive", field, v)
}

// NotNegative wants a finite number of at least 0.
func (f *Fields) NotNegative(field string, v float64) {
	f.Want(v >= 0 && !math.IsInf(v, 1), "%s is %v, want it at least 0", field, v)
}

// Fraction wants a number in [0, 1].
func (f *Fields) Fraction(field string, v float64) {
	f.Want(v >= 0 && v <= 1, "%s is %v, want it in [0, 1]", field, v)
}

// Err joins the collected faults; it returns nil if there are none.
func (f *Fields) Err() error { return errors.Join(f.errs...) }

// Keeps32 returns v in 32-bit floating point, in which networks compute, and whether that is neither
// infinite nor 0 for a v that is not.
func Keeps32(v float64) (r float32, ok bool) {
	r = float32(v)
	return r, (r != 0 || v == 0) && !math.IsInf(float64(r), 0)
}

// Name returns which of the names of all is given, ignoring case. what says what they name, such as
// "wpmec: unknown method".
func Name[S ~string](what, name string, all []S) (S, error) {
	want := make([]string, len(all))
	for i, s := range all {
		if strings.EqualFold(name, string(s)) {
			return s, nil
		}
		want[i] = string(s)
	}
	return "", fmt.Errorf("%s %q: want one of %s", what, name, strings.Join(want, ", "))
}
