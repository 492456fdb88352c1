package wpmec

import (
	"errors"

	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/rl"
)

// ObservationCodec is the rl.Codec of observations.
type ObservationCodec struct{}

var _ rl.Codec[Observation] = ObservationCodec{}

// Copy implements rl.Codec.
func (ObservationCodec) Copy(dst *Observation, src Observation) { src.CopyTo(dst) }

// Encode implements rl.Codec: gains, weights and, unless all users are on, who is.
func (ObservationCodec) Encode(dst []float64, o Observation) []float64 {
	dst = append(dst, float64(len(o.H)))
	dst = append(append(dst, o.H...), o.W...)
	for _, on := range o.Active {
		v := 0.0
		if on {
			v = 1
		}
		dst = append(dst, v)
	}
	return dst
}

// Decode implements rl.Codec.
func (ObservationCodec) Decode(o *Observation, src []float64) error {
	n := 0
	if len(src) > 0 && src[0] >= 0 && src[0] < float64(len(src)) {
		n = int(src[0])
	}
	if len(src) == 0 || float64(n) != src[0] || len(src) != 1+2*n && len(src) != 1+3*n {
		return errors.New("wpmec: not an observation: a wrong number of values")
	}
	o.H = append(o.H[:0], src[1:1+n]...)
	o.W = append(o.W[:0], src[1+n:1+2*n]...)
	on := src[1+2*n:]
	if len(on) == 0 {
		o.Active = nil
		return o.Check()
	}
	o.Active = reuse.Slice(o.Active, n)
	for i, v := range on {
		if v != 0 && v != 1 {
			return errors.New("wpmec: not an observation: a user is neither on nor off")
		}
		o.Active[i] = v == 1
	}
	return o.Check()
}
