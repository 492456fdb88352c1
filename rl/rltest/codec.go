package rltest

import (
	"math"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/rl"
)

// Codec checks that copies are independent and exact and do not allocate once dst has enough
// memory, that Decode inverts Encode, and that Decode never panics on malformed input. sample
// returns a random observation; its size must vary if the task's observations do.
func Codec[O any](t T, codec rl.Codec[O], sample func(r *rl.Rand) O) {
	t.Helper()
	rng := rl.NewRand(1, 0)
	var dst, decoded O
	for range 100 {
		src, other := sample(rng), sample(rng)
		want := codec.Encode(nil, src)
		expect := func(what string, o O) {
			t.Helper()
			if got := codec.Encode(nil, o); !slices.EqualFunc(got, want, sameBits) {
				t.Fatalf("%s encodes to %v, want %v", what, got, want)
			}
		}
		codec.Copy(&dst, src)
		expect("a copy", dst)
		scribble(&src)
		expect("a copy, after its original was overwritten,", dst)

		prefix := []float64{1, 2}
		if got := codec.Encode(prefix, dst); len(got) != 2+len(want) || got[0] != 1 || got[1] != 2 {
			t.Fatalf("Encode does not append to %v: %v", prefix, got)
		}
		encoded := slices.Clone(want)
		if err := codec.Decode(&decoded, encoded); err != nil {
			t.Fatalf("Decode(Encode(observation)): %v", err)
		}
		clear(encoded)
		expect("a decoded observation", decoded)

		codec.Copy(&dst, other)
		if n := testing.AllocsPerRun(10, func() { codec.Copy(&dst, other) }); n != 0 {
			t.Fatalf("Copy allocates %v times although dst has the memory", n)
		}

		bad := slices.Clone(want)
		for range rng.IntN(3) {
			if len(bad) > 0 {
				bad[rng.IntN(len(bad))] = []float64{math.NaN(), -1, 0.5, 1e300, math.Inf(1)}[rng.IntN(5)]
			}
		}
		var scratch O
		_ = codec.Decode(&scratch, bad[:rng.IntN(len(bad)+1)]) // must not panic
	}
}

func sameBits(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
