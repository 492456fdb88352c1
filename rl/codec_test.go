package rl

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// SampleCodec makes the codec of a learner's memory known to the conformance test.
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

// Whatever a file holds, decoding it fails or yields a value that keeps through another encoding.
func fuzzCodec[T any](f *testing.F, c Codec[T]) {
	for _, seed := range [][]float64{{}, {0, 1, 2, 3}, {1, 0.5, 2}, {2, 0, 1, 7}, {-1}, {math.NaN(), 1}, {1e300, 1}, {0, 1, 1e116, 1}} {
		var b []byte
		for _, v := range seed {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var src []float64
		for ; len(b) >= 8; b = b[8:] {
			src = append(src, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		var first, second T
		if c.Decode(&first, src) != nil {
			return
		}
		once := c.Encode(nil, first)
		if err := c.Decode(&second, once); err != nil {
			t.Fatalf("%v was decoded, but not once encoded again as %v: %v", src, once, err)
		}
		same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
		if twice := c.Encode(nil, second); !slices.EqualFunc(once, twice, same) {
			t.Fatalf("%v became %v", once, twice)
		}
	})
}

func FuzzSampleCodec(f *testing.F) {
	fuzzCodec[Sample[[]float64]](f, sampleCodec[[]float64]{VectorCodec[float64]{}})
}

func FuzzTDCodec(f *testing.F) { fuzzCodec[tdStep](f, tdCodec{}) }
