package rl

import "testing"

// SampleCodec makes the codec of the learner's memory known to the conformance test.
func SampleCodec[O any](observation Codec[O]) Codec[Sample[O]] { return sampleCodec[O]{observation} }

func TestSampleCodecRefusesBadDecisions(t *testing.T) {
	c := sampleCodec[[]float64]{VectorCodec[float64]{}}
	for _, src := range [][]float64{{}, {2, 1}, {-1, 0}, {1, 0.5}, {1, -1}, {1, 1e300}} {
		if err := c.Decode(new(Sample[[]float64]), src); err == nil {
			t.Errorf("%v: no error", src)
		}
	}
	var s Sample[[]float64]
	if err := c.Decode(&s, []float64{2, 0, 7, 1.5}); err != nil || len(s.Decision) != 2 || s.Decision[1] != 7 || s.Observation[0] != 1.5 {
		t.Errorf("decoded %v, %v", s, err)
	}
}
