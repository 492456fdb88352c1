// Command gen writes the assembly of package kernel: one file per family of
// kernels, each for AVX-512 and for AVX2 with FMA, and the Go declarations of
// them all. Run it with go generate in the package's folder.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

// families are the output files; emit adds one instruction set's kernels.
var families = []struct {
	name string
	emit func(*asm)
}{
	{"gemm", gemm},
	{"activation", activation},
	{"vector", vector},
	{"adam", adam},
	{"spmm", spmm},
	{"softmax", softmax},
	{"edge", edge},
	{"winograd", winograd},
	{"norm", norm},
}

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", "..", "folder to write to")
	flag.Parse()

	cfg := printer.Config{Name: "internal/kernel/gen", Pkg: "kernel"}
	stubs := ir.NewFile()
	for _, f := range families {
		c := build.NewContext()
		c.ConstraintExpr("amd64,!purego")
		a := &asm{Context: c, consts: map[uint32]mem{}}
		for _, a.zmm = range []bool{true, false} {
			f.emit(a)
		}
		file, err := c.Result()
		if err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
		if err := pass.Compile.Execute(file); err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
		for _, fn := range file.Functions() {
			if err := verify(fn); err != nil {
				log.Fatalf("%s: %v", f.name, err)
			}
		}
		write(filepath.Join(*dir, f.name+"_amd64.s"), printer.NewGoAsm(cfg), file)
		stubs.Constraints = file.Constraints
		for _, fn := range file.Functions() {
			stubs.AddSection(fn)
		}
	}
	write(filepath.Join(*dir, "stubs_amd64.go"), printer.NewStubs(cfg), stubs)
	if err := writeDispatch(filepath.Join(*dir, "dispatch_amd64.go"), stubs.Sections); err != nil {
		log.Fatal(err)
	}
}

// verify checks that a kernel for AVX2 keeps to its registers: the allocator
// knows of those of AVX-512 only, which would have the assembler encode
// instructions that not every machine has.
func verify(fn *ir.Function) error {
	if !strings.HasSuffix(fn.Name, "AVX2") {
		return nil
	}
	for _, i := range fn.Instructions() {
		for _, op := range i.Operands {
			if r, ok := op.(reg.Physical); ok && r.Kind() != reg.KindGP && (r.Kind() == reg.KindOpmask || r.PhysicalIndex() >= 16) {
				return fmt.Errorf("%s needs a register of AVX-512: %s %s", fn.Name, i.Opcode, r.Asm())
			}
		}
	}
	for _, set := range fn.ISA {
		if strings.HasPrefix(set, "AVX512") {
			return fmt.Errorf("%s requires %s", fn.Name, set)
		}
	}
	return nil
}

func write(name string, p printer.Printer, f *ir.File) {
	text, err := p.Print(f)
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	if err := os.WriteFile(name, text, 0o644); err != nil {
		log.Fatal(err)
	}
}
