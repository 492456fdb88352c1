package rl

import (
	"math/rand/v2"

	"github.com/graphrl/graphrl/checkpoints"
)

// Rand is a source of random numbers with a state that can be saved. It embeds math/rand/v2's Rand,
// drawing from a PCG. It is not safe for concurrent use.
type Rand struct {
	*rand.Rand
	pcg *rand.PCG
}

// NewRand returns a source seeded with seed. Different streams of one seed are independent, so each
// part of an experiment can have its own, and its draws do not depend on how much another draws.
func NewRand(seed, stream uint64) *Rand {
	pcg := rand.NewPCG(seed, stream)
	return &Rand{Rand: rand.New(pcg), pcg: pcg}
}

// Streams of a seed. VecEnv uses streams from 0 on, one per environment.
const (
	streamEvaluation  = 1 << 32 // and above, one per episode
	streamWeights     = 1 << 40
	streamActions     = streamWeights + 1 // exploration too
	streamMinibatches = streamWeights + 2 // replay too
)

// Reseed makes r what NewRand(seed, stream) would return.
func (r *Rand) Reseed(seed, stream uint64) { r.pcg.Seed(seed, stream) }

// Floats fills dst with numbers of [0, 1), those that as many calls of Float64 would return.
func (r *Rand) Floats(dst []float64) {
	for i := range dst {
		dst[i] = float64(r.pcg.Uint64()<<11>>11) / (1 << 53)
	}
}

// AppendBinary implements encoding.BinaryAppender: it appends the state, 20 bytes.
func (r *Rand) AppendBinary(b []byte) ([]byte, error) { return r.pcg.AppendBinary(b) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (r *Rand) UnmarshalBinary(data []byte) error { return r.pcg.UnmarshalBinary(data) }

// SaveState implements checkpoints.Stateful.
func (r *Rand) SaveState(s *checkpoints.State) error {
	checkpoints.SaveRand(s, "pcg", r.pcg)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (r *Rand) LoadState(s *checkpoints.State) error { return checkpoints.LoadRand(s, "pcg", r.pcg) }
