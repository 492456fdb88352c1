package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
)

// spmmWidth is the largest width of a panel in registers.
const spmmWidth = 8

const spmmParams = "(rows int, ptr, col *int32, val *float32, valStep int, x *float32, ldx int, y *float32, ldy, tail int, acc bool)"

// spmm emits the sparse product for panels of 1 to spmmWidth registers: the panel's row
// of the result stays in registers while its terms are added in order.
func spmm(a *asm) {
	for nv := 1; nv <= spmmWidth; nv++ {
		a.spmmPanel(nv)
	}
}

// spmmPanel covers the first (nv-1)*width + tail columns of x and y. valStep is
// the distance of the values in elements: 1, or 0 for one value for all.
func (a *asm) spmmPanel(nv int) {
	a.begin(fmt.Sprintf("spmm%d", nv), spmmParams)
	ptr, col, val, x, y := a.arg("ptr"), a.arg("col"), a.arg("val"), a.arg("x"), a.arg("y")
	valStep, ldx, ldy := a.bytes("valStep"), a.bytes("ldx"), a.bytes("ldy")
	tail := a.arg("tail")
	if !a.zmm {
		a.CMPQ(tail, Imm(uint64(a.width())))
		a.JE(a.jump("full"))
	}
	body := func(last laneMask, suffix string) {
		mask := func(v int) laneMask {
			if v == nv-1 {
				return last
			}
			return laneMask{}
		}
		e, end := a.GP64(), a.GP64()
		a.MOVLQSX(Mem{Base: ptr}, e)
		// Make val the value of the entry at hand.
		skip := a.GP64()
		a.MOVQ(valStep, skip)
		a.IMULQ(e, skip)
		a.ADDQ(skip, val)
		a.Label("row" + suffix)
		a.MOVLQSX(Mem{Base: ptr, Disp: 4}, end)
		sum := make([]vec, nv)
		for v := range sum {
			sum[v] = a.zero()
		}
		flag := a.Load(a.Param("acc"), a.GP32())
		a.TESTL(flag, flag)
		a.JZ(a.jump("start" + suffix))
		for v := range sum {
			a.loadInto(sum[v], Mem{Base: y, Disp: 4 * v * a.width()}, mask(v))
		}
		a.Label("start" + suffix)
		a.CMPQ(e, end)
		a.JGE(a.jump("store" + suffix))
		a.Label("entry" + suffix)
		row := a.GP64()
		a.MOVLQSX(Mem{Base: col, Index: e, Scale: 4}, row)
		a.IMULQ(ldx, row)
		w := a.vec()
		a.VBROADCASTSS(Mem{Base: val}, w)
		for v := range sum {
			m := Mem{Base: x, Index: row, Scale: 1, Disp: 4 * v * a.width()}
			if k := mask(v); k.all() {
				a.VFMADD231PS(m, w, sum[v])
			} else {
				a.VFMADD231PS(a.loadMasked(m, k), w, sum[v])
			}
		}
		a.ADDQ(valStep, val)
		a.INCQ(e)
		a.CMPQ(e, end)
		a.JL(a.jump("entry" + suffix))
		a.Label("store" + suffix)
		for v := range sum {
			a.storeMasked(sum[v], Mem{Base: y, Disp: 4 * v * a.width()}, mask(v))
		}
		a.ADDQ(Imm(4), ptr)
		a.ADDQ(ldy, y)
		a.DECQ(a.slot("rows"))
		a.JNZ(a.jump("row" + suffix))
		a.end()
	}
	body(a.firstLanes(tail, false)[0], "")
	if !a.zmm {
		a.Label("full")
		body(laneMask{}, "full")
	}
}
