package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type (
	mem = operand.Mem
	gp  = reg.GPVirtual
	vec = reg.VecVirtual
)

// asm emits kernels for one of two instruction sets. Kernels are written in
// terms of its methods, once for both. A lane is one float32; where lanes meet
// (sums of a row), both sets work on blocks of 16 lanes, one ZMM register or two
// YMM registers, so that both round alike.
type asm struct {
	*build.Context
	zmm    bool
	consts map[uint32]mem
	mask   mem // the table behind lane masks for AVX2

	// Within preload: constants in registers, in order of appearance, and how
	// many there may be.
	held  map[uint32]vec
	order []uint32
	room  int
}

const lanes = 16

// width returns the number of lanes of a register.
func (a *asm) width() int {
	if a.zmm {
		return 16
	}
	return 8
}

// parts returns the number of registers of a block of 16 lanes.
func (a *asm) parts() int { return lanes / a.width() }

// set names the instruction set.
func (a *asm) set() string {
	if a.zmm {
		return "AVX512"
	}
	return "AVX2"
}

func (a *asm) vec() vec {
	if a.zmm {
		return a.ZMM()
	}
	return a.YMM()
}

// begin starts the kernel called name with the given parameters (and results).
func (a *asm) begin(name, signature string, doc ...string) {
	a.Function(name + a.set())
	a.Attributes(attr.NOSPLIT)
	a.SignatureExpr("func" + signature)
	a.Pragma("noescape")
	if len(doc) > 0 {
		doc[0] = name + a.set() + " " + doc[0]
		a.Doc(doc...)
	}
}

func (a *asm) end() {
	a.VZEROUPPER()
	a.RET()
}

// arg loads an integer or pointer parameter.
func (a *asm) arg(name string) gp {
	return a.Load(a.Param(name), a.GP64()).(gp)
}

// bytes loads a parameter that counts float32 or int32 as a number of bytes.
func (a *asm) bytes(name string) gp {
	r := a.arg(name)
	a.SHLQ(operand.Imm(2), r)
	return r
}

// toBytes turns parameters that count float32 into numbers of bytes.
func (a *asm) toBytes(names ...string) {
	for _, name := range names {
		a.SHLQ(operand.Imm(2), a.slot(name))
	}
}

