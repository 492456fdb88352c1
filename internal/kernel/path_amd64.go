//go:build !purego

package kernel

import (
	"github.com/graphrl/graphrl/internal/cores"
	"golang.org/x/sys/cpu"
)

//go:generate go -C gen run .

// best returns the largest instruction set of this machine.
func best() isa {
	x := &cpu.X86
	switch {
	case !(x.HasAVX2 && x.HasFMA && x.HasBMI2):
		return isaGo
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512DQ:
		return isaAVX512
	}
	return isaAVX2
}

// width returns the number of float32 in a register of the instruction set in use.
func width() int {
	if active == isaAVX512 {
		return 16
	}
	return 8
}

// split returns into how many parts to cut a kernel of so many multiply-adds, of which a core does
// about two registers per nanosecond: at most limit.
func split(work, limit int) int { return cores.Parts(work/(2*width()), limit) }
