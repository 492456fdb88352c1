package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
)

const (
	// spmmWidth is the largest width of a panel in registers.
	spmmWidth = 8

	// spmmNarrow is the largest number of columns of a panel whose rows come by a list.
	spmmNarrow = 2 * lanes

	// line is the size in bytes of what a cache moves at once.
	line = 64

	// spmmRow is the size in bytes of an entry of that list: three int32.
	spmmRow = 12
)

const (
	spmmParams = "(rows int, at, col *int32, val, x *float32, ldx int, y *float32, ldy, tail, ahead int, far, acc bool)"
	spmmArgs   = "rows, at, col, val, x, ldx, y, ldy, tail, ahead, far, acc"
)

// spmm emits the sparse product for panels of 1 to spmmWidth registers: the panel's row
// of the result stays in registers while its terms are added in order.
func spmm(a *asm) {
	for nv := 1; nv <= spmmWidth; nv++ {
		a.spmmPanel(nv)
	}
}

// spmmPanel covers the first (nv-1)*width + tail columns of x and y. A nil val
// stands for ones.
//
// In a narrow panel the rows are those listed at at: number, first entry and end of
// each; another, of any numbers, follows the last. In a wide one at holds the ends of
// consecutive rows after the start of the first; unless ahead is zero, what the
// entry that many places further on needs of x is fetched meanwhile, all of it if
// far, else the first line.
func (a *asm) spmmPanel(nv int) {
	a.begin(fmt.Sprintf("spmm%d", nv), spmmParams)
	rows, rowAt, col, val, x, y := a.arg("rows"), a.arg("at"), a.arg("col"), a.arg("val"), a.arg("x"), a.arg("y")
	ldx, ldy := a.bytes("ldx"), a.bytes("ldy")
	tail := a.arg("tail")
	p := &spmmKernel{asm: a, nv: nv, rows: rows, at: rowAt, col: col, val: val, x: x, ldx: ldx, y: y, ldy: ldy}
	both := func(last laneMask, suffix string) {
		a.TESTQ(val, val)
		a.JZ(a.jump("ones" + suffix))
		p.panel(last, false, suffix)
		a.Label("ones" + suffix)
		p.panel(last, true, "_ones"+suffix)
	}
	if !a.zmm {
		a.CMPQ(tail, Imm(uint64(a.width())))
		a.JE(a.jump("full"))
	}
	both(a.firstLanes(tail, false)[0], "")
	if !a.zmm {
		a.Label("full")
		both(laneMask{}, "_full")
	}
}

// spmmKernel holds the common values of the parts of one kernel.
type spmmKernel struct {
	*asm
	nv                                 int
	rows, at, col, val, x, ldx, y, ldy gp

	// Of the panel at hand.
	last   laneMask // lanes of its last register
	ones   bool     // all values are
	suffix string   // of its labels
	sum    []vec
}

func (p *spmmKernel) label(name string)       { p.Label(name + p.suffix) }
func (p *spmmKernel) to(name string) LabelRef { return p.jump(name + p.suffix) }
func (p *spmmKernel) mask(v int) (k laneMask) {
	if v == p.nv-1 {
		k = p.last
	}
	return k
}

func (p *spmmKernel) panel(last laneMask, ones bool, suffix string) {
	p.last, p.ones, p.suffix = last, ones, suffix
	p.sum = make([]vec, p.nv)
	if p.nv*p.width() <= spmmNarrow {
		p.listed()
	} else {
		p.consecutive()
	}
}

// listed goes through the rows of a list. Where the next row begins is found well
// before it does.
func (p *spmmKernel) listed() {
	entries := func(disp int, e, end gp) {
		p.MOVLQSX(Mem{Base: p.at, Disp: disp + 4}, e)
		p.MOVLQSX(Mem{Base: p.at, Disp: disp + 8}, end)
	}
	row := func() Mem {
		i := p.GP64()
		p.MOVLQSX(Mem{Base: p.at}, i)
		p.IMULQ(p.ldy, i)
		return Mem{Base: p.y, Index: i, Scale: 1}
	}
	e, end, next, nextEnd := p.GP64(), p.GP64(), p.GP64(), p.GP64()
	entries(0, e, end)
	p.label("row")
	entries(spmmRow, next, nextEnd)
	p.start(row)
	p.add(e, end, 4, func() {})
	p.store(row())
	p.MOVQ(next, e)
	p.MOVQ(nextEnd, end)
	p.ADDQ(Imm(spmmRow), p.at)
	p.DECQ(p.rows)
	p.JNZ(p.to("row"))
	p.end()
}

