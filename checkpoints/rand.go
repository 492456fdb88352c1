package checkpoints

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// SaveRand stores the state of a random source. A [rand.Rand] keeps no state of its own, so
// restoring its source restores it.
func SaveRand(s *State, name string, src *rand.PCG) {
	if src == nil {
		s.all().fail(s.prefix+name, errors.New("the random source is nil"))
		return
	}
	b, err := src.MarshalBinary()
	if err != nil {
		s.all().fail(s.prefix+name, err)
		return
	}
	s.PutBytes(name, nil, b)
}

// LoadRand restores a random source stored with SaveRand, in place.
func LoadRand(s *State, name string, src *rand.PCG) error {
	if src == nil {
		return fmt.Errorf("checkpoints: load %q: the random source is nil", s.prefix+name)
	}
	b, err := s.Bytes(name)
	if err != nil {
		return err
	}
	if err := src.UnmarshalBinary(b); err != nil {
		return s.mismatch(name, "is not the state of a PCG source (%v)", err)
	}
	return nil
}