// slot is where an integer parameter lives on the stack; kernels short of
// registers use it in place.
func (a *asm) slot(name string) mem {
	b, err := a.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// scalar loads a float32 parameter into every lane.
func (a *asm) scalar(name string) vec { return a.broadcast(a.slot(name)) }

// broadcast copies the float32 at m, or in the first lane of an XMM register, to
// every lane.
func (a *asm) broadcast(m operand.Op) vec {
	v := a.vec()
	a.VBROADCASTSS(m, v)
	return v
}

func (a *asm) jump(label string) operand.LabelRef { return operand.LabelRef(label) }

// at offsets an operand by a number of bytes.
func at(m mem, disp int) mem {
	m.Disp += disp
	return m
}

// bits returns 16 copies of a word: in memory, or in a register within preload.
func (a *asm) bits(b uint32) operand.Op {
	if r, ok := a.held[b]; ok {
		return r
	}
	m, ok := a.consts[b]
	if !ok {
		m = a.StaticGlobal(fmt.Sprintf("c%08x", b))
		a.DataAttributes(attr.RODATA | attr.NOPTR)
		for range lanes {
			a.AppendDatum(operand.U32(b))
		}
		a.consts[b] = m
	}
	if len(a.order) < a.room {
		a.held[b] = a.vec()
		a.order = append(a.order, b)
		return a.held[b]
	}
	return m
}

// num returns 16 copies of a float32.
func (a *asm) num(f float64) operand.Op { return a.bits(math.Float32bits(float32(f))) }

// spare returns the number of registers that preload may fill. The rest suffice for the present
// kernels; verify checks that.
func (a *asm) spare() int {
	if a.zmm {
		return 16
	}
	return 3
}

// preload emits body with its constants loaded into registers first, as far as there are registers:
// loads from memory are the bottleneck of polynomials.
func (a *asm) preload(body func()) {
	file, err := a.Result()
	if err != nil {
		panic(err)
	}
	functions := file.Functions()
	f := functions[len(functions)-1]
	a.held, a.order, a.room = map[uint32]vec{}, nil, a.spare()
	start := len(f.Nodes)
	body()
	end := len(f.Nodes)
	for _, b := range a.order {
		a.VMOVUPS(a.consts[b], a.held[b])
	}
	f.Nodes = slices.Concat(f.Nodes[:start], f.Nodes[end:], f.Nodes[start:end])
	a.held, a.order, a.room = nil, nil, 0
}

// load copies a register, or reads one from memory.
func (a *asm) load(x operand.Op) vec {
	v := a.vec()
	a.VMOVUPS(x, v)
	return v
}

func (a *asm) zero() vec {
	v := a.vec()
	a.xor(v, v, v)
	return v
}

func (a *asm) xor(x operand.Op, y, z vec) {
	if a.zmm {
		a.VPXORD(x, y, z)
	} else {
		a.VXORPS(x, y, z)
	}
}

func (a *asm) and(x operand.Op, y, z vec) {
	if a.zmm {
		a.VPANDD(x, y, z)
	} else {
		a.VANDPS(x, y, z)
	}
}

func (a *asm) or(x operand.Op, y, z vec) {
	if a.zmm {
		a.VPORD(x, y, z)
	} else {
		a.VORPS(x, y, z)
	}
}

// laneMask selects lanes of a register. Its zero value selects all.
type laneMask struct {
	k reg.OpmaskVirtual // AVX-512
	v vec               // AVX2: lanes with all bits set

	// AVX2, short of registers: the parameter that holds the address of such
	// lanes, and the part of the block meant.
	param string
	part  int
}

func (m laneMask) all() bool { return m == laneMask{} }

// firstLanes returns masks of the first n of the lanes of a block, one per
// register of the block if block, else of the first n lanes of one register.
// It destroys n.
func (a *asm) firstLanes(n gp, block bool) []laneMask {
	if a.zmm {
		ones := a.GP32()
		a.MOVL(operand.I32(-1), ones)
		a.BZHIL(n.As32(), ones, ones)
		k := a.K()
		a.KMOVW(ones, k)
		return []laneMask{{k: k}}
	}
	m := a.maskTable(n)
	masks := []laneMask{{v: a.load(m)}}
	if block {
		masks = append(masks, laneMask{v: a.load(at(m, 32))})
	}
	return masks
}

// firstLanesIn is firstLanes of a block for kernels of AVX2 short of registers,
// which load masks when they need them. It overwrites the parameter, a number,
// with what it takes to find them.
func (a *asm) firstLanesIn(param string) []laneMask {
	n := a.arg(param)
	if a.zmm {
		return a.firstLanes(n, true)
	}
	a.LEAQ(a.maskTable(n), n)
	a.MOVQ(n, a.slot(param))
	return []laneMask{{param: param}, {param: param, part: 1}}
}

// lanesOf returns the mask in a register, for AVX2.
func (a *asm) lanesOf(k laneMask) vec {
	if k.param == "" {
		return k.v
	}
	return a.load(mem{Base: a.arg(k.param), Disp: 32 * k.part})
}

// maskTable returns where masks of the first n lanes of a block start, for AVX2.
// It destroys n.
func (a *asm) maskTable(n gp) mem {
	if a.mask.Symbol.Name == "" {
		a.mask = a.StaticGlobal("lanemask")
		a.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 2 * lanes {
			a.AppendDatum(operand.U32(0xffffffff * uint32((2*lanes-1-i)/lanes)))
		}
	}
	// The table is 16 set words, then 16 clear ones: the mask of n lanes starts
	// n words before the boundary.
	table := a.GP64()
	a.LEAQ(a.mask, table)
	a.NEGQ(n)
	return mem{Base: table, Index: n, Scale: 4, Disp: 4 * lanes}
}

// loadMasked reads the masked lanes and clears the rest.
func (a *asm) loadMasked(m mem, k laneMask) vec {
	v := a.vec()
	a.loadInto(v, m, k)
	return v
}

// loadInto is loadMasked into a given register.
func (a *asm) loadInto(v vec, m mem, k laneMask) {
	switch {
	case k.all():
		a.VMOVUPS(m, v)
	case a.zmm:
		a.VMOVUPS_Z(m, k.k, v)
	default:
		a.VMASKMOVPS(m, a.lanesOf(k), v)
	}
}

// addMasked adds the masked lanes to sum.
func (a *asm) addMasked(m mem, k laneMask, sum vec) {
	if k.all() {
		a.VADDPS(m, sum, sum)
	} else {
		a.VADDPS(a.loadMasked(m, k), sum, sum)
	}
}

// storeMasked writes the masked lanes.
func (a *asm) storeMasked(v vec, m mem, k laneMask) {
	switch {
	case k.all():
		a.VMOVUPS(v, m)
	case a.zmm:
		a.VMOVUPS(v, k.k, m)
	default:
		a.VMASKMOVPS(v, a.lanesOf(k), m)
	}
}

// sum4 adds up the lanes of four blocks into four consecutive lanes: lane i and
// lane i+8, then neighbours, then pairs of neighbours, then the halves.
func (a *asm) sum4(x [4][]vec) vec {
	var y [4]vec
	for i := range x {
		y[i] = a.fold(x[i])
	}
	lo, hi := a.YMM(), a.YMM()
	a.VHADDPS(y[1], y[0], lo)
	a.VHADDPS(y[3], y[2], hi)
	a.VHADDPS(hi, lo, lo)
	s := a.upper(lo)
	a.VADDPS(s, lo.AsX(), s)
	return s
}

// sum adds up the lanes of one block into the first lane of an XMM register, in
// the order of sum4.
func (a *asm) sum(x []vec) vec {
	y, t := a.fold(x), a.YMM()
	for _, order := range []uint64{swapNeighbours, swapPairs} {
		a.VSHUFPS(operand.Imm(order), y, y, t)
		a.VADDPS(t, y, y)
	}
	s := a.upper(y)
	a.VADDPS(s, y.AsX(), s)
	return s
}

// Shuffles within groups of four lanes.
const (
	swapNeighbours = 0xb1
	swapPairs      = 0x4e
)

// upper returns the upper half of a YMM register.
func (a *asm) upper(y vec) vec {
	x := a.XMM()
	if a.zmm {
		a.VEXTRACTF32X4(operand.Imm(1), y, x)
	} else {
		a.VEXTRACTF128(operand.Imm(1), y, x)
	}
	return x
}

// fold adds the upper eight lanes of a block to the lower eight.
func (a *asm) fold(x []vec) vec {
	y := a.YMM()
	if a.zmm {
		a.VEXTRACTF64X4(operand.Imm(1), x[0], y)
		a.VADDPS(y, x[0].AsY(), y)
	} else {
		a.VADDPS(x[1], x[0], y)
	}
	return y
}

// blocks runs body over n lanes, 16 at a time, and then over the rest under
// masks. body finds the block at the pointers, and h in the h-th register of it:
// blocks advances the pointers past all n lanes and leaves n destroyed. masks
// may be nil, to be made from n.
func (a *asm) blocks(name string, n gp, masks []laneMask, pointers []gp, body func(masks []laneMask)) {
	a.SUBQ(operand.Imm(lanes), n)
	a.JL(a.jump(name + "_tail"))
	a.Label(name + "_loop")
	body(make([]laneMask, a.parts()))
	for _, p := range pointers {
		a.ADDQ(operand.Imm(4*lanes), p)
	}
	a.SUBQ(operand.Imm(lanes), n)
	a.JGE(a.jump(name + "_loop"))
	a.Label(name + "_tail")
	a.ADDQ(operand.Imm(lanes), n)
	a.JZ(a.jump(name + "_done"))
	if masks == nil {
		t := a.GP64()
		a.MOVQ(n, t)
		masks = a.firstLanes(t, true)
	}
	body(masks)
	for _, p := range pointers {
		a.LEAQ(mem{Base: p, Index: n, Scale: 4}, p)
	}
	a.Label(name + "_done")
}

// part is the h-th register of the block at p.
func (a *asm) part(p gp, h int) mem { return mem{Base: p, Disp: 4 * h * a.width()} }

// Relations for compare. A NaN is not greater, but it is all the others.
const (
	greater    = 0x1e
	notGreater = 0x1a
	notLess    = 0x15
	notEqual   = 0x04
	unordered  = 0x03 // one of them is NaN

	notLessOrEqual = 0x16
)

// compare selects the lanes where x stands in the relation to y.
func (a *asm) compare(x vec, relation uint64, y operand.Op) laneMask {
	if a.zmm {
		k := a.K()
		a.VCMPPS(operand.Imm(relation), y, x, k)
		return laneMask{k: k}
	}
	v := a.vec()
	a.VCMPPS(operand.Imm(relation), y, x, v)
	return laneMask{v: v}
}

// equal selects the lanes where two integers are the same.
func (a *asm) equal(x, y vec) laneMask {
	if a.zmm {
		k := a.K()
		a.VPCMPEQD(x, y, k)
		return laneMask{k: k}
	}
	v := a.vec()
	a.VPCMPEQD(x, y, v)
	return laneMask{v: v}
}

// negative selects the lanes whose sign bit is set, for where alone.
func (a *asm) negative(x vec) laneMask {
	if a.zmm {
		k := a.K()
		a.VPMOVD2M(x, k)
		return laneMask{k: k}
	}
	return laneMask{v: x}
}

// where returns yes in the selected lanes and no elsewhere.
func (a *asm) where(c laneMask, yes operand.Op, no vec) vec {
	v := a.vec()
	if a.zmm {
		a.VBLENDMPS(yes, no, c.k, v)
	} else {
		a.VBLENDVPS(c.v, yes, no, v)
	}
	return v
}

// scaleWhere multiplies the selected lanes of x by y.
func (a *asm) scaleWhere(c laneMask, y, x vec) {
	if a.zmm {
		a.VMULPS(y, x, c.k, x)
		return
	}
	z := a.vec()
	a.VMULPS(y, x, z)
	a.VBLENDVPS(c.v, z, x, x)
}

// keep returns x in the selected lanes and zero elsewhere.
func (a *asm) keep(c laneMask, x vec) vec {
	v := a.vec()
	if a.zmm {
		a.VMOVAPS_Z(x, c.k, v)
	} else {
		a.VANDPS(x, c.v, v)
	}
	return v
}

// each makes one register per part of a block.
func (a *asm) each(f func() vec) (x []vec) {
	for range a.parts() {
		x = append(x, f())
	}
	return x
}

// largest returns the largest lane of a block, in the first lane.
func (a *asm) largest(x []vec) vec { return a.across(x, a.maxFloats) }

// maxFloats sets z to the larger of x and y, lane by lane.
func (a *asm) maxFloats(x, y, z operand.Op) { a.VMAXPS(x, y, z) }

// largestBits returns the largest lane of a block as an unsigned integer, in the first lane.
func (a *asm) largestBits(x []vec) vec { return a.across(x, a.maxBits) }

// maxBits sets z to the larger of x and y as unsigned integers, lane by lane.
func (a *asm) maxBits(x, y, z operand.Op) { a.VPMAXUD(x, y, z) }

// across joins all lanes of a block in the first one.
func (a *asm) across(x []vec, join func(x, y, z operand.Op)) vec {
	y := a.YMM()
	if a.zmm {
		a.VEXTRACTF64X4(operand.Imm(1), x[0], y)
		join(y, x[0].AsY(), y)
	} else {
		join(x[1], x[0], y)
	}
	s, t := a.upper(y), a.XMM()
	join(s, y.AsX(), s)
	for _, order := range []uint64{swapPairs, swapNeighbours} {
		a.VSHUFPS(operand.Imm(order), s, s, t)
		join(s, t, s)
	}
	return s
}

// doubles converts a register to float64: its lower lanes, then its upper ones.
func (a *asm) doubles(x vec) [2]vec {
	lo, hi := a.vec(), a.vec()
	if a.zmm {
		upper := a.YMM()
		a.VEXTRACTF64X4(operand.Imm(1), x, upper)
		a.VCVTPS2PD(x.AsY(), lo)
		a.VCVTPS2PD(upper, hi)
	} else {
		a.VCVTPS2PD(x.AsX(), lo)
		a.VCVTPS2PD(a.upper(x), hi)
	}
	return [2]vec{lo, hi}
}

// sum64 adds up 16 lanes of float64, in registers by pairs of a part: lane i and
// lane i+8, then i+4, i+2 and i+1.
func (a *asm) sum64(x [][2]vec) vec {
	y := a.YMM()
	if a.zmm {
		z := a.vec()
		a.VADDPD(x[0][1], x[0][0], z)
		a.VEXTRACTF64X4(operand.Imm(1), z, y)
		a.VADDPD(y, z.AsY(), y)
	} else {
		hi := a.YMM()
		a.VADDPD(x[1][0], x[0][0], y)
		a.VADDPD(x[1][1], x[0][1], hi)
		a.VADDPD(hi, y, y)
	}
	s, t := a.upper(y), a.XMM()
	a.VADDPD(s, y.AsX(), s)
	a.VUNPCKHPD(s, s, t)
	a.VADDSD(t, s, s)
	return s
}

// zeros64 returns sixteen float64 zeros for sum64.
func (a *asm) zeros64() (x [][2]vec) {
	for range a.parts() {
		x = append(x, [2]vec{a.zero(), a.zero()})
	}
	return x
}
