package datasets

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/gnn"
)

// shared is the path of the public data, relative to a checkout of this module.
const shared = "../../../shared/data"

func needFile(t *testing.T, path string) string {
	t.Helper()
	path = filepath.Join(shared, path)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("public data set is not here: %v", err)
	}
	return path
}

func TestCora(t *testing.T) {
	dir := filepath.Dir(needFile(t, "planetoid/ind.cora.x"))
	d, err := ReadPlanetoid(dir, "cora")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(d)
	if d.Graph.NumDst() != 2708 || d.Graph.NumEdges() != 2*5278 {
		t.Errorf("got %v, want 2708 vertices and 5278 undirected edges", d.Graph)
	}
	if d.Features.Rows() != 2708 || d.Features.Cols() != 1433 || d.Features.NonZeros() != 49216 {
		t.Errorf("got %v, want [2708 x 1433] with 49216 words", d.Features)
	}
	if len(d.Train) != 140 || len(d.Val) != 500 || len(d.Test) != 1000 || d.Classes != 7 {
		t.Errorf("got a split of %d, %d, %d and %d classes, want 140, 500, 1000 and 7", len(d.Train), len(d.Val), len(d.Test), d.Classes)
	}
	// The sizes of the seven classes, as published.
	count := make([]int, 7)
	for _, l := range d.Labels {
		count[l]++
	}
	if want := []int{351, 217, 418, 818, 426, 298, 180}; !slices.Equal(count, want) {
		t.Errorf("classes have %v vertices, want %v", count, want)
	}
	perClass := make([]int, 7)
	for _, i := range d.Train {
		perClass[d.Labels[i]]++
	}
	for c, n := range perClass {
		if n != 20 {
			t.Errorf("class %d has %d training vertices, want 20", c, n)
		}
	}
	if d.Test[0] != 1708 || d.Test[999] != 2707 {
		t.Errorf("the test vertices run from %d to %d, want 1708 to 2707", d.Test[0], d.Test[999])
	}
	// If the test rows were in the order of the file instead of test.index, neighbours would agree
	// on their class only by chance (18 %). Cora's edge homophily is 0.81; look only at the edges
	// among test vertices.
	same, all := 0, 0
	for _, i := range d.Test {
		for _, j := range d.Graph.InNeighbors(int(i)) {
			if j >= 1708 {
				all++
				if d.Labels[i] == d.Labels[j] {
					same++
				}
			}
		}
	}
	if h := float64(same) / float64(all); h < 0.75 {
		t.Errorf("%.2f of the edges among test vertices join a class to itself, want about 0.81", h)
	}
	checkUndirected(t, d.Graph)
}

func TestCoraRawEdges(t *testing.T) {
	data, err := os.ReadFile(needFile(t, "planetoid/ind.cora.graph"))
	if err != nil {
		t.Fatal(err)
	}
	neighbors, err := parseNeighbors(data)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, ids := range neighbors {
		n += len(ids)
	}
	if n != 2*5429 {
		t.Errorf("%d neighbours are listed, want each of the 5429 published links twice", n)
	}
}

func checkUndirected(t *testing.T, g *gnn.Graph) {
	t.Helper()
	ei := g.Edges()
	seen := make(map[[2]int32]bool)
	for e := range ei.Src {
		k := [2]int32{ei.Src[e], ei.Dst[e]}
		if seen[k] || k[0] == k[1] {
			t.Fatalf("edge %v is there twice or is a self loop", k)
		}
		seen[k] = true
	}
	for k := range seen {
		if !seen[[2]int32{k[1], k[0]}] {
			t.Fatalf("edge %v has no opposite", k)
		}
	}
}

// pickler writes the pickles that Python 2 and NumPy would.
type pickler struct{ bytes.Buffer }

func (p *pickler) op(ops ...byte) *pickler { p.Write(ops); return p }

func (p *pickler) global(module, name string) { fmt.Fprintf(p, "c%s\n%s\n", module, name) }

func (p *pickler) str(s string) { p.op('U', byte(len(s))); p.WriteString(s) }

func (p *pickler) int(i int) {
	p.op('J')
	binary.Write(p, binary.LittleEndian, int32(i))
}

