package droo

import (
	"fmt"

	"github.com/graphrl/graphrl/rl"
)

// Sample is an observation and the best decision for it [Rows].
type Sample[O any] struct {
	Observation O
	Decision    []int32 // a choice per row
}

// sampleCodec is the Codec of samples. A sample is encoded as the number of choices, the choices
// and the observation.
type sampleCodec[O any] struct{ observation rl.Codec[O] }

func (c sampleCodec[O]) Copy(dst *Sample[O], src Sample[O]) {
	c.observation.Copy(&dst.Observation, src.Observation)
	dst.Decision = append(dst.Decision[:0], src.Decision...)
}

func (c sampleCodec[O]) Encode(dst []float64, v Sample[O]) []float64 {
	dst = append(dst, float64(len(v.Decision)))
	for _, choice := range v.Decision {
		dst = append(dst, float64(choice))
	}
	return c.observation.Encode(dst, v.Observation)
}

func (c sampleCodec[O]) Decode(v *Sample[O], src []float64) error {
	if len(src) == 0 || !(0 <= src[0] && src[0] <= float64(len(src)-1)) {
		return fmt.Errorf("%d numbers do not encode a decision", len(src))
	}
	choices, observation := src[1:1+int(src[0])], src[1+int(src[0]):]
	v.Decision = v.Decision[:0]
	for i, x := range choices {
		choice := int32(x)
		if float64(choice) != x || choice < 0 {
			return fmt.Errorf("choice %d of a decision is %v", i, x)
		}
		v.Decision = append(v.Decision, choice)
	}
	return c.observation.Decode(&v.Observation, observation)
}
