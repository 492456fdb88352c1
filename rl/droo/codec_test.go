package droo

import (
	"testing"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/rltest"
)

func TestSampleCodec(t *testing.T) {
	rltest.Codec(t, rl.Codec[Sample[[]float64]](sampleCodec[[]float64]{rl.VectorCodec[float64]{}}), func(r *rl.Rand) Sample[[]float64] {
		return Sample[[]float64]{Observation: make([]float64, r.IntN(3)), Decision: make([]int32, r.IntN(4))}
	})
}

func TestSampleCodecRefusesBadDecisions(t *testing.T) {
	c := sampleCodec[[]float64]{rl.VectorCodec[float64]{}}
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

func FuzzSampleCodec(f *testing.F) {
	rltest.FuzzCodec[Sample[[]float64]](f, sampleCodec[[]float64]{rl.VectorCodec[float64]{}})
}

func FuzzTDCodec(f *testing.F) { rltest.FuzzCodec[tdStep](f, tdCodec{}) }
