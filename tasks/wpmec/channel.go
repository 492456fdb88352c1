package wpmec

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Channels generates channel gains as the paper does: the average gain of a user at distance d follows the free-space
// path loss model, h = A (c / (4 pi f d))^e with antenna gain A = 4.11, carrier frequency f = 915 MHz and path loss
// exponent e = 2.8; from frame to frame it is multiplied by independent Rayleigh fading, whose power is exponentially
// distributed with mean 1.
type Channels struct {
	mean []float64 // [N] average gain
	rng  *rand.Rand
}

// NewChannels returns a generator for users at the given distances (m) from the access point. It draws from rng.
func NewChannels(distances []float64, rng *rand.Rand) (*Channels, error) {
	c := &Channels{mean: make([]float64, len(distances)), rng: rng}
	for i, d := range distances {
		if !(d > 0) || math.IsInf(d, 0) {
			return nil, fmt.Errorf("wpmec: distance of user %d is %v m: it must be positive and finite", i, d)
		}
		c.mean[i] = PathLoss(d)
	}
	return c, nil
}

// Distances returns n distances (m) evenly spaced from 2.8 to 5.8, one user alone at 2.8. They are those of the
// published data set of 10 users, as the column means of its channel gains show.
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

// PathLoss returns the average channel gain at distance d (m).
func PathLoss(d float64) float64 {
	const (
		antennaGain = 4.11
		lightSpeed  = 3e8   // m/s, the paper's value
		carrier     = 915e6 // Hz
		exponent    = 2.8
	)
	return antennaGain * math.Pow(lightSpeed/(4*math.Pi*carrier*d), exponent)
}

// Next writes the gains of the next frame to h [N].
func (c *Channels) Next(h []float64) {
	for i, mean := range c.mean {
		h[i] = mean * c.rng.ExpFloat64()
	}
}
