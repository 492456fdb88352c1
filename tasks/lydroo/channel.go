package lydroo

import (
	"fmt"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
)

// Source are the channel gains and the arrivals of a sequence of frames: [Random] or [Replay].
type Source interface {
	// Users returns N.
	Users() int
	// Reset starts the sequence that belongs to seed from its beginning.
	Reset(seed uint64)
	// Next writes the gains of the next frame and the data, in Mbit, that arrives during it, both [N].
	Next(h, arrivals []float64)
}

// Random draws channels and arrivals as the paper does. The mean gain of a user follows its distance
// (see [PathLoss]). Fading is Rician with a line-of-sight share of 0.3: the gain is
// (sqrt(0.3 h) + s z1)^2 + (s z2)^2 with s^2 = 0.35 h and normal z. Arrivals are exponential.
type Random struct {
	mean     []float64 // [N] mean gain
	arrivals float64   // mean, Mbit a frame
	rng      *rl.Rand
}

// randomStream is the stream of rl.NewRand that frames draw from.
const randomStream = 0x6c79

// NewRandom returns a generator for users at the given distances (m) from the edge server, with the
// given mean of arrivals (Mbit a frame).
func NewRandom(distances []float64, arrivals float64) (*Random, error) {
	if !(arrivals >= 0) || math.IsInf(arrivals, 0) {
		return nil, fmt.Errorf("lydroo: mean arrivals of %v Mbit: want a finite number of at least 0", arrivals)
	}
	r := &Random{mean: make([]float64, len(distances)), arrivals: arrivals, rng: rl.NewRand(0, randomStream)}
	for i, d := range distances {
		if !(d > 0) || math.IsInf(d, 0) {
			return nil, fmt.Errorf("lydroo: distance of user %d is %v m: it must be positive and finite", i, d)
		}
		r.mean[i] = PathLoss(d)
	}
	return r, nil
}

// Distances returns n distances (m) evenly spaced from 120 to 255; one user alone is at 120.
func Distances(n int) []float64 {
	const near, far = 120, 255
	d := make([]float64, n)
	for i := range d {
		d[i] = near
		if n > 1 {
			d[i] += (far - near) * float64(i) / float64(n-1)
		}
	}
	return d
}

// PathLoss returns the mean gain at distance d (m): A (c / (4 pi f d))^3 with antenna gain A = 3 and
// carrier frequency f = 915 MHz.
func PathLoss(d float64) float64 {
	const (
		antennaGain = 3
		lightSpeed  = 3e8   // m/s, the published code's value
		carrier     = 915e6 // Hz
	)
	return antennaGain * math.Pow(lightSpeed/(4*math.Pi*carrier*d), 3)
}

// Users implements Source.
func (r *Random) Users() int { return len(r.mean) }

// Reset implements Source.
func (r *Random) Reset(seed uint64) { r.rng.Reseed(seed, randomStream) }

// Next implements Source.
func (r *Random) Next(h, arrivals []float64) {
	const lineOfSight = 0.3
	for i, mean := range r.mean {
		s := math.Sqrt((1 - lineOfSight) / 2 * mean)
		a, b := math.Sqrt(lineOfSight*mean)+s*r.rng.NormFloat64(), s*r.rng.NormFloat64()
		h[i] = a*a + b*b
		arrivals[i] = r.arrivals * r.rng.ExpFloat64()
	}
}

// SaveState implements checkpoints.Stateful.
func (r *Random) SaveState(s *checkpoints.State) error { return r.rng.SaveState(s) }

// LoadState implements checkpoints.Stateful.
func (r *Random) LoadState(s *checkpoints.State) error { return r.rng.LoadState(s) }
