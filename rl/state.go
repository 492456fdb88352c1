package rl

import "github.com/graphrl/graphrl/checkpoints"

// saveOptional saves the state of part, if it has one.
func saveOptional(part any, s *checkpoints.State) error {
	if stateful, ok := part.(checkpoints.Stateful); ok {
		return stateful.SaveState(s)
	}
	return nil
}

// loadOptional restores what saveOptional has saved.
func loadOptional(part any, s *checkpoints.State) error {
	if stateful, ok := part.(checkpoints.Stateful); ok {
		return stateful.LoadState(s)
	}
	return nil
}
