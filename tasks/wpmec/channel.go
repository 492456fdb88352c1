package wpmec

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

// Channels generates channel gains as the paper does: the average gain of a user follows the
// free-space path loss model (see [PathLoss]); from frame to frame it is multiplied by independent
// Rayleigh fading, whose power is exponentially distributed with mean 1. It implements [Gains].
type Channels struct {
	mean []float64 // [N] average gain
	rng  *rl.Rand
}

// NewChannels returns a generator for users at the given distances (m) from the access point.
func NewChannels(distances []float64) (*Channels, error) {
	c := &Channels{mean: make([]float64, len(distances)), rng: rl.NewRand(0, channelStream)}
	for i, d := range distances {
		if !(d > 0) || math.IsInf(d, 0) {
			return nil, fmt.Errorf("wpmec: distance of user %d is %v m: it must be positive and finite", i, d)
		}
		c.mean[i] = PathLoss(d)
	}
	return c, nil
}

// channelStream is the stream of rl.NewRand for channels, separate from those of actors and
// learners.
const channelStream = 0x6368

// Distances returns n distances (m) evenly spaced from 2.8 to 5.8; a single user is at 2.8. The
// published data set of 10 users has the same, as the column means of its channel gains show.
func Distances(n int) []float64 {
	const near, far = 2.8, 5.8
	d := make([]float64, n)
	for i := range d {
		d[i] = near
		if n > 1 {
			d[i] += (far - near) * float64(i) / float64(n-1)
		}
	}
	return d
}

// PathLoss returns the average channel gain at distance d (m) in the free-space model with the
// paper's constants, A (c / (4 pi f d))^e with antenna gain A = 4.11, carrier frequency f = 915 MHz
// and path loss exponent e = 2.8.
func PathLoss(d float64) float64 {
	const (
		antennaGain = 4.11
		lightSpeed  = 3e8   // m/s, the paper's value
		carrier     = 915e6 // Hz
		exponent    = 2.8
	)
	return antennaGain * math.Pow(lightSpeed/(4*math.Pi*carrier*d), exponent)
}

// Users implements Gains.
func (c *Channels) Users() int { return len(c.mean) }

// Reset implements Gains.
func (c *Channels) Reset(seed uint64) { c.rng.Reseed(seed, channelStream) }

// Next implements Gains.
func (c *Channels) Next(h []float64) {
	for i, mean := range c.mean {
		h[i] = mean * c.rng.ExpFloat64()
	}
}

// SaveState implements checkpoints.Stateful.
func (c *Channels) SaveState(s *checkpoints.State) error { return c.rng.SaveState(s) }

// LoadState implements checkpoints.Stateful.
func (c *Channels) LoadState(s *checkpoints.State) error { return c.rng.LoadState(s) }
