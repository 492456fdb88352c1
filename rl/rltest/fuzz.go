package rltest

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/rl"
)

// FuzzCodec is a fuzz target for codecs: decoding any data either fails or yields a value that
// survives another encoding.
func FuzzCodec[T any](f *testing.F, c rl.Codec[T]) {
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
