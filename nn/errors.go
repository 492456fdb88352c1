package nn

import "errors"

// Errors to match with errors.Is. The errors of this package and of package gnn wrap them and say
// which operation, parameter or input is at fault.
var (
	// ErrShape reports matrices, parameters or graphs whose sizes do not fit together.
	ErrShape = errors.New("shape mismatch")
	// ErrNotFinite reports a loss, a gradient or an input that is NaN or infinite: training diverged,
	// or the data was not finite to begin with.
	ErrNotFinite = errors.New("not a finite number")
)
