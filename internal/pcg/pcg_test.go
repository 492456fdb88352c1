package pcg

import (
	"math/rand/v2"
	"testing"
)

// Draws that are sought are those that come after the others.
func TestSeek(t *testing.T) {
	var sought rand.PCG
	for _, seed := range [][2]uint64{{0, 0}, {1, 2}, {^uint64(0), 1 << 63}} {
		drawn := rand.NewPCG(seed[0], seed[1])
		for n := range uint64(200_000) {
			want := drawn.Uint64()
			if n > 1000 && n%97 != 0 && n&255 > 1 {
				continue
			}
			if Seek(&sought, seed[0], seed[1], n); sought.Uint64() != want {
				t.Fatalf("seeds %v: another draw %d", seed, n)
			}
		}
	}
}

// Far ahead, seeking twice is seeking the sum: the generator has no other state.
func TestSeekFar(t *testing.T) {
	random := rand.New(rand.NewPCG(9321, 1))
	for range 1000 {
		a, b := random.Uint64()>>1, random.Uint64()>>1
		state := number{random.Uint64(), random.Uint64()}
		var once, twice, half rand.PCG
		Seek(&once, state.hi, state.lo, a+b)
		Seek(&half, state.hi, state.lo, a)
		text, err := half.MarshalBinary() // "pcg:", then the state
		if err != nil {
			t.Fatal(err)
		}
		hi, lo := number64(text[4:]), number64(text[12:])
		if Seek(&twice, hi, lo, b); once != twice {
			t.Fatalf("%d and then %d draws are not their sum", a, b)
		}
	}
}

func number64(b []byte) uint64 {
	n := uint64(0)
	for _, digit := range b[:8] {
		n = n<<8 | uint64(digit)
	}
	return n
}

func BenchmarkSeek(b *testing.B) {
	var p rand.PCG
	sum := uint64(0)
	for n := range uint64(b.N) {
		Seek(&p, 1, 2, n*16)
		sum += p.Uint64()
	}
	if sum == 0 {
		b.Error("zero")
	}
}