func (p *pickler) array(code string, raw []byte, fortran bool, shape ...int) {
	p.global("numpy.core.multiarray", "_reconstruct")
	p.global("numpy", "ndarray")
	p.int(0)
	p.op(0x85)
	p.str("b")
	p.op(0x87, 'R', '(')
	p.int(1)
	p.op('(')
	for _, n := range shape {
		p.int(n)
	}
	p.op('t')
	p.global("numpy", "dtype")
	p.str(code)
	p.int(0)
	p.int(1)
	p.op(0x87, 'R', '(')
	p.int(3)
	p.str("<")
	p.op('N', 'N', 'N')
	p.int(-1)
	p.int(-1)
	p.int(0)
	p.op('t', 'b')
	p.op(map[bool]byte{false: 0x89, true: 0x88}[fortran])
	p.op('T')
	binary.Write(p, binary.LittleEndian, int32(len(raw)))
	p.Write(raw)
	p.op('t', 'b')
}

func raw(v any) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, v)
	return b.Bytes()
}

func pickledCSR(rows, cols int, ptr, col []int32, val []float32) []byte {
	p := new(pickler)
	p.op(0x80, 2)
	p.global("scipy.sparse.csr", "csr_matrix")
	p.op(')', 0x81, '}', '(')
	p.str("_shape")
	p.int(rows)
	p.int(cols)
	p.op(0x86)
	p.str("indptr")
	p.array("i4", raw(ptr), false, len(ptr))
	p.str("indices")
	p.array("i4", raw(col), false, len(col))
	p.str("data")
	p.array("f4", raw(val), false, len(val))
	p.op('u', 'b', '.')
	return p.Bytes()
}

func pickledMatrix(rows, cols int, v []int32) []byte {
	p := new(pickler)
	p.op(0x80, 2)
	p.array("i4", raw(v), false, rows, cols)
	p.op('.')
	return p.Bytes()
}

func pickledGraph(neighbors [][]int) []byte {
	p := new(pickler)
	p.op(0x80, 2)
	p.global("collections", "defaultdict")
	p.global("__builtin__", "list")
	p.op(0x85, 'R', '(')
	for i, ids := range neighbors {
		p.int(i)
		p.op(']', '(')
		for _, j := range ids {
			p.int(j)
		}
		p.op('e')
	}
	p.op('u', '.')
	return p.Bytes()
}

// small writes a data set of 510 known vertices, 3 classes and 4 features, whose
// tests are the vertices 513, 510 and 512: 511 is nowhere, as in Citeseer. Vertex i
// has the single feature i%4 of value i and the class i%3.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	rowsOf := func(ids []int) (x, y []byte) {
		ptr, col, val, hot := []int32{0}, []int32{}, []float32{}, []int32{}
		for _, i := range ids {
			col, val = append(col, int32(i%4)), append(val, float32(i))
			ptr = append(ptr, int32(len(col)))
			h := []int32{0, 0, 0}
			h[i%3] = 1
			hot = append(hot, h...)
		}
		return pickledCSR(len(ids), 4, ptr, col, val), pickledMatrix(len(ids), 3, hot)
	}
	known := make([]int, 510)
	for i := range known {
		known[i] = i
	}
	neighbors := make([][]int, 514)
	neighbors[0] = []int{1, 1, 0, 513}
	neighbors[1] = []int{0, 2}
	write := func(part string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, "ind.small."+part), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	x, y := rowsOf(known[:6])
	write("x", x)
	write("y", y)
	x, y = rowsOf(known)
	write("allx", x)
	write("ally", y)
	x, y = rowsOf([]int{513, 510, 512})
	write("tx", x)
	write("ty", y)
	write("graph", pickledGraph(neighbors))
	write("test.index", []byte("513\n510\n512\n"))
	return dir
}