// consecutive goes through rows one after another.
func (p *spmmKernel) consecutive() {
	p.CMPQ(p.slot("ahead"), Imm(0))
	p.JE(p.to("here"))
	p.CMPB(p.slot("far"), Imm(0))
	p.JE(p.to("near"))
	all := p.suffix
	for _, fetch := range []struct {
		label string
		lines int
	}{{"far", (4*p.nv*p.width() + line - 1) / line}, {"near", 1}, {"here", 0}} {
		p.label(fetch.label)
		p.suffix = "_" + fetch.label + all
		p.rowByRow(fetch.lines)
		p.suffix = all
	}
}

// rowByRow fetches so many lines of a row of x ahead.
func (p *spmmKernel) rowByRow(lines int) {
	row := func() Mem { return Mem{Base: p.y} }
	e, end := p.GP64(), p.GP64()
	p.MOVLQSX(Mem{Base: p.at}, e)
	fetch := func() {}
	if lines > 0 {
		ahead := p.bytes("ahead")
		p.ADDQ(p.col, ahead)
		fetch = func() {
			x := p.rowOfX(Mem{Base: ahead, Index: e, Scale: 4})
			for i := range lines {
				p.PREFETCHT0(at(x, i*line))
			}
		}
	}
	p.label("row")
	p.MOVLQSX(Mem{Base: p.at, Disp: 4}, end)
	p.start(row)
	p.add(e, end, 1, fetch)
	p.store(row())
	p.ADDQ(p.ldy, p.y)
	p.ADDQ(Imm(4), p.at)
	p.DECQ(p.rows)
	p.JNZ(p.to("row"))
	p.end()
}

// start sets the sums to zero or to the row of y.
func (p *spmmKernel) start(row func() Mem) {
	for v := range p.sum {
		p.sum[v] = p.zero()
	}
	p.CMPB(p.slot("acc"), Imm(0))
	p.JE(p.to("start"))
	m := row()
	for v := range p.sum {
		p.loadInto(p.sum[v], at(m, 4*v*p.width()), p.mask(v))
	}
	p.label("start")
}

// add adds the entries from e to end and leaves e there: unroll at a time, for
// where an entry is few instructions those of the loop count. It runs fetch
// before each of those added alone.
func (p *spmmKernel) add(e, end gp, unroll int, fetch func()) {
	if unroll > 1 {
		p.SUBQ(Imm(uint64(unroll)), end)
		p.CMPQ(e, end)
		p.JG(p.to("rest"))
		p.label("entries")
		for k := range unroll {
			p.entry(e, k)
		}
		p.ADDQ(Imm(uint64(unroll)), e)
		p.CMPQ(e, end)
		p.JLE(p.to("entries"))
		p.label("rest")
		p.ADDQ(Imm(uint64(unroll)), end)
	}
	p.CMPQ(e, end)
	p.JGE(p.to("added"))
	p.label("entry")
	fetch()
	p.entry(e, 0)
	p.INCQ(e)
	p.CMPQ(e, end)
	p.JL(p.to("entry"))
	p.label("added")
}

// entry adds the k-th entry after e.
func (p *spmmKernel) entry(e gp, k int) {
	m := p.rowOfX(Mem{Base: p.col, Index: e, Scale: 4, Disp: 4 * k})
	var w vec
	if !p.ones {
		w = p.broadcast(Mem{Base: p.val, Index: e, Scale: 4, Disp: 4 * k})
	}
	for v, sum := range p.sum {
		m := at(m, 4*v*p.width())
		switch k := p.mask(v); {
		case p.ones:
			p.addMasked(m, k, sum)
		case k.all():
			p.VFMADD231PS(m, w, sum)
		default:
			p.VFMADD231PS(p.loadMasked(m, k), w, sum)
		}
	}
}

// rowOfX is the row of x with the number at col.
func (p *spmmKernel) rowOfX(col Mem) Mem {
	c := p.GP64()
	p.MOVLQSX(col, c)
	p.IMULQ(p.ldx, c)
	return Mem{Base: p.x, Index: c, Scale: 1}
}

// store writes the sums.
func (p *spmmKernel) store(row Mem) {
	for v, sum := range p.sum {
		p.storeMasked(sum, at(row, 4*v*p.width()), p.mask(v))
	}
}
