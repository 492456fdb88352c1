package lydroo

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/rl"
)

// Observation is the state at the start of a frame. All slices have a value per user.
type Observation struct {
	H []float64 // channel gain to the edge server, >= 0
	Q []float64 // data queue, Mbit, >= 0
	Y []float64 // virtual energy queue, mJ, >= 0
	W []float64 // weight of the user's rate, > 0
}

// Users returns the number of users N.
func (o Observation) Users() int { return len(o.H) }

// Check reports the first fault of o.
func (o Observation) Check() error {
	n := len(o.H)
	if len(o.Q) != n || len(o.Y) != n || len(o.W) != n {
		return fmt.Errorf("lydroo: observation of %d channel gains, %d data queues, %d energy queues and %d weights", n, len(o.Q), len(o.Y), len(o.W))
	}
	for i := range n {
		for _, v := range [...]struct {
			name  string
			value float64
			least float64
		}{{"channel gain", o.H[i], 0}, {"data queue", o.Q[i], 0}, {"energy queue", o.Y[i], 0}, {"weight", o.W[i], math.SmallestNonzeroFloat64}} {
			if !(v.value >= v.least) || math.IsInf(v.value, 0) {
				return fmt.Errorf("lydroo: %s of user %d is %v: it must be finite and at least %g", v.name, i, v.value, v.least)
			}
		}
	}
	return nil
}

func newObservation(n int) Observation {
	return Observation{H: make([]float64, n), Q: make([]float64, n), Y: make([]float64, n), W: make([]float64, n)}
}

// Weights returns the weights of the paper, 1.5, 1, 1.5, 1, ...
func Weights(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 1.5 - 0.5*float64(i%2)
	}
	return w
}

// ObservationCodec is the rl.Codec of observations.
type ObservationCodec struct{}

var _ rl.Codec[Observation] = ObservationCodec{}

// Copy implements rl.Codec.
func (ObservationCodec) Copy(dst *Observation, src Observation) {
	dst.H, dst.Q = append(dst.H[:0], src.H...), append(dst.Q[:0], src.Q...)
	dst.Y, dst.W = append(dst.Y[:0], src.Y...), append(dst.W[:0], src.W...)
}

// Encode implements rl.Codec: all values, part by part.
func (ObservationCodec) Encode(dst []float64, o Observation) []float64 {
	return append(append(append(append(dst, o.H...), o.Q...), o.Y...), o.W...)
}

// Decode implements rl.Codec.
func (ObservationCodec) Decode(o *Observation, src []float64) error {
	n := len(src) / 4
	if len(src) != 4*n {
		return errors.New("lydroo: not an observation: a wrong number of values")
	}
	o.H, o.Q = append(o.H[:0], src[:n]...), append(o.Q[:0], src[n:2*n]...)
	o.Y, o.W = append(o.Y[:0], src[2*n:3*n]...), append(o.W[:0], src[3*n:]...)
	return o.Check()
}
