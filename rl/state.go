package rl

import (
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
)

// saveOptional saves the state of part under name, if part has one.
func saveOptional(s *checkpoints.State, name string, part any) error {
	if stateful, ok := part.(checkpoints.Stateful); ok {
		return stateful.SaveState(s.Sub(name))
	}
	return nil
}

// loadOptional restores what saveOptional has saved.
func loadOptional(s *checkpoints.State, name string, part any) error {
	if stateful, ok := part.(checkpoints.Stateful); ok {
		return stateful.LoadState(s.Sub(name))
	}
	return nil
}

// loadInt restores an integer, which must lie in [low, high].
func loadInt(s *checkpoints.State, name string, dst *int, low, high int) error {
	v, err := s.Int(name)
	if err != nil {
		return err
	}
	if v < int64(low) || v > int64(high) {
		return fmt.Errorf("saved %s is %d, want %d to %d", name, v, low, high)
	}
	*dst = int(v)
	return nil
}

// checkInt reports a saved integer that is not want, as when the state is that of another configuration.
func checkInt(s *checkpoints.State, name string, want int) error {
	var v int
	return loadInt(s, name, &v, want, want)
}
