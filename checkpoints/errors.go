package checkpoints

import (
	"errors"
	"fmt"
)

// Errors to match with errors.Is. A directory without a checkpoint gives io/fs.ErrNotExist.
var (
	// ErrDamaged is wrapped by the errors of [Load] when a checkpoint's files differ from what
	// [Save] wrote: load another checkpoint, such as the best instead of the latest.
	ErrDamaged = errors.New("checkpoint damaged: load another one (such as checkpoint/best) or start a new run")
	// ErrMismatch is wrapped by errors about a sound [State] that does not fit the program: a
	// tensor is missing or has another type or shape. Build the network that was saved, or load
	// another checkpoint.
	ErrMismatch = errors.New("the checkpoint was saved by another method, network or configuration")
)

// mismatch returns an error about why the tensor called name does not fit.
func (s *State) mismatch(name, format string, args ...any) error {
	args = append([]any{s.prefix + name}, args...)
	return fmt.Errorf("checkpoints: tensor %q "+format+": %w", append(args, ErrMismatch)...)
}
