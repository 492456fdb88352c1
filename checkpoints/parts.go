package checkpoints

import "fmt"

// SaveOptional saves the state of part under name if part is Stateful, and nothing otherwise.
func SaveOptional(s *State, name string, part any) error {
	if stateful, ok := part.(Stateful); ok {
		return stateful.SaveState(s.Sub(name))
	}
	return nil
}

// LoadOptional restores what SaveOptional saved.
func LoadOptional(s *State, name string, part any) error {
	if stateful, ok := part.(Stateful); ok {
		return stateful.LoadState(s.Sub(name))
	}
	return nil
}

// LoadInt restores an integer into dst. It returns an error if it is outside [low, high].
func LoadInt(s *State, name string, dst *int, low, high int) error {
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