func TestPlanetoidReordersTests(t *testing.T) {
	d, err := ReadPlanetoid(small(t), "small")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Test, []int32{510, 512, 513}) || len(d.Train) != 6 || len(d.Val) != 500 || d.Val[0] != 6 {
		t.Errorf("split %v, %v..., %v", d.Train, d.Val[:1], d.Test)
	}
	for i := range 514 {
		cols, vals := d.Features.Row(i)
		if i == 511 {
			if len(cols) != 0 || d.Labels[i] != -1 {
				t.Errorf("vertex 511 has features %v and label %d, want none", cols, d.Labels[i])
			}
			continue
		}
		if len(cols) != 1 || cols[0] != int32(i%4) || vals[0] != float32(i) || d.Labels[i] != int32(i%3) {
			t.Fatalf("vertex %d has features %v %v and label %d", i, cols, vals, d.Labels[i])
		}
	}
	if got, want := d.Graph.Edges(), (gnn.EdgeIndex{Src: []int32{1, 513, 0, 2, 1, 0}, Dst: []int32{0, 0, 1, 1, 2, 513}}); !slices.Equal(got.Src, want.Src) || !slices.Equal(got.Dst, want.Dst) {
		t.Errorf("edges %v, want %v", got, want)
	}
}

// The index of test vertices as editors of other systems save it.
func TestTestIndexEncodings(t *testing.T) {
	for _, data := range []string{"\ufeff5\r\n3\r\n", "\xff\xfe5\x00\n\x003\x00", "5\r3"} {
		if got, err := parseTestIndex([]byte(data)); err != nil || !slices.Equal(got, []int32{5, 3}) {
			t.Errorf("%q: %v, error %v", data, got, err)
		}
	}
}

