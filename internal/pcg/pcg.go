// Package pcg reaches the draws of math/rand/v2's PCG that lie ahead without those before them.
package pcg

import (
	"math/bits"
	"math/rand/v2"
	"sync"
)

// step is a number of steps of the generator: state = state*mul + inc, modulo 2^128.
type step struct{ mul, inc number }

// number is an integer modulo 2^128.
type number struct{ hi, lo uint64 }

// one is a step of math/rand/v2's PCG, from its source.
var one = step{
	mul: number{2549297995355413924, 4865540595714422341},
	inc: number{6364136223846793005, 1442695040888963407},
}

func (a number) times(b number) number {
	hi, lo := bits.Mul64(a.lo, b.lo)
	return number{hi + a.hi*b.lo + a.lo*b.hi, lo}
}

func (a number) plus(b number) number {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return number{hi, lo}
}

// then returns the steps of s and after them those of t.
func (s step) then(t step) step { return step{s.mul.times(t.mul), s.inc.times(t.mul).plus(t.inc)} }

// digits are the digits, in base 256, of a number of steps.
const digits = 8

// table holds d * 256^i steps in entry [i][d].
var table = sync.OnceValue(func() *[digits][256]step {
	var t [digits][256]step
	unit := one
	for i := range t {
		t[i][0] = step{mul: number{lo: 1}}
		for d := 1; d < 256; d++ {
			t[i][d] = t[i][d-1].then(unit)
		}
		unit = t[i][255].then(unit)
	}
	return &t
})

// Seek puts p where rand.NewPCG(seed1, seed2) is after n draws of Uint64.
func Seek(p *rand.PCG, seed1, seed2, n uint64) {
	state := number{seed1, seed2}
	for t, i := table(), 0; n > 0; n, i = n>>8, i+1 {
		s := &t[i][n&255]
		state = state.times(s.mul).plus(s.inc)
	}
	p.Seed(state.hi, state.lo)
}
