package kernel

import "os"

// isa is the instruction set kernels are written for.
type isa uint8

const (
	isaGo     isa = iota // portable Go
	isaAVX2              // AVX2 with FMA
	isaAVX512            // AVX-512 F, BW, VL and DQ
)

func (s isa) String() string { return [...]string{"go", "avx2", "avx512"}[s] }

// active is the instruction set in use: the best this machine has, or the lesser one that the
// environment variable GRAPHRL_KERNEL names. It is set once, before any kernel runs; only tests
// change it.
var active = choose(os.Getenv("GRAPHRL_KERNEL"), best())

// Path names the kernels in use: "avx512", "avx2" or "go".
func Path() string { return active.String() }

// choose returns the instruction set called name if it is within the best one
// available, else the best.
func choose(name string, best isa) isa {
	for s := isaGo; s <= best; s++ {
		if name == s.String() {
			return s
		}
	}
	return best
}