func TestPlanetoidErrors(t *testing.T) {
	ints := func(v ...int32) []int32 { return v }
	for _, c := range []struct {
		name, part string
		data       []byte
		want       string
	}{
		{"missing", "tx", nil, "want the eight files"},
		{"empty", "x", []byte{}, "empty or truncated"},
		{"truncated", "x", pickledMatrix(6, 3, make([]int32, 18))[:60], "truncated"},
		{"array for matrix", "x", pickledMatrix(6, 3, make([]int32, 18)), "want a pickled csr_matrix"},
		{"matrix for array", "y", pickledCSR(0, 0, ints(0), nil, nil), "want a pickled matrix"},
		{"executes", "graph", []byte("\x80\x02cos\nsystem\nU\x02id\x85R."), "os.system, which no graph data set needs"},
		{"opcode", "graph", []byte("\x80\x02Pname\n."), "pickle opcode 0x50"},
		{"claims 2 GB", "y", []byte("\x80\x02T\xff\xff\xff\x7f."), "ends within"},
		{"not a dictionary", "graph", pickledMatrix(1, 1, ints(1)), "want a pickled dictionary"},
		{"neighbour beyond", "graph", pickledGraph(append([][]int{{999}}, make([][]int, 513)...)), "edge 0 is (999, 0)"},
		{"negative neighbour", "graph", pickledGraph([][]int{{-1}}), "want the number of a vertex"},
		{"few vertices", "graph", pickledGraph(make([][]int, 5)), "the graph only 5 vertices"},
		{"features differ", "tx", pickledCSR(3, 5, ints(0, 0, 0, 0), nil, nil), "4, 5 and 4 columns"},
		{"classes differ", "ty", pickledMatrix(3, 2, make([]int32, 6)), "3, 2 and 3 columns"},
		{"rows differ", "ty", pickledMatrix(2, 3, make([]int32, 6)), "labels y, ty, ally 6, 2, 510"},
		{"column beyond", "tx", pickledCSR(3, 4, ints(0, 1, 1, 1), ints(4), []float32{1}), "column 4 of 4"},
		{"offsets descend", "tx", pickledCSR(3, 4, ints(0, 2, 1, 2), ints(0, 1), []float32{1, 1}), "row 1 ends before"},
		{"offsets missing", "tx", pickledCSR(3, 4, ints(0, 1), ints(0), []float32{1}), "do not fit together"},
		{"negative offset", "tx", pickledCSR(3, 4, ints(0, -1, 0, 0), nil, nil), "out of range"},
		{"two classes", "ty", pickledMatrix(3, 3, ints(1, 1, 0, 0, 1, 0, 0, 1, 0)), "single 1 among zeros"},
		{"no class", "ally", pickledMatrix(510, 3, make([]int32, 1530)), "training vertex 0 has no class"},
		{"short test index", "test.index", []byte("513 510"), "lists 2 vertices"},
		{"test index twice", "test.index", []byte("513 510 513"), "513 twice"},
		{"known as test", "test.index", []byte("513 510 3"), "names vertex 3"},
		{"test index beyond", "test.index", []byte("513 510 514"), "names vertex 514"},
		{"no number", "test.index", []byte("513 x 512"), `entry 2: want the number of a vertex, got "x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := small(t)
			file := filepath.Join(dir, "ind.small."+c.part)
			if c.data == nil {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(file, c.data, 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := ReadPlanetoid(dir, "small")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if _, err := ReadPlanetoid("..", "../x"); err == nil {
		t.Error("a name with a path in it was accepted")
	}
}

func TestPickledArrays(t *testing.T) {
	for _, c := range []struct {
		code    string
		data    any
		fortran bool
		want    []float64
	}{
		{"i4", []int32{1, -2, 3, 4, 5, 6}, false, []float64{1, -2, 3, 4, 5, 6}},
		{"i8", []int64{1, -2, 3, 4, 5, 6}, true, []float64{1, 3, 5, -2, 4, 6}},
		{"f4", []float32{.5, -2, 3, 4, 5, 6}, false, []float64{.5, -2, 3, 4, 5, 6}},
		{"f8", []float64{.1, -2, 3, 4, 5, math.Pi}, true, []float64{.1, 3, 5, -2, 4, math.Pi}},
	} {
		p := new(pickler)
		p.op(0x80, 2)
		p.array(c.code, raw(c.data), c.fortran, 2, 3)
		p.op('.')
		v, err := loadPickle(p.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if got := v.(*pyArray).values(); !slices.Equal(got, c.want) {
			t.Errorf("%s, by columns %v: got %v, want %v", c.code, c.fortran, got, c.want)
		}
	}
	for _, c := range []struct {
		code  string
		bytes int
		shape []int
		want  string
	}{
		{"c8", 12, []int{2, 3}, "want b1, i1, u1, i2, u2, i4, u4, i8, f4 or f8"},
		{"i4", 20, []int{2, 3}, "[2 x 3] of i4 holds 20 bytes"},
		{"i8", 0, []int{1 << 30, 1 << 30}, "holds 0 bytes"},
		{"i4", 4, []int{1, 1, 1}, "want one or two dimensions"},
		{"i4", 4, []int{-1, -1}, "unexpected size -1"},
	} {
		p := new(pickler)
		p.op(0x80, 2)
		p.array(c.code, make([]byte, c.bytes), false, c.shape...)
		p.op('.')
		if _, err := loadPickle(p.Bytes()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: error %v, want one with %q", c.code, c.shape, err, c.want)
		}
	}
}

// Whatever the bytes, the reader returns an error or a result it has checked. What
// it accepts is then assembled, which must not panic either.
func FuzzPickle(f *testing.F) {
	f.Add(pickledCSR(2, 3, []int32{0, 1, 2}, []int32{0, 2}, []float32{1, 2}))
	f.Add(pickledMatrix(2, 2, []int32{1, 0, 0, 1}))
	f.Add(pickledGraph([][]int{{1}, {0, 1}}))
	for _, name := range []string{"p2.csr", "p2.array", "p4.graph", "p5.csr", "p5.array", "p5.bool"} {
		data, err := os.ReadFile("testdata/pickle/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("\x80\x02](h\x00e."))
	f.Add([]byte("\x80\x02ccollections\nOrderedDict\n)R(]Ku."))
	f.Add([]byte("(u."))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := loadPickle(data)
		if err != nil {
			return
		}
		switch v := v.(type) {
		case *pyArray:
			if v.dtype != nil && len(v.values()) != v.rows*v.cols {
				t.Fatal("an array of the wrong length was accepted")
			}
		case *pyCSR:
			if v.ptr == nil {
				return
			}
			if _, err := gnn.NewSparse(v.rows, v.cols, v.ptr, v.col, v.val); err != nil {
				t.Fatalf("a matrix that is none was accepted: %v", err)
			}
		}
		parseNeighbors(data)
	})
}

func FuzzTestIndex(f *testing.F) {
	f.Add([]byte("1\n2\n3\n"))
	f.Add([]byte("-1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		index, err := parseTestIndex(data)
		if err == nil && slices.ContainsFunc(index, func(i int32) bool { return i < 0 }) {
			t.Fatal("a negative vertex was accepted")
		}
	})
}
