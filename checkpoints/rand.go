package checkpoints

import (
	"fmt"
	"math/rand/v2"
)

// SaveRand stores the state of a random source. A [rand.Rand] keeps no state of its own, so restoring its source
// restores it.
func SaveRand(s *State, name string, src *rand.PCG) {
	b, err := src.MarshalBinary()
	if err != nil {
		s.store.fail(s.prefix+name, err)
		return
	}
	s.PutBytes(name, nil, b)
}

// LoadRand restores a random source stored with SaveRand, in place.
func LoadRand(s *State, name string, src *rand.PCG) error {
	b, err := s.Bytes(name)
	if err != nil {
		return err
	}
	if err := src.UnmarshalBinary(b); err != nil {
		return fmt.Errorf("checkpoints: tensor %q is not the state of a PCG source: %w", s.prefix+name, err)
	}
	return nil
}
