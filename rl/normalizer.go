package rl

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
)

// Normalizer standardises vector observations by the running mean and variance of each feature (B.
// Welford, Technometrics 4(3), 1962): (x - mean) / sqrt(variance + 1e-8), clipped. Features on a
// scale of about 1 do not need it. It does not help if the scale drifts with the agent's behaviour.
type Normalizer struct {
	// Clip bounds the size of normalised features. NewNormalizer sets 10, as Stable-Baselines3
	// does.
	Clip float64

	count float64
	mean  []float64
	m2    []float64 // sum of squared deviations from the mean
}

// varianceFloor keeps constant features from being divided by zero.
const varianceFloor = 1e-8

// NewNormalizer returns a normalizer of vectors with the given number of features.
func NewNormalizer(size int) (*Normalizer, error) {
	if size < 1 {
		return nil, fmt.Errorf("rl: normalizer of %d features, want at least 1", size)
	}
	return &Normalizer{Clip: 10, mean: make([]float64, size), m2: make([]float64, size)}, nil
}

// Update adds the rows of x [n x size] to the running statistics. A row with a number that is not
// finite is an error; the rows before it count.
func (z *Normalizer) Update(x []float32) error {
	size := len(z.mean)
	if len(x)%size != 0 {
		return fmt.Errorf("rl: normalizer: %d numbers do not divide into rows of %d features",
			len(x), size)
	}
	for ; len(x) > 0; x = x[size:] {
		for j, v := range x[:size] {
			if !(v >= -math.MaxFloat32 && v <= math.MaxFloat32) {
				return fmt.Errorf("rl: normalizer: feature %d is %v: %w", j, v, nn.ErrNotFinite)
			}
		}
		z.count++
		for j, v := range x[:size] {
			deviation := float64(v) - z.mean[j]
			z.mean[j] += deviation / z.count
			z.m2[j] += deviation * (float64(v) - z.mean[j])
		}
	}
	return nil
}

// Normalize writes the normalised rows of x [n x size] to dst, which may be x. Before the first
// Update it copies.
func (z *Normalizer) Normalize(dst, x []float32) error {
	size := len(z.mean)
	if len(x)%size != 0 || len(dst) != len(x) {
		return fmt.Errorf("rl: normalizer: %d numbers into %d; want rows of %d features", len(x), len(dst), size)
	}
	for i, v := range x {
		if v-v != 0 { // clipping would hide an infinite feature
			return fmt.Errorf("rl: normalizer: feature %d is %v: %w", i%size, v, nn.ErrNotFinite)
		}
		mean, std := z.feature(i % size)
		dst[i] = float32(min(max((float64(v)-mean)/std, -z.Clip), z.Clip))
	}
	return nil
}

// feature returns the mean and standard deviation that normalise feature j.
func (z *Normalizer) feature(j int) (mean, std float64) {
	if z.count == 0 {
		return 0, 1
	}
	return z.mean[j], math.Sqrt(z.m2[j]/z.count + varianceFloor)
}

// Mean returns the mean of each feature [size]. It shares the normalizer's memory.
func (z *Normalizer) Mean() []float64 { return z.mean }

// Variance writes the population variance of each feature to dst [size].
func (z *Normalizer) Variance(dst []float64) {
	for j, m2 := range z.m2 {
		dst[j] = m2 / max(1, z.count)
	}
}

// SaveState implements checkpoints.Stateful.
func (z *Normalizer) SaveState(s *checkpoints.State) error {
	s.PutFloat("count", z.count)
	s.PutFloat64("mean", nil, z.mean)
	s.PutFloat64("m2", nil, z.m2)
	return nil
}

// LoadState implements checkpoints.Stateful.
func (z *Normalizer) LoadState(s *checkpoints.State) error {
	count, err := s.Float("count")
	if err := errors.Join(err, s.Float64("mean", z.mean), s.Float64("m2", z.m2)); err != nil {
		return err
	}
	if !(count >= 0) {
		return fmt.Errorf("rl: normalizer: saved count is %v", count)
	}
	z.count = count
	return nil
}
